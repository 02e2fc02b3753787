"""Three ways to the same warm sandbox: ours, agent-sandbox's, and the bare writes that any such way must make."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from lib import controllers, workloads
from lib.controllers import Controller
from lib.kube import Api, pods
from lib.load import Kind
from lib.watch import condition
from support.waiting import eventually

OURS = Kind("cloister.dev", "v1alpha1", "sandboxes", "Sandbox")
OUR_TEMPLATES = Kind("cloister.dev", "v1alpha1", "sandboxtemplates", "SandboxTemplate")
OUR_POOLS = Kind("cloister.dev", "v1alpha1", "sandboxpools", "SandboxPool")
CLAIMS = Kind("extensions.agents.x-k8s.io", "v1beta1", "sandboxclaims", "SandboxClaim")
PEER_POOLS = Kind("extensions.agents.x-k8s.io", "v1beta1", "sandboxwarmpools", "SandboxWarmPool")
PEER_TEMPLATES = Kind("extensions.agents.x-k8s.io", "v1beta1", "sandboxtemplates", "SandboxTemplate")

POOL = "warm"
# For a pool to be filled, and for what was started to be gone again.
_LIMIT_SECONDS = 300


def count(api: Api, path: str) -> int:
    """Of the objects at a collection's PATH."""
    page = api.get(f"{path}?limit=1")
    return len(page["items"]) + (page["metadata"].get("remainingItemCount") or 0)


@dataclass(frozen=True)
class Sample:
    """A Sandbox of ours and its pod, as the operator made them."""

    template: dict  # of the pod, without our labels
    labels: dict  # of the pod
    status: dict  # of the Sandbox


@dataclass
class Pool:
    """A pool's object, whose controller keeps it full."""

    api: Api
    kind: Kind
    namespace: str
    spec: dict
    wanted: int = 0

    def create(self) -> None:
        self.api.create(self.kind.path(self.namespace), self.kind.object({**self.spec, "replicas": 0}, POOL))

    def resize(self, wanted: int) -> None:
        self.api.patch(f"{self.kind.path(self.namespace)}/{POOL}", {"spec": {"replicas": wanted}})
        self.wanted = wanted


@dataclass
class BarePool:
    """Pods without a controller: each start posts the next one, and what then still lacks is posted from here."""

    api: Api
    namespace: str
    pod: dict
    wanted: int = 0

    def create(self) -> None:
        """Nothing: it has no object."""

    def resize(self, wanted: int) -> None:
        warm = self.api.get(f"{pods(self.namespace)}?labelSelector=bench={POOL}")["items"]
        for _ in range(wanted - len(warm)):
            self.api.create(pods(self.namespace), self.pod)
        self.wanted = wanted


@dataclass
class Arm:
    """One way; `controller` starts what makes it work."""

    name: str
    api: Api
    namespace: str
    kind: Kind
    spec: dict  # of what is started
    pool: Pool | BarePool | None  # none: cold starts
    controller: Callable[[], AbstractContextManager[Controller | None]]
    bare: dict | None = None  # the plan of starts without a controller

    @property
    def path(self) -> str:
        return self.kind.path(self.namespace)

    def fill(self, wanted: int) -> None:
        """At least WANTED Ready pods are in the pool."""
        if self.pool:
            self.pool.resize(max(wanted, self.pool.wanted))
        self.settle()

    def settle(self) -> None:
        """As many Ready pods are in the pool as shall be: what was taken has been replaced."""
        if isinstance(self.pool, BarePool):
            self.pool.resize(self.pool.wanted)
        eventually(self._settled, _LIMIT_SECONDS, f"the pool of {self.name} is full", every=0.2)

    def clear(self) -> None:
        """All that was started is gone, with its pods."""
        self.api.delete(self.path)
        eventually(lambda: count(self.api, self.path) == 0 and count(self.api, pods(self.namespace)) <= self._wanted,
                   _LIMIT_SECONDS, f"what was started by {self.name} is gone", every=0.2)

    def cold(self, prefix: str) -> int:
        """How many Sandboxes whose names begin with PREFIX say that they took no waiting pod."""
        started = [t for t in self.api.get(self.path)["items"] if t["metadata"]["name"].startswith(prefix)]
        return sum(map(condition("WarmStart", "False"), started))

    @property
    def _wanted(self) -> int:
        return self.pool.wanted if self.pool else 0

    def _settled(self) -> bool:
        """Seen from outside, since a pool's own status may lag: whatever was started has one of the pods."""
        starting = self.api.get(f"{pods(self.namespace)}?fieldSelector=status.phase=Pending&limit=1")["items"]
        return not starting and count(self.api, pods(self.namespace)) - count(self.api, self.path) == self._wanted


def ours(api: Api, namespace: str, operator: Path, warm: bool) -> Arm:
    spec = workloads.sandbox("")["spec"]
    config = controllers.our_config("", namespace)

    def work() -> Controller:
        return controllers.operator(api.kubeconfig, config, operator, "operator-claims")

    if not warm:
        return Arm("ours", api, namespace, OURS, spec, None, work)
    api.create(OUR_TEMPLATES.path(namespace), OUR_TEMPLATES.object({"sandbox": spec}, POOL))
    pool = Pool(api, OUR_POOLS, namespace, {"templateRef": {"name": POOL}})
    return Arm("ours", api, namespace, OURS, {"poolRef": {"name": POOL}}, pool, work)


def peers(api: Api, namespace: str, tools: Path, sample: Sample) -> Arm:
    api.create(PEER_TEMPLATES.path(namespace), PEER_TEMPLATES.object({"podTemplate": sample.template}, POOL))
    pool = Pool(api, PEER_POOLS, namespace, {"sandboxTemplateRef": {"name": POOL}})
    return Arm("peer", api, namespace, CLAIMS, {"warmPoolRef": {"name": POOL}}, pool,
               lambda: controllers.peer(api.kubeconfig, tools, "peer-claims", "--extensions"))


def bare(api: Api, namespace: str, sample: Sample) -> Arm:
    spec = sample.template["spec"]
    metadata = {"generateName": f"{POOL}-", "labels": {"bench": POOL}, "annotations": sample.template["metadata"]["annotations"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return Arm("bare", api, namespace, OURS, workloads.sandbox("")["spec"], BarePool(api, namespace, pod), nullcontext,
               {"labels": sample.labels, "status": sample.status, "pod": pod})
