"""How sandboxes end before their time, and what is said of it."""

import pytest
from support.waiting import eventually, throughout

EAT = "import time\nlot = []\nwhile True: lot.append(bytearray(b'x' * (16 << 20)))"

# name -> (spec, reason, phase, exit code, words of the message)
ENDS = {
    "its work is done": ({"command": ["true"]}, "Completed", "Succeeded", 0, ["exit code 0"]),
    "it crashes, with its last words": ({"command": ["sh", "-c", "echo 'no such table: users' >&2; exit 3"]}, "Crashed", "Failed", 3,
                                       ["exit code 3", "kubectl logs", "no such table: users"]),
    "its command is not there": ({"command": ["/no/such/program"]}, "StartFailed", "Failed", 128, ["spec.command", "/no/such/program"]),
    "it uses more memory than it has": ({"command": ["python3", "-c", EAT], "resources": {"memory": "128Mi"}}, "OOMKilled", "Failed",
                                       None, ["resources.memory", "more"]),
}


@pytest.fixture(scope="module")
def crowd(shared_namespaces):
    namespace = shared_namespaces()
    return {name: namespace.sandbox(f"box-{number}", **values[0]) for number, (name, values) in enumerate(ENDS.items())}


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_by_itself(crowd, name):
    _, reason, phase, code, words = ENDS[name]
    sandbox = crowd[name]
    # The node may tell of a start that failed before the pod does.
    eventually(lambda: sandbox.status.get("phase") == phase, 40, f"{name}: phase {phase}")
    ready = sandbox.wait(reason)
    assert ready["status"] == "False"
    for word in words:
        assert word in ready["message"], ready["message"]
    assert code is None or sandbox.status["exitCode"] == code
    if phase == "Failed":
        assert sandbox.wait_event(reason)["type"] == "Warning"
        assert sandbox.condition("Stalled")["status"] == "True"
    else:
        assert sandbox.events() == []


def test_ended_sandboxes_stay_as_they_are(crowd):
    for name, (_, reason, _, _, _) in ENDS.items():
        crowd[name].wait(reason, within=40)
    throughout(lambda: all(len(s.pods()) == 1 and s.condition()["reason"] == ENDS[name][1] for name, s in crowd.items()), 3,
               "nothing is started again", every=0.5)


def test_it_writes_more_than_its_node_may_hold(namespace):
    """A log file counts as the pod's storage, and no hard limit of the runtime holds it back: here the kubelet evicts."""
    flood = "while :; do head -c 1048576 /dev/zero | tr '\\0' x | fold -w 1000; done"
    sandbox = namespace.sandbox(command=["sh", "-c", flood], resources={"disk": "8Mi"}, workspace={"size": "8Mi"})
    ready = sandbox.wait("Evicted", within=90)
    assert "ephemeral" in ready["message"] and "Ask for the disk" in ready["message"]
    sandbox.wait_event("Evicted")
    assert sandbox.status["phase"] == "Failed"


def test_it_is_evicted_to_make_room(namespace, api):
    sandbox = namespace.sandbox()
    pod = sandbox.wait_ready()["podName"]
    api.request("POST", f"/api/v1/namespaces/{namespace.name}/pods/{pod}/eviction", {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace.name}})
    ready = sandbox.wait("Evicted", within=15)
    assert "EvictionByEvictionAPI" in ready["message"] and "Create the Sandbox again" in ready["message"]
    sandbox.wait_event("Evicted")
    eventually(lambda: not sandbox.pods(), 15, "its pod is gone")
    throughout(lambda: sandbox.condition()["reason"] == "Evicted" and not sandbox.pods(), 2, "it stays evicted")


def test_somebody_deletes_its_pod(namespace, api):
    sandbox = namespace.sandbox()
    api.delete("pods", sandbox.wait_ready()["podName"], namespace.name)
    ready = sandbox.wait("PodLost", within=15)
    assert "Create the Sandbox again" in ready["message"]
    sandbox.wait_event("PodLost")
    eventually(lambda: not sandbox.pods(), 15, "its pod is gone")
    throughout(lambda: sandbox.condition()["reason"] == "PodLost" and not sandbox.pods(), 2, "no other is started in its place")


def test_deletion_leaves_nothing_behind(namespace):
    sandbox = namespace.sandbox(network={"expose": [{"port": 8080}]})
    sandbox.wait_ready()
    namespace.kubectl("delete", "sbx", sandbox.name, "--timeout=20s")
    sandbox.wait_gone()
    # Policies are the namespace's: default-deny stays, a profile for ten unused minutes.
    assert namespace.sandboxes() == [] and namespace.pods() == []
    assert len(namespace.policies()) == 2
    assert all("finalizers" not in policy["metadata"] for policy in namespace.policies().values())


def test_deletion_while_it_starts(namespace):
    for number in range(4):
        namespace.sandbox(f"box-{number}")
    namespace.kubectl("delete", "sbx", "--all", "--timeout=20s")
    eventually(lambda: not namespace.pods(), 20, "no pod is left")
    throughout(lambda: not namespace.pods(), 2, "and none comes", every=0.5)


def test_a_namespace_goes_with_its_sandboxes(namespaces, api):
    namespace = namespaces()
    namespace.sandbox().wait_ready()
    namespace.delete()
    eventually(lambda: api.get("namespaces", namespace.name) is None, 40, "the namespace is gone")


def test_an_orphaned_pod_is_removed(namespace):
    sandbox = namespace.sandbox()
    sandbox.wait_ready()
    namespace.kubectl("delete", "sbx", sandbox.name, "--cascade=orphan", "--timeout=20s")
    eventually(lambda: not namespace.pods(), 15, "it does not escape its time that way")


def test_a_namesake_starts_afresh(namespace):
    sandbox = namespace.sandbox()
    first = sandbox.wait_ready()
    namespace.exec(sandbox, "echo mine > /workspace/note")
    sandbox.delete()
    eventually(lambda: sandbox.read() is None, 10, "the first is gone")
    namespace.sandbox()
    second = sandbox.wait_ready()
    assert second["podName"] != first["podName"]
    assert namespace.exec(sandbox, "ls /workspace").stdout == ""
