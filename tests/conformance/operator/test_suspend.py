"""desiredState: Suspended, with a node's agent that the test plays."""

from kubelet import condition
from support.api import STRATEGIC, path_of
from support.quotas import make_quota
from support.waiting import eventually, throughout

FREEZE = "cloister.dev/freeze"
ON = {"snapshots": {"enabled": True}}


def wish(sandbox):
    pods = sandbox.pods()
    return pods[0]["metadata"].get("annotations", {}).get(FREEZE) if pods else None


def answer(bed, sandbox):
    """As node/agent/freezer.cc does."""
    meta, asked = sandbox.pod()["metadata"], wish(sandbox)
    said = condition("cloister.dev/Frozen", "True" if asked else "False", reason="Asked" if asked else "NotAsked", message=asked or "")
    bed.api.send("PATCH", path_of("pods", meta["namespace"], meta["name"], "status"), {"status": {"conditions": [said]}},
                 content_type=STRATEGIC)


def snapshots(bed):
    return bed.api.list("sandboxsnapshots", bed.namespace)


def report(bed, sandbox, phase, reason, message="", **fields):
    """As node/agent/reconciler.cc does, of the one snapshot that is there."""
    ready = condition("Ready", "True" if phase == "Ready" else "False", reason=reason, message=message)
    status = {"phase": phase, "podUID": sandbox.status["podUID"], "nodeName": "node", "conditions": [ready], **fields}
    (saved,) = snapshots(bed)
    bed.api.patch("sandboxsnapshots", saved["metadata"]["name"], bed.namespace, {"status": status}, "status")


def saving(bed, node, started=None, **spec):
    """A sandbox, STARTED or a new one, that stands still and whose snapshot is to be taken."""
    sandbox = started or bed.started(node, **spec)
    sandbox.patch({"desiredState": "Suspended"})
    eventually(lambda: wish(sandbox), 5, "the node is asked")
    assert not snapshots(bed), "it does not stand still yet"
    answer(bed, sandbox)
    sandbox.wait("Suspending", within=5)
    eventually(lambda: snapshots(bed), 5, "the snapshot is asked for")
    return sandbox


def end_pod(node, sandbox):
    """As its node does."""
    eventually(lambda: "deletionTimestamp" in sandbox.pod()["metadata"], 10, "its pod is deleted")
    node.remove(sandbox.pod())


def suspended(bed, node, started=None, **spec):
    sandbox = saving(bed, node, started, **spec)
    report(bed, sandbox, "Ready", "Taken")
    sandbox.wait("Suspended", within=5)
    end_pod(node, sandbox)
    return sandbox


def goes_on(bed, node, sandbox):
    pod = bed.pod_of(sandbox)
    node.run(pod)
    sandbox.wait("Running", within=10)
    eventually(lambda: not snapshots(bed), 5, "its snapshot is deleted")
    return pod["metadata"]


def test_it_is_saved_and_continues_in_another_pod(bed):
    bed.operator(**ON).wait_ready()
    node = bed.node()
    sandbox = suspended(bed, node)
    told, (saved,) = sandbox.status, snapshots(bed)
    assert told["phase"] == "Suspended" and told["pausedAt"] and "podIPs" not in told
    assert told["suspension"]["snapshotName"] == saved["metadata"]["name"] and told["suspends"] == 1
    assert saved["metadata"]["ownerReferences"][0]["name"] == sandbox.name
    sandbox.patch({"desiredState": "Running"})
    eventually(sandbox.pods, 5, "it has a pod again")
    throughout(lambda: snapshots(bed), 1, "it does not run yet")
    made = goes_on(bed, node, sandbox)
    assert made["annotations"]["cloister.dev/restore-from"] == saved["metadata"]["name"]
    assert made["labels"]["cloister.dev/restart"] == "1" and made["uid"] != told["podUID"]
    status = sandbox.status
    assert status["resumes"] == 1 and "suspension" not in status and "restarts" not in status and "pausedAt" not in status
    for reason in ("Suspended", "Resuming"):
        sandbox.wait_event(reason)


def test_a_crash_at_any_time_changes_nothing(bed):
    operator = bed.operator(**ON).wait_ready()
    node = bed.node()
    sandbox = saving(bed, node)
    operator.kill()
    report(bed, sandbox, "Ready", "Taken")
    operator.start()
    sandbox.wait("Suspended", within=20)
    end_pod(node, sandbox)
    operator.kill()
    sandbox.patch({"desiredState": "Running"})
    operator.start()
    eventually(sandbox.pods, 20, "it has a pod again")
    operator.kill()
    operator.start()
    goes_on(bed, node, sandbox)
    assert sandbox.status["resumes"] == 1


def test_who_changes_his_mind_has_it_back_in_place(bed):
    bed.operator(**ON).wait_ready()
    sandbox = saving(bed, bed.node())
    before = sandbox.status["podUID"]
    sandbox.patch({"desiredState": "Running"})
    eventually(lambda: wish(sandbox) is None, 5, "the node is not asked any more")
    answer(bed, sandbox)
    sandbox.wait("Running", within=5)
    eventually(lambda: not snapshots(bed), 5, "the snapshot is not needed")
    assert sandbox.status["podUID"] == before and "suspension" not in sandbox.status


def test_it_runs_on_when_it_can_not_be_saved(bed):
    bed.operator(**ON).wait_ready()
    sandbox = saving(bed, bed.node())
    report(bed, sandbox, "Failed", "Unsupported", "not with this one")
    eventually(lambda: wish(sandbox) is None, 5, "it is let go on")
    answer(bed, sandbox)
    assert "not with this one" in sandbox.wait("SuspendFailed", within=5)["message"]
    assert sandbox.condition()["status"] == "True" and sandbox.status["phase"] == "Running"
    sandbox.wait_event("SuspendFailed")


def test_without_its_snapshot_it_does_not_start_empty(bed):
    bed.operator(**ON).wait_ready()
    sandbox = suspended(bed, bed.node())
    (saved,) = snapshots(bed)
    bed.api.delete("sandboxsnapshots", saved["metadata"]["name"], bed.namespace)
    sandbox.patch({"desiredState": "Running"})
    assert "create another one" in sandbox.wait("SnapshotLost", within=5)["message"]
    throughout(lambda: not sandbox.pods() and sandbox.status["phase"] == "Suspended", 1, "it has no pod")


def test_it_gives_its_place_under_a_quota_away_and_asks_for_it_again(bed):
    bed.operator(**ON).wait_ready()
    node = bed.node()
    quota = make_quota(bed.api, bed.namespace, running=1)
    started = bed.started(node)
    quota.wait_status(lambda status: not status.get("grants"), within=5)  # so that its room is free as soon as it ends
    sandbox = suspended(bed, node, started)
    other = bed.started(node, "other")
    sandbox.patch({"desiredState": "Running"})
    sandbox.wait("Queued", within=10)
    assert sandbox.status["phase"] == "Queued"
    other.delete()
    end_pod(node, other)
    goes_on(bed, node, sandbox)
