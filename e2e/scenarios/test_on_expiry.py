"""lifecycle.onExpiry: what a sandbox under gVisor has in memory outlives its end."""

from test_suspend import SPEC, ask, started
from support.sandboxes import Snapshot
from support.waiting import eventually, throughout

# Long enough for a start on a busy machine.
TTL = 45


def test_it_is_suspended_at_its_end_and_goes_on_once_that_is_moved(namespace, node):
    sandbox = started(namespace, lifecycle={"ttl": f"{TTL}s", "onExpiry": "Suspend"})
    before = ask(sandbox)
    sandbox.wait("Expired", within=TTL + 60)
    eventually(lambda: not sandbox.pods(), 30, "its pod is gone")
    assert sandbox.status["phase"] == "Suspended" and node.kept(namespace.name)
    throughout(lambda: not sandbox.pods(), 5, "it does not go on by itself")
    sandbox.patch({"lifecycle": {"ttl": "1h"}})
    sandbox.wait_ready(within=60)
    steps, child_steps, child = ask(sandbox)
    assert before[0] <= steps and before[1] <= child_steps and child == before[2]
    # Fifty a second, from when it was asked until its end; none after it.
    assert steps < before[0] + 50 * (TTL + 20)
    assert namespace.exec(sandbox, "cat /workspace/note").stdout.strip() == "kept"


def test_it_leaves_a_snapshot_that_another_one_continues_from(namespace, api, node):
    sandbox = started(namespace, lifecycle={"ttl": f"{TTL}s", "onExpiry": "Snapshot"})
    before = ask(sandbox)
    message = sandbox.wait_event("Expired", within=TTL + 60)["message"]
    sandbox.wait_gone(within=30)
    (left,) = api.list("sandboxsnapshots", namespace.name)
    assert left["status"]["phase"] == "Ready" and "ownerReferences" not in left["metadata"]
    assert left["metadata"]["name"] in message
    throughout(lambda: node.kept(namespace.name), 5, "nobody deletes it")
    other = namespace.sandbox(**SPEC, restoreFrom={"name": left["metadata"]["name"]})
    other.wait_ready(within=60)
    steps, child_steps, child = ask(other)
    assert before[0] <= steps < before[0] + 50 * (TTL + 20) and before[1] <= child_steps and child == before[2]
    Snapshot(api, namespace.name, left["metadata"]["name"]).delete()
    eventually(lambda: not node.kept(namespace.name) and not node.debris(), 30, "with its object it goes")
