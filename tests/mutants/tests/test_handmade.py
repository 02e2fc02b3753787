"""The mutants made by hand fit the sources as they are now: one that does not stops all of `tests/mutants/mutants`."""

from pathlib import Path

import pytest

from schemata import handmade
from schemata.edits import weave

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = handmade.load(ROOT / "tests/mutants/handmade.yaml")


def text_of(file):
    return (ROOT / file).read_text(encoding="latin-1")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_its_text_is_there_once(entry):
    handmade.make(entry, text_of(entry["file"]))


@pytest.mark.parametrize("file", sorted({entry["file"] for entry in ENTRIES}))
def test_those_of_one_file_nest(file):
    text = text_of(file)
    weave(text, [handmade.make(entry, text) for entry in ENTRIES if entry["file"] == file])


# What would not compile: half an `if`, a declaration, a designated initializer, one of a list's.
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_its_text_is_whole(entry):
    assert not entry["from"].startswith((".", "{", "else "))
    assert not entry["from"].startswith(("const ", "auto ")), "what is declared would be known in its own block alone"
    assert not entry["from"].startswith("if (") or entry["from"].endswith((";", "}"))
    assert not entry["from"].endswith(",")
    assert entry["to"] or entry["from"].endswith((";", "}")), "an expression needs another one"
