"""Warm starts on a light control plane with simulated nodes: ours, agent-sandbox's and the bare writes in turn, at one rate
after another; and the highest rate that each of them holds."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib import arms, controllers, load, places, workloads
from lib.arms import Arm, Sample
from lib.controllers import Controller, Writes
from lib.kube import OUR_GROUP, Api, pods, sandboxes
from lib.load import Seen
from lib.search import Search
from lib.stats import percentile
from lib.watch import Watch, ready
from support.metrics import Metrics
from support.waiting import eventually

NODES, PODS_EACH = 20, 500
# The pool is never drained: what is measured are warm starts, with the refill running beside them.
SMALLEST_POOL = 200
# A rate is held when the 99th percentile stays below.
HELD_MS = 500
_WARM_UP = 5
# The control plane has nothing left to do when it takes less than this share of one CPU.
_QUIET_SHARE, _QUIET_SECONDS = 0.25, 0.4


@dataclass(frozen=True)
class Trial:
    """One load of one arm. What its controller used is counted until the pool is full again."""

    round: int
    arm: str
    rate: float
    seen: Seen
    cold: int  # starts of ours that took no pod from the pool
    writes: Writes
    cpu_ms: float
    rss_mib: float

    @property
    def held(self) -> bool:
        return self.seen.unready == 0 and self.cold == 0 and percentile(self.seen.latencies, 99) < HELD_MS


@dataclass
class Bed:
    plane: places.Plane
    arms: list[Arm]
    trials: list[Trial]

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    def quiet(self) -> None:
        """Waits until the control plane has nothing to do."""
        def share() -> float:
            before, began = self.plane.cpu_ms(), time.monotonic()
            time.sleep(_QUIET_SECONDS)
            return (self.plane.cpu_ms() - before) / (time.monotonic() - began) / 1000

        eventually(lambda: share() < _QUIET_SHARE, 120, "the control plane is quiet", every=0)


def sample(api: Api, namespace: str, operator: Path) -> Sample:
    """Of a Sandbox of ours that is started for it, and goes again."""
    config = controllers.our_config(namespace, namespace)
    path = sandboxes(OUR_GROUP, namespace)
    with controllers.operator(api.kubeconfig, config, operator, "operator-sample"), Watch(api, path) as seen:
        api.create(path, workloads.sandbox("sample"))
        seen.wait("sample Ready", lambda: seen.first("sample", ready), 60)
        made = api.get(f"{path}/sample")
        pod = api.get(f"{pods(namespace)}/{made['status']['podName']}")
        api.delete(f"{path}/sample")
        seen.wait("sample gone", lambda: seen.gone("sample"), 60)
    return Sample(workloads.template_of(pod), pod["metadata"]["labels"], made["status"])


@contextmanager
def bed(operator: Path, tools: Path, warm: bool) -> Iterator[Bed]:
    with ExitStack() as stack:
        kinds = [*places.OUR_CRDS, *sorted((tools / places.PEER_CRDS).glob("*.yaml"))]
        plane = stack.enter_context(places.simulated_cluster(kinds, NODES, PODS_EACH))
        api = plane.api
        spaces = {name: stack.enter_context(places.namespace(api, f"bench-{name}")) for name in ("ours", "peer", "bare")}
        found = sample(api, spaces["ours"], operator)
        made = [arms.ours(api, spaces["ours"], operator, warm), arms.peers(api, spaces["peer"], tools, found),
                arms.bare(api, spaces["bare"], found)]
        for arm in made:
            if arm.pool:
                arm.pool.create()
        yield Bed(plane, made, [])


def served_writes(metrics: Metrics) -> int:
    """What the API server says of the writes that a start's controller may make: those of pods (their status and binding
    are the node's and the scheduler's) and of what the two projects bring."""
    changes = ("POST", "PUT", "PATCH", "APPLY")
    brought = ("sandboxes", "sandboxpools", "sandboxclaims", "sandboxwarmpools", "sandboxtemplates", "controllerrevisions",
               "networkpolicies", "services")
    return int(metrics.total("apiserver_request_total", resource="pods", subresource="", verb=changes)
               + metrics.total("apiserver_request_total", resource=brought, verb=(*changes, "DELETE")))


@dataclass(frozen=True)
class Usage:
    """Of an arm's controller so far."""

    writes: Writes
    served: int
    cpu_ms: float

    @staticmethod
    def of(controller: Controller | None, api: Api) -> Usage:
        served = served_writes(Metrics(api.text("GET", "/metrics")))
        if not controller:
            return Usage(Writes(0, 0), served, 0)
        return Usage(controller.writes(), served, controller.child.cpu_ms())


def trial(bed: Bed, arm: Arm, controller: Controller | None, round: int, rate: float, seconds: float) -> Trial:
    """RATE starts a second for SECONDS, from a pool that holds as many."""
    number = math.ceil(rate * seconds)
    arm.fill(max(SMALLEST_POOL, number))
    bed.quiet()
    before = Usage.of(controller, arm.api)
    thing = arm.kind.object(arm.spec)
    prefix = f"{arm.name}-{len(bed.trials)}-"
    seen = load.run(arm.api.kubeconfig, arm.kind, arm.namespace, prefix, thing, rate, number, arm.bare)
    arm.settle()
    bed.quiet()
    after = Usage.of(controller, arm.api)
    own = after.writes - before.writes if controller else Writes(seen.writes.requests - number, seen.writes.conflicts)
    # The API server's count and the controller's own must agree: the larger one tells on the other.
    writes = Writes(max(own.requests, after.served - before.served - number), own.conflicts)
    made = Trial(round, arm.name, rate, seen, arm.cold(prefix), writes, after.cpu_ms - before.cpu_ms,
                 controller.child.rss_mib() if controller else 0)
    bed.trials.append(made)
    return made


@contextmanager
def turn(bed: Bed, arm: Arm) -> Iterator[Controller | None]:
    """The arm's controller works, and no other; a few starts have been made that do not count."""
    with arm.controller() as controller:
        arm.fill(SMALLEST_POOL)
        bed.quiet()
        load.run(arm.api.kubeconfig, arm.kind, arm.namespace, f"{arm.name}-warm-up-", arm.kind.object(arm.spec), 10, _WARM_UP,
                 arm.bare)
        yield controller
        arm.clear()
        bed.quiet()


def at_rates(bed: Bed, rates: dict[float, float], rounds: int, say: Callable[[str], None]) -> None:
    """Each round, each arm in turn at each of RATES, for so many seconds; each round begins with another arm."""
    for round in range(rounds):
        first = round % len(bed.arms)
        for arm in bed.arms[first:] + bed.arms[:first]:
            with turn(bed, arm) as controller:
                for rate, seconds in rates.items():
                    tell(trial(bed, arm, controller, round, rate, seconds), say)


def highest_rates(bed: Bed, first: dict[str, float], seconds: float, say: Callable[[str], None]) -> dict[str, Search]:
    """Each arm in turn at the next rate of its search, until all are found. What it held before is not tried again."""
    searches = {name: Search(rate, least=known_rate(bed.trials, name)) for name, rate in first.items()}
    while not all(search.done for search in searches.values()):
        for name, search in searches.items():
            if search.done:
                continue
            arm = bed.arm(name)
            with turn(bed, arm) as controller:
                made = trial(bed, arm, controller, 0, search.rate, seconds)
            tell(made, say)
            search.tell(made.held)
    return searches


def known_rate(trials: list[Trial], arm: str) -> float:
    """The highest that the arm held whenever it was tried, or 1."""
    rates = {t.rate for t in trials if t.arm == arm}
    return max([rate for rate in rates if all(t.held for t in trials if (t.arm, t.rate) == (arm, rate))], default=1)


def tell(made: Trial, say: Callable[[str], None]) -> None:
    at, wrong = made.seen.latencies, {"never Ready": made.seen.unready, "cold": made.cold, "requests failed": made.seen.failures}
    say(f"{made.arm} at {made.rate:.3g}/s: p50 {percentile(at, 50):.0f} ms, p99 {percentile(at, 99):.0f} ms"
        + "".join(f", {number} {what}" for what, number in wrong.items() if number))


def save(trials: list[Trial], file: Path) -> None:
    """Each single start."""
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["round", "arm", "rate", "due_ms", "posted_ms", "ready_ms"])
        for made in trials:
            for s in made.seen.starts:
                writer.writerow([made.round, made.arm, f"{made.rate:.4g}", f"{s.due:.2f}", f"{s.posted:.2f}", s.ready])
