"""What a controller takes while its sandboxes do nothing: memory, CPU, writes. On a light control plane with simulated
nodes, since what counts are the objects that it keeps, not what runs in the pods."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lib import controllers, places, workloads
from lib.controllers import Controller
from lib.kube import OUR_GROUP, PEER_GROUP, Api, pods, sandboxes
from lib.report import Row
from lib.watch import Watch, owned_by, ready
from support.metrics import Metrics

NAMESPACE = "bench"
# After the last Ready: what still belongs to the starts.
_REST_SECONDS = 5
_WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE")


@dataclass(frozen=True)
class Footprint:
    rss_mib: float
    cpu_ms_per_s: float
    idle_writes: int
    writes_per_start: float


def served_writes(metrics: Metrics) -> int:
    """What the API server says of the writes that only a sandbox controller makes: pods created or changed (not their
    status, which is the node's), the status of Sandboxes, network policies. Their creators POST the Sandboxes."""
    def total(**labels: object) -> float:
        return metrics.total("apiserver_request_total", **labels)

    return int(total(resource="pods", subresource="", verb=("POST", "PUT", "PATCH", "APPLY"))
               + total(resource="sandboxes", subresource="status", verb=_WRITES)
               + total(resource="sandboxes", subresource="", verb=("PUT", "PATCH", "APPLY"))
               + total(resource="networkpolicies", verb=_WRITES))


def _served(api: Api) -> int:
    return served_writes(Metrics(api.text("GET", "/metrics")))


def fill(api: Api, seen: Watch, path: str, make: Callable[[str], dict], names: list[str]) -> None:
    """Creates them one after another and waits until all are Ready."""
    for name in names:
        api.create(path, make(name))
    for name in names:
        seen.wait(f"{name} Ready", lambda name=name: seen.first(name, ready), 120)


def idle(api: Api, controller: Controller, seen: Watch, path: str, make: Callable[[str], dict], count: int,
         seconds: float) -> Footprint:
    """COUNT sandboxes, the first of which also brings what is made once per namespace; then SECONDS of nothing."""
    names = [f"idle-{index}" for index in range(count)]
    fill(api, seen, path, make, names[:1])
    before = _served(api)
    fill(api, seen, path, make, names[1:])
    time.sleep(_REST_SECONDS)
    served, own, cpu, began = _served(api), controller.writes().requests, controller.child.cpu_ms(), time.monotonic()
    time.sleep(seconds)
    cpu_ms_per_s = (controller.child.cpu_ms() - cpu) / (time.monotonic() - began)
    # The API server's count and the controller's own must agree: the larger one tells on the other.
    writes = max(_served(api) - served, controller.writes().requests - own)
    return Footprint(controller.child.rss_mib(), cpu_ms_per_s, writes, (served - before) / (count - 1))


def ours(api: Api, operator: Path, count: int, seconds: float) -> tuple[Footprint, dict]:
    """And the template of its pods."""
    config = controllers.our_config("", NAMESPACE)
    path = sandboxes(OUR_GROUP, NAMESPACE)
    with controllers.operator(api.kubeconfig, config, operator, "operator-footprint") as controller, \
            Watch(api, path) as seen, Watch(api, pods(NAMESPACE)) as made:
        found = idle(api, controller, seen, path, workloads.sandbox, count, seconds)
        pod = api.get(f"{pods(NAMESPACE)}/{made.find(owned_by('idle-0'))}")
    return found, workloads.template_of(pod)


def theirs(api: Api, tools: Path, template: dict, count: int, seconds: float) -> Footprint:
    path = sandboxes(PEER_GROUP, NAMESPACE)
    with controllers.peer(api.kubeconfig, tools, "peer-footprint") as controller, Watch(api, path) as seen:
        return idle(api, controller, seen, path, lambda name: workloads.peer_sandbox(name, template), count, seconds)


def measure(operator: Path, tools: Path, count: int, seconds: float, say: Callable[[str], None]) -> list[Row]:
    with places.simulated_cluster([*places.OUR_CRDS, tools / places.PEER_CRD]) as plane:
        api = plane.api
        with places.namespace(api, NAMESPACE):
            say(f"our operator with {count} sandboxes on simulated nodes, idle for {seconds:.0f} s")
            us, template = ours(api, operator, count, seconds)
        with places.namespace(api, NAMESPACE):
            say("agent-sandbox's controller, the same")
            them = theirs(api, tools, template, count, seconds)
    return rows(us, them, count, seconds)


def rows(us: Footprint, them: Footprint, count: int, seconds: float) -> list[Row]:
    def row(metric: str, unit: str, read: Callable[[Footprint], float]) -> Row:
        return Row(metric, read(us), unit, read(us), read(them), count)

    return [row("rss_mib", "MiB", lambda f: f.rss_mib), row("idle_cpu_ms_per_s", "ms/s", lambda f: f.cpu_ms_per_s),
            row("idle_writes", f"writes/{seconds:.0f}s", lambda f: f.idle_writes),
            row("writes_per_cold_start_served", "writes", lambda f: f.writes_per_start)]
