"""desiredState: Suspended: a sandbox under gVisor is saved, has no pod, and goes on later as it was."""

from support import http_workload
from support.sandboxes import Snapshot
from support.waiting import eventually

# A process that counts its steps in memory, and whose child counts its own; asked by HTTP it tells both, and the child's
# process id, which a new one would not have.
CHILD = """
import multiprocessing, time
child_steps = multiprocessing.Value("q", 0)
def walk_on():
    while True:
        child_steps.value += 1
        time.sleep(0.02)
child = multiprocessing.get_context("fork").Process(target=walk_on, daemon=True)
child.start()
"""
COUNTERS = http_workload.program(CHILD + http_workload.STEPPING, 'f"{steps} {child_steps.value} {child.pid}"')
SPEC = http_workload.spec(COUNTERS)
# In a minute each of them would make three thousand steps.
SOON = 600


def ask(sandbox):
    """Its steps, its child's, and the child's process id."""
    return [int(word) for word in http_workload.words(sandbox)]


def started(namespace, **spec):
    sandbox = namespace.sandbox(**SPEC, **spec)
    sandbox.wait_ready(within=60)
    eventually(lambda: ask(sandbox)[1] > 0, 20, "both count")
    namespace.exec(sandbox, "printf kept > /workspace/note")
    return sandbox


def assert_goes_on(namespace, sandbox, before):
    steps, child_steps, child = ask(sandbox)
    assert before[0] <= steps < before[0] + SOON and before[1] <= child_steps < before[1] + SOON and child == before[2]
    eventually(lambda: ask(sandbox)[0] > steps and ask(sandbox)[1] > child_steps, 20, "both count on")
    assert namespace.exec(sandbox, "cat /workspace/note").stdout.strip() == "kept"


def test_it_goes_on_as_it_was(namespace, node):
    sandbox = started(namespace, lifecycle={"ttl": "1h"})
    before, address, expiry = ask(sandbox), sandbox.status["podIPs"], sandbox.status["expiresAt"]
    sandbox.suspend()
    assert sandbox.status["phase"] == "Suspended" and node.kept(namespace.name)
    sandbox.resume()
    assert_goes_on(namespace, sandbox, before)
    assert sandbox.status["podIPs"] != address and sandbox.status["resumes"] == 1 and sandbox.status["expiresAt"] > expiry
    eventually(lambda: not node.kept(namespace.name) and not node.debris(), 20, "what it was saved in is gone")


def test_it_does_so_again_and_from_paused(namespace, node):
    sandbox = started(namespace)
    before = ask(sandbox)
    sandbox.patch({"desiredState": "Paused"})
    sandbox.wait("Paused")
    sandbox.suspend()
    sandbox.resume()
    assert_goes_on(namespace, sandbox, before)
    again = ask(sandbox)
    sandbox.suspend()
    sandbox.patch({"desiredState": "Paused"})
    sandbox.wait("Paused", within=60)
    sandbox.resume()
    assert_goes_on(namespace, sandbox, again)
    assert sandbox.status["resumes"] == 2


def test_it_outlives_restarts_of_all_that_is_around_it(namespace, node, cluster):
    sandbox = started(namespace)
    before = ask(sandbox)
    sandbox.suspend()
    for component in ("containerd", "kubelet"):
        cluster.control("restart", component)
    node.kill()
    node.start()
    sandbox.resume()
    assert_goes_on(namespace, sandbox, before)


def test_a_suspended_one_takes_its_memory_with_it(namespace, node):
    sandbox = started(namespace)
    sandbox.suspend()
    sandbox.delete()
    sandbox.wait_gone(within=10)
    eventually(lambda: not node.kept(namespace.name) and not node.debris(), 30, "nothing of it is left on the node")


def test_without_what_it_was_saved_in_it_does_not_start_empty(namespace, api, node):
    sandbox = started(namespace)
    sandbox.suspend()
    Snapshot(api, namespace.name, sandbox.status["suspension"]["snapshotName"]).delete()
    sandbox.patch({"desiredState": "Running"})
    sandbox.wait("SnapshotLost")
    assert not sandbox.pods()
