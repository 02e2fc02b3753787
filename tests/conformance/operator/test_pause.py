"""desiredState: Paused, with a node's agent that the test plays."""

from kubelet import condition, container, stamp
from support.api import STRATEGIC, path_of
from support.sandboxes import moment
from support.waiting import eventually, throughout

FREEZE = "cloister.dev/freeze"
SNAPSHOTS = {"enabled": True}


def wish(sandbox):
    return sandbox.pod()["metadata"].get("annotations", {}).get(FREEZE)


def answer(bed, sandbox, status, message, reason="Asked"):
    """As node/agent/freezer.cc does."""
    meta = sandbox.pod()["metadata"]
    said = condition("cloister.dev/Frozen", status, reason=reason, message=message)
    bed.api.send("PATCH", path_of("pods", meta["namespace"], meta["name"], "status"), {"status": {"conditions": [said]}},
                 content_type=STRATEGIC)


def paused(bed, node, **spec):
    sandbox = bed.started(node, **spec)
    sandbox.patch({"desiredState": "Paused"})
    eventually(lambda: wish(sandbox), 5, "the node is asked")
    answer(bed, sandbox, "True", wish(sandbox))
    sandbox.wait("Paused", within=5)
    return sandbox


def test_it_is_asked_for_answered_and_taken_back(bed):
    bed.operator(snapshots=SNAPSHOTS).wait_ready()
    node = bed.node()
    sandbox = paused(bed, node)
    told = sandbox.status
    assert told["phase"] == "Paused" and told["pausedAt"] and sandbox.condition("Accepted")["status"] == "True"
    sandbox.patch({"desiredState": "Running"})
    eventually(lambda: wish(sandbox) is None, 5, "the node is not asked any more")
    sandbox.wait("Resuming", within=5)
    answer(bed, sandbox, "False", "", "NotAsked")
    sandbox.wait("Running", within=5)
    assert sandbox.status["phase"] == "Running" and "pausedAt" not in sandbox.status
    assert sandbox.pod()["metadata"]["uid"] == told["podUID"]


def test_an_answer_to_an_earlier_wish_is_none(bed):
    bed.operator(snapshots=SNAPSHOTS).wait_ready()
    node = bed.node()
    sandbox = paused(bed, node)
    first = wish(sandbox)
    sandbox.patch({"desiredState": "Running"})
    sandbox.wait("Resuming", within=5)
    sandbox.patch({"desiredState": "Paused"})
    eventually(lambda: wish(sandbox) not in (None, first), 5, "another word is asked with")
    sandbox.wait("Pausing", within=5)
    throughout(lambda: sandbox.condition()["reason"] == "Pausing" and "pausedAt" not in sandbox.status, 1, "it counts as running")
    answer(bed, sandbox, "True", wish(sandbox))
    sandbox.wait("Paused", within=5)


def test_a_crash_loses_no_time(bed):
    operator = bed.operator(snapshots=SNAPSHOTS)
    operator.wait_ready()
    node = bed.node()
    sandbox = paused(bed, node, lifecycle={"ttl": "3s", "maxLifetime": "1h"})
    since = sandbox.status["pausedAt"]
    operator.kill()
    started = moment(sandbox.status["startedAt"])
    eventually(lambda: (moment(stamp()) - started).total_seconds() > 4, 10, "its ttl would be over")
    bed.operator(snapshots=SNAPSHOTS).wait_ready()
    throughout(lambda: sandbox.status["phase"] == "Paused" and sandbox.status["pausedAt"] == since, 1, "it stands still")
    node.report(sandbox.pod(), "Failed", container(terminated={"exitCode": 137, "reason": "Error"}), [condition("Ready", "False")])
    sandbox.wait("Crashed", within=5)


def test_without_agents_it_is_refused_and_runs_on(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    sandbox.patch({"desiredState": "Paused"})
    assert "snapshots.enabled" in sandbox.wait("Unsupported", kind="Accepted")["message"]
    assert wish(sandbox) is None and sandbox.status["phase"] == "Running"
