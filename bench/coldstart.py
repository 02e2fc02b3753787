"""Cold starts on the embedded cluster: a bare Pod, our Sandbox and agent-sandbox's in turn, all under gVisor, nothing else
running; what each controller writes for one; and that it writes nothing afterwards."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median

from lib import controllers, places, workloads
from lib.controllers import OUT, Controller
from lib.kube import OUR_GROUP, PEER_GROUP, Api, pods, sandboxes
from lib.report import Row
from lib.stats import median_ci95, percentile, ratio_ci95, ratio_of_medians
from lib.watch import Log, Watch, owned_by, present, ready

NAMESPACE = "cloister-bench"
# From a start to Ready, and from a deletion to gone; far above what either takes.
_LIMIT_SECONDS = 60
# After Ready, for writes that follow late; and after a removal, while the kubelet and containerd still clear up.
_REST_SECONDS = 0.5


@dataclass(frozen=True)
class Arm:
    """One way to the same sandbox."""

    name: str
    path: str  # of the collection
    make: Callable[[str], dict]
    seen: Log
    controller: Controller | None = None  # none: the object is the pod itself

    def pod_of(self, name: str) -> Callable[[dict], bool]:
        return owned_by(name) if self.controller else lambda pod: pod["metadata"]["name"] == name

    def writes(self) -> int:
        """Of its controller, so far."""
        return self.controller.writes().requests if self.controller else 0


@dataclass(frozen=True)
class Start:
    """One start; times in ms since just before the POST, as the watches saw it."""

    round: int
    arm: str
    pod_seen: float
    pod_ready: float
    ready: float
    writes: int = 0
    delete_writes: int = 0


@dataclass
class Bed:
    """The cluster, the controllers at work on it, and who watches."""

    api: Api
    operator: Controller
    peer: Controller
    pods: Watch
    ours: Watch
    theirs: Watch

    def arms(self, template: dict) -> list[Arm]:
        return [Arm("pod", pods(NAMESPACE), lambda n: workloads.bare_pod(n, template), self.pods),
                self.our_arm(),
                Arm("peer", sandboxes(PEER_GROUP, NAMESPACE), lambda n: workloads.peer_sandbox(n, template), self.theirs,
                    self.peer)]

    def our_arm(self) -> Arm:
        return Arm("ours", sandboxes(OUR_GROUP, NAMESPACE), workloads.sandbox, self.ours, self.operator)


def our_operator(api: Api, operator: Path, say: Callable[[str], None]) -> Controller:
    """The one that is installed, since a second one would be in its way; otherwise a process of our own."""
    if found := controllers.installed(api):
        say("Cloister is installed on the cluster: its operator is the one that is measured")
        return found
    return controllers.operator(api.kubeconfig, controllers.our_config(NAMESPACE, NAMESPACE), operator, "operator-coldstart")


@contextmanager
def bed(operator: Path, tools: Path, say: Callable[[str], None]) -> Iterator[Bed]:
    with ExitStack() as stack:
        api = stack.enter_context(places.embedded_cluster(tools))
        stack.enter_context(places.namespace(api, NAMESPACE))
        yield Bed(api,
                  stack.enter_context(our_operator(api, operator, say)),
                  stack.enter_context(controllers.peer(api.kubeconfig, tools, "peer-coldstart")),
                  *(stack.enter_context(Watch(api, path)) for path in (
                      pods(NAMESPACE), sandboxes(OUR_GROUP, NAMESPACE), sandboxes(PEER_GROUP, NAMESPACE))))


def start(bed: Bed, arm: Arm, name: str, round: int = 0) -> Start:
    """Creates one and waits until it is seen Ready."""
    thing, is_pod = arm.make(name), arm.pod_of(name)
    began = time.perf_counter()
    bed.api.create(arm.path, thing)
    arm.seen.wait(f"{arm.name} {name} Ready", lambda: arm.seen.first(name, ready), _LIMIT_SECONDS)
    bed.pods.wait(f"pod of {name} Ready", lambda: bed.pods.find(lambda pod: is_pod(pod) and ready(pod)), _LIMIT_SECONDS)
    pod = bed.pods.find(is_pod)

    def after(moment: float) -> float:
        return (moment - began) * 1000

    return Start(round, arm.name, after(bed.pods.first(pod, present)), after(bed.pods.first(pod, ready)),
                 after(arm.seen.first(name, ready)))


def remove(bed: Bed, arm: Arm, name: str) -> None:
    """Deletes it and waits until it and its pod are gone."""
    pod = bed.pods.find(arm.pod_of(name))
    bed.api.delete(f"{arm.path}/{name}")
    arm.seen.wait(f"{arm.name} {name} gone", lambda: arm.seen.gone(name), _LIMIT_SECONDS)
    bed.pods.wait(f"pod {pod} gone", lambda: bed.pods.gone(pod), _LIMIT_SECONDS)


def life(bed: Bed, arm: Arm, name: str, round: int = 0) -> Start:
    """One start and its removal, with what the arm's controller wrote for each."""
    before = arm.writes()
    seen = start(bed, arm, name, round)
    time.sleep(_REST_SECONDS)
    started = arm.writes()
    remove(bed, arm, name)
    time.sleep(_REST_SECONDS)
    return replace(seen, writes=started - before, delete_writes=arm.writes() - started)


def template(bed: Bed) -> dict:
    """Of the pod that our operator makes; its Sandbox, the first in the namespace, also brings the permanent policy."""
    arm = bed.our_arm()
    start(bed, arm, "first")
    name = bed.pods.find(owned_by("first"))
    made = workloads.template_of(bed.api.get(f"{pods(NAMESPACE)}/{name}"))
    remove(bed, arm, "first")
    return made


def interleaved(bed: Bed, arms: list[Arm], rounds: int, say: Callable[[str], None]) -> list[Start]:
    """ROUNDS of each arm, one at a time; each round begins with another arm, so that none always follows the same."""
    starts = []
    for round in range(rounds):
        turn = round % len(arms)
        for arm in arms[turn:] + arms[:turn]:
            starts.append(life(bed, arm, f"{arm.name}-{round}", round))
        say(f"round {round + 1}/{rounds}: " + ", ".join(f"{s.arm} {s.ready:.0f} ms" for s in starts[-len(arms):]))
    return starts


def seen_writes(bed: Bed, name: str) -> int:
    """What a watch saw of the operator's writes for the Sandbox NAME: its pods, and its own versions after the first."""
    versions = [s for s in bed.ours.sights(name) if s.kind == "MODIFIED"]
    return len(versions) + bed.pods.count(owned_by(name))


def measure(bed: Bed, rounds: int, say: Callable[[str], None]) -> list[Row]:
    arms = bed.arms(template(bed))
    for arm in arms:  # what only a first one pays for is not counted
        life(bed, arm, f"{arm.name}-warm")
    starts = interleaved(bed, arms, rounds, say)
    save(starts, OUT / "start.csv")
    counted = sum(s.writes for s in starts if s.arm == "ours")
    seen = sum(seen_writes(bed, f"ours-{round}") for round in range(rounds))
    if seen != counted:
        say(f"the operator counts {counted} writes, the watch saw {seen}: somebody else is at work, or some had no effect")
    return [*write_rows(starts), *latency_rows(starts)]


def save(starts: list[Start], file: Path) -> None:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(asdict(starts[0])))
        writer.writeheader()
        writer.writerows({k: round(v, 2) if isinstance(v, float) else v for k, v in asdict(s).items()} for s in starts)


def write_rows(starts: list[Start]) -> list[Row]:
    """Pure: what the controllers wrote for a start, and for a removal."""
    of = {arm: [s for s in starts if s.arm == arm] for arm in ("ours", "peer")}

    def row(metric: str, count: Callable[[Start], int]) -> Row:
        ours, peer = (mean(count(s) for s in of[arm]) for arm in ("ours", "peer"))
        return Row(metric, ours, "writes", ours, peer, len(of["ours"]))

    return [row("writes_per_cold_start", lambda s: s.writes), row("writes_per_delete", lambda s: s.delete_writes)]


def latency_rows(starts: list[Start]) -> list[Row]:
    """Pure: what the starts of all arms come to."""
    of = {arm: [s for s in starts if s.arm == arm] for arm in ("pod", "ours", "peer")}
    at = {arm: [s.ready for s in of[arm]] for arm in of}
    rounds = len(at["ours"])

    def ratio(metric: str, arm: str) -> Row:
        pairs = list(zip(at["ours"], at[arm], strict=True))
        return Row(metric, ratio_of_medians(pairs), "ratio", median(at["ours"]), median(at[arm]), rounds, ratio_ci95(pairs))

    def quantile(metric: str, arm: str, beside: str | None, percent: int) -> Row:
        value = percentile(at[arm], percent)
        other = percentile(at[beside], percent) if beside else None
        return Row(f"{metric}_p{percent}_ms", value, "ms", value if beside else None, other, rounds)

    def stage(metric: str, took: Callable[[Start], float]) -> Row:
        ours, peer = ([took(s) for s in of[arm]] for arm in ("ours", "peer"))
        return Row(metric, median(ours), "ms", median(ours), median(peer), rounds, median_ci95(ours))

    def added(arm: str) -> list[float]:
        """Per round, what the arm's controller adds to the bare Pod's way: before the pod, and after it."""
        return [s.pod_seen - pod.pod_seen + s.ready - s.pod_ready for s, pod in zip(of[arm], of["pod"], strict=True)]

    return [ratio("ready_ratio_vs_pod", "pod"), ratio("ready_ratio_vs_peer", "peer"),
            Row("added_ms", median(added("ours")), "ms", median(added("ours")), median(added("peer")), rounds,
                median_ci95(added("ours"))),
            *(quantile("ready", "ours", "peer", percent) for percent in (50, 90)),
            *(quantile("pod_ready", "pod", None, percent) for percent in (50, 90)),
            stage("until_pod_seen_ms", lambda s: s.pod_seen),
            stage("pod_seen_to_ready_ms", lambda s: s.pod_ready - s.pod_seen),
            stage("after_pod_ready_ms", lambda s: s.ready - s.pod_ready)]


class Idle:
    """One gVisor Sandbox that is left alone from the moment it is Ready."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        start(bed, bed.our_arm(), "idle")
        time.sleep(2)  # whatever still belongs to the start
        self._began = time.monotonic()
        self._writes = bed.operator.writes().requests

    def rows(self, seconds: float) -> list[Row]:
        """When SECONDS have passed since it began."""
        time.sleep(max(0, self._began + seconds - time.monotonic()))
        writes = self._bed.operator.writes().requests - self._writes
        return [Row("idle_writes_gvisor", writes, f"writes/{seconds:.0f}s", writes)]
