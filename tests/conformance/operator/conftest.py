"""The real operator on a bare API server: there is no kubelet here, the tests play it."""

import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "e2e"))

from kubelet import Node  # noqa: E402 (the path must be set first)
from support.api import Api  # noqa: E402
from support.metrics import Metrics  # noqa: E402
from support.operator_process import Operator, binary  # noqa: E402
from support.pools import make_pool, make_template  # noqa: E402
from support.sandboxes import Sandbox, manifest  # noqa: E402
from support.waiting import eventually  # noqa: E402
from wire import Wire  # noqa: E402

FAST_ELECTION = {"leaseDuration": "3s", "renewDeadline": "2s", "retryPeriod": "500ms"}


@pytest.fixture(scope="session")
def api(admin, kubeconfig):
    """With Cloister's kinds, and the RuntimeClass that sandboxes ask for."""
    client = Api(kubeconfig)
    if client.get("runtimeclasses", "gvisor") is None:
        client.create("runtimeclasses", {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
                                         "metadata": {"name": "gvisor"}, "handler": "runsc"})
    return client


class Bed:
    """A namespace with operators that see nothing else, and nodes to put pods on."""

    def __init__(self, api, kubeconfig, namespace, folder):
        self.api, self.kubeconfig, self.namespace, self.folder = api, kubeconfig, namespace, folder
        self._operators, self._nodes, self._count = [], [], itertools.count(1)

    def operator(self, kubeconfig=None, **config):
        """One more replica: those of a test share a Lease."""
        config = {"watchNamespaces": [self.namespace],
                  "leaderElection": {"namespace": self.namespace, **FAST_ELECTION}, **config}
        program = binary(os.environ.get("PRESET", "asan-ubsan"), "release")
        made = Operator(program, self.folder, kubeconfig or self.kubeconfig, config, f"operator-{next(self._count)}")
        self._operators.append(made)
        return made.start()

    def node(self):
        made = Node(self.api, f"{self.namespace}-node-{next(self._count)}")
        self._nodes.append(made)
        return made

    def wire(self):
        return Wire(self.kubeconfig, self.folder)

    def sandbox(self, name="box", **spec):
        self.api.create("sandboxes", manifest(name, self.namespace, spec))
        return Sandbox(self.api, self.namespace, name)

    def pods(self):
        return self.api.list("pods", self.namespace)

    def pod_of(self, sandbox, within=10):
        """The Sandbox's pod, as soon as the operator has made it."""
        return eventually(lambda: next(iter(sandbox.pods()), None), within, f"the pod of {sandbox.name}")

    def started(self, node, name="box", **spec):
        """A Sandbox that runs."""
        sandbox = self.sandbox(name, **spec)
        node.run(self.pod_of(sandbox))
        sandbox.wait_ready(within=10)
        return sandbox

    def template(self, sandbox=None, name="python", **spec):
        return make_template(self.api, self.namespace, name, sandbox or {}, **spec)

    def pool(self, name="pool", template="python", **spec):
        return make_pool(self.api, self.namespace, name, template, **spec)

    def fill(self, node, pool, count):
        """Makes the pool's pods Ready, COUNT of them; its status then."""
        def run_new():
            for pod in pool.pods():
                if not pod["spec"].get("nodeName"):
                    node.run(pod)
            return len(pool.pods()) == count and all(pod["spec"].get("nodeName") for pod in pool.pods())

        eventually(run_new, 20, f"{count} pods of {pool.name}")
        return pool.wait_full(count, within=10)

    def full_pool(self, count, **spec):
        """An operator, a template `python`, a node, and a SandboxPool `pool` whose COUNT pods are ready."""
        self.operator().wait_ready()
        node = self.node()
        self.template({"env": [{"name": "FROM", "value": "template"}], "lifecycle": {"ttl": "10m"}})
        pool = self.pool(replicas=count, **spec)
        self.fill(node, pool, count)
        return node, pool

    def end(self, failed):
        for operator in self._operators:
            operator.kill()
            if failed:
                print(f"--- {operator.name}\n" + "\n".join(operator.log().splitlines()[-60:]))
        for node in self._nodes:
            node.delete()


FAILED = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or outcome.get_result().failed


@pytest.fixture
def bed(api, kubeconfig, namespace, tmp_path, request):
    eventually(lambda: api.get("serviceaccounts", "default", namespace), 20, "the namespace is set up")
    made = Bed(api, kubeconfig, namespace, tmp_path)
    yield made
    made.end(request.node.stash.get(FAILED, False))


class Writes:
    """Counts write requests as the API server saw them, of kinds that nobody but the operator makes in these tests."""

    KINDS = {"pods POST": ("POST", "pods", ""), "pods PATCH": ("PATCH", "pods", ""), "status": ("PATCH", "sandboxes", "status"),
             "policies": ("POST", "networkpolicies", ""), "policies PATCH": ("PATCH", "networkpolicies", ""),
             "revisions": ("POST", "controllerrevisions", ""),
             "pool status": ("PATCH", "sandboxpools", "status"), "template status": ("PATCH", "sandboxtemplates", "status")}

    def __init__(self, api, namespace):
        self._api, self._namespace = api, namespace
        self._before = self._read()

    def _read(self):
        metrics = Metrics(self._api.send("GET", "/metrics").decode())
        counts = {name: int(metrics.total("apiserver_request_total", verb=verb, resource=resource, subresource=subresource))
                  for name, (verb, resource, subresource) in self.KINDS.items()}
        # Others write Events too: the operator's are told by what they say.
        events = [event for kind in ("Sandbox", "SandboxPool", "SandboxTemplate")
                  for event in self._api.list("events", self._namespace, fields=f"involvedObject.kind={kind}")]
        return {**counts, "events": sum(event.get("count") or 1 for event in events)}

    def since(self):
        """{kind: count}, of those that were made."""
        return {name: count - self._before[name] for name, count in self._read().items() if count != self._before[name]}


@pytest.fixture
def writes(api, namespace):
    """Starts counting."""
    return lambda: Writes(api, namespace)
