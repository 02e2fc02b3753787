"""Why is it pending? Each answer is a condition with a reason, a message with the next step, and an Event."""

import pytest
from support.waiting import eventually, throughout

# name -> (spec, reason, words that the message must have: what is in the way, and the next step)
WAITS = {
    "an image that nobody has": ({"image": "registry.invalid/nobody:1"}, "ImagePullFailed", ["registry.invalid/nobody:1", "spec.image"]),
    "an image that must be on the node": ({"image": "nobody:1", "imagePullPolicy": "Never"}, "ImageMissing", ["imagePullPolicy"]),
    "an image that is no name": ({"image": "UPPER/Case:1"}, "InvalidImageName", ["spec.image"]),
    "a runtime that the node lacks": ({"runtime": "kata"}, "RuntimeMissingOnNode", ["RuntimeClass kata", "nodeSelector"]),
    "a node that is not there": ({"nodeSelector": {"pool": "nowhere"}}, "Unschedulable", ["0/1 nodes", "nodeSelector"]),
    "more than any node has": ({"resources": {"memory": "60Gi"}}, "Unschedulable", ["Insufficient memory", "Ask for less"]),
    "a root file system where it must not be": ({"securityProfile": "Baseline"}, "NotAllowed", ["allowBaselineProfile"]),
    "a runtime that is not allowed": ({"runtime": "runc"}, "NotAllowed", ["runtimes.runc.allowed"]),
    "more than the cluster allows": ({"resources": {"cpu": "17"}}, "NotAllowed", ["spec.resources.cpu", "16"]),
    "what this version has not": ({"restoreFrom": {"name": "s"}}, "Unsupported", ["spec.restoreFrom", "remove"]),
    "a pool that is not there": ({"poolRef": {"name": "pool"}}, "PoolNotFound", ["spec.poolRef", "create it"]),
}


@pytest.fixture(scope="module")
def crowd(shared_namespaces):
    """All of them at once: they wait side by side."""
    namespace = shared_namespaces()
    return {name: namespace.sandbox(f"box-{number}", **spec) for number, (name, (spec, _, _)) in enumerate(WAITS.items())}


@pytest.mark.parametrize("name", WAITS)
def test_it_says_why(crowd, name):
    _, reason, words = WAITS[name]
    sandbox = crowd[name]
    ready = sandbox.wait(reason, within=25)
    assert ready["status"] == "False"
    for word in words:
        assert word in ready["message"]
    assert sandbox.status["phase"] == "Pending"
    event = sandbox.wait_event(reason)
    assert event["type"] == "Warning" and words[0] in event["message"]
    if reason in ("NotAllowed", "Unsupported", "PoolNotFound"):
        assert sandbox.condition("Accepted")["reason"] == reason
        assert sandbox.pods() == []


def test_what_waits_is_not_written_again_and_again(crowd):
    # After the first word on each of them.
    for name, (_, reason, _) in WAITS.items():
        crowd[name].wait(reason)
    versions = {name: sandbox.read()["metadata"]["resourceVersion"] for name, sandbox in crowd.items()}
    throughout(lambda: versions == {name: sandbox.read()["metadata"]["resourceVersion"] for name, sandbox in crowd.items()},
               5, "the objects are left alone", every=0.5)


def test_a_runtime_class_that_is_not_there(namespace, api):
    kata = api.get("runtimeclasses", "kata")
    api.delete("runtimeclasses", "kata")
    try:
        sandbox = namespace.sandbox(runtime="kata")
        ready = sandbox.wait("RuntimeClassMissing", within=15)
        assert '"kata"' in ready["message"] and "create it" in ready["message"]
        sandbox.wait_event("RuntimeClassMissing")
    finally:
        metadata = {key: kata["metadata"][key] for key in ("name", "labels", "annotations") if key in kata["metadata"]}
        api.create("runtimeclasses", {**kata, "metadata": metadata})
    # It is tried again, and comes as far as the node.
    sandbox.wait("RuntimeMissingOnNode", within=60)


def test_a_quota_in_the_way_and_raised(namespace, api):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight", "namespace": namespace.name},
             "spec": {"hard": {"limits.memory": "256Mi"}}}
    api.create("resourcequotas", quota)
    eventually(lambda: api.get("resourcequotas", "tight", namespace.name).get("status", {}).get("hard"), 15, "the quota counts")
    sandbox = namespace.sandbox()
    ready = sandbox.wait("QuotaExceeded", within=15)
    assert "tight" in ready["message"] and "raise the quota" in ready["message"]
    sandbox.wait_event("QuotaExceeded")
    assert sandbox.pods() == []
    api.patch("resourcequotas", "tight", namespace.name, {"spec": {"hard": {"limits.memory": "2Gi"}}})
    sandbox.wait_ready(within=60)


def test_a_pod_that_pod_security_refuses(namespaces, release):
    namespace = namespaces()
    release.install(config={"allowBaselineProfile": True})
    try:
        sandbox = namespace.sandbox(securityProfile="Baseline")
        ready = sandbox.wait("AdmissionRefused", within=30)
        assert "PodSecurity" in ready["message"] and "restricted" in ready["message"]
        sandbox.wait_event("AdmissionRefused")
        # Where the namespace allows it, it is root inside, and the kernel is still gVisor's.
        open_namespace = namespaces(**{"pod-security.kubernetes.io/enforce": "baseline"})
        root = open_namespace.sandbox(securityProfile="Baseline")
        root.wait_ready()
        assert open_namespace.exec(root, "id -u").stdout.strip() == "0"
        assert "gVisor" in open_namespace.exec(root, "dmesg").stdout
    finally:
        release.restore()


def test_a_strangers_pod_has_the_name(namespace, release, api):
    sandbox = namespace.sandbox(nodeSelector={"pool": "nowhere"})
    sandbox.wait("Unschedulable")
    name = sandbox.pod()["metadata"]["name"]
    release.scale(0)
    try:
        api.delete("pods", name, namespace.name, gracePeriodSeconds=0)
        api.create("pods", stranger(name, namespace.name))
    finally:
        release.scale(2)
    ready = sandbox.wait("PodNameTaken", within=20)
    assert name in ready["message"] and "another name" in ready["message"]
    sandbox.wait_event("PodNameTaken")
    left = api.get("pods", name, namespace.name)
    assert "ownerReferences" not in left["metadata"] and "cloister.dev/sandbox" not in left["metadata"].get("labels", {})
    api.delete("pods", name, namespace.name, gracePeriodSeconds=0)
    sandbox.wait("Unschedulable", within=60)


def stranger(name, namespace):
    security = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
            "spec": {"nodeSelector": {"pool": "nowhere"}, "containers": [{"name": "c", "image": "nobody:1", "securityContext": security}]}}
