"""examples/hello.yaml comes up under gVisor and is what it promises to be."""

import re

import pytest
import yaml
from support.cluster import ROOT, VERSION
from support.sandboxes import condition_of, moment
from support.waiting import eventually

HELLO = ROOT / "examples/hello.yaml"
MEBI = 1 << 20


@pytest.fixture(scope="module")
def namespace(shared_namespaces):
    return shared_namespaces()


@pytest.fixture(scope="module")
def hello(namespace, api):
    namespace.kubectl("apply", "-f", HELLO)
    # Where agent-sandbox is installed too, which has a kind of the same name, the short name tells them apart.
    kind = "sbx" if api.get("customresourcedefinitions", "sandboxes.agents.x-k8s.io") else "sandbox"
    namespace.kubectl("wait", "--for=condition=Ready", f"{kind}/hello", "--timeout=30s")
    return namespace.handle("hello")


@pytest.fixture(scope="module")
def small(namespace):
    """Less memory than disk."""
    sandbox = namespace.sandbox("small", resources={"cpu": "1", "memory": "256Mi", "disk": "128Mi"}, workspace={"size": "1Gi"})
    sandbox.wait_ready()
    return sandbox


def inside(namespace, sandbox, script):
    return namespace.exec(sandbox, script).stdout


def test_the_example_is_what_the_readme_shows():
    shown = re.search(r"```yaml\n(apiVersion.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    assert yaml.safe_load(HELLO.read_text()) == yaml.safe_load(shown)


def test_kubectl_get_shows_how_it_is(namespace, hello):
    header, line = namespace.kubectl("get", "sbx", "hello").splitlines()
    assert header.split() == ["NAME", "PHASE", "READY", "REASON", "EXPIRES", "AGE"]
    assert line.split()[:5] == ["hello", "Running", "True", "Running", hello.status["expiresAt"]]
    wide = namespace.kubectl("get", "sbx", "hello", "-o", "wide")
    for word in ("gvisor", hello.status["nodeName"], hello.status["podName"]):
        assert word in wide
    assert "hello" in namespace.kubectl("get", "cloister"), "by category"
    assert "hello" in namespace.kubectl("get", "sbx", "--field-selector", "status.phase=Running,spec.runtime=gvisor")


def test_the_status_is_whole(hello, cluster):
    status, pod = hello.status, hello.pod()
    assert status["phase"] == "Running" and status["observedGeneration"] == 1
    assert status["podName"] == pod["metadata"]["name"]
    assert status["nodeName"] == cluster.node == pod["spec"]["nodeName"]
    assert status["podIPs"] == [address["ip"] for address in pod["status"]["podIPs"]]
    assert status["runtime"] == "gvisor" and pod["spec"]["runtimeClassName"] == "gvisor"
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    assert status["startedAt"] == ready["lastTransitionTime"]
    assert (moment(status["expiresAt"]) - moment(status["startedAt"])).total_seconds() == 600
    latency = status["startLatency"]
    assert 0 <= latency["acceptedMs"] <= latency["scheduledMs"] <= latency["readyMs"] < 30000
    states = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert states == {"Accepted": ("True", "Accepted"), "PodScheduled": ("True", "Scheduled"), "Ready": ("True", "Running"),
                      "NetworkFenced": ("Unknown", "NotVerified")}


def test_its_kernel_is_gvisors(namespace, hello):
    assert "gVisor" in inside(namespace, hello, "dmesg")
    assert "gvisor" in inside(namespace, hello, "cat /proc/version").lower()


def test_it_is_nobody_special_inside(namespace, hello):
    assert inside(namespace, hello, "id -u; id -g; hostname; pwd").split() == ["1000", "1000", "sandbox", "/workspace"]
    assert "CapEff:\t0000000000000000" in inside(namespace, hello, "cat /proc/self/status")
    assert namespace.exec(hello, "touch /etc/mine", check=False).returncode != 0


def test_home_and_scratch_are_writable(namespace, hello):
    script = 'for d in "$HOME" /workspace /tmp /home/user; do echo yes > $d/probe && cat $d/probe; done'
    assert inside(namespace, hello, script).split() == ["yes"] * 4


def test_it_holds_no_key_to_the_cluster(namespace, hello):
    assert namespace.exec(hello, "ls /var/run/secrets/kubernetes.io", check=False).returncode != 0
    # A Service in the namespace would be told to other pods through the environment.
    names = [line.split("=")[0] for line in inside(namespace, hello, "env").splitlines()]
    services = {name for name in names if name.endswith(("_SERVICE_HOST", "_SERVICE_PORT")) or "_PORT_" in name}
    assert all(name.startswith("KUBERNETES_") for name in services), "those the kubelet gives to every pod"


def test_the_tools_are_there(namespace, hello):
    answer = inside(namespace, hello, "python3 --version; git --version; curl --version | head -1; bash --version | head -1")
    for word in ("Python 3.", "git version", "curl ", "GNU bash"):
        assert word in answer


def test_names_fail_at_once_without_egress(namespace, hello):
    script = "import socket, time; t = time.time()\ntry: socket.getaddrinfo('example.com', 80)\nexcept OSError: print(time.time() - t)"
    assert float(inside(namespace, hello, f'python3 -c "{script}"')) < 3


def fill(path, count):
    """Writes COUNT MiB; tells what came to be, and of an error its text."""
    return f"dd if=/dev/zero of={path} bs=1M count={count} 2>&1; stat -c size=%s {path}"


def test_files_are_not_memory(namespace, small):
    answer = inside(namespace, small, fill("/workspace/big", 400))
    assert f"size={400 * MEBI}" in answer, answer
    inside(namespace, small, "rm /workspace/big")
    assert condition_of(small.read(), "Ready")["status"] == "True"


def test_the_workspace_is_full_at_its_size(namespace, small):
    answer = inside(namespace, small, fill("/workspace/full", 1500))
    assert "No space left" in answer and f"size={1024 * MEBI}" in answer, answer
    inside(namespace, small, "rm /workspace/full; echo again > /workspace/note")


def test_the_root_file_system_is_full_at_its_size(namespace, small):
    answer = inside(namespace, small, fill("/home/user/full", 400))
    size = int(re.search(r"size=(\d+)", answer).group(1))
    assert "No space left" in answer and 100 * MEBI < size <= 128 * MEBI, answer


def test_tmp_is_full_at_its_size(namespace, small):
    answer = inside(namespace, small, fill("/tmp/full", 400))
    assert "No space left" in answer and f"size={128 * MEBI}" in answer, answer
    # The kubelet counts what lies on its disk: a sandbox that is merely full is not evicted.
    assert condition_of(small.read(), "Ready")["status"] == "True"


def test_an_empty_spec_is_a_working_sandbox(namespace):
    sandbox = namespace.sandbox("empty")
    status = sandbox.wait_ready()
    assert status["runtime"] == "gvisor"
    assert (moment(status["expiresAt"]) - moment(status["startedAt"])).total_seconds() == 3600
    (container,) = sandbox.pod()["spec"]["containers"]
    assert container["image"] == f"cloister.dev/sandbox-base:{VERSION}"
    assert container["resources"]["limits"]["cpu"] == "1"
    assert inside(namespace, sandbox, "id -u").strip() == "1000"


def test_a_start_is_two_writes(namespace, release):
    namespace.sandbox("first").wait_ready()  # the default-deny policy is there from now on
    before = release.writes()
    namespace.sandbox("second").wait_ready()

    def difference():
        return {kind: count - before.get(kind, 0) for kind, count in release.writes().items() if count != before.get(kind, 0)}

    assert eventually(difference, 5, "the operator counts its requests") == {("create", "pods"): 1, ("patch", "sandboxes"): 1}


def test_a_namespace_and_its_sandbox_in_one_apply(shared_namespaces, release, api):
    """Kubernetes sets a namespace up behind its creation: that is no error, and nothing to alarm anybody with."""
    from support.sandboxes import Sandbox, manifest

    name = shared_namespaces.made[0].name + "-new"
    both = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": shared_namespaces.made[0].labels}},
            manifest("box", name)]
    shared_namespaces.cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(both))
    try:
        sandbox = Sandbox(api, name, "box")
        sandbox.wait_ready()
        assert sandbox.events() == []
    finally:
        api.delete("namespaces", name)
