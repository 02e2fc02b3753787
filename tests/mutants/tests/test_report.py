"""When a survey is good, and what is told of it."""

import pytest

from schemata import report
from schemata.edits import Edit, Mutant, MutantError
from schemata.suites import Verdict
from schemata.survey import Finding


def finding(name, *verdicts, kind="always", bug=""):
    return Finding(Mutant(name, "a.cc", kind, 1, Edit(0, 1, "", ""), bug), list(verdicts))


def killed(name):
    return finding(name, Verdict("operator", "", 0.1), Verdict("runtime", "QueueTest.X", 0.2))


def survey(survivors):
    return [killed(f"killed {i}") for i in range(100 - survivors)] + [finding(f"survivor {i}") for i in range(survivors)]


def test_all_is_well_when_each_survivor_has_its_reason():
    assert report.complaints(survey(2), {"survivor 0": "a", "survivor 1": "b"}) == []


def test_a_survivor_without_a_reason_is_told():
    assert report.complaints(survey(2), {"survivor 0": "a"}) == ["survived, and survivors.yaml has no reason: survivor 1"]


@pytest.mark.parametrize("name", ["killed 7", "of another time"])
def test_a_reason_for_what_does_not_survive_is_told(name):
    assert name in report.complaints(survey(0), {name: "a"})[0]


def test_reasons_are_no_excuse_for_too_many():
    known = {f"survivor {i}": "a" for i in range(6)}
    assert report.complaints(survey(6), known) == ["only 94.0% are killed, not 95%"]
    del known["survivor 5"]
    assert report.complaints(survey(5), known) == []


def test_a_reason_must_be_given(tmp_path):
    path = tmp_path / "survivors.yaml"
    path.write_text("- {names: [a], why: ' '}\n")
    with pytest.raises(MutantError, match="each entry has"):
        report.known_survivors(path)


def test_the_table_is_of_those_made_by_hand():
    by_hand = finding("m", Verdict("kube", "T.X", 0.1), Verdict("stories", "S", 1), Verdict("seeds", "two pods", 1, 7),
                      kind="by hand", bug="b")
    assert report.table([killed("k"), by_hand], 500).splitlines()[2:] == ["| m | b | `T.X` | yes | 7 two pods |"]


def test_docs_are_written_between_their_marks(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"a\n{report.BEGIN}\nold\n{report.END}\nb\n")
    report.write_docs(path, "new")
    assert path.read_text() == f"a\n{report.BEGIN}\n\nnew\n\n{report.END}\nb\n"
    path.write_text("a")
    with pytest.raises(MutantError, match="has no place"):
        report.write_docs(path, "new")
