"""What the chart renders, and which values it refuses. What the rights and the policy do is tested on a real API server."""

import json
import subprocess

import pytest
import yaml
from rendered import CHART, NAMESPACE, ROOT, SNAPSHOTS, kinds, of_kind, rights, the

NAMESPACED = {"watchNamespaces": ["team-a", "team-b"], "crds": {"install": False}}
EVERYTHING = {
    "registry": "registry.example.com/cloister", "image": {"tag": "1", "digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "pull"}], "admissionPolicy": {"enabled": True, "allowedUsers": ["admin"]},
    "runtimeClasses": {"gvisor": {"create": True, "nodeSelector": {"a": "b"}, "overhead": {"cpu": "50m"}},
                       "kata": {"create": True, "handler": "kata-qemu", "tolerations": [{"operator": "Exists"}]}},
    "replicas": 3, "podLabels": {"x": "y"}, "podAnnotations": {"x": "y"}, "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "a", "operator": "Exists"}], "priorityClassName": "system-cluster-critical",
    "affinity": {"nodeAffinity": {}}, "serviceAccount": {"name": "me", "annotations": {"x": "y"}},
    "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}], "apiServerPorts": [6443]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "config": {"workers": 4, "runtimes": {"kata": {"runtimeClassName": "kata-qemu"}}, "leaderElection": {"name": "mine"},
               "defaults": {"runtime": "kata", "image": "own:1", "tolerations": [{"key": "a", "tolerationSeconds": 60}]}}}
VARIANTS = {"default": {}, "namespaced": NAMESPACED, "everything": EVERYTHING, "snapshots": SNAPSHOTS}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_lint(helm, values, tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values))
    done = subprocess.run([helm, "lint", "--strict", CHART, "--values", file], text=True, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_the_version_is_the_projects():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == (ROOT / "VERSION").read_text().strip()


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_object_is_labelled(render, values):
    for (kind, _, name), one in render(values).items():
        if kind != "CustomResourceDefinition":
            assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "cloister", f"{kind} {name}"


def test_crds_are_those_of_the_repository_and_stay(render):
    rendered = {one["metadata"]["name"]: one for one in of_kind(render({}), "CustomResourceDefinition")}
    ours = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert rendered == {crd["metadata"]["name"]: crd for crd in ours}
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in ours)
    assert not of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition")


CLUSTER_KINDS = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "ValidatingAdmissionPolicy",
                 "ValidatingAdmissionPolicyBinding", "RuntimeClass", "PriorityClass"}


def test_namespaced_mode_has_no_object_of_the_cluster(render):
    objects = render(NAMESPACED)
    assert not kinds(objects) & CLUSTER_KINDS
    assert all(one["metadata"]["namespace"] for one in objects.values())
    for kind in ("Role", "RoleBinding"):
        where = {(namespace, name) for its_kind, namespace, name in objects if its_kind == kind}
        assert where == {("team-a", "cloister-operator"), ("team-b", "cloister-operator"),
                         (NAMESPACE, "cloister-operator-lease")}


def test_the_policy_is_installed_unless_namespaced_or_told_otherwise(render):
    installed = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert installed <= kinds(render({}))
    assert not installed & kinds(render({"admissionPolicy": {"enabled": False}}))
    assert installed <= kinds(render({**NAMESPACED, "admissionPolicy": {"enabled": True}}))


def test_sandboxes_have_a_priority_class_of_their_own_or_yours(render):
    made = render({})
    assert the(made, "PriorityClass")["value"] == 0 and not the(made, "PriorityClass")["globalDefault"]
    assert config_of(made)["defaults"]["priorityClassName"] == the(made, "PriorityClass")["metadata"]["name"]
    yours = render({"config": {"defaults": {"priorityClassName": "batch"}}})
    assert "PriorityClass" not in kinds(yours) and config_of(yours)["defaults"]["priorityClassName"] == "batch"
    none = render({"priorityClass": {"create": False}})
    assert "PriorityClass" not in kinds(none) and "priorityClassName" not in config_of(none)["defaults"]
    other = render({**NAMESPACED, "priorityClass": {"create": True, "name": "ours"}})
    assert the(other, "PriorityClass")["metadata"]["name"] == config_of(other)["defaults"]["priorityClassName"] == "ours"


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_rights_are_spelled_out(render, values):
    roles = [one for one in render(values).values() if one["kind"] in ("Role", "ClusterRole")]
    rules = [rule for role in roles for rule in role["rules"]]
    assert rules
    for rule in rules:
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
        assert "*" not in rule["verbs"] + rule["apiGroups"] + rule["resources"]
        assert "secrets" not in rule["resources"]


# The whole of what the operator may do, in a namespace with Sandboxes.
RIGHTS = {
    ("cloister.dev", "sandboxes"): {"get", "list", "watch", "delete"},
    ("cloister.dev", "sandboxtemplates"): {"get", "list", "watch"},
    ("cloister.dev", "sandboxpools"): {"get", "list", "watch"},
    ("cloister.dev", "sandboxquotas"): {"get", "list", "watch"},
    **{("cloister.dev", f"{kind}/status"): {"patch"} for kind in ("sandboxes", "sandboxtemplates", "sandboxpools", "sandboxquotas")},
    ("", "resourcequotas"): {"get", "list", "watch", "create", "patch", "delete"},
    ("apps", "controllerrevisions"): {"get", "list", "watch", "create", "delete"},
    ("", "pods"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "persistentvolumeclaims"): {"get", "create"},
    ("networking.k8s.io", "networkpolicies"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "events"): {"get", "list", "create", "patch"}}


def test_the_operators_rights_are_exactly_these(render):
    cluster, namespaced = render({}), render(NAMESPACED)
    assert rights(cluster["ClusterRole", "", "cloister-operator"]) == {**RIGHTS, ("", "nodes"): {"get", "list", "watch"}}
    assert rights(namespaced["Role", "team-a", "cloister-operator"]) == RIGHTS
    subject = {"kind": "ServiceAccount", "name": "cloister-operator", "namespace": NAMESPACE}
    for binding in of_kind(cluster, "ClusterRoleBinding") + of_kind(namespaced, "RoleBinding"):
        assert binding["subjects"] == [subject] and binding["roleRef"]["name"] == binding["metadata"]["name"]


@pytest.mark.parametrize("values", [SNAPSHOTS, {"config": SNAPSHOTS}], ids=["ours", "somebody else's"])
def test_the_operator_reads_snapshots_only_where_there_are_any(render, values):
    cluster = render(values)
    assert config_of(cluster)["snapshots"] == {"enabled": True, "nodeSelector": {"cloister.dev/snapshots": "true"}}
    assert rights(cluster["ClusterRole", "", "cloister-operator"]) == {
        **RIGHTS, ("", "nodes"): {"get", "list", "watch"}, ("cloister.dev", "sandboxsnapshots"): {"get", "list", "watch", "create", "patch", "delete"},
        ("cloister.dev", "sandboxes"): {"get", "list", "watch", "create", "delete"},
        ("cloister.dev", "sandboxsnapshots/status"): {"patch"}}


def test_snapshots_are_off_by_default(render):
    objects = render({})
    assert not kinds(objects) & {"DaemonSet", "Namespace"} and "snapshots" not in config_of(objects)
    assert not kinds(render({"config": SNAPSHOTS})) & {"DaemonSet", "Namespace"}


def test_tenants_roles_leave_status_to_the_operator(render):
    objects = render({})
    view, edit = (objects["ClusterRole", "", name] for name in ("cloister-view", "cloister-edit"))
    ours = {("cloister.dev", kind) for kind in ("sandboxes", "sandboxtemplates", "sandboxpools", "sandboxpools/scale", "sandboxsnapshots")}
    assert rights(view) == {one: {"get", "list", "watch"} for one in (*ours, ("cloister.dev", "sandboxquotas"))}
    assert set(rights(edit)) == ours
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_pods_meet_the_restricted_level(render, values):
    objects = render(values)
    for spec in (the(objects, "Deployment")["spec"]["template"]["spec"], the(objects, "Pod")["spec"]):
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["resources"]["limits"]["memory"]


def test_the_default_deployment(render):
    deployment = the(render({}), "Deployment")["spec"]
    version = (ROOT / "VERSION").read_text().strip()
    assert deployment["replicas"] == 2
    (container,) = deployment["template"]["spec"]["containers"]
    assert container["image"] == f"cloister.dev/operator:{version}"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_images_come_from_the_registry(render):
    objects = render(EVERYTHING)
    (container,) = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/cloister/operator:1@sha256:" + "0" * 64
    (test,) = the(objects, "Pod")["spec"]["containers"]
    assert test["image"].startswith("registry.example.com/cloister/sandbox-base:")


def config_of(objects):
    return yaml.safe_load(the(objects, "ConfigMap")["data"]["config.yaml"])


def test_the_configuration_is_the_values_and_what_the_chart_knows(render):
    version = (ROOT / "VERSION").read_text().strip()
    assert config_of(render({})) == {
        "defaults": {"image": f"cloister.dev/sandbox-base:{version}", "priorityClassName": "cloister-sandbox"}, "leaderElection": {"name": "cloister-operator"},
        "podsGuarded": True}
    with_class = {**EVERYTHING["config"], "defaults": {**EVERYTHING["config"]["defaults"], "priorityClassName": "cloister-sandbox"}}
    assert config_of(render(EVERYTHING)) == {**with_class, "podsGuarded": True}
    assert config_of(render(NAMESPACED))["watchNamespaces"] == ["team-a", "team-b"]


def test_the_operator_knows_whether_pods_are_guarded(render):
    assert config_of(render({}))["podsGuarded"] is True
    assert "podsGuarded" not in config_of(render(NAMESPACED)), "no object of the cluster"
    assert "podsGuarded" not in config_of(render({"admissionPolicy": {"enabled": False}}))


def test_a_changed_configuration_is_a_new_pod(render):
    def checksum(values):
        return the(render(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    assert checksum({}) == checksum({}) != checksum({"config": {"workers": 4}})


def test_the_lease_that_may_be_written_is_the_configured_one(render):
    role = render(EVERYTHING)["Role", NAMESPACE, "cloister-operator-lease"]
    assert [rule.get("resourceNames") for rule in role["rules"]] == [None, ["mine"]]


def test_runtime_classes(render):
    assert not of_kind(render({}), "RuntimeClass")
    made = {one["metadata"]["name"]: one for one in of_kind(render(EVERYTHING), "RuntimeClass")}
    assert set(made) == {"gvisor", "kata-qemu"}
    assert made["gvisor"]["handler"] == "runsc" and made["gvisor"]["overhead"] == {"podFixed": {"cpu": "50m"}}
    assert made["kata-qemu"]["scheduling"] == {"tolerations": [{"operator": "Exists"}]}


def test_toggles(render):
    some = {"podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False}, "tenantRoles": {"create": False}}
    default = kinds(render({}))
    assert default - kinds(render(some)) == {"PodDisruptionBudget", "NetworkPolicy"}
    assert ("ClusterRole", "", "cloister-edit") not in render(some)
    assert "PodDisruptionBudget" not in kinds(render({"replicas": 1}))
    assert kinds(render({"serviceMonitor": {"enabled": True}})) - default == {"ServiceMonitor"}


REFUSED = {
    "an unknown value": ({"replica": 2}, "replica"),
    "an unknown value inside": ({"image": {"name": "x"}}, "name"),
    "an unknown field of the configuration": ({"config": {"wokers": 3}}, "wokers"),
    "namespaces in the configuration": ({"config": {"watchNamespaces": ["a"]}}, "watchNamespaces"),
    "a text for a number": ({"replicas": "two"}, "replicas"),
    "a duration without unit": ({"config": {"lifecycle": {"defaultTtl": "60"}}}, "defaultTtl"),
    "a runtime that is none": ({"config": {"defaults": {"runtime": "docker"}}}, "runtime"),
    "another port": ({"config": {"listen": "0.0.0.0:9090"}}, "listen"),
    "a namespace that is none": ({"watchNamespaces": ["A"]}, "watchNamespaces"),
    "snapshots in some namespaces": ({**SNAPSHOTS, **NAMESPACED}, "snapshots.enabled"),
    "a path that is relative": ({"snapshots": {"paths": {"run": "run/cloister"}}}, "run"),
    "a path that goes back": ({"snapshots": {"paths": {"store": "/var/../etc"}}}, "store"),
    "a quote in a flag of runsc": ({"snapshots": {"runscFlags": {"debug-log": "/a'b"}}}, "runscFlags"),
    "a node that is half prepared": ({"snapshots": {"nodePreparation": "Some"}}, "nodePreparation"),
    "no node at a time": ({"snapshots": {"maxUnavailable": 0}}, "maxUnavailable"),
    "a quota that is no quantity": ({"snapshots": {"localQuota": "100 GB"}}, "localQuota"),
    "a role that is not used": ({"snapshots": {"enabled": True, "store": {"webIdentity": {"roleARN": "r"}}}}, "webIdentity.enabled"),
    "an identity without a role": ({"snapshots": {"enabled": True, "store": {"webIdentity": {"enabled": True}}}}, "webIdentity.roleARN"),
    "a digest that is none": ({"image": {"digest": "sha256:1"}}, "digest"),
}


@pytest.mark.parametrize("values, named", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(template, values, named):
    done = template(values)
    assert done.returncode != 0 and named in done.stderr, done.stderr


def test_every_value_is_in_the_schema():
    def names(values, schema, path=""):
        for key, value in values.items():
            inner = schema["properties"].get(key)
            assert inner, f"{path}{key}"
            if isinstance(value, dict) and "properties" in inner:
                names(value, inner, f"{path}{key}.")
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    names(values, schema)
    assert set(schema["properties"]) - {"global"} == set(values)
    assert values["config"] == {}, "the configuration's defaults are the operator's"


def test_notes_tell_what_is_off(helm, tmp_path):
    def notes(values):
        file = tmp_path / "values.yaml"
        file.write_text(json.dumps(values))
        done = subprocess.run([helm, "install", "cloister", CHART, f"--namespace={NAMESPACE}", "--dry-run=client", "--values", file],
                              text=True, check=True, capture_output=True)
        return done.stdout.partition("NOTES:")[2]
    assert "helm test" in notes({}) and "off" not in notes({})
    for off in ("ValidatingAdmissionPolicy", "Nodes are not read", "view, edit and admin", "crds.install is false"):
        assert off in notes(NAMESPACED), off
    assert "cloister.dev/snapshots=true" in notes(SNAPSHOTS)
    assert "admissionPolicy.enabled is false" in notes({"admissionPolicy": {"enabled": False}})
