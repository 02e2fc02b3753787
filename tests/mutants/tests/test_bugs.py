"""The table "Other people's bugs" of docs/reliability.md names tests and mutants that are there."""

import re
from pathlib import Path

import pytest

from schemata import handmade

ROOT = Path(__file__).resolve().parents[3]


def table():
    """(bug, here, tests, mutants) of each line."""
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8").partition("## Other people's bugs")[2]
    lines = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def sources(folder, suffix):
    """All test sources as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob(f"*{suffix}")))


CPP = sources("tests/unit", ".cc")
PYTHON = sources("tests", ".py") + sources("e2e", ".py")
MUTANTS = {entry["name"] for entry in handmade.load(ROOT / "tests/mutants/handmade.yaml")}


def test_the_list_is_whole():
    assert len(table()) == 24


@pytest.mark.parametrize(("bug", "here", "tests", "mutants"), table())
def test_what_applies_has_a_test_and_a_mutant_that_shows_that_it_can_fail(bug, here, tests, mutants):
    assert here.startswith(("now", "later: ")), bug
    assert bool(tests) == bool(mutants) == ("now" in here.lower())


@pytest.mark.parametrize("name", [name for *_, tests, _ in table() for name in re.findall(r"`([^`]+)`", tests)])
def test_the_test_is_there(name):
    if name.startswith("test_"):
        assert f"def {name}(" in PYTHON
    else:
        suite, test = name.split(".")
        assert re.search(rf"TEST(_F|_P)?\({suite}, {test}\)", CPP)


@pytest.mark.parametrize("name", [name.strip() for *_, mutants in table() for name in mutants.split(";") if name.strip()])
def test_the_mutant_is_there(name):
    assert name in MUTANTS
