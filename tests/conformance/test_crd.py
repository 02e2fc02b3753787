"""The Sandbox kind's rules on a real API server: what is taken, and what a refusal says."""

import json
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CRD = ROOT / "crds/cloister.dev_sandboxes.yaml"


def sandbox(spec=None, name="box", **fields):
    made = {"apiVersion": "cloister.dev/v1alpha1", "kind": "Sandbox", "metadata": {"name": name}, **fields}
    return made if spec is None else {**made, "spec": spec}


def env(count, size=1):
    return [{"name": f"V{i}", "value": "x" * size} for i in range(count)]


def egress(mode="Allow", **fields):
    return {"network": {"egress": {"mode": mode, **fields}}}


def expose(*ports):
    return {"network": {"expose": list(ports)}}


def toleration(**fields):
    return {"tolerations": [fields]}


def labels(**fields):
    return {"podMetadata": {"labels": fields}}


def annotations(*keys):
    return {"podMetadata": {"annotations": {key: "x" for key in keys}}}


def lifecycle(**fields):
    return {"lifecycle": fields}


VALID = {
    "an empty spec": {},
    "no spec": None,
    "cpu as a number": {"resources": {"cpu": 2}},
    "cpu at its bounds": {"resources": {"cpu": "10m", "memory": "16Mi", "disk": "1Mi"}},
    "resources at their largest": {"resources": {"cpu": 1024, "memory": "16Ti", "disk": "64Ti", "processes": 4194304}},
    "decimal and exponent quantities": {"resources": {"cpu": "1.5", "memory": "1e9", "disk": "2.5G"}},
    "a long command": {"command": ["x" * 32768] * 4, "args": ["", "ö"]},
    "a hundred variables": {"env": env(100)},
    "a variable without value": {"env": [{"name": "_a1"}]},
    "the largest environment": {"env": env(8, 32768)},
    "durations": lifecycle(ttl="1h30m", idleTimeout="1000ms", maxLifetime="8760h"),
    "a fraction in a duration": lifecycle(ttl="1.5s"),
    "a schedule": {"snapshotSchedule": {"every": "1m"}},
    "a rare schedule that keeps much": {"snapshotSchedule": {"every": "8760h", "keep": 50}},
    "a moment in UTC": lifecycle(expiresAt="2030-01-02T03:04:05Z"),
    "a moment with an offset": lifecycle(expiresAt="2030-01-02T03:04:05.123456+02:00"),
    "a template": {"templateRef": {"name": "python"}},
    "a pool and its template": {"poolRef": {"name": "python"}, "templateRef": {"name": "python"}},
    "what later versions carry out": {
        "restoreFrom": {"name": "yesterday"},
        "desiredState": "Suspended", "lifecycle": {"onExpiry": "Snapshot"}},
    "a workspace that outlives its pods": {"restartPolicy": "Always", "workspace": {"storageClass": "fast", "size": "1Gi"}},
    "egress without mode": {"network": {"egress": {}}},
    "ranges of both families": egress(cidrs=["203.0.113.0/24", "203.0.113.7/32", "2001:db8::/32", "0.0.0.0/0"]),
    "names": egress(names=["pypi.org", "*.example.com", "localhost", "xn--bcher-kva.example"]),
    "ports of egress": egress(cidrs=["203.0.113.0/24"], ports=[{"port": 443}, {"port": 443, "protocol": "UDP"}]),
    "exposed ports": expose({"port": 80, "name": "web"}, {"port": 65535, "protocol": "UDP", "name": "a-1"}),
    "no exposed port": expose(),
    "a node": {"nodeSelector": {"kubernetes.io/arch": "amd64", "pool": ""}},
    "tolerations": {"tolerations": [
        {"operator": "Exists"}, {"key": "a.example/b", "value": "c", "effect": "NoSchedule"},
        {"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}]},
    "pull secrets": {"imagePullSecrets": [{"name": "a"}, {"name": "b.c"}]},
    "labels of one's own": labels(**{"team": "a", "example.com/x": "", "app.kubernetes.io/name": "agent"}),
    "annotations of one's own": annotations("note", "example.com/ticket", "devXgvisor.note", "dev.gvisorish"),
    "an image with port and digest": {"image": "localhost:5000/a/b@sha256:" + "0" * 64},
}


@pytest.mark.parametrize("spec", VALID.values(), ids=VALID.keys())
def test_takes(admin, spec):
    answer = admin("create", "--dry-run=server", "-f", "-", stdin=sandbox(spec))
    assert answer.ok, answer.text


# Each: the spec, the path that the refusal names, and a part of its reason.
INVALID = {
    "another runtime": ({"runtime": "docker"}, "spec.runtime", "gvisor"),
    "an unknown field": ({"imag": "x"}, "spec.imag", "unknown field"),
    "an empty image": ({"image": ""}, "spec.image", "at least 1"),
    "an image with a space": ({"image": "a b"}, "spec.image", "white space"),
    "an image with a blank of no ASCII": ({"image": "a\u00a0"}, "spec.image", "white space"),
    "an image with a newline": ({"image": "a\n"}, "spec.image", "white space"),
    "another pull policy": ({"imagePullPolicy": "always"}, "spec.imagePullPolicy", "IfNotPresent"),
    "too many words": ({"command": ["x"] * 129}, "spec.command", "128"),
    "words too long together": ({"command": ["x" * 32768] * 5}, "spec.command", "131072 bytes together"),
    "arguments too long together": ({"args": ["x" * 32768] * 5}, "spec.args", "131072 bytes together"),
    "wide words too long together": ({"args": ["ö" * 32768] * 3}, "spec.args", "131072 bytes together"),
    "one word too long": ({"command": ["x" * 32769]}, "spec.command[0]", "32768"),
    "a word with a NUL": ({"command": ["sh", "a\0b"]}, "spec.command[1]", "no NUL character"),
    "an argument with a NUL": ({"args": ["a\0"]}, "spec.args[0]", "no NUL character"),
    "a directory with a NUL": ({"workingDir": "/a\0"}, "spec.workingDir", "no NUL character"),
    "a value with a NUL": ({"env": [{"name": "A", "value": "\0"}]}, "spec.env[0].value", "no NUL character"),
    "a relative directory": ({"workingDir": "src"}, "spec.workingDir", "absolute path"),
    "a variable twice": ({"env": [{"name": "A"}, {"name": "A", "value": "1"}]}, "spec.env[1]", "Duplicate"),
    "a variable that no shell knows": ({"env": [{"name": "A-B"}]}, "spec.env[0].name", "letters, digits and '_'"),
    "a variable that starts with a digit": ({"env": [{"name": "1A"}]}, "spec.env[0].name", "not start with a digit"),
    "a variable without name": ({"env": [{"value": "x"}]}, "spec.env[0].name", "Required"),
    "too many variables": ({"env": env(101)}, "spec.env", "100"),
    "a value too long": ({"env": env(1, 32769)}, "spec.env[0].value", "32768"),
    "values too long together": ({"env": env(9, 32768)}, "spec.env", "262144 bytes together"),
    "no cpu": ({"resources": {"cpu": 0}}, "spec.resources.cpu", "from 10m to 1024"),
    "too little cpu": ({"resources": {"cpu": "9m"}}, "spec.resources.cpu", "from 10m to 1024"),
    "too much cpu": ({"resources": {"cpu": 1025}}, "spec.resources.cpu", "from 10m to 1024"),
    "negative cpu": ({"resources": {"cpu": "-1"}}, "spec.resources.cpu", "from 10m to 1024"),
    "cpu that is no quantity": ({"resources": {"cpu": "one"}}, "spec.resources.cpu", "from 10m to 1024"),
    "cpu as a fraction without quotes": ({"resources": {"cpu": 1.5}}, "spec.resources.cpu", "integer,string"),
    "too little memory": ({"resources": {"memory": "512"}}, "spec.resources.memory", "from 16Mi to 16Ti"),
    "memory in milli": ({"resources": {"memory": "512m"}}, "spec.resources.memory", "from 16Mi to 16Ti"),
    "too much memory": ({"resources": {"memory": "17Ti"}}, "spec.resources.memory", "from 16Mi to 16Ti"),
    "too little disk": ({"resources": {"disk": "1k"}}, "spec.resources.disk", "from 1Mi to 64Ti"),
    "no processes": ({"resources": {"processes": 0}}, "spec.resources.processes", "greater than or equal to 1"),
    "too small a workspace": ({"workspace": {"size": 1}}, "spec.workspace.size", "from 1Mi to 64Ti"),
    "a storage class that is none": ({"workspace": {"storageClass": "A"}}, "spec.workspace.storageClass", "StorageClass"),
    "another profile": ({"securityProfile": "Privileged"}, "spec.securityProfile", "Restricted"),
    "another state": ({"desiredState": "Stopped"}, "spec.desiredState", "Paused"),
    "another restart policy": ({"restartPolicy": "Sometimes"}, "spec.restartPolicy", "OnFailure"),
    "saved too often": ({"snapshotSchedule": {"every": "59s"}}, "spec.snapshotSchedule.every", "duration from 1m to 8760h"),
    "saved for nothing": ({"snapshotSchedule": {"every": "1m", "keep": 0}}, "spec.snapshotSchedule.keep", "greater than or equal to 1"),
    "saved sometime": ({"snapshotSchedule": {"keep": 3}}, "spec.snapshotSchedule.every", "Required value"),
    "another end": (lifecycle(onExpiry="Stop"), "spec.lifecycle.onExpiry", "Delete"),
    "a ttl without unit": (lifecycle(ttl="600"), "spec.lifecycle.ttl", "duration from 1s to 8760h"),
    "a ttl in days": (lifecycle(ttl="1d"), "spec.lifecycle.ttl", "duration from 1s to 8760h"),
    "a ttl too short": (lifecycle(ttl="999ms"), "spec.lifecycle.ttl", "duration from 1s to 8760h"),
    "a ttl too long": (lifecycle(ttl="8760h1s"), "spec.lifecycle.ttl", "duration from 1s to 8760h"),
    "a ttl beyond all bounds": (lifecycle(ttl="9" * 30 + "h"), "spec.lifecycle.ttl", "duration from 1s to 8760h"),
    "a negative ttl": (lifecycle(ttl="-1s"), "spec.lifecycle.ttl", "duration from 1s to 8760h"),
    "an idle time too short": (lifecycle(idleTimeout="0"), "spec.lifecycle.idleTimeout", "duration from 1s to 8760h"),
    "a lifetime too long": (lifecycle(maxLifetime="9000h"), "spec.lifecycle.maxLifetime", "duration from 1s to 8760h"),
    "a moment without zone": (lifecycle(expiresAt="2030-01-02T03:04:05"), "spec.lifecycle.expiresAt", "date-time"),
    "a day": (lifecycle(expiresAt="2030-01-02"), "spec.lifecycle.expiresAt", "date-time"),
    "a moment with text after it": (lifecycle(expiresAt="2030-01-02T03:04:05ZTrest"), "spec.lifecycle.expiresAt", "RFC 3339"),
    "a moment with a comma": (lifecycle(expiresAt="2030-01-02T03:04:05,5Z"), "spec.lifecycle.expiresAt", "should match"),
    "an impossible offset": (lifecycle(expiresAt="2030-01-02T03:04:05+99:99"), "spec.lifecycle.expiresAt", "RFC 3339"),
    "a moment in the year 1": (lifecycle(expiresAt="0001-01-01T00:00:00Z"), "spec.lifecycle.expiresAt", "should match"),
    "a moment too far away": (lifecycle(expiresAt="3000-01-01T00:00:00Z"), "spec.lifecycle.expiresAt", "before the year 3000"),
    "a list of moments": (lifecycle(expiresAt=["2030-01-02T03:04:05Z"]), "spec.lifecycle.expiresAt", "RFC 3339"),
    "ranges without Allow": (egress("Internet", cidrs=["203.0.113.0/24"]), "spec.network.egress.cidrs", "mode Allow"),
    "names without Allow": (egress("None", names=["pypi.org"]), "spec.network.egress.names", "mode Allow"),
    "ports without Allow": (egress("Internet", ports=[{"port": 443}]), "spec.network.egress.ports", "mode Allow"),
    "ranges without mode": ({"network": {"egress": {"cidrs": ["203.0.113.0/24"]}}}, "spec.network.egress.cidrs", "set the mode"),
    "Allow of nothing": (egress(), "spec.network.egress.mode", "at least one entry"),
    "Allow of ports alone": (egress(ports=[{"port": 443}]), "spec.network.egress.mode", "at least one entry"),
    "an address that is no range": (egress(cidrs=["203.0.113.7"]), "spec.network.egress.cidrs[0]", "203.0.113.7/32"),
    "a range with host bits": (egress(cidrs=["10.1.2.3/8"]), "spec.network.egress.cidrs[0]", "bits after the prefix are 0"),
    "an impossible range": (egress(cidrs=["10.0.0.0/33"]), "spec.network.egress.cidrs[0]", "address range"),
    "a range twice": (egress(cidrs=["10.0.0.0/8", "10.0.0.0/8"]), "spec.network.egress.cidrs[1]", "Duplicate"),
    "a name with a scheme": (egress(names=["https://pypi.org"]), "spec.network.egress.names[0]", "DNS name"),
    "a name in upper case": (egress(names=["PyPI.org"]), "spec.network.egress.names[0]", "lower case"),
    "a star within a name": (egress(names=["a.*.org"]), "spec.network.egress.names[0]", "DNS name"),
    "a star alone": (egress(names=["*"]), "spec.network.egress.names[0]", "DNS name"),
    "port 0": (expose({"port": 0}), "spec.network.expose[0].port", "greater than or equal to 1"),
    "port 65536": (expose({"port": 65536}), "spec.network.expose[0].port", "less than or equal to 65535"),
    "no port": (expose({"name": "web"}), "spec.network.expose[0].port", "Required"),
    "a port twice": (expose({"port": 80}, {"port": 80, "protocol": "TCP"}), "spec.network.expose[1]", "Duplicate"),
    "a port's name twice": (expose({"port": 80, "name": "a"}, {"port": 81, "name": "a"}), "spec.network.expose", "name twice"),
    "a port's name that is none": (expose({"port": 80, "name": "A"}), "spec.network.expose[0].name", "lower-case"),
    "another protocol": (expose({"port": 80, "protocol": "SCTP"}), "spec.network.expose[0].protocol", "TCP"),
    "a secret twice": ({"imagePullSecrets": [{"name": "a"}, {"name": "a"}]}, "spec.imagePullSecrets[1]", "Duplicate"),
    "a secret's name that is none": ({"imagePullSecrets": [{"name": "A"}]}, "spec.imagePullSecrets[0].name", "Secret"),
    "a selector's key that is none": ({"nodeSelector": {"-a": "b"}}, "spec.nodeSelector", "label keys"),
    "a selector's value that is none": ({"nodeSelector": {"a": "b/c"}}, "spec.nodeSelector[a]", "label's value"),
    "a toleration without key": (toleration(effect="NoSchedule"), "spec.tolerations[0].operator", "Exists"),
    "a value with Exists": (toleration(key="a", operator="Exists", value="b"), "spec.tolerations[0].value", "must be empty"),
    "seconds without NoExecute": (toleration(key="a", value="b", tolerationSeconds=1), "spec.tolerations[0].tolerationSeconds",
                                  "NoExecute"),
    "another operator": (toleration(key="a", operator="In"), "spec.tolerations[0].operator", "Exists"),
    "a taint's key that is none": (toleration(key="a b", operator="Exists"), "spec.tolerations[0].key", "taint's key"),
    "the system's priority": ({"priorityClassName": "system-node-critical"}, "spec.priorityClassName", "of the system"),
    "a priority that is none": ({"priorityClassName": "Höchste"}, "spec.priorityClassName", "PriorityClass"),
    "our label": (labels(**{"cloister.dev/sandbox": "other"}), "spec.podMetadata.labels", "reserved"),
    "a label below our domain": (labels(**{"x.cloister.dev/y": "z"}), "spec.podMetadata.labels", "reserved"),
    "a label of Kubernetes": (labels(**{"kubernetes.io/x": "y"}), "spec.podMetadata.labels", "reserved"),
    "a label below Kubernetes' domain": (labels(**{"pod-security.kubernetes.io/x": "y"}), "spec.podMetadata.labels", "reserved"),
    "the manager's label": (labels(**{"app.kubernetes.io/managed-by": "me"}), "spec.podMetadata.labels", "managed-by"),
    "a runtime's label": (labels(**{"dev.gvisor.flag.network": "x"}), "spec.podMetadata.labels", "the runtimes'"),
    "a label's key that is none": (labels(**{"a b": "c"}), "spec.podMetadata.labels", "label keys"),
    "a label's value too long": (labels(a="b" * 64), "spec.podMetadata.labels.a", "63"),
    "a template without name": ({"templateRef": {}}, "spec.templateRef.name", "Required"),
    "a pool with an empty name": ({"poolRef": {"name": ""}}, "spec.poolRef.name", "at least 1"),
}
for reserved in ("cloister.dev/x", "seccomp.security.alpha.kubernetes.io/pod", "container.apparmor.security.beta.kubernetes.io/sandbox",
                 "cdi.k8s.io/gpu"):
    INVALID[f"annotation {reserved}"] = (annotations(reserved), "spec.podMetadata.annotations", "reserved")
for loosening in ("dev.gvisor.flag.network", "dev.gvisor.spec.mount.workspace.type", "io.kubernetes.cri.untrusted-workload",
                  "io.kubernetes.cri-o.userns-mode", "io.containerd.rdt", "io.katacontainers.config.hypervisor.path",
                  "k8s.v1.cni.cncf.io/networks", "cni.projectcalico.org/ipAddrs", "irq-load-balancing.crio.io/x",
                  "devices.noderesource.dev/pod"):
    INVALID[f"annotation {loosening}"] = (annotations(loosening), "spec.podMetadata.annotations", "could loosen the sandbox")


@pytest.mark.parametrize("spec, path, reason", INVALID.values(), ids=INVALID.keys())
def test_refuses(admin, spec, path, reason):
    answer = admin("create", "--dry-run=server", "-f", "-", stdin=sandbox(spec))
    assert not answer.ok
    named = [line for line in answer.text.splitlines() if f"{path}: " in line or f'"{path}"' in line]
    assert named and any(reason in line for line in named), answer.text


@pytest.mark.parametrize("name, reason", [("a" * 55, "at most 54 characters"), ("a.b", "no dots"), ("A", "lower case")])
def test_refuses_a_name(admin, name, reason):
    answer = admin("create", "--dry-run=server", "-f", "-", stdin=sandbox({}, name))
    assert not answer.ok and reason in answer.text and "metadata.name" in answer.text, answer.text


def test_takes_the_longest_name_and_no_spec_at_all(admin):
    made = admin("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=sandbox(name="a" * 54)).json()
    assert made["spec"] == {}  # and nothing is defaulted that the operator's configuration decides


# A full spec, and for each field that can't be changed another value of it.
FULL = {
    "runtime": "gvisor", "image": "a", "imagePullPolicy": "Never", "command": ["a"], "args": ["a"], "workingDir": "/a",
    "env": [{"name": "A", "value": "a"}], "resources": {"cpu": 1}, "securityProfile": "Restricted",
    "workspace": {"size": "1Gi"}, "imagePullSecrets": [{"name": "a"}], "nodeSelector": {"a": "a"},
    "tolerations": [{"key": "a"}], "priorityClassName": "a", "podMetadata": {"labels": {"a": "a"}},
    "templateRef": {"name": "a"}, "poolRef": {"name": "a"}, "restoreFrom": {"name": "a"}}
OTHER = {
    "runtime": "kata", "image": "b", "imagePullPolicy": "Always", "command": ["a", "b"], "args": [], "workingDir": "/b",
    "env": [{"name": "A", "value": "b"}], "resources": {"cpu": 2}, "securityProfile": "Baseline",
    "workspace": {"size": "2Gi"}, "imagePullSecrets": [{"name": "b"}], "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "b"}], "priorityClassName": "b", "podMetadata": {"labels": {"a": "b"}},
    "templateRef": {"name": "b"}, "poolRef": {"name": "b"}, "restoreFrom": {"name": "b"}}


@pytest.fixture(scope="module")
def existing(admin):
    """Two Sandboxes in a namespace: `full` and `empty`."""
    admin.must("create", "namespace", "immutable")
    admin.must("create", "-n", "immutable", "-f", "-", stdin=sandbox(FULL, "full"))
    admin.must("create", "-n", "immutable", "-f", "-", stdin=sandbox({}, "empty"))
    yield admin.having("--namespace=immutable")
    admin("delete", "namespace", "immutable", "--wait=false")


def patch(kubectl, name, spec):
    return kubectl("patch", "sandbox", name, "--dry-run=server", "--type=merge", "--patch", json.dumps({"spec": spec}))


@pytest.mark.parametrize("field", FULL)
@pytest.mark.parametrize("change", ["changed", "removed", "added"])
def test_refuses_a_change(existing, field, change):
    name, value = {"changed": ("full", OTHER[field]), "removed": ("full", None), "added": ("empty", FULL[field])}[change]
    answer = patch(existing, name, {field: value})
    assert not answer.ok
    assert f"spec.{field} can't be changed on a running sandbox; create a new Sandbox" in answer.text
    assert answer.text.count("can't be changed") == 1, answer.text


def test_every_field_of_the_spec_is_known_as_mutable_or_not():
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert set(schema["properties"]["spec"]["properties"]) == set(FULL) | {
        "lifecycle", "network", "desiredState", "restartPolicy", "snapshotSchedule"}


@pytest.mark.parametrize("name", ["full", "empty"])
@pytest.mark.parametrize("spec", [lifecycle(ttl="2h"), {"desiredState": "Paused"}, {"restartPolicy": "Always"}, {"snapshotSchedule": {"every": "1h"}},
                                  egress("Internet"), expose({"port": 1})])
def test_takes_a_change(existing, name, spec):
    answer = patch(existing, name, spec)
    assert answer.ok, answer.text


def test_status_is_written_apart_from_the_spec(admin, namespace):
    kubectl = admin.having("-n", namespace)
    made = kubectl.must("create", "-o", "json", "-f", "-", stdin=sandbox({}, status={"phase": "Running"})).json()
    assert "status" not in made
    condition = {"type": "Ready", "status": "True", "reason": "Running", "lastTransitionTime": "2030-01-02T03:04:05Z"}
    status = {"phase": "Running", "conditions": [condition], "podName": "box-1", "expiresAt": "2030-01-02T03:04:05Z"}
    kubectl.must("patch", "sandbox", "box", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    row = kubectl.must("get", "sbx", "box", "--no-headers").text.split()
    assert row[:5] == ["box", "Running", "True", "Running", "2030-01-02T03:04:05Z"]
    assert kubectl.must("get", "sbx", "--field-selector=status.podName=box-1", "-o", "name").text == "sandbox.cloister.dev/box\n"
    assert kubectl.must("get", "cloister", "-o", "name").text == "sandbox.cloister.dev/box\n"
    assert kubectl.must("get", "sbx", "--field-selector=status.phase=Failed", "-o", "name").text == ""
    refused = kubectl("patch", "sandbox", "box", "--subresource=status", "--type=merge", "-p", '{"status": {"phase": "Lost"}}')
    assert not refused.ok and "status.phase" in refused.text


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_takes_the_examples(admin, example):
    answer = admin("create", "--dry-run=server", "-f", str(example))
    assert answer.ok, answer.text
