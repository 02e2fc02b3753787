"""Snapshots on the embedded cluster, under gVisor: how long a sandbox stands still for one, and how soon another sandbox, or
twenty, answer that continue from it; beside `runsc checkpoint` by hand, cold starts, and the same program warming up."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from lib import places, workloads
from lib.http_probe import Probe, first_answer
from lib.kube import OUR_GROUP, Api, pods, sandboxes
from lib.report import Row
from lib.stats import Pair, median_ci95, ratio_ci95, ratio_of_medians
from lib.watch import Watch, owned_by, ready
from support.api import Api as SupportApi
from support.cluster import Cluster
from support.http_workload import program
from support.node_agent import STORE, NodeAgent
from support.release import Release
from support.waiting import eventually

NAMESPACE = "cloister-bench"
WARM_UP_SECONDS = 5
AT_ONCE = 20
POOL = "held"
# Of one start, snapshot or removal; far above what any takes.
LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """Answers HTTP: how often it was asked, and how much it holds."""

    warm_up_seconds: int
    ballast_mib: int

    @property
    def program(self) -> str:
        setup = f"""
import itertools, time
time.sleep({self.warm_up_seconds})
ballast, count = bytearray(b"x") * ({self.ballast_mib} << 20), itertools.count(1)
"""
        return program(setup, 'f"{next(count)} {len(ballast)}"')

    def counted(self, answer: bytes) -> int:
        """How often it was asked. It must hold what it held."""
        count, size = answer.decode().split()
        if int(size) != self.ballast_mib << 20:
            raise AssertionError(f"the sandbox holds {size} bytes, not {self.ballast_mib} MiB")
        return int(count)


WARMED_UP = Server(WARM_UP_SECONDS, 128)
PLAIN = Server(0, 0)


def server(name: str, snapshot: str | None = None, what: Server = WARMED_UP) -> dict:
    """A Sandbox of WHAT, or one that continues from its SNAPSHOT."""
    made = workloads.sandbox(name)
    made["spec"] |= {"command": ["python3", "-c", what.program], "resources": {"cpu": "500m", "memory": "512Mi", "disk": "256Mi"}}
    if snapshot:
        made["spec"]["restoreFrom"] = {"name": snapshot}
    return made


def in_held_pod(name: str, snapshot: str) -> dict:
    """The same, in a pod of the pool POOL."""
    made = workloads.sandbox(name)
    made["spec"] = {"poolRef": {"name": POOL}, "restoreFrom": {"name": snapshot}}
    return made


def waits(pod: dict) -> bool:
    """POD is held for whoever takes it."""
    return (any(owner["kind"] == "SandboxPool" for owner in pod["metadata"].get("ownerReferences", []))
            and any(c["type"] == "cloister.dev/Held" and c["status"] == "True" for c in pod["status"].get("conditions", []))
            and ready(pod))


@dataclass
class Bed:
    cluster: Cluster
    agent: NodeAgent
    api: Api
    pods: Watch
    sandboxes: Watch
    snapshots: Watch
    addresses: dict[str, str] = field(default_factory=dict)

    def path(self, name: str = "", kind: str = "sandboxes") -> str:
        return f"{OUR_GROUP}/namespaces/{NAMESPACE}/{kind}" + (f"/{name}" if name else "")

    def make(self, kind: str, name: str, spec: dict) -> None:
        self.api.create(self.path(kind=f"{kind.lower()}s"),
                        {"apiVersion": "cloister.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})

    def begin(self, name: str, snapshot: str | None = None, what: Server = WARMED_UP) -> float:
        """Creates a server; the moment before."""
        began = time.perf_counter()
        self.api.create(self.path(), server(name, snapshot, what))
        return began

    def answer(self, name: str) -> tuple[float, bytes]:
        """Its first one: when, and what."""
        def address() -> str | None:
            seen = self.pods.find(lambda pod: owned_by(name)(pod) and "podIP" in pod["status"])
            return seen and next(s.thing["status"]["podIP"] for s in reversed(self.pods.sights(seen)) if "podIP" in s.thing["status"])

        self.pods.wait(f"address of {name}", address, LIMIT_SECONDS)
        self.addresses[name] = address()
        return first_answer(self.addresses[name], LIMIT_SECONDS)

    def start(self, name: str, snapshot: str | None = None, what: Server = WARMED_UP) -> tuple[float, int]:
        """Seconds until it answers, and how often it had been asked by then."""
        began = self.begin(name, snapshot, what)
        at, said = self.answer(name)
        return at - began, what.counted(said)

    def remove(self, *names: str) -> None:
        """And waits until they and their pods are gone."""
        for name in names:
            self.api.delete(self.path(name))
        for name in names:
            pod = self.pods.find(owned_by(name))
            self.pods.wait(f"pod of {name} gone", lambda: self.pods.gone(pod), LIMIT_SECONDS)

    def want(self, name: str, state: str) -> None:
        self.api.patch(self.path(name), {"spec": {"desiredState": state}})

    def save(self, name: str, snapshot: str) -> float:
        """Seconds until it is seen Ready."""
        began = time.perf_counter()
        self.make("SandboxSnapshot", snapshot, {"sandboxRef": {"name": name}})
        self.snapshots.wait(f"snapshot {snapshot} Ready", lambda: self.snapshots.first(snapshot, ready), LIMIT_SECONDS)
        return self.snapshots.first(snapshot, ready) - began

    def drop(self, snapshot: str) -> None:
        self.api.delete(self.path(snapshot, "sandboxsnapshots"))
        self.snapshots.wait(f"snapshot {snapshot} gone", lambda: self.snapshots.gone(snapshot), LIMIT_SECONDS)


@contextmanager
def _installed(cluster: Cluster) -> Iterator[NodeAgent]:
    """Cloister by its chart, on a node that is prepared for snapshots; all of it goes, unless it was there before."""
    release = Release(cluster, SupportApi(cluster.kubeconfig))
    agent = NodeAgent(cluster, release.api)
    was_there = release.is_installed()
    cluster.load_images()
    try:
        release.install(snapshots=agent.values)
        release.wait_ready()
        agent.prepare()
        yield agent
    finally:
        agent.unprepare(release)
        agent.stop()
        release.restore() if was_there else release.uninstall()


@contextmanager
def bed() -> Iterator[Bed]:
    with ExitStack() as stack:
        cluster = Cluster()
        agent = stack.enter_context(_installed(cluster))
        api = Api(cluster.kubeconfig)
        stack.enter_context(places.namespace(api, NAMESPACE))
        watches = (pods(NAMESPACE), sandboxes(OUR_GROUP, NAMESPACE), f"{OUR_GROUP}/namespaces/{NAMESPACE}/sandboxsnapshots")
        yield Bed(cluster, agent, api, *(stack.enter_context(Watch(api, path)) for path in watches))


@dataclass
class Figures:
    """In seconds, one entry a round."""

    pause: list[float] = field(default_factory=list)      # for a snapshot, as a client sees it
    bare: list[float] = field(default_factory=list)       # for `runsc checkpoint` by hand, likewise
    outside: list[float] = field(default_factory=list)    # what a snapshot takes beside the pause
    cold_pod: list[float] = field(default_factory=list)   # an empty gVisor pod, until Ready
    warm_up: list[float] = field(default_factory=list)    # the program from the beginning, until its first answer
    fork: list[float] = field(default_factory=list)       # the same, continued from a snapshot
    held: list[float] = field(default_factory=list)       # a plain server, continued in a held pod of a pool
    unpause: list[float] = field(default_factory=list)
    at_once: list[float] = field(default_factory=list)    # twenty forks, per fork


def _checkpoint_by_hand(bed: Bed, name: str) -> float:
    """The pause that `runsc checkpoint` of the same sandbox makes, with the agent's options."""
    pod = bed.api.get(f"{pods(NAMESPACE)}/{bed.pods.find(owned_by(name))}")["metadata"]["uid"]
    # containerd keeps what the kubelet runs in a folder of its own.
    runsc = [bed.agent.runsc, f"--root={bed.cluster.env['CLOISTER_RUNSC_ROOT']}/k8s.io"]

    def is_its_root(container: dict) -> bool:
        notes = json.loads((Path(container["bundle"]) / "config.json").read_text()).get("annotations", {})
        return notes.get("io.kubernetes.cri.sandbox-uid") == pod and notes.get("io.kubernetes.cri.container-type") == "sandbox"

    found = next(c["id"] for c in json.loads(bed.cluster.run(*runsc, "list", "--format=json").stdout) if is_its_root(c))
    folder = STORE.parent / "checkpoint-by-hand"
    folder.mkdir(exist_ok=True)
    try:
        with Probe(bed.addresses[name]) as probe:
            time.sleep(0.2)  # so that it has answered before
            began = time.perf_counter()
            bed.cluster.run(*runsc, "checkpoint", "--leave-running", "--compression=none", f"--image-path={folder}", found)
            return probe.longest_gap(began, time.perf_counter())
    finally:
        shutil.rmtree(folder)


def _saved(bed: Bed, name: str, snapshot: str, figures: Figures) -> None:
    with Probe(bed.addresses[name]) as probe:
        time.sleep(0.2)
        began = time.perf_counter()
        took = bed.save(name, snapshot)
        pause = probe.longest_gap(began, began + took)
    figures.pause.append(pause)
    figures.outside.append(took - pause)


def _unpaused(bed: Bed, name: str) -> float:
    bed.want(name, "Paused")
    eventually(lambda: bed.api.get(bed.path(name))["status"]["phase"] == "Paused", LIMIT_SECONDS, f"{name} stands still")
    began = time.perf_counter()
    bed.want(name, "Running")
    return first_answer(bed.addresses[name], LIMIT_SECONDS)[0] - began


def _empty_pod(bed: Bed, name: str, template: dict) -> float:
    began = time.perf_counter()
    bed.api.create(pods(NAMESPACE), workloads.bare_pod(name, template))
    bed.pods.wait(f"{name} Ready", lambda: bed.pods.first(name, ready), LIMIT_SECONDS)
    took = bed.pods.first(name, ready) - began
    bed.api.delete(f"{pods(NAMESPACE)}/{name}")
    bed.pods.wait(f"{name} gone", lambda: bed.pods.gone(name), LIMIT_SECONDS)
    return took


def _make_pool(bed: Bed) -> None:
    """That holds one pod like the plain server's."""
    bed.make("SandboxTemplate", POOL, {"sandbox": server("", what=PLAIN)["spec"]})
    bed.make("SandboxPool", POOL, {"templateRef": {"name": POOL}, "replicas": 1, "hold": True})


def _wait_held(bed: Bed) -> None:
    eventually(lambda: any(map(waits, bed.api.get(pods(NAMESPACE))["items"])), LIMIT_SECONDS, "a pod is held")


def _drop_pool(bed: Bed) -> None:
    bed.api.delete(bed.path(POOL, "sandboxpools"))
    eventually(lambda: not any(map(waits, bed.api.get(pods(NAMESPACE))["items"])), LIMIT_SECONDS, "no pod is held")


def _held_fork(bed: Bed, name: str, snapshot: str) -> float:
    """Seconds until it answers."""
    _wait_held(bed)
    began = time.perf_counter()
    bed.api.create(bed.path(), in_held_pod(name, snapshot))
    at, said = bed.answer(name)
    PLAIN.counted(said)
    bed.sandboxes.wait(f"{name} Ready", lambda: bed.sandboxes.first(name, ready), LIMIT_SECONDS)
    status = bed.api.get(bed.path(name))["status"]
    if not any(c["type"] == "WarmStart" and c["status"] == "True" for c in status["conditions"]):
        raise AssertionError(f"{name} got no pod of the pool: {status['conditions']}")
    bed.remove(name)
    _wait_held(bed)
    return at - began


def _template(bed: Bed) -> dict:
    """Of an empty sandbox's pod."""
    bed.api.create(bed.path(), workloads.sandbox("empty"))
    bed.sandboxes.wait("empty Ready", lambda: bed.sandboxes.first("empty", ready), LIMIT_SECONDS)
    made = workloads.template_of(bed.api.get(f"{pods(NAMESPACE)}/{bed.pods.find(owned_by('empty'))}"))
    bed.remove("empty")
    return made


def _forks_at_once(bed: Bed, snapshot: str, stem: str, figures: Figures) -> None:
    names = [f"{stem}-{i}" for i in range(AT_ONCE)]
    began = [bed.begin(name, snapshot) for name in names][0]
    last = max(bed.answer(name)[0] for name in names)
    figures.at_once.append((last - began) / AT_ONCE)
    bed.remove(*names)


def measure(bed: Bed, rounds: int, say: Callable[[str], None]) -> list[Row]:
    template, figures = _template(bed), Figures()
    bed.start("origin")
    bed.save("origin", "first")
    bed.start("plain", what=PLAIN)
    bed.save("plain", "plain")
    _make_pool(bed)
    for name in ("warm", "warmer"):  # what only a first one pays for is not counted
        bed.start(name, "first")
        bed.remove(name)
        _held_fork(bed, f"{name}-held", "plain")
    for round in range(rounds):
        figures.cold_pod.append(_empty_pod(bed, f"cold-{round}", template))
        figures.fork.append(bed.start(f"fork-{round}", "first")[0])
        bed.remove(f"fork-{round}")
        figures.held.append(_held_fork(bed, f"held-{round}", "plain"))
        figures.warm_up.append(bed.start(f"begun-{round}")[0])
        figures.unpause.append(_unpaused(bed, f"begun-{round}"))
        for by_hand in (round % 2 == 0, round % 2 != 0):
            if by_hand:
                figures.bare.append(_checkpoint_by_hand(bed, f"begun-{round}"))
            else:
                _saved(bed, f"begun-{round}", f"saved-{round}", figures)
        bed.drop(f"saved-{round}")
        bed.remove(f"begun-{round}")
        say(f"round {round + 1}/{rounds}: " + ", ".join(f"{k} {1000 * v[-1]:.0f} ms" for k, v in vars(figures).items() if v))
    _drop_pool(bed)
    for round in range(max(1, rounds // 3)):
        _forks_at_once(bed, "first", f"many-{round}", figures)
        say(f"{AT_ONCE} forks at once: {1000 * figures.at_once[-1]:.0f} ms each")
    bed.remove("origin", "plain")
    bed.drop("first")
    bed.drop("plain")
    return rows(figures)


def rows(figures: Figures) -> list[Row]:
    """Pure: what the rounds come to."""
    def ratio(metric: str, ours: list[float], beside: list[float]) -> Row:
        pairs: list[Pair] = list(zip(ours, beside, strict=True))
        return Row(metric, ratio_of_medians(pairs), "ratio", 1000 * median(ours), 1000 * median(beside), len(pairs), ratio_ci95(pairs))

    def time_of(metric: str, took: list[float]) -> Row:
        ms = [1000 * seconds for seconds in took]
        return Row(metric, median(ms), "ms", median(ms), None, len(ms), median_ci95(ms))

    each, one = 1000 * median(figures.at_once), 1000 * median(figures.fork)
    return [ratio("pause_ratio", figures.pause, figures.bare), time_of("overhead_ms", figures.outside),
            ratio("fork_vs_cold_pod", figures.fork, figures.cold_pod), ratio("fork_vs_warmup", figures.fork, figures.warm_up),
            ratio("held_fork_vs_cold_pod", figures.held, figures.cold_pod), time_of("held_fork_ms", figures.held),
            time_of("unpause_ms", figures.unpause), Row("concurrent_fork_ratio", each / one, "ratio", each, one, len(figures.at_once))]
