"""A real API server for these tests, and the tools to talk to it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "e2e/cluster/cluster"


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory):
    """That of $CLOISTER_CONFORMANCE_KUBECONFIG; unset, of an API server (with controllers) that lives as long as the tests."""
    given = os.environ.get("CLOISTER_CONFORMANCE_KUBECONFIG")
    if given:
        yield given
        return
    command = [CLUSTER, "apiserver", "--controller-manager", "--dir", tmp_path_factory.mktemp("apiserver")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        assert line.startswith("KUBECONFIG="), "the API server did not start"
        yield line.strip().removeprefix("KUBECONFIG=")
        server.terminate()


@dataclass(frozen=True)
class Answer:
    ok: bool
    text: str  # standard output, and standard error after it

    def json(self):
        assert self.ok, self.text
        return json.loads(self.text)


@dataclass(frozen=True)
class Kubectl:
    program: str
    kubeconfig: str
    options: tuple = ()

    def __call__(self, *words, stdin=None):
        """Objects given as STDIN travel as JSON, which is YAML."""
        command = [self.program, f"--kubeconfig={self.kubeconfig}", *self.options, *words]
        done = subprocess.run(command, input=None if stdin is None else json.dumps(stdin), text=True, timeout=60,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return Answer(done.returncode == 0, done.stdout)

    def having(self, *options):
        return Kubectl(self.program, self.kubeconfig, (*self.options, *options))

    def must(self, *words, stdin=None):
        answer = self(*words, stdin=stdin)
        assert answer.ok, answer.text
        return answer


def tool(group, name):
    done = subprocess.run([CLUSTER, "tools", group], text=True, check=True, stdout=subprocess.PIPE)
    return str(Path(done.stdout.strip()) / name)


@pytest.fixture(scope="session")
def helm():
    return tool("helm", "helm")


@pytest.fixture(scope="session")
def admin(kubeconfig):
    """kubectl as the administrator, with Cloister's kinds installed."""
    kubectl = Kubectl(tool("kubernetes", "kubectl"), kubeconfig)
    kubectl.must("apply", "--server-side", "-f", str(ROOT / "crds"))
    kubectl.must("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))
    return kubectl


@pytest.fixture
def namespace(admin):
    """A namespace of this test's own."""
    created = admin.must("create", "-o", "json", "-f", "-", stdin={
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "conformance-"}}).json()
    name = created["metadata"]["name"]
    yield name
    admin("delete", "namespace", name, "--wait=false")
