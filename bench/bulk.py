"""Our operator with very many sandboxes on simulated nodes: what it keeps of each, how soon it has them all after a restart,
and that it does nothing while they do nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from lib import controllers, places, workloads
from lib.arms import OURS, count
from lib.controllers import Controller
from lib.kube import NAMESPACES, Api, pods
from lib.report import Row
from support.metrics import Metrics
from support.waiting import eventually
from warmstart import Usage

NAMESPACE = "bench"
# A Lease there can not be had: an operator that keeps its view and decides nothing.
_NOWHERE = "nowhere"
PODS_EACH = 110
_RESTARTS = 3
_PORTION = 200
_LIMIT_SECONDS = 900
_REST_SECONDS = 5


@dataclass(frozen=True)
class Kept:
    """Memory of a standby operator that has just listed everything, in bytes."""

    nothing: float
    sandboxes: float
    both: float
    encoded_sandbox: float
    encoded_pod: float


@dataclass(frozen=True)
class Bulk:
    number: int
    rss_mib: float
    idle_writes: int
    idle_cpu_ms_per_s: float
    idle_seconds: float
    synced_s: list[float]  # of each restart
    restart_writes: int
    kept: Kept


def encoded(things: Iterable[dict]) -> float:
    """Bytes of JSON, at the mean, without what the operator never decodes."""
    def text(thing: dict) -> str:
        metadata = {key: value for key, value in thing["metadata"].items() if key != "managedFields"}
        return json.dumps({**thing, "metadata": metadata}, separators=(",", ":"))

    return mean(len(text(thing).encode()) for thing in things)


@dataclass
class Bed:
    api: Api
    operator: Path

    def leader(self) -> AbstractContextManager[Controller]:
        return controllers.operator(self.api.kubeconfig, controllers.our_config("", NAMESPACE), self.operator, "operator-bulk")

    def standby(self, namespace: str = NAMESPACE) -> AbstractContextManager[Controller]:
        return controllers.operator(self.api.kubeconfig, controllers.our_config(namespace, _NOWHERE), self.operator,
                                    "operator-standby", leads=False)

    def standby_bytes(self, namespace: str = NAMESPACE) -> float:
        with self.standby(namespace) as controller:
            return controller.child.rss_mib() * 2**20

    def mean_encoded(self, path: str) -> float:
        return encoded(self.api.get(f"{path}?limit=200")["items"])


def running(metrics: Metrics) -> int:
    return int(metrics.total("cloister_sandboxes", phase="Running"))


def fill(bed: Bed, controller: Controller, number: int) -> None:
    """As fast as the control plane takes them: a portion is posted when all but one before it run."""
    for made in range(number):
        if made % _PORTION == 0:
            await_running(controller, made - _PORTION)
        bed.api.create(OURS.path(NAMESPACE), workloads.sandbox(f"bulk-{made}"))
    await_running(controller, number)


def await_running(controller: Controller, number: int) -> None:
    eventually(lambda: running(controller.metrics()) >= number, _LIMIT_SECONDS, f"{number} sandboxes run", every=0.2)


def restart(bed: Bed) -> tuple[float, int]:
    """Seconds from the start of the program until every store is filled and it leads, and what it wrote until it has looked at
    everything once."""
    began = time.monotonic()
    with bed.leader() as controller:
        took = time.monotonic() - began
        time.sleep(_REST_SECONDS)
        return took, controller.writes().requests


def kept(bed: Bed) -> Kept:
    """Ends with no pods: nobody works when they go."""
    sandbox, pod = bed.mean_encoded(OURS.path(NAMESPACE)), bed.mean_encoded(pods(NAMESPACE))
    nothing, both = bed.standby_bytes("default"), bed.standby_bytes()
    patient = Api(bed.api.kubeconfig, timeout=_LIMIT_SECONDS)
    patient.delete(f"{pods(NAMESPACE)}?gracePeriodSeconds=0")
    eventually(lambda: count(bed.api, pods(NAMESPACE)) == 0, _LIMIT_SECONDS, "the pods are gone", every=1)
    return Kept(nothing, bed.standby_bytes(), both, sandbox, pod)


def idle(bed: Bed, controller: Controller, seconds: float) -> tuple[int, float]:
    """Its writes, and its CPU time in ms per second, while nothing happens."""
    before = Usage.of(controller, bed.api)
    time.sleep(seconds)
    after = Usage.of(controller, bed.api)
    # The API server's count and the controller's own must agree: the larger one tells on the other.
    writes = max((after.writes - before.writes).requests, after.served - before.served)
    return writes, (after.cpu_ms - before.cpu_ms) / seconds


def measure(operator: Path, number: int, nodes: int, seconds: float, say: Callable[[str], None]) -> list[Row]:
    with places.simulated_cluster(places.OUR_CRDS, nodes, PODS_EACH) as plane:
        bed = Bed(plane.api, operator)
        bed.api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        with bed.leader() as controller:
            say(f"{number} sandboxes on {nodes} simulated nodes")
            fill(bed, controller, number)
            time.sleep(_REST_SECONDS)
            say(f"idle for {seconds:.0f} s")
            writes, cpu = idle(bed, controller, seconds)
            rss = controller.child.rss_mib()
        say("restarts")
        restarts = [restart(bed) for _ in range(_RESTARTS)]
        say("what is kept of each")
        return rows(Bulk(number, rss, writes, cpu, seconds, [took for took, _ in restarts],
                         sum(wrote for _, wrote in restarts), kept(bed)))


def rows(found: Bulk) -> list[Row]:
    """Pure."""
    n, kept_ = found.number, found.kept
    sandbox, pod = (kept_.sandboxes - kept_.nothing) / n, (kept_.both - kept_.sandboxes) / n
    return [Row("bytes_per_sandbox", sandbox - kept_.encoded_sandbox, "B", sandbox, n=n),
            Row("bytes_per_pod", pod - kept_.encoded_pod, "B", pod, n=n),
            Row("encoded_sandbox", kept_.encoded_sandbox, "B", n=n), Row("encoded_pod", kept_.encoded_pod, "B", n=n),
            Row("rss_mib_bulk", found.rss_mib, "MiB", n=n),
            Row("resync_s", median(found.synced_s), "s", n=len(found.synced_s), ci95=(min(found.synced_s), max(found.synced_s))),
            Row("restart_writes", found.restart_writes, "writes", n=len(found.synced_s)),
            Row("idle_writes_bulk", found.idle_writes, f"writes/{found.idle_seconds:.0f}s", n=n),
            Row("idle_cpu_ms_per_s_bulk", found.idle_cpu_ms_per_s, "ms/s", n=n)]
