"""The mutants made by hand: each brings one known bug back, or breaks one promise."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from schemata.edits import Edit, Mutant, MutantError

_MEMBERS = {"name", "file", "from", "to", "bug"}


def load(path: Path) -> list[dict]:
    """What the file says, checked for form."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in entries:
        if set(entry) != _MEMBERS:
            raise MutantError(f"{path.name}: {entry.get('name', entry)} must have just {', '.join(sorted(_MEMBERS))}")
    names = [entry["name"] for entry in entries]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise MutantError(f"{path.name}: twice: {', '.join(sorted(doubled))}")
    return entries


def make(entry: dict, text: str) -> Mutant:
    """The mutant of ENTRY in TEXT, that of its file: its `from` is there once, as a whole expression, or as statements."""
    old, new = entry["from"].split(), entry["to"].strip()
    # However the lines are broken.
    places = list(re.finditer(r"\s+".join(re.escape(word) for word in old), text))
    if len(places) != 1:
        raise MutantError(f"{entry['name']}: its `from` is {len(places)} times in {entry['file']}, "
                          f"must be once: {' '.join(old)}")
    before, after = f"(NUMBER ? ({new}) : (", "))"
    if old[-1].endswith((";", "}")):
        before, after = f"if (NUMBER) {{ {new} }} else {{ ", " }"
    begin, end = places[0].span()
    line = text.count("\n", 0, begin) + 1
    return Mutant(entry["name"], entry["file"], "by hand", line, Edit(begin, end, before, after), entry["bug"])
