"""How mutants share one text, and how those made by hand find their place."""

import pytest

from schemata import handmade
from schemata.edits import PREAMBLE, Edit, Mutant, MutantError, weave


def mutant(number, begin, end, before="[", after="]"):
    return Mutant(f"mutant {number}", "a.cc", "always", 1, Edit(begin, end, before, after), number=number)


def woven(text, *mutants):
    return weave(text, list(mutants)).removeprefix(PREAMBLE)


def test_text_without_mutants_stays():
    assert woven("a b") == "a b"


def test_mutants_nest_and_follow_each_other():
    assert woven("f(a) + b", mutant(0, 0, 8), mutant(1, 2, 3), mutant(2, 7, 8)) == "[f([a]) + [b]]"


def test_two_of_the_same_place_nest():
    assert woven("a", mutant(0, 0, 1, "<", ">"), mutant(1, 0, 1, "(", ")")) == "<(a)>"


def test_each_asks_for_its_own_number():
    assert "mutants::on(7)" in woven("a", mutant(7, 0, 1, "NUMBER ? b : ", ""))


def test_halves_of_expressions_are_refused():
    with pytest.raises(MutantError, match="mutant 1: ends within mutant 0"):
        woven("a + b + c", mutant(0, 0, 5), mutant(1, 4, 9))


def by_hand(text, **said):
    entry = {"name": "n", "file": "a.cc", "bug": "b", **said}
    return woven(text, handmade.make(entry, text))


def test_an_expression_becomes_a_choice():
    assert by_hand("x = a +\n    b;", **{"from": "a + b", "to": "0"}).endswith("? (0) : (a +\n    b));")


def test_a_statement_becomes_a_branch():
    assert by_hand("f();", **{"from": "f();", "to": ""}).endswith(") {  } else { f(); }")


@pytest.mark.parametrize("text", ["f(b);", "f(a, a);"])
def test_a_text_that_is_not_there_once_stops_everything(text):
    with pytest.raises(MutantError, match="must be once: a"):
        by_hand(text, **{"from": "a", "to": "0"})


def test_entries_say_all_that_is_needed(tmp_path):
    path = tmp_path / "handmade.yaml"
    path.write_text("- {name: n, file: a.cc, from: a, to: b}\n")
    with pytest.raises(MutantError, match="n must have just bug, file, from, name, to"):
        handmade.load(path)
