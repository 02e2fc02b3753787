"""The chart's rights and admission policy on a real API server: who may do what to Sandboxes and to their pods."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "e2e"))

from support.api import STRATEGIC, Api, ApiError, path_of  # noqa: E402 (the path must be set first)
from support.waiting import eventually  # noqa: E402 (the path must be set first)

CHART = ROOT / "charts/cloister"
OPERATOR = "system:serviceaccount:cloister-system:cloister-operator"
NODE = "system:serviceaccount:cloister-node:cloister-node"
SANDBOX_LABEL = "cloister.dev/sandbox"
POOL_LABEL = "cloister.dev/pool"
MANAGED = {"app.kubernetes.io/managed-by": "cloister-operator"}
POLICIES = ("cloister-operator-pods", "cloister-operator-revisions", "cloister-operator-snapshots", "cloister-node-snapshots",
            "cloister-node-pods")
# Caches inside the API server and the controllers follow a write in their own time.
CACHES = 30  # seconds


def render(helm, *templates):
    words = [word for name in templates for word in ("--show-only", f"templates/{name}.yaml")]
    done = subprocess.run([helm, "template", "cloister", CHART, "--namespace=cloister-system", "--set=snapshots.enabled=true", *words],
                          text=True, check=True, stdout=subprocess.PIPE)
    return done.stdout


def pod(name, **metadata):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata},
            "spec": {"nodeName": "node-a", "automountServiceAccountToken": False,
                     "containers": [{"name": "sandbox", "image": "none"}]}}


def owner(name="box", uid="6f1d2a34-0000-4000-8000-000000000000", kind="Sandbox"):
    return {"apiVersion": "cloister.dev/v1alpha1", "kind": kind, "name": name, "uid": uid, "controller": True}


def revision(name, **metadata):
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": name, **metadata}, "revision": 1,
            "data": {"sandbox": {"image": "forged"}}}


@pytest.fixture(scope="module")
def chart(admin, helm, tmp_path_factory):
    """The chart's rights and policy, in force."""
    file = tmp_path_factory.mktemp("chart") / "rendered.yaml"
    file.write_text(render(helm, "serviceaccount", "rbac", "noderbac", "tenantroles", "admissionpolicy", "nodepolicy"))
    admin("create", "namespace", "cloister-system")
    warnings = admin.must("apply", "-f", str(file)).text
    assert "Warning" not in warnings, warnings
    forged = pod("forged", labels={SANDBOX_LABEL: "x"})

    def refused():
        return not admin("create", "--namespace=cloister-system", "--dry-run=server", "-f", "-", stdin=forged).ok
    eventually(refused, CACHES, "the policy is in force")
    yield
    admin("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", *POLICIES)
    eventually(lambda: not refused(), CACHES, "the policy is no longer in the way of other tests")
    admin("delete", "-f", str(file))


@pytest.fixture(scope="module")
def users(admin, chart):
    """kubectl in a namespace as its tenant, its reader and the operator."""
    namespace = "chart-rights"
    admin.must("create", "namespace", namespace)
    for role in ("edit", "view"):
        admin.must("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", f"--namespace={namespace}")
    here = admin.having(f"--namespace={namespace}")
    tenant = here.having("--as=edit")
    eventually(lambda: tenant("auth", "can-i", "create", "sandboxes").ok, CACHES, "the roles are aggregated")
    eventually(lambda: admin("get", f"--namespace={namespace}", "serviceaccount", "default").ok, CACHES,
               "a service account is there")
    yield {"admin": here, "tenant": tenant, "reader": here.having("--as=view"),
           "operator": here.having(f"--as={OPERATOR}"), "node": here.having(f"--as={NODE}")}
    admin("delete", "namespace", namespace, "--wait=false")


@pytest.mark.parametrize("name", POLICIES)
def test_the_api_server_finds_no_fault_in_the_policies(admin, chart, name):
    def status():
        policy = admin.must("get", "validatingadmissionpolicy", name, "-o", "json").json()
        return policy.get("status", {})
    eventually(lambda: "observedGeneration" in status(), CACHES, "the policy's expressions are type-checked")
    assert not status().get("typeChecking", {}).get("expressionWarnings")


FORGED = {
    "a sandbox's label": ({"labels": {SANDBOX_LABEL: "box"}}, SANDBOX_LABEL),
    "a network profile's label": ({"labels": {"cloister.dev/network": "open"}}, "cloister.dev/network"),
    "any label of ours": ({"labels": {"team": "a", "cloister.dev/x": ""}}, "cloister.dev/x"),
    "an annotation of ours": ({"annotations": {"cloister.dev/x": ""}}, "cloister.dev/x"),
    "a Sandbox as owner": ({"ownerReferences": [owner()]}, "metadata.ownerReferences"),
    "a pool's label": ({"labels": {SANDBOX_LABEL: "", POOL_LABEL: "python"}}, POOL_LABEL),
    "a template's revision": ({"labels": {"cloister.dev/revision": "abc"}}, "cloister.dev/revision"),
    "the shape that a pool's pods have": ({"annotations": {"cloister.dev/shape": "abc"}}, "cloister.dev/shape"),
    "a pool as owner": ({"ownerReferences": [owner("python", kind="SandboxPool")]}, "metadata.ownerReferences"),
}


@pytest.mark.parametrize("metadata, named", FORGED.values(), ids=FORGED.keys())
def test_a_tenant_can_not_pass_a_pod_off_as_ours(users, metadata, named):
    answer = users["tenant"]("create", "-f", "-", stdin=pod("forged", **metadata))
    assert not answer.ok
    assert named in answer.text and "written by Cloister's operator alone" in answer.text, answer.text
    assert "create a Sandbox instead of a pod" in answer.text


CHANGES = {
    "remove the label": {"labels": {SANDBOX_LABEL: None}},
    "change the label": {"labels": {SANDBOX_LABEL: "other"}},
    "put it into a pool": {"labels": {SANDBOX_LABEL: "", POOL_LABEL: "python"}, "ownerReferences": [owner("python", kind="SandboxPool")]},
    "open the network": {"labels": {"cloister.dev/network": "open"}},
    "add an annotation of ours": {"annotations": {"cloister.dev/x": "y"}},
    "remove the owner": {"ownerReferences": None},
    "change the owner": {"ownerReferences": [owner("other")]},
}
# Of a pod that waits in a pool.
THEFTS = {
    "take it": {"labels": {SANDBOX_LABEL: "mine"}, "ownerReferences": [owner("mine")]},
    "move it to another pool": {"labels": {POOL_LABEL: "other"}},
    "take it out": {"labels": {POOL_LABEL: None}},
    "pass it off as newer": {"labels": {"cloister.dev/revision": "new"}},
    "pass it off as fitting": {"annotations": {"cloister.dev/shape": "other"}},
    "change the owner": {"ownerReferences": [owner("other", kind="SandboxPool")]},
}


@pytest.fixture
def owned(users):
    """A Sandbox `box` and its pod `box-1`."""
    made = users["tenant"].must("create", "-o", "json", "-f", "-", stdin={
        "apiVersion": "cloister.dev/v1alpha1", "kind": "Sandbox", "metadata": {"name": "box"}}).json()
    users["operator"].must("create", "-f", "-", stdin=pod(
        "box-1", labels={SANDBOX_LABEL: "box", "team": "a"}, ownerReferences=[owner(uid=made["metadata"]["uid"])]))
    yield users
    users["admin"]("delete", "sandbox", "box", "--wait=false")
    users["admin"].must("delete", "pod", "box-1", "--force")


@pytest.fixture
def pooled(users):
    """A SandboxPool `python` and its pod `box-1`."""
    made = users["tenant"].must("create", "-o", "json", "-f", "-", stdin={
        "apiVersion": "cloister.dev/v1alpha1", "kind": "SandboxPool", "metadata": {"name": "python"},
        "spec": {"templateRef": {"name": "python"}}}).json()
    users["operator"].must("create", "-f", "-", stdin=pod(
        "box-1", labels={SANDBOX_LABEL: "", POOL_LABEL: "python", "cloister.dev/revision": "old"},
        annotations={"cloister.dev/shape": "shape"}, ownerReferences=[owner("python", made["metadata"]["uid"], "SandboxPool")]))
    yield users
    users["admin"]("delete", "sandboxpool", "python", "--wait=false")
    users["admin"].must("delete", "pod", "box-1", "--force")


def patched(kubectl, metadata, what="pod/box-1"):
    return kubectl("patch", what, "--type=merge", "--dry-run=server", "-p", json.dumps({"metadata": metadata}))


def assert_only_the_operator_may(users, metadata):
    refused = patched(users["tenant"], metadata)
    assert not refused.ok and "written by Cloister's operator alone" in refused.text, refused.text
    allowed = patched(users["operator"], metadata)
    assert allowed.ok, allowed.text


@pytest.mark.parametrize("metadata", CHANGES.values(), ids=CHANGES.keys())
def test_only_the_operator_changes_what_is_ours(owned, metadata):
    assert_only_the_operator_may(owned, metadata)


@pytest.mark.parametrize("metadata", THEFTS.values(), ids=THEFTS.keys())
def test_only_the_operator_takes_a_pods_pool_away(pooled, metadata):
    assert_only_the_operator_may(pooled, metadata)


OURS = {
    "a template as owner": lambda uid: {"ownerReferences": [owner("python", uid, "SandboxTemplate")]},
    "what the operator looks for": lambda uid: {"labels": MANAGED},
    "a label of ours": lambda uid: {"labels": {"cloister.dev/x": ""}},
}


@pytest.fixture
def template_uid(users):
    """That of a SandboxTemplate `python`."""
    yield users["tenant"].must("create", "-o", "json", "-f", "-", stdin={
        "apiVersion": "cloister.dev/v1alpha1", "kind": "SandboxTemplate", "metadata": {"name": "python"}}).json()["metadata"]["uid"]
    users["tenant"].must("delete", "sandboxtemplate", "python")


@pytest.mark.parametrize("metadata_of", OURS.values(), ids=OURS.keys())
def test_only_the_operator_writes_what_templates_said(users, template_uid, metadata_of):
    metadata = metadata_of(template_uid)
    refusal = "written by Cloister's operator alone; edit the SandboxTemplate instead"
    # Whoever else may write ControllerRevisions at all.
    refused = users["admin"]("create", "-f", "-", stdin=revision("forged", **metadata))
    assert not refused.ok and refusal in refused.text, refused.text
    users["operator"].must("create", "-f", "-", stdin=revision("true", **metadata))
    stolen = users["admin"]("patch", "controllerrevision", "true", "--type=json", "-p", json.dumps(
        [{"op": "remove", "path": f"/metadata/{field}"} for field in metadata]))
    assert not stolen.ok and refusal in stolen.text, stolen.text
    users["admin"].must("delete", "controllerrevision", "true")


def test_the_revisions_of_others_are_as_free_as_ever(users):
    users["admin"].must("create", "--dry-run=server", "-f", "-", stdin=revision("free", labels={"app": "x"}))


def test_a_tenant_can_not_pass_a_snapshot_off_as_what_a_sandbox_was_suspended_in(users, owned):
    mine = {"apiVersion": "cloister.dev/v1alpha1", "kind": "SandboxSnapshot", "metadata": {"name": "mine"},
            "spec": {"sandboxRef": {"name": "box"}}}
    # What has an owner that is not there is deleted by the garbage collector.
    box = owner(uid=owned["admin"]("get", "sandbox", "box", "-o", "json").json()["metadata"]["uid"])
    forged = {**mine, "metadata": {"name": "mine", "ownerReferences": [box]}}
    refusal = "set the Sandbox's desiredState to Suspended instead"
    answer = users["tenant"]("create", "-f", "-", stdin=forged)
    assert not answer.ok and refusal in answer.text, answer.text
    users["tenant"].must("create", "-f", "-", stdin=mine)
    answer = patched(users["tenant"], {"ownerReferences": [box]}, "sandboxsnapshot/mine")
    assert not answer.ok and refusal in answer.text, answer.text
    assert patched(users["tenant"], {"labels": {"team": "b"}}, "sandboxsnapshot/mine").ok
    users["operator"].must("create", "-f", "-", stdin={**forged, "metadata": {**forged["metadata"], "name": "kept"}})
    answer = patched(users["tenant"], {"ownerReferences": None}, "sandboxsnapshot/kept")
    assert not answer.ok and refusal in answer.text, answer.text
    users["tenant"].must("delete", "sandboxsnapshot", "mine", "kept")


def test_the_rest_of_a_pod_is_as_free_as_ever(owned):
    tenant = owned["tenant"]
    assert patched(tenant, {"labels": {"team": "b"}, "annotations": {"note": "x"}}).ok
    assert tenant("create", "--dry-run=server", "-f", "-", stdin=pod("free", labels={"team": "a"})).ok
    assert tenant("delete", "pod", "box-1", "--dry-run=server").ok


def test_kubelets_report_status(owned):
    kubelet = owned["admin"].having("--as=system:node:node-a", "--as-group=system:nodes")
    seen = owned["admin"]("get", "pod", "box-1", "-o", "json").json()
    status = "/api/v1/namespaces/chart-rights/pods/box-1/status"
    seen["status"]["phase"] = "Running"
    answer = kubelet("replace", "--raw", status, "-f", "-", stdin=seen)
    assert answer.ok, answer.text
    relabelled = answer.json()
    relabelled["metadata"]["labels"][SANDBOX_LABEL] = "other"
    refused = kubelet("replace", "--raw", status, "-f", "-", stdin=relabelled)
    assert not refused.ok and "cannot update labels through pod status" in refused.text, refused.text


def test_the_garbage_collector_may_orphan_pods(owned):
    # It looks for new kinds every 30 s.
    owned["tenant"].must("delete", "sandbox", "box", "--cascade=orphan", "--timeout=55s")
    left = owned["admin"]("get", "pod", "box-1", "-o", "json").json()["metadata"]
    assert "ownerReferences" not in left and "deletionTimestamp" not in left


RIGHTS = {
    "tenant": ("create sandboxes, get sandboxes, patch sandboxes, delete sandboxes, deletecollection sandboxes, "
               "create sandboxtemplates, patch sandboxtemplates, create sandboxpools, delete sandboxpools, "
               "create sandboxsnapshots, get sandboxsnapshots, patch sandboxsnapshots, delete sandboxsnapshots, "
               "get sandboxpools --subresource=scale, patch sandboxpools --subresource=scale",
               "patch sandboxes --subresource=status, update sandboxes --subresource=status, "
               "patch sandboxtemplates --subresource=status, patch sandboxpools --subresource=status, "
               "patch sandboxsnapshots --subresource=status, update sandboxsnapshots --subresource=status, "
               "create sandboxquotas, patch sandboxquotas, delete sandboxquotas, patch sandboxquotas --subresource=status, "
               "create controllerrevisions, patch controllerrevisions"),
    "reader": ("get sandboxes, list sandboxes, watch sandboxes, get sandboxtemplates, list sandboxpools, get sandboxquotas, "
               "get sandboxsnapshots, list sandboxsnapshots, get sandboxpools --subresource=scale",
               "create sandboxes, patch sandboxes, delete sandboxes, patch sandboxes --subresource=status, "
               "create sandboxtemplates, create sandboxsnapshots, patch sandboxpools, patch sandboxpools --subresource=scale"),
    # Sandboxes: what golden snapshots are taken of.
    "operator": ("create sandboxes, watch sandboxes, delete sandboxes, patch sandboxes --subresource=status, create pods, patch pods, delete pods, "
                 "create networkpolicies, delete networkpolicies, create events, list events, watch nodes, "
                 "watch sandboxtemplates, patch sandboxtemplates --subresource=status, watch sandboxpools, "
                 "patch sandboxpools --subresource=status, create controllerrevisions, delete controllerrevisions, "
                 "get persistentvolumeclaims, create persistentvolumeclaims, "
                 "watch sandboxquotas, patch sandboxquotas --subresource=status, create resourcequotas, patch resourcequotas, "
                 "delete resourcequotas, get sandboxsnapshots, list sandboxsnapshots, watch sandboxsnapshots, delete sandboxsnapshots, "
                 "patch sandboxsnapshots, create sandboxsnapshots, patch sandboxsnapshots --subresource=status",
                 "list persistentvolumeclaims, delete persistentvolumeclaims, patch persistentvolumeclaims, "
                 "get secrets, list secrets, get configmaps, patch sandboxes, update pods, "
                 "create pods --subresource=exec, patch nodes, delete nodes, list namespaces, get leases, create leases, "
                 "create sandboxtemplates, patch sandboxtemplates, delete sandboxtemplates, patch sandboxpools, "
                 "delete sandboxpools, patch sandboxpools --subresource=scale, patch controllerrevisions, "
                 "create sandboxquotas, patch sandboxquotas, delete sandboxquotas, "
                 "update sandboxsnapshots, "
                 "create clusterroles, impersonate users"),
    "node": ("get sandboxsnapshots, watch sandboxsnapshots, patch sandboxsnapshots --subresource=status, get sandboxes, "
             "get pods, list pods, watch pods",
             "patch sandboxsnapshots, delete sandboxsnapshots, list sandboxes, patch sandboxes, patch sandboxes --subresource=status, "
             "create pods, patch pods, delete pods, create pods --subresource=exec, get secrets, list secrets, get configmaps, "
             "get nodes, patch nodes, list namespaces, create events"),
}


@pytest.mark.parametrize("user", RIGHTS)
def test_rights(users, user):
    may, may_not = ([tuple(right.split()) for right in rights.split(", ")] for rights in RIGHTS[user])
    for right in may:
        assert users[user]("auth", "can-i", *right).ok, f"{user} may not {right}"
    for right in may_not:
        assert not users[user]("auth", "can-i", *right).ok, f"{user} may {right}"


def test_the_operator_elects_its_leader_in_its_own_namespace_alone(admin, chart):
    operator = admin.having(f"--as={OPERATOR}", "--namespace=cloister-system")
    for verb in ("get", "update", "patch"):
        assert operator("auth", "can-i", verb, "leases/cloister-operator").ok
        assert not operator("auth", "can-i", verb, "leases/another").ok
    assert operator("auth", "can-i", "create", "leases").ok
    assert not operator("auth", "can-i", "list", "leases").ok


@pytest.fixture(scope="module")
def write(kubeconfig):
    """Writes a pod's status as the cloister-node on a node; returns why not, or nothing."""
    api = Api(kubeconfig)

    def send(name, change, on="node-a"):
        user = {"Impersonate-User": NODE}
        if on:
            user["Impersonate-Extra-authentication.kubernetes.io%2Fnode-name"] = on
        path = path_of("pods", "chart-rights", name, "status") + "?dryRun=All"
        try:
            api.send("PATCH", path, change, content_type=STRATEGIC, headers=user)
        except ApiError as error:
            return str(error)
        return ""
    return send


FROZEN = {"status": {"conditions": [{"type": "cloister.dev/Frozen", "status": "True", "message": "7"}]}}
MORE = {
    "its phase": {"status": {**FROZEN["status"], "phase": "Failed"}},
    "its address": {"status": {**FROZEN["status"], "podIPs": [{"ip": "10.9.9.9"}]}},
    "the kubelet's condition": {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    "a label": {**FROZEN, "metadata": {"labels": {"cloister.dev/network": "open"}}},
    "what the operator asks for": {**FROZEN, "metadata": {"annotations": {"cloister.dev/freeze": ""}}},
    "a finalizer": {**FROZEN, "metadata": {"finalizers": ["example.com/held"]}},
}


@pytest.fixture(scope="module")
def pods_on_node_a(users):
    labels = {SANDBOX_LABEL: "box"}
    assert users["operator"]("create", "-f", "-", stdin=pod("frozen", labels=labels, annotations={"cloister.dev/freeze": "7"})).ok
    users["admin"].must("create", "-f", "-", stdin=pod("strangers"))


def test_a_node_answers_for_its_own_sandboxes_alone(write, pods_on_node_a):
    assert not write("frozen", FROZEN)
    for why in (write("strangers", FROZEN), write("frozen", FROZEN, on="node-b"), write("frozen", FROZEN, on="")):
        assert "on its own node alone" in why


@pytest.mark.parametrize("change", MORE.values(), ids=MORE.keys())
def test_a_node_writes_nothing_but_its_answer(write, pods_on_node_a, change):
    assert "and nothing else" in write("frozen", change)
