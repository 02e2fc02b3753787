"""Templates and pools under gVisor: a Sandbox takes a pod that already runs."""

import pytest
from support.pools import make_pool, make_template
from support.sandboxes import moment
from support.waiting import eventually

REF = {"poolRef": {"name": "warm"}}


@pytest.fixture(scope="module")
def namespace(shared_namespaces):
    return shared_namespaces()


@pytest.fixture(scope="module")
def pool(namespace, api):
    """Two pods of a template, ready."""
    make_template(api, namespace.name, "python", {
        "env": [{"name": "GREETING", "value": "hello from the template"}], "lifecycle": {"ttl": "10m"}})
    made = make_pool(api, namespace.name, "warm", "python", replicas=2)
    made.wait_full(2, within=60)
    return made


def start_ms(sandbox):
    return sandbox.status["startLatency"]["readyMs"]


def test_a_warm_sandbox_runs_what_its_template_says(namespace, pool):
    waited = pool.names()
    sandbox = namespace.sandbox("greeting", **REF)
    status = sandbox.wait_ready()
    assert sandbox.condition("WarmStart")["reason"] == "FromPool"
    assert status["podName"] in waited
    inside = namespace.exec(sandbox, 'echo "$GREETING"; cat /proc/version; echo kept > /workspace/file; cat /workspace/file').stdout
    assert "hello from the template" in inside and "gvisor" in inside.lower() and "kept" in inside
    assert (moment(status["expiresAt"]) - moment(status["startedAt"])).total_seconds() == 600


def test_the_pool_is_refilled_and_a_used_pod_does_not_return(namespace, pool):
    sandbox = namespace.sandbox("brief", **REF)
    used = sandbox.wait_ready()["podName"]
    pool.wait_full(2, within=60)
    assert used not in pool.names()
    sandbox.delete()
    sandbox.wait_gone(within=40)
    assert used not in [pod["metadata"]["name"] for pod in namespace.pods()]
    assert len(pool.pods()) == 2


def test_warm_is_faster_than_cold(namespace, pool):
    pool.wait_full(2, within=60)
    cold = namespace.sandbox("cold", templateRef={"name": "python"})
    cold.wait_ready()
    warm = namespace.sandbox("quick", **REF)
    warm.wait_ready()
    assert warm.condition("WarmStart")["reason"] == "FromPool"
    assert start_ms(warm) < start_ms(cold) / 2, f"{start_ms(warm)} ms warm, {start_ms(cold)} ms cold"


def test_what_does_not_fit_starts_cold_with_what_it_asked_for(namespace, pool):
    sandbox = namespace.sandbox("own", env=[{"name": "GREETING", "value": "my own"}], **REF)
    sandbox.wait_ready()
    assert sandbox.condition("WarmStart")["reason"] == "PoolMismatch"
    assert namespace.exec(sandbox, 'echo "$GREETING"').stdout == "my own\n"


def test_kubectl_scales_it_and_shows_how_it_is(namespace, pool):
    namespace.kubectl("scale", "sandboxpool/warm", "--replicas=1")
    pool.wait_full(1, within=60)
    header, line = namespace.kubectl("get", "sbp", "warm").splitlines()
    assert header.split() == ["NAME", "DESIRED", "PODS", "AVAILABLE", "CLAIMED", "READY", "REASON", "AGE"]
    assert line.split()[:4] == ["warm", "1", "1", "1"]
    namespace.kubectl("scale", "sandboxpool/warm", "--replicas=2")
    pool.wait_full(2, within=60)


def test_an_edit_of_the_template_reaches_the_next_sandbox_only(namespace, pool):
    before = namespace.sandbox("before", **REF)
    before.wait_ready()
    pool.wait_full(2, within=60)
    old = pool.status["revision"]
    template = {"spec": {"sandbox": {"env": [{"name": "GREETING", "value": "edited"}]}}}
    pool.api.patch("sandboxtemplates", "python", namespace.name, template)
    eventually(lambda: pool.status["revision"] != old and pool.status["updatedReplicas"] == 2 == pool.status["readyReplicas"], 90,
               "the pods that wait are new")
    after = namespace.sandbox("after", **REF)
    after.wait_ready()
    assert namespace.exec(after, 'echo "$GREETING"').stdout == "edited\n"
    assert namespace.exec(before, 'echo "$GREETING"').stdout == "hello from the template\n"


def test_an_image_that_can_not_be_pulled_is_a_condition(namespace, api):
    make_template(api, namespace.name, "wrong", {"image": "registry.invalid/none:1"})
    broken = make_pool(api, namespace.name, "broken", "wrong", replicas=1, progressDeadline="10s")
    told = broken.wait("ImagePullFailed", within=60)
    assert told["status"] == "False" and "registry.invalid/none:1" in told["message"]
    broken.delete()
