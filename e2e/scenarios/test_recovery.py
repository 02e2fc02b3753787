"""Sandboxes that get another pod when theirs has ended, and what they keep."""

import shutil
from pathlib import Path

import pytest
from support.waiting import eventually, throughout

MEMORY = "import time\nlot = []\nwhile True: lot.append(bytearray(b'x' * (16 << 20)))"
# Runs on once somebody has been there before.
ONCE = "if [ -e /workspace/been ]; then sleep 1000; fi; echo $$ > /workspace/been; "


# Ends when somebody wants it to.
MORTAL = "while [ ! -e /tmp/die ]; do sleep 0.2; done; exit 3"


@pytest.fixture
def volume(api, namespace):
    """What a provisioner would make: room on this node, which is this machine."""
    name = f"{namespace.name}-workspace"
    folder = Path("/var/lib/cloister-cluster") / name
    folder.mkdir()
    (node,) = api.list("nodes")
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node["metadata"]["name"]]}
    api.create("persistentvolumes", {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {"storageClassName": "manual", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                 "persistentVolumeReclaimPolicy": "Retain",
                 "local": {"path": str(folder)},
                 "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}}})
    yield name
    api.delete("persistentvolumes", name)
    shutil.rmtree(folder)


def restarted(sandbox, times, within=60):
    return eventually(lambda: sandbox.status.get("restarts") == times and sandbox.status["phase"] == "Running" and sandbox.status,
                      within, f"{times} restarts of {sandbox.name}")


def test_what_crashes_comes_back_without_its_files(namespace):
    sandbox = namespace.sandbox(restartPolicy="OnFailure", command=["sh", "-c", MORTAL])
    first = sandbox.wait_ready()
    namespace.exec(sandbox, "echo mine > /workspace/note; touch /tmp/die")
    waits = sandbox.wait("Restarting", within=20)
    assert "(restart 1), not before" in waits["message"]
    sandbox.wait_event("Restarting")
    status = restarted(sandbox, 1)
    assert status["podName"] != first["podName"] and status["startedAt"] == first["startedAt"]
    assert status["expiresAt"] == first["expiresAt"]
    (end,) = status["history"]
    assert (end["podName"], end["reason"], end["exitCode"]) == (first["podName"], "Crashed", 3)
    assert namespace.exec(sandbox, "ls /workspace").stdout == ""
    assert len(sandbox.pods()) == 1


def test_what_ran_out_of_memory_comes_back(namespace):
    sandbox = namespace.sandbox(restartPolicy="OnFailure", command=["python3", "-c", MEMORY], resources={"memory": "128Mi"})
    eventually(lambda: [end["reason"] for end in sandbox.status.get("history", [])] == ["OOMKilled", "OOMKilled"], 90, "two ends")
    assert sandbox.status["restarts"] == 2
    namespace.kubectl("delete", "sbx", sandbox.name, "--timeout=20s")
    eventually(lambda: not namespace.pods(), 20, "no pod is left")


def test_what_completes_comes_back_only_if_always(namespace):
    always = namespace.sandbox("always", restartPolicy="Always", command=["true"])
    on_failure = namespace.sandbox("on-failure", restartPolicy="OnFailure", command=["true"])
    on_failure.wait("Completed", within=40)
    eventually(lambda: always.status.get("restarts") == 2, 90, "it is started a third time")
    assert on_failure.status["phase"] == "Succeeded" and "restarts" not in on_failure.status


def test_a_workspace_on_a_volume_outlives_its_pod(namespace, volume, api):
    sandbox = namespace.sandbox(restartPolicy="Always", workspace={"storageClass": "manual", "size": "1Gi"},
                                command=["sh", "-c", ONCE + "exit 7"])
    status = restarted(sandbox, 1)
    assert status["history"][0]["exitCode"] == 7
    assert namespace.exec(sandbox, "cat /workspace/been; echo more > /workspace/more; id -u").stdout.split()[-1] == "1000"
    (claim,) = api.list("persistentvolumeclaims", namespace.name)
    assert claim["status"]["phase"] == "Bound" and claim["spec"]["volumeName"] == volume
    # Somebody deletes the pod: as good as a crash.
    api.delete("pods", status["podName"], namespace.name)
    again = restarted(sandbox, 2)
    assert again["history"][0]["reason"] == "PodLost"
    assert namespace.exec(sandbox, "cat /workspace/more").stdout == "more\n"
    sandbox.delete()
    eventually(lambda: not api.list("persistentvolumeclaims", namespace.name), 30, "the volume goes with it")


def test_never_is_never(namespace):
    sandbox = namespace.sandbox(command=["false"])
    sandbox.wait("Crashed", within=40)
    namespace.kubectl("patch", "sbx", sandbox.name, "--type=merge", "--patch", '{"spec": {"restartPolicy": "Always"}}')
    throughout(lambda: sandbox.status["phase"] == "Failed" and len(sandbox.pods()) == 1, 3, "an end is final", every=0.5)
