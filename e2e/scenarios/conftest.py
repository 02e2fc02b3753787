"""The cluster, Cloister on it, and a namespace for each scenario."""

import base64
import itertools
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.api import Api, ApiError  # noqa: E402 (the path must be set first)
from support.cluster import Cluster  # noqa: E402
from support.faulty_proxy import FaultyProxy  # noqa: E402
from support.operator_process import Operator, binary  # noqa: E402
from support.node_agent import NodeAgent  # noqa: E402
from support.release import NAME, NAMESPACE, Release  # noqa: E402
from support.report import describe  # noqa: E402
from support.sandboxes import Namespace  # noqa: E402
from support.trial import Trial  # noqa: E402
from support.waiting import eventually  # noqa: E402
from support.witness import Witness  # noqa: E402

# From the quiet to the disruptive: what breaks the operator, the API server or the node comes last.
ORDER = ["test_start", "test_pools", "test_quotas", "test_command_line", "test_pending", "test_end", "test_recovery", "test_snapshots", "test_files", "test_held", "test_golden", "test_schedule", "test_pause", "test_suspend", "test_versions", "test_store", "test_on_expiry", "test_lifetime", "test_changes",
         "test_policies", "test_tenants", "test_operator_faults", "test_chart", "test_cluster_faults", "test_request_faults",
         "test_crash_faults", "test_uninstall"]
RUN = f"{os.getpid() % 10000:04}"  # leftovers of an earlier run are not met
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "cloister-e2e": RUN}


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(item.module.__name__))


@pytest.fixture(scope="session")
def cluster():
    return Cluster()


@pytest.fixture(scope="session")
def api(cluster):
    return Api(cluster.kubeconfig)


@pytest.fixture(scope="session")
def release(cluster, api):
    """Cloister with two replicas. One that was there before is upgraded, and stays."""
    made = Release(cluster, api)
    was_there = made.is_installed()
    cluster.load_images()
    made.restore()
    api.patch("namespaces", NAMESPACE, "", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    yield made
    remove_namespaces(api)
    if was_there:
        made.restore()
    elif made.is_installed():
        made.uninstall()


@pytest.fixture(scope="module")
def node(cluster, api, release):
    """A node with the chart's agent, which has prepared it, and an operator that knows of it."""
    agent = NodeAgent(cluster, api)
    release.install(snapshots=agent.values)
    release.wait_ready()
    agent.prepare()
    yield agent
    print(agent.log())
    agent.unprepare(release)
    agent.stop()
    release.restore()
    agent.wait_gone()


def remove_namespaces(api):
    eventually(lambda: not api.list("namespaces", labels=f"cloister-e2e={RUN}"), 60, "the scenarios' namespaces are gone")


class Namespaces:
    """Makes namespaces, and deletes those that it made."""

    def __init__(self, cluster, api, stem):
        self.cluster, self.api, self.stem = cluster, api, stem
        self.made, self._count = [], itertools.count(1)

    def __call__(self, **labels):
        number = next(self._count)
        name = f"e2e-{self.stem}-{RUN}" + ("" if number == 1 else f"-{number}")
        made = Namespace(self.cluster, self.api, name, {**RESTRICTED, **labels})
        self.made.append(made)
        # Without it pods are refused.
        eventually(lambda: self.api.get("serviceaccounts", "default", name), 20, f"{name} is set up")
        return made

    def delete(self):
        for namespace in self.made:
            try:
                namespace.delete()
            except ApiError:  # a scenario deleted it
                pass


def stem_of(name):
    return re.sub(r"[^a-z0-9]+", "-", name.removeprefix("test_").lower())[:36].strip("-")


@pytest.fixture
def namespaces(cluster, api, release, request):
    made = Namespaces(cluster, api, stem_of(request.node.name))
    request.node.stash[MADE] = made
    yield made
    made.delete()


@pytest.fixture
def namespace(namespaces):
    """The test's own, under Pod Security `restricted`."""
    return namespaces()


@pytest.fixture(scope="module")
def shared_namespaces(cluster, api, release, request):
    """For what several tests only look at."""
    made = Namespaces(cluster, api, stem_of(request.module.__name__))
    yield made
    made.delete()


@pytest.fixture(scope="module")
def no_replicas(release):
    """Cloister as it is installed, rights and all, but nobody at work."""
    release.scale(0)
    yield release
    release.scale(2)
    release.restore()


@pytest.fixture(scope="module")
def proxy(cluster, no_replicas, tmp_path_factory):
    """Between the API server and the operator under test. Its KUBECONFIG is that of the chart's own service account."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    authority = base64.b64decode(config["certificate-authority-data"]).decode()
    made = FaultyProxy(config["server"], authority, tmp_path_factory.mktemp("proxy"))
    yield made
    made.stop()


@pytest.fixture
def start_trial(cluster, api, no_replicas, proxy, tmp_path):
    """start_trial(CONFIG...) -> Trial: the program that ships, as a process of this machine, as the chart configures it."""
    started = []

    def start(**config):
        token = cluster.kubectl("create", "token", NAME, "--namespace", NAMESPACE, "--duration=1h").strip()
        program = binary(os.environ.get("PRESET", "release"))
        operator = Operator(program, tmp_path, proxy.kubeconfig(token), {**no_replicas.config(), **config})
        trial = Trial(api, proxy, operator, Witness(cluster.kubeconfig))
        started.append(trial)
        operator.start().wait_ready()
        return trial

    yield start
    for trial in started:
        proxy.calm()
        proxy.boundary = None
        trial.end()
        print(trial.report())


MADE = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when != "call" or not report.failed or "release" not in item.funcargs:
        return
    made = item.funcargs.get("shared_namespaces") or item.stash.get(MADE, None)
    try:
        report.sections.append(("The cluster", describe(made.made if made else [], item.funcargs["release"])))
    except (ApiError, OSError) as trouble:
        report.sections.append(("The cluster", f"cannot be asked: {trouble}"))
