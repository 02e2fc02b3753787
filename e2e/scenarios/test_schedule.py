"""spec.snapshotSchedule: a sandbox is saved as it runs every so often, and others continue from there."""

from support import http_workload
from support.sandboxes import Snapshot
from support.waiting import eventually

# Each start draws another name.
SPEC = http_workload.spec(http_workload.program("import uuid\nname = uuid.uuid4()", "name"))
DUE = "cloister.dev/scheduled-for"


def scheduled(api, sandbox):
    """Those of SANDBOX, the oldest first."""
    found = api.list(Snapshot.plural, sandbox.namespace)
    mine = [each for each in found if DUE in each["metadata"].get("annotations", {})]
    return sorted(mine, key=lambda each: each["metadata"]["annotations"][DUE])


def ready(api, sandbox):
    return [each["metadata"]["name"] for each in scheduled(api, sandbox) if each.get("status", {}).get("phase") == "Ready"]


def test_it_is_saved_and_the_newest_stay(namespace, api, node):
    sandbox = namespace.sandbox("first", **SPEC, snapshotSchedule={"every": "1m", "keep": 1})
    sandbox.wait_ready(within=60)
    eventually(lambda: ready(api, sandbox), 75, "it is saved after a minute")
    [first] = ready(api, sandbox)
    fork = namespace.sandbox("fork", **SPEC, restoreFrom={"name": first})
    fork.wait_ready(within=60)
    assert http_workload.words(fork) == http_workload.words(sandbox)
    assert sandbox.condition()["status"] == "True" and sandbox.status["phase"] == "Running"
    eventually(lambda: ready(api, sandbox) not in ([], [first]), 75, "it is saved after another minute")
    eventually(lambda: len(scheduled(api, sandbox)) == 1 and first not in ready(api, sandbox), 20, "only the newest stays")
    fork.delete()
    sandbox.delete()
    eventually(lambda: not scheduled(api, sandbox) and not node.kept(namespace.name), 60, "they go with the Sandbox")
