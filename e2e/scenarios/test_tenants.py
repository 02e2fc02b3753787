"""A tenant with Kubernetes' own role `edit` in a namespace: what it may, and what it may not."""

import json

import pytest
from support.sandboxes import manifest

POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nobody:1", "securityContext": {
    "allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"}}}]}}


class Tenant:
    """kubectl as a user whom nothing but a RoleBinding to ROLE in the namespace allows anything."""

    def __init__(self, namespace, role):
        self.namespace, self.user = namespace, f"{role}-of-{namespace.name}"
        namespace.kubectl("create", "rolebinding", self.user, f"--clusterrole={role}", f"--user={self.user}")

    def kubectl(self, *arguments, **options):
        return self.namespace.kubectl("--as", self.user, *arguments, **options)

    def refused(self, *arguments, **options):
        return self.namespace.refused("--as", self.user, *arguments, **options)


@pytest.fixture(scope="module")
def namespace(shared_namespaces):
    return shared_namespaces()


@pytest.fixture(scope="module")
def tenant(namespace):
    return Tenant(namespace, "edit")


@pytest.fixture(scope="module")
def running(namespace, tenant):
    """Made by the tenant."""
    tenant.kubectl("apply", "-f", "-", input=json.dumps(manifest("mine", namespace.name)))
    sandbox = namespace.handle("mine")
    sandbox.wait_ready()
    return sandbox


def pod_with(metadata, name):
    return json.dumps({**POD, "metadata": {"name": name, **metadata}})


def test_it_uses_sandboxes(tenant, running):
    assert "mine" in tenant.kubectl("get", "sbx")
    assert "1000" in tenant.kubectl("exec", running.status["podName"], "--", "id", "-u")
    tenant.kubectl("patch", "sbx", "mine", "--type=merge", "-p", '{"spec": {"lifecycle": {"ttl": "2h"}}}')


def test_a_viewer_only_looks(namespace, running):
    viewer = Tenant(namespace, "view")
    assert "mine" in viewer.kubectl("get", "sbx")
    assert "cannot delete" in viewer.refused("delete", "sbx", "mine")


def test_the_status_is_the_operators_word(tenant, running):
    answer = tenant.refused("patch", "sbx", "mine", "--subresource=status", "--type=merge", "-p", '{"status": {"phase": "Failed"}}')
    assert "forbidden" in answer.lower()
    # Nor through the object itself.
    before = running.status
    tenant.kubectl("patch", "sbx", "mine", "--type=merge", "-p", '{"status": {"startedAt": "2030-01-01T00:00:00Z"}}')
    assert running.status["startedAt"] == before["startedAt"]


def test_no_pod_passes_itself_off_as_a_sandboxs(tenant, running):
    forged = {"labels": {"cloister.dev/sandbox": "mine"}}
    assert "written by Cloister's operator alone" in tenant.refused("create", "-f", "-", input=pod_with(forged, "forged"))
    owned = {"ownerReferences": [{"apiVersion": "cloister.dev/v1alpha1", "kind": "Sandbox", "name": "mine", "controller": True,
                                  "uid": running.read()["metadata"]["uid"]}]}
    assert "create a Sandbox instead" in tenant.refused("create", "-f", "-", input=pod_with(owned, "owned"))
    annotated = {"annotations": {"cloister.dev/restore": "x"}}
    assert "metadata.annotations" in tenant.refused("create", "-f", "-", input=pod_with(annotated, "annotated"))


def test_no_pod_leaves_its_fence(tenant, running):
    pod = running.status["podName"]
    assert "cloister.dev/sandbox" in tenant.refused("label", "pod", pod, "cloister.dev/sandbox-")
    assert "cloister.dev/network" in tenant.refused("label", "pod", pod, "cloister.dev/network=open")
    answer = tenant.refused("patch", "pod", pod, "--type=merge", "-p", '{"metadata": {"ownerReferences": null}}')
    assert "ownerReferences" in answer


def test_the_policy_is_for_everybody_but_the_operator(namespace, running):
    """A cluster's administrator too: by mistake is as bad as by intent."""
    pod = running.status["podName"]
    assert "written by Cloister's operator alone" in namespace.refused("label", "pod", pod, "cloister.dev/network=open")


def test_other_pods_are_nobodys_business(tenant):
    tenant.kubectl("create", "-f", "-", input=pod_with({"labels": {"app": "x"}}, "plain"))
    tenant.kubectl("label", "pod", "plain", "app=y", "--overwrite")
    tenant.kubectl("delete", "pod", "plain", "--now")


def test_the_pod_itself_may_be_deleted_and_labelled(tenant, running):
    tenant.kubectl("label", "pod", running.status["podName"], "team=blue")
    assert running.pod()["metadata"]["labels"]["team"] == "blue"
    assert running.condition()["status"] == "True"
