import json

import pytest
from lib.report import Row, Target, layout, number, table, write

TARGETS = {"ratio": Target("<=", 1.02), "rss": Target("<", 25), "writes": Target("=", 2), "held": Target(">=", 3)}


@pytest.mark.parametrize("metric, value, met", [
    ("ratio", 1.02, True), ("ratio", 1.021, False), ("rss", 25, False), ("rss", 24.9, True),
    ("held", 3, True), ("held", 2.9, False), ("writes", 2, True), ("writes", 1, False), ("writes", 2.05, False)])
def test_a_target_says_whether_it_is_met(metric, value, met):
    line = table([Row(metric, value, "")], TARGETS).splitlines()[1]
    assert line.endswith("met" if met else "MISSED")


def test_a_metric_without_a_target_is_not_judged():
    assert "m" not in table([Row("other", 1, "x")], TARGETS).splitlines()[1].replace("other", "").split()
    assert "MISSED" not in table([Row("other", 1, "x")], TARGETS)


@pytest.mark.parametrize("value, text", [(None, ""), (0, "0"), (2.0, "2"), (1.0194, "1.019"), (0.0123, "0.0123"),
                                         (526.4, "526"), (23.456, "23.5")])
def test_numbers_show_what_they_can_be_trusted_for(value, text):
    assert number(value) == text


def test_columns_line_up():
    assert layout([("a", "1", "x"), ("bcd", "100", "")]) == "a      1  x\nbcd  100"


def test_the_file_has_the_agreed_form(tmp_path):
    rows = [Row("ready_ratio_vs_pod", 1.01, "ratio", 520.0, 515.0, 20, (1.0, 1.02))]
    read = json.loads(write(tmp_path / "bench", "start", rows).read_text())
    assert set(read) == {"name", "machine", "rows"}
    assert read["name"] == "start"
    assert read["rows"] == [{"metric": "ready_ratio_vs_pod", "value": 1.01, "unit": "ratio", "ours": 520.0, "peer": 515.0,
                             "n": 20, "ci95": [1.0, 1.02]}]
