"""lifecycle.onExpiry: Suspend and Snapshot, with a node's agent that the test plays."""

import datetime

from kubelet import condition
from support.waiting import eventually, throughout
from test_suspend import ON, answer, end_pod, goes_on, report, snapshots, wish

SOON = 6  # seconds


def at(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def ending(bed, node, end, **spec):
    """A sandbox whose end has come, which stands still, and whose snapshot is to be taken."""
    sandbox = bed.started(node, lifecycle={"expiresAt": at(SOON), "onExpiry": end}, **spec)
    assert wish(sandbox) is None, "before its end nothing is asked"
    eventually(lambda: wish(sandbox), SOON + 5, "the node is asked at its end")
    answer(bed, sandbox)
    sandbox.wait("Suspending", within=5)
    eventually(lambda: snapshots(bed), 5, "the snapshot is asked for")
    return sandbox


def expired(bed, node, **spec):
    sandbox = ending(bed, node, "Suspend", **spec)
    report(bed, sandbox, "Ready", "Taken")
    sandbox.wait("Expired", within=5)
    end_pod(node, sandbox)
    return sandbox


def test_it_is_suspended_at_its_end_and_goes_on_once_that_is_moved(bed):
    operator = bed.operator(**ON).wait_ready()
    node = bed.node()
    sandbox = expired(bed, node)
    assert sandbox.status["phase"] == "Suspended" and sandbox.condition()["status"] == "False"
    assert sandbox.status["suspension"]["startedAt"] >= sandbox.status["expiresAt"]
    operator.kill()
    operator.start()
    throughout(lambda: not sandbox.pods() and sandbox.status["phase"] == "Suspended", 3, "its end stays reached")
    sandbox.patch({"lifecycle": {"expiresAt": at(600)}})
    goes_on(bed, node, sandbox)
    assert sandbox.status["resumes"] == 1
    sandbox.wait_event("Expired")


def test_its_end_is_moved_while_it_is_saved(bed):
    bed.operator(**ON).wait_ready()
    sandbox = ending(bed, bed.node(), "Suspend")
    before = sandbox.status["podUID"]
    sandbox.patch({"lifecycle": {"expiresAt": at(600)}})
    eventually(lambda: wish(sandbox) is None, 5, "the node is not asked any more")
    answer(bed, sandbox)
    sandbox.wait("Running", within=5)
    eventually(lambda: not snapshots(bed), 5, "the snapshot is not needed")
    assert sandbox.status["podUID"] == before


def test_it_leaves_a_snapshot_that_is_nobodys(bed):
    operator = bed.operator(**ON).wait_ready()
    node = bed.node()
    sandbox = ending(bed, node, "Snapshot")
    name = sandbox.status["suspension"]["snapshotName"]
    operator.kill()
    report(bed, sandbox, "Ready", "Taken")
    operator.start()
    eventually(lambda: not bed.api.list("sandboxes", bed.namespace), 20, "the Sandbox is deleted")
    (left,) = snapshots(bed)
    assert left["metadata"]["name"] == name and "ownerReferences" not in left["metadata"]
    throughout(lambda: snapshots(bed), 2, "nobody deletes it")


def test_what_its_node_does_not_stop_ends_unsaved_and_is_told(bed):
    bed.operator(**ON).wait_ready()
    node = bed.node()
    sandbox = bed.started(node, lifecycle={"expiresAt": at(SOON), "onExpiry": "Snapshot"})
    eventually(lambda: wish(sandbox), SOON + 5, "the node is asked at its end")
    throughout(lambda: sandbox.status["phase"] == "Running", 20, "it has 30 s for that")
    assert "30s" in sandbox.wait("ExpiredUnsaved", within=20)["message"]
    end_pod(node, sandbox)
    assert sandbox.status["phase"] == "Failed" and "snapshotName" not in sandbox.status["suspension"]
    throughout(lambda: bed.api.list("sandboxes", bed.namespace), 2, "it stays to tell so")


def test_it_stands_still_while_saving_it_fails(bed):
    bed.operator(**ON).wait_ready()
    sandbox = ending(bed, bed.node(), "Suspend")
    report(bed, sandbox, "Failed", "PodLost", "the disk is full")
    assert "the disk is full" in sandbox.wait("SuspendFailed", within=5)["message"]
    throughout(lambda: wish(sandbox) and sandbox.status["phase"] == "Paused", 3, "it makes no step")


def test_what_can_not_be_saved_is_refused(bed):
    bed.operator(**ON).wait_ready()
    sandbox = bed.sandbox(lifecycle={"onExpiry": "Suspend"}, workspace={"storageClass": "fast"})
    refused = sandbox.wait("Unsupported", within=5)
    assert refused["message"].startswith("spec.lifecycle.onExpiry: ") and not sandbox.pods()
