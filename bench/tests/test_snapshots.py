import pytest
from lib.http_probe import longest_gap
from snapshotting import PLAIN, POOL, WARMED_UP, Figures, in_held_pod, rows, server, waits
from soak import Traces


def test_a_gap_counts_from_answer_to_answer_as_far_as_it_overlaps():
    answers = [0.0, 3.0, 3.1, 3.5, 3.6, 9.0]
    assert longest_gap(answers, 3.2, 3.55) == pytest.approx(0.4)
    assert longest_gap(answers, 3.05, 3.2) == pytest.approx(0.4), "it began before, and ended after"
    assert longest_gap(answers, 2.0, 3.2) == 3.0


def test_what_continues_is_what_began():
    began, continued = server("a"), server("b", "saved")
    assert continued["spec"].pop("restoreFrom") == {"name": "saved"}
    assert began["spec"] == continued["spec"], "another spec is refused"
    assert server("c", what=PLAIN)["spec"]["command"] != began["spec"]["command"]
    assert WARMED_UP.counted(b"7 134217728") == PLAIN.counted(b"7 0") == 7
    with pytest.raises(AssertionError, match="holds 1 bytes"):
        WARMED_UP.counted(b"7 1")


def test_a_fork_in_a_held_pod_says_nothing_of_what_it_runs():
    assert in_held_pod("a", "saved")["spec"] == {"poolRef": {"name": POOL}, "restoreFrom": {"name": "saved"}}


def test_a_pod_waits_once_it_is_held_and_until_it_is_taken():
    held = {"type": "cloister.dev/Held", "status": "True"}
    pod = {"metadata": {"ownerReferences": [{"kind": "SandboxPool"}]},
           "status": {"conditions": [{"type": "Ready", "status": "True"}, held]}}
    assert waits(pod)
    held["status"] = "False"
    assert not waits(pod)
    held["status"] = "True"
    pod["metadata"]["ownerReferences"][0]["kind"] = "Sandbox"
    assert not waits(pod)


def test_the_rounds_come_to_ratios_and_milliseconds():
    figures = Figures(pause=[0.11, 0.11], bare=[0.1, 0.1], outside=[0.02, 0.04], cold_pod=[1, 1], warm_up=[6, 6], fork=[1.2, 1.2],
                      held=[0.2, 0.4], unpause=[0.03, 0.03], at_once=[0.6])
    found = {row.metric: row for row in rows(figures)}
    assert found["pause_ratio"].value == pytest.approx(1.1) and found["overhead_ms"].value == pytest.approx(30)
    assert found["fork_vs_cold_pod"].value == pytest.approx(1.2) and found["fork_vs_warmup"].value == pytest.approx(0.2)
    assert (found["held_fork_vs_cold_pod"].value, found["held_fork_ms"].value) == (pytest.approx(0.3), pytest.approx(300))
    assert (found["unpause_ms"].value, found["concurrent_fork_ratio"].value) == (pytest.approx(30), pytest.approx(0.5))


def test_only_what_is_more_than_before_was_left_behind():
    assert Traces(5, 20, 3).beyond(Traces(4, 22, 1)) == 3
