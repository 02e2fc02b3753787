"""Where benchmarks run: the embedded cluster, for what a real kubelet and gVisor take; and a light control plane with
simulated nodes, for numbers of sandboxes that no small machine can hold."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.child import Child
from lib.kube import CRDS, NAMESPACES, NODES, RUNTIME_CLASSES, Api
from lib.controllers import OUT
from support.cluster import CLI, IMAGES, ROOT, Cluster, Trouble
from support.waiting import eventually

OUR_CRDS = sorted((ROOT / "crds").glob("*.yaml"))
PEER_CRDS = "agent-sandbox-crds"
PEER_CRD = f"{PEER_CRDS}/agents.x-k8s.io_sandboxes.yaml"
STAGES = ("node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease",
          "pod/fast/pod-ready", "pod/fast/pod-delete")


def tool_folder(group: str) -> Path:
    """Where the programs of a group of the embedded cluster's tools are; built if needed."""
    subprocess.run([CLI, "build", group], check=True, capture_output=True, text=True)
    return Path(subprocess.run([CLI, "tools", group], check=True, capture_output=True, text=True).stdout.strip())


def _established(api: Api, path: str) -> bool:
    conditions = (api.get(path).get("status") or {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


@contextmanager
def kind(api: Api, file: Path) -> Iterator[None]:
    """The CRD of FILE is there. One that was there before stays as it was; another goes when it is no longer needed."""
    group, plural = file.stem.split("_")
    path = f"{CRDS}/{plural}.{group}"
    had = api.exists(path)
    if not had:
        api.apply_crd(file)
        eventually(lambda: _established(api, path), 20, f"{plural}.{group} is served")
    try:
        yield
    finally:
        if not had:
            api.delete(path)


@contextmanager
def namespace(api: Api, name: str) -> Iterator[str]:
    """A new namespace; what an earlier run left of it goes first."""
    path = f"{NAMESPACES}/{name}"

    def remove() -> None:
        api.delete(path)
        eventually(lambda: not api.exists(path), 120, f"namespace {name} is gone")

    remove()
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    eventually(lambda: api.exists(f"{path}/serviceaccounts/default"), 30, f"namespace {name} has its service account")
    try:
        yield name
    finally:
        remove()


@contextmanager
def embedded_cluster(peer_tools: Path) -> Iterator[Api]:
    """The embedded cluster, which must be up, with all kinds and the sandbox image."""
    cluster = Cluster()
    api = Api(cluster.kubeconfig)
    image = IMAGES / "sandbox-base.tar"
    if not image.exists():
        raise Trouble(f"{image.relative_to(ROOT)} is missing: run `make images`")
    cluster.control("load", image)
    with ExitStack() as stack:
        for file in [*OUR_CRDS, peer_tools / PEER_CRD]:
            stack.enter_context(kind(api, file))
        yield api


def _node(name: str, pods: int) -> dict:
    room = {"cpu": str(pods), "memory": f"{pods}Gi", "pods": str(pods), "ephemeral-storage": f"{pods}Gi"}
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
            "status": {"allocatable": room, "capacity": room}}


@dataclass(frozen=True)
class Plane:
    api: Api
    processes: tuple[Child, ...]

    def cpu_ms(self) -> float:
        """Of all its servers so far."""
        return sum(child.family_cpu_ms() for child in self.processes)


@contextmanager
def simulated_cluster(kinds: Iterable[Path], nodes: int = 4, pods_each: int = 110) -> Iterator[Plane]:
    """A light control plane with the CRDs of the files KINDS, whose pods become Ready at once on NODES that kwok simulates.
    Each has room for PODS_EACH that take up to a CPU, 1 GiB of memory and 1 GiB of disk."""
    kwok, folder = tool_folder("kwok"), OUT / "plane"
    shutil.rmtree(folder, ignore_errors=True)
    with ExitStack() as stack:
        plane = stack.enter_context(Child([CLI, "apiserver", "--dir", folder, "--controller-manager", "--scheduler"],
                                          OUT / "plane.log", stdout=subprocess.PIPE))
        if not plane.process.stdout.readline():
            plane.process.wait(15)
            plane.check()
        api = Api(folder / "kubeconfig")
        configs = [word for stage in STAGES for word in ("--config", kwok / f"kwok-stages/{stage}.yaml")]
        simulator = stack.enter_context(Child([kwok / "kwok", "--kubeconfig", folder / "kubeconfig", "--manage-all-nodes=true",
                                               "--node-lease-duration-seconds=40", *configs], OUT / "kwok.log"))
        api.create(RUNTIME_CLASSES, {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
                                     "metadata": {"name": "gvisor"}, "handler": "runsc"})
        for index in range(nodes):
            api.create(NODES, _node(f"simulated-{index}", pods_each))
        for file in kinds:
            stack.enter_context(kind(api, file))
        yield Plane(api, (plane, simulator))
