import pytest
from coldstart import Start, latency_rows, write_rows
from lib.workloads import bare_pod, peer_sandbox, template_of

POD = {
    "metadata": {"name": "box-1a2b", "uid": "u", "annotations": {"dev.gvisor.x": "y", "cloister.dev/image": "i"},
                 "labels": {"cloister.dev/sandbox": "box", "app.kubernetes.io/managed-by": "cloister-operator"},
                 "ownerReferences": [{"kind": "Sandbox", "name": "box"}]},
    "spec": {"containers": [{"name": "sandbox", "image": "i"}], "runtimeClassName": "gvisor", "nodeName": "n",
             "serviceAccountName": "default", "priority": 0,
             "tolerations": [{"key": "node.kubernetes.io/not-ready"}, {"key": "mine"}]},
    "status": {"phase": "Running"},
}


def test_the_arms_run_the_same_spec():
    template = template_of(POD)
    pod, peer = bare_pod("a", template), peer_sandbox("b", template)
    assert pod["spec"] == peer["spec"]["podTemplate"]["spec"]
    assert pod["spec"]["runtimeClassName"] == "gvisor"
    assert pod["metadata"]["annotations"] == peer["spec"]["podTemplate"]["metadata"]["annotations"] == {"dev.gvisor.x": "y"}


def test_a_bare_pod_is_scheduled_and_nobodys():
    pod = bare_pod("a", template_of(POD))
    assert "nodeName" not in pod["spec"]
    assert not [label for label in pod["metadata"]["labels"] if "cloister" in label or "managed" in label]
    assert "ownerReferences" not in pod["metadata"]
    assert pod["spec"]["tolerations"] == [{"key": "mine"}]


def test_arms_do_not_share_their_metadata():
    template = template_of(POD)
    bare_pod("a", template)
    assert "name" not in template["metadata"]


def starts(**ready_ms):
    """Bare pods are seen after 10 ms, others after 15; the others' Ready follows their pod's by 20 ms."""
    def one(round, arm, ms):
        return Start(round, arm, 10, ms, ms) if arm == "pod" else Start(round, arm, 15, ms - 20, ms)

    return [one(round, arm, ms) for arm, times in ready_ms.items() for round, ms in enumerate(times)]


def test_the_rows_compare_ours_with_each_of_the_others():
    rows = {r.metric: r for r in latency_rows(starts(pod=[500, 510, 520], ours=[506, 520, 530], peer=[515, 530, 560]))}
    assert rows["ready_ratio_vs_pod"].value == pytest.approx(520 / 510)
    assert (rows["ready_ratio_vs_pod"].ours, rows["ready_ratio_vs_pod"].peer) == (520, 510)
    assert rows["ready_ratio_vs_peer"].value == pytest.approx(520 / 530)
    assert rows["ready_p50_ms"].peer == 530
    assert rows["after_pod_ready_ms"].value == 20
    assert rows["added_ms"].value == 25
    assert all(row.n == 3 for row in rows.values())


def test_a_missing_round_is_no_comparison():
    with pytest.raises(ValueError):
        latency_rows(starts(pod=[500, 510], ours=[506], peer=[515, 530]))


def test_writes_of_a_removal_are_not_those_of_a_start():
    starts = [Start(0, "ours", 1, 2, 3, 2, 1), Start(1, "ours", 1, 2, 3, 3, 1), Start(0, "peer", 1, 2, 3, 5, 0),
              Start(1, "peer", 1, 2, 3, 5, 0), Start(0, "pod", 1, 2, 2)]
    cold, removal = write_rows(starts)
    assert (cold.metric, cold.value, cold.peer, cold.n) == ("writes_per_cold_start", 2.5, 5, 2)
    assert (removal.metric, removal.value, removal.peer) == ("writes_per_delete", 1, 0)
