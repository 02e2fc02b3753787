"""What the pod's status means for its Sandbox: what a real node cannot easily be brought to say is said here by hand."""

import pytest
from kubelet import RUNNING, condition, container, stamp, terminated, waiting
from support.waiting import eventually, throughout

TARGET = "DisruptionTarget"
NOT_READY = condition("Ready", "False", reason="ContainersNotReady")

# name -> (phase, the container's status, further fields of the pod's status, conditions, reason, words of the message)
ENDS = {
    "out of memory": ("Failed", terminated(137, "OOMKilled"), {}, [], "OOMKilled", "resources.memory"),
    "a crash, with its last words": ("Failed", terminated(3, message="no such table"), {}, [], "Crashed", "no such table"),
    "the end of its work": ("Succeeded", terminated(0, "Completed"), {}, [], "Completed", "exit code 0"),
    "a command that is not there": ("Failed", terminated(128, "StartError", "exec: \"x\": not found"), {}, [], "StartFailed",
                                    "spec.command"),
    "eviction for want of disk": ("Failed", terminated(137), {"reason": "Evicted", "message": "low on ephemeral-storage"},
                                  [condition(TARGET, reason="TerminationByKubelet", message="low on ephemeral-storage")],
                                  "Evicted", "ephemeral-storage"),
    "eviction by the API": ("Failed", terminated(143), {}, [condition(TARGET, reason="EvictionByEvictionAPI", message="drained")],
                            "Evicted", "drained"),
    "preemption": ("Failed", terminated(143), {}, [condition(TARGET, reason="PreemptionByScheduler", message="a pod of higher priority")],
                   "Evicted", "higher priority"),
    "a node tainted away": ("Failed", terminated(137), {}, [condition(TARGET, reason="DeletionByTaintManager", message="unreachable")],
                            "NodeLost", "unreachable"),
    "a node that is no more": ("Failed", RUNNING, {}, [condition(TARGET, reason="DeletionByPodGC", message="node is gone")],
                               "NodeLost", "node is gone"),
    "a pod that the node refuses": ("Failed", None, {"reason": "OutOfcpu", "message": "not enough cpu"}, [], "StartFailed",
                                    "not enough cpu"),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_end(bed, name):
    phase, status, fields, conditions, reason, words = ENDS[name]
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    node.report(sandbox.pod(), phase, status, [NOT_READY, *conditions], **fields)
    ready = sandbox.wait(reason, within=10)
    assert ready["status"] == "False" and words in ready["message"], ready["message"]
    succeeded = reason == "Completed"
    assert sandbox.status["phase"] == ("Succeeded" if succeeded else "Failed")
    if status and "terminated" in status["state"] and not fields and not conditions:
        assert sandbox.status["exitCode"] == status["state"]["terminated"]["exitCode"]
    if succeeded:
        assert sandbox.condition("Stalled")["status"] == "" and sandbox.events() == []
    else:
        assert sandbox.condition("Stalled")["status"] == "True"
        assert sandbox.wait_event(reason)["type"] == "Warning"
    # What ran once is not started again behind its owner's back.
    assert len(sandbox.pods()) == 1


def test_a_command_that_is_not_there_ends_it_and_no_more(bed):
    """The kubelet says 1970 of a container that never started: no time to count a ttl from."""
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.sandbox(lifecycle={"ttl": "1h"})
    pod = bed.pod_of(sandbox)
    node.bind(pod)
    never = terminated(128, "StartError", "no such file")
    never["state"]["terminated"]["startedAt"] = "1970-01-01T00:00:00Z"
    node.report(pod, "Failed", never, [NOT_READY])
    sandbox.wait("StartFailed", within=10)
    assert "startedAt" not in sandbox.status
    throughout(lambda: sandbox.read() is not None, 2, "it stays, to be read")


WAITS = {
    "an image that cannot be pulled": (waiting("ErrImagePull", "not found"), "ImagePullFailed", "spec.image"),
    "an image that must be there and is not": (waiting("ErrImageNeverPull"), "ImageMissing", "imagePullPolicy"),
    "an image that is no name": (waiting("InvalidImageName"), "InvalidImageName", "spec.image"),
    "a container that cannot be made": (waiting("CreateContainerError", "bad mount"), "StartFailed", "bad mount"),
    "a container that keeps ending": (waiting("CrashLoopBackOff"), "CrashLoop", "logs"),
}


@pytest.mark.parametrize("name", WAITS)
def test_a_wait(bed, name):
    status, reason, words = WAITS[name]
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.sandbox()
    pod = bed.pod_of(sandbox)
    node.bind(pod)
    node.report(pod, "Pending", status, [NOT_READY])
    ready = sandbox.wait(reason, within=10)
    assert words in ready["message"] and sandbox.status["phase"] == "Pending"
    assert sandbox.condition("PodScheduled")["status"] == "True"
    sandbox.wait_event(reason)
    # It may still come right.
    node.report(pod, "Running", RUNNING, [condition("Ready")])
    sandbox.wait_ready(within=5)


def test_no_node_takes_it(bed):
    bed.operator().wait_ready()
    sandbox = bed.sandbox(nodeSelector={"pool": "none"})
    pod = bed.pod_of(sandbox)
    bed.api.patch("pods", pod["metadata"]["name"], bed.namespace, {"status": {"conditions": [
        condition("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes are available")]}}, "status")
    ready = sandbox.wait("Unschedulable", within=10)
    assert "0/3 nodes" in ready["message"] and "nodeSelector" in ready["message"]
    assert sandbox.condition("PodScheduled")["reason"] == "Unschedulable"
    sandbox.wait_event("Unschedulable")


def test_the_kubelets_events_tell_what_the_pod_does_not(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.sandbox()
    pod = bed.pod_of(sandbox)
    node.bind(pod)
    node.report(pod, "Pending", waiting("ContainerCreating"), [NOT_READY])
    meta = pod["metadata"]
    bed.api.create("events", {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "word", "namespace": bed.namespace}, "type": "Warning",
        "involvedObject": {"kind": "Pod", "name": meta["name"], "namespace": bed.namespace, "uid": meta["uid"]},
        "reason": "FailedCreatePodSandBox", "message": 'no runtime for "runsc" is configured', "firstTimestamp": stamp(),
        "lastTimestamp": stamp()})
    ready = sandbox.wait("RuntimeMissingOnNode", within=15)
    assert node.name in ready["message"] and "RuntimeClass gvisor" in ready["message"]


def test_a_pull_that_backs_off_is_told_once(bed, writes):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.sandbox()
    pod = bed.pod_of(sandbox)
    node.bind(pod)
    node.report(pod, "Pending", waiting("ErrImagePull", "try 1"), [NOT_READY])
    sandbox.wait("ImagePullFailed", within=10)
    sandbox.wait_event("ImagePullFailed")
    count = writes()
    for number in range(2, 6):
        reason = "ErrImagePull" if number % 2 else "ImagePullBackOff"
        node.report(pod, "Pending", waiting(reason, f"try {number}"), [NOT_READY])
    node.report(pod, "Running", RUNNING, [condition("Ready")])
    sandbox.wait_ready(within=5)
    assert count.since() == {"status": 1}


def test_a_lost_node_and_its_return(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    started = sandbox.status["startedAt"]
    node.set_ready("Unknown")
    node.report(sandbox.pod(), "Running", RUNNING, [condition("Ready", "False", reason="NodeNotReady")])
    lost = sandbox.wait("NodeLost", within=10)
    assert node.name in lost["message"] and "delete the Sandbox" in lost["message"]
    assert sandbox.status["phase"] == "Running", "it may still run there"
    sandbox.wait_event("NodeLost")
    node.set_ready("True")
    node.report(sandbox.pod(), "Running", RUNNING, [condition("Ready")])
    sandbox.wait_ready(within=5)
    assert sandbox.status["startedAt"] == started


def test_a_container_that_is_not_ready_yet_is_no_lost_node(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    node.report(sandbox.pod(), "Running", container(running={"startedAt": stamp()}), [NOT_READY])
    sandbox.wait("Starting", within=5)
    assert sandbox.condition("Stalled")["status"] == ""


def test_a_pod_that_somebody_deletes(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    pod = sandbox.pod()
    bed.api.delete("pods", pod["metadata"]["name"], bed.namespace)
    lost = sandbox.wait("PodLost", within=5)
    assert "Create the Sandbox again" in lost["message"] and sandbox.status["phase"] == "Failed"
    node.remove(pod)
    eventually(lambda: not sandbox.pods(), 5, "the pod is gone")
    throughout(lambda: sandbox.condition()["reason"] == "PodLost" and not sandbox.pods(), 2, "it stays lost")


def test_a_pod_deleted_before_it_started_is_made_again(bed):
    bed.operator().wait_ready()
    sandbox = bed.sandbox()
    first = bed.pod_of(sandbox)
    bed.api.delete("pods", first["metadata"]["name"], bed.namespace)
    second = eventually(lambda: next((p for p in sandbox.pods() if p["metadata"]["uid"] != first["metadata"]["uid"]), None), 10,
                        "another pod")
    bed.node().run(second)
    sandbox.wait_ready(within=10)


def test_a_strangers_pod_of_the_same_name_is_left_alone(bed):
    operator = bed.operator().wait_ready()
    operator.stop()
    sandbox = bed.sandbox()
    # Whoever can read the Sandbox's uid can work out the name; here the operator tells it, and then forgets.
    operator.start().wait_ready()
    name = bed.pod_of(sandbox)["metadata"]["name"]
    operator.stop()
    bed.api.delete("pods", name, bed.namespace, gracePeriodSeconds=0)
    image = {"containers": [{"name": "c", "image": "stranger"}]}
    bed.api.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": bed.namespace}, "spec": image})
    operator.start()
    taken = sandbox.wait("PodNameTaken", within=15)
    assert name in taken["message"]
    stranger = bed.api.get("pods", name, bed.namespace)
    assert stranger["metadata"].get("labels") is None and stranger["metadata"].get("ownerReferences") is None
    bed.api.delete("pods", name, bed.namespace, gracePeriodSeconds=0)
    bed.node().run(bed.pod_of(sandbox, within=40))
    sandbox.wait_ready(within=10)


def test_a_quota_in_the_way_and_out_of_it(bed):
    bed.operator().wait_ready()
    bed.api.create("resourcequotas", {"apiVersion": "v1", "kind": "ResourceQuota",
                                      "metadata": {"name": "none", "namespace": bed.namespace}, "spec": {"hard": {"pods": "0"}}})
    eventually(lambda: bed.api.get("resourcequotas", "none", bed.namespace).get("status", {}).get("hard"), 15, "the quota counts")
    sandbox = bed.sandbox()
    ready = sandbox.wait("QuotaExceeded", within=10)
    assert "none" in ready["message"] and sandbox.pods() == []
    sandbox.wait_event("QuotaExceeded")
    bed.api.delete("resourcequotas", "none", bed.namespace)
    bed.node().run(bed.pod_of(sandbox, within=40))
    sandbox.wait_ready(within=10)
