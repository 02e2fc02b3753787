"""What the cluster looks like: every address, port, path and name in one place."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
CHECKOUT = SOURCE.parent.parent

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
COREDNS_IMAGE = "registry.k8s.io/coredns/coredns:v1.15.0"


class ClusterError(Exception):
    """Something the user should read: one clear line, no traceback."""


def cache_root() -> Path:
    """Where built tools and images live between runs and checkouts."""
    return Path(os.environ.get("CLOISTER_CACHE") or Path.home() / ".cache" / "cloister").absolute()


@dataclass(frozen=True)
class Settings:
    """The machine-wide cluster. The paths are fixed, so that any checkout finds what another one left."""

    state: Path = Path("/var/lib/cloister-cluster")
    run: Path = Path("/run/cloister-cluster")
    # gVisor's shim looks for volumes under /var/lib/kubelet/pods and nowhere else.
    kubelet_root: Path = Path("/var/lib/kubelet")
    build: Path = CHECKOUT / "build" / "cluster"

    cgroup: str = "cloister-cluster"
    node_name: str = "cloister-node"
    node_labels: str = "cloister.dev/sandbox-node=true"
    cluster_domain: str = "cluster.local"

    # The node's own addresses sit on a bridge without ports: nothing listens on the machine's real interfaces.
    link: str = "cloister0"
    node_ip: str = "10.123.0.1"
    node_ip6: str = "fd7c:105e:123::1"
    pod_cidr: str = "10.244.0.0/16"
    node_pod_cidr: str = "10.244.0.0/24"
    pod_cidr6: str = "fd7c:105e:244::/56"
    node_pod_cidr6: str = "fd7c:105e:244::/64"
    service_cidr: str = "10.96.0.0/16"
    service_cidr6: str = "fd7c:105e:96::/112"
    dns_ip: str = "10.96.0.10"
    dual_stack: bool = True
    cni_network: str = "cloister"

    apiserver_port: int = 16443
    etcd_port: int = 12379
    etcd_peer_port: int = 12380
    kubelet_port: int = 10250
    kubelet_healthz_port: int = 20248
    proxy_metrics_port: int = 20249
    proxy_healthz_port: int = 20256
    controller_manager_port: int = 20257
    scheduler_port: int = 20259

    proxy_mode: str = "nftables"
    # Without CAP_SYS_RESOURCE no process may lower an OOM score, and containerd must not try.
    may_lower_oom_score: bool = True
    tools: dict[str, str] = field(default_factory=dict)  # binary name -> absolute path

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def bin(self) -> Path:
        return self.state / "bin"

    @property
    def record(self) -> Path:
        """The state file: what runs here, since when, from which checkout, and what `down` must put back."""
        return self.state / "cluster.json"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.config / "admin.kubeconfig"

    @property
    def server(self) -> str:
        return f"https://{self.node_ip}:{self.apiserver_port}"

    @property
    def kubelet_marker(self) -> Path:
        """Says that the kubelet's directory is ours to remove."""
        return self.kubelet_root / ".cloister-cluster"

    def both(self, four: str, six: str) -> str:
        """A dual-stack flag value, or just the first family where the kernel has no IPv6."""
        return f"{four},{six}" if self.dual_stack else four


def source_files() -> list[Path]:
    """Everything that decides what `up` builds and starts."""
    wanted = [SOURCE / "cluster"]
    for folder in ("onenode", "addons", "images", "tools"):
        wanted += [p for p in (SOURCE / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return sorted(wanted)


def fingerprint(machine: tuple[object, ...]) -> str:
    """Names a cluster: two checkouts with the same sources and machine facts can share one."""
    digest = hashlib.sha256(repr(machine).encode())
    for path in source_files():
        digest.update(str(path.relative_to(SOURCE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
