"""What can be changed on a running sandbox, what cannot, and what a refused object says."""

import json

import pytest
from support.sandboxes import manifest
from support.waiting import eventually

UNCHANGEABLE = {"image": "other:1", "runtime": "kata", "command": ["true"], "env": [{"name": "A", "value": "b"}],
                "resources": {"cpu": "2"}, "securityProfile": "Baseline", "nodeSelector": {"a": "b"}, "workspace": {"size": "2Gi"}}

REFUSED = {
    "an unknown runtime": ({"runtime": "docker"}, "spec.runtime"),
    "an amount that is none": ({"resources": {"memory": "lots"}}, "spec.resources.memory"),
    "a duration that is none": ({"lifecycle": {"ttl": "tomorrow"}}, "spec.lifecycle.ttl"),
    "an unknown field": ({"imgae": "x"}, "spec.imgae"),
    "a range without its mode": ({"network": {"egress": {"cidrs": ["203.0.113.0/24"]}}}, "spec.network.egress.cidrs"),
    "a label of ours": ({"podMetadata": {"labels": {"cloister.dev/sandbox": "x"}}}, "spec.podMetadata.labels"),
}


@pytest.fixture(scope="module")
def shared(shared_namespaces):
    namespace = shared_namespaces()
    sandbox = namespace.sandbox()
    sandbox.wait_ready()
    return namespace, sandbox


@pytest.mark.parametrize("field", UNCHANGEABLE)
def test_what_cannot_be_changed_says_so(shared, field):
    namespace, sandbox = shared
    patch = json.dumps({"spec": {field: UNCHANGEABLE[field]}})
    answer = namespace.refused("patch", "sbx", sandbox.name, "--type=merge", "-p", patch)
    assert f"spec.{field} can't be changed on a running sandbox; create a new Sandbox" in answer


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_object_is_refused_at_apply(shared, name):
    namespace, _ = shared
    spec, field = REFUSED[name]
    answer = namespace.refused("apply", "-f", "-", input=json.dumps(manifest("bad", namespace.name, spec)))
    assert field in answer, answer


def test_every_field_is_explained(shared):
    namespace, _ = shared
    answer = namespace.kubectl("explain", "sandboxes.cloister.dev.spec.lifecycle.ttl")
    assert "first Ready" in answer


def test_the_network_changes_in_place(namespace):
    sandbox = namespace.sandbox()
    status = sandbox.wait_ready()

    def profile():
        return sandbox.pod()["metadata"]["labels"].get("cloister.dev/network")

    assert profile() is None and set(namespace.policies()) == {"cloister-default-deny"}
    sandbox.patch({"network": {"egress": {"mode": "Allow", "cidrs": ["203.0.113.0/24"], "ports": [{"port": 443}]}}})
    name = eventually(profile, 5, "the pod has a profile")
    policy = namespace.policies()[f"cloister-net-{name}"]
    assert policy["spec"]["policyTypes"] == ["Egress"]
    assert {"ipBlock": {"cidr": "203.0.113.0/24"}} in policy["spec"]["egress"][0]["to"]
    sandbox.patch({"network": None})
    eventually(lambda: profile() is None, 5, "the pod has none again")
    assert sandbox.status["podName"] == status["podName"], "the same pod all along"
    eventually(lambda: sandbox.status["observedGeneration"] == 3, 5, "the status answers the last change")


def test_equal_wishes_share_a_policy(namespace):
    for number in range(3):
        namespace.sandbox(f"box-{number}", network={"egress": {"mode": "Internet"}})
    for number in range(3):
        namespace.handle(f"box-{number}").wait_ready()
    assert len(namespace.policies()) == 2
