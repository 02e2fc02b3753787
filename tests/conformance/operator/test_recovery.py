"""A Sandbox whose pod ended gets another one, with its workspace where that is a volume."""

from kubelet import condition, terminated
from support.sandboxes import moment
from support.waiting import eventually, throughout

RESTART_LABEL = "cloister.dev/restart"


def crash(node, pod):
    node.report(pod, "Failed", terminated(7, message="no such table"), [condition("Ready", "False")])


def next_pod(sandbox, former, within=20):
    """The pod that takes FORMER's place, which is gone then."""
    def only():
        (pod,) = sandbox.pods()
        return pod["metadata"]["uid"] != former["metadata"]["uid"] and pod

    return eventually(lambda: len(sandbox.pods()) == 1 and only(), within, "another pod")


def test_a_restart_is_one_pod_and_two_statuses(bed, writes):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node, restartPolicy="OnFailure")
    before, former = sandbox.status, sandbox.pod()
    count = writes()
    crash(node, former)
    waits = sandbox.wait("Restarting", within=5)
    assert "(restart 1), not before" in waits["message"] and "no such table" in waits["message"]
    told = sandbox.status
    assert told["phase"] == "Pending" and "podName" not in told and told["expiresAt"] == before["expiresAt"]
    (end,) = told["history"]
    assert (end["podName"], end["reason"], end["exitCode"]) == (before["podName"], "Crashed", 7)
    assert sandbox.pod()["metadata"]["name"] == before["podName"], "its logs can be read meanwhile"
    pod = next_pod(sandbox, former)
    assert pod["metadata"]["labels"][RESTART_LABEL] == "1"
    assert moment(pod["metadata"]["creationTimestamp"]) >= moment(end["endedAt"])
    node.run(pod)
    after = sandbox.wait_ready(within=5)
    assert after["startedAt"] == before["startedAt"] and after["restarts"] == 1 and after["podUID"] == pod["metadata"]["uid"]
    eventually(lambda: count.since().get("events"), 5, "an event")
    assert count.since() == {"pods POST": 1, "status": 2, "events": 1}


def test_never_costs_nothing_and_an_end_is_final(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    crash(node, sandbox.pod())
    sandbox.wait("Crashed", within=5)
    sandbox.patch({"restartPolicy": "Always"})
    eventually(lambda: sandbox.status["observedGeneration"] == 2, 5, "the change was seen")
    throughout(lambda: sandbox.status["phase"] == "Failed" and "restarts" not in sandbox.status, 2, "it stays ended")


def test_a_pod_that_is_deleted_is_replaced_when_it_is_gone(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node, restartPolicy="Always")
    former = sandbox.pod()
    bed.api.delete("pods", former["metadata"]["name"], bed.namespace)
    sandbox.wait("Restarting", within=5)
    throughout(lambda: len(sandbox.pods()) == 1, 12, "nothing beside the former one", every=0.5)
    node.remove(former)
    next_pod(sandbox, former)


def test_a_workspace_is_one_volume_of_the_sandboxs_own(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node, restartPolicy="OnFailure", workspace={"storageClass": "fast", "size": "2Gi"})
    (claim,) = bed.api.list("persistentvolumeclaims", bed.namespace)
    assert claim["spec"]["storageClassName"] == "fast" and claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["spec"]["resources"]["requests"]["storage"] == str(2 << 30)
    assert claim["metadata"]["ownerReferences"][0]["uid"] == sandbox.read()["metadata"]["uid"]
    former = sandbox.pod()
    crash(node, former)
    pod = next_pod(sandbox, former)
    names = [volume["persistentVolumeClaim"]["claimName"] for one in (former, pod)
             for volume in one["spec"]["volumes"] if "persistentVolumeClaim" in volume]
    assert names == 2 * [claim["metadata"]["name"]]
    assert len(bed.api.list("persistentvolumeclaims", bed.namespace)) == 1
