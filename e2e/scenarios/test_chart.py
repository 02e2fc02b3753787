"""The chart: its own test, namespaced mode without any ClusterRole, and an upgrade of its CRD."""

import json

import pytest
from support.cluster import Trouble
from support.release import NAMESPACE, RELEASE, SELECTOR
from support.waiting import eventually, throughout

OURS = "app.kubernetes.io/instance=cloister"


def test_helm_test(release, cluster):
    answer = cluster.helm("test", RELEASE, "--namespace", NAMESPACE, "--timeout", "60s")
    assert "Succeeded" in answer


def test_the_operator_may_run_under_restricted(release, api):
    namespace = api.get("namespaces", NAMESPACE)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert len(release.ready_pods()) == 2
    (budget,) = api.list("poddisruptionbudgets", NAMESPACE)
    eventually(lambda: api.list("poddisruptionbudgets", NAMESPACE)[0]["status"].get("disruptionsAllowed") == 1, 20, "one may go")
    assert budget["spec"]["selector"]["matchLabels"].items() <= release.pods()[0]["metadata"]["labels"].items()


def test_a_wrong_value_is_refused_before_anything_happens(release):
    with pytest.raises(Trouble) as refusal:
        release.install(replica=3)
    assert "replica" in str(refusal.value)
    with pytest.raises(Trouble) as refusal:
        release.install(replicas="many")
    assert "replicas" in str(refusal.value)


def test_the_crd_is_upgraded_with_the_chart(release, api):
    name = "sandboxes.cloister.dev"
    columns = api.get("customresourcedefinitions", name)["spec"]["versions"][0]["additionalPrinterColumns"]
    api.patch("customresourcedefinitions", name, "", [{"op": "replace", "path": "/spec/versions/0/additionalPrinterColumns",
                                                       "value": columns[:1]}], content_type="application/json-patch+json")
    release.install(podAnnotations={"example.com/roll": "2"})
    try:
        assert api.get("customresourcedefinitions", name)["spec"]["versions"][0]["additionalPrinterColumns"] == columns
    finally:
        release.restore()


@pytest.fixture(scope="module")
def namespaced(shared_namespaces, release):
    """Two namespaces, of which the operator is given the first."""
    inside, outside = shared_namespaces(), shared_namespaces()
    release.install(watchNamespaces=[inside.name])
    release.wait_ready()
    yield inside, outside
    release.restore()


def test_namespaced_mode_has_no_cluster_role(namespaced, api):
    assert api.list("clusterroles", labels=OURS) == []
    assert api.list("clusterrolebindings", labels=OURS) == []


def test_namespaced_mode_works(namespaced):
    inside, _ = namespaced
    sandbox = inside.sandbox(network={"egress": {"mode": "Internet"}}, lifecycle={"ttl": "5s"})
    sandbox.wait_ready()
    assert len(inside.policies()) == 2
    sandbox.wait_gone(within=15)
    crashed = inside.sandbox("crashed", command=["false"])
    crashed.wait("Crashed")
    crashed.wait_event("Crashed")


def test_namespaced_mode_leaves_other_namespaces_alone(namespaced):
    _, outside = namespaced
    sandbox = outside.sandbox()
    throughout(lambda: sandbox.status == {} and not outside.pods(), 4, "nobody cares")


def test_namespaced_mode_tells_what_is_off(namespaced, release, cluster):
    notes = cluster.helm("get", "notes", RELEASE, "--namespace", NAMESPACE)
    for word in ("ValidatingAdmissionPolicy", "Nodes are not read"):
        assert word in notes
    logged = cluster.kubectl("--namespace", NAMESPACE, "logs", "--selector", SELECTOR, "--tail=-1")
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert any("namespaced mode" in line["msg"] for line in lines)
