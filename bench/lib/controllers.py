"""The two controllers that are compared: as plain processes, whose use of the machine /proc tells; or ours as it is
installed on the cluster."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lib.child import Child, free_port
from lib.kube import Api
from support.cluster import ROOT, Trouble
from support.metrics import Metrics
from support.waiting import eventually

OPERATOR = ROOT / "build/release/operator/cloister-operator"
OUT = ROOT / "build/bench"

_READS = ("get", "list", "watch")
_START_SECONDS = 120
# As the chart labels its pods, and where they serve their metrics.
_INSTALLED = "app.kubernetes.io%2Fname%3Dcloister-operator"
_INSTALLED_PORT = 8080


def _fetch(url: str) -> str:
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with local.open(url, timeout=5) as answer:
        return answer.read().decode()


@dataclass(frozen=True)
class Writes:
    """Requests that could change something, whatever came of them; and how many of them met a newer version."""

    requests: int
    conflicts: int

    def __sub__(self, earlier: Writes) -> Writes:
        return Writes(self.requests - earlier.requests, self.conflicts - earlier.conflicts)


def _writes(samples: Iterable[tuple[dict[str, str], float]]) -> Writes:
    """A JSON patch whose test does not hold is answered 422, all other conflicts 409."""
    counted = list(samples)
    return Writes(int(sum(value for _, value in counted)),
                  int(sum(value for labels, value in counted if labels["code"] in ("409", "422"))))


def our_writes(metrics: Metrics) -> Writes:
    """Renewals of the Lease aside."""
    return _writes((labels, value) for labels, value in metrics.matching("cloister_api_requests_total")
                   if labels["verb"] not in _READS and labels["resource"] != "leases")


def peer_writes(metrics: Metrics) -> Writes:
    return _writes((labels, value) for labels, value in metrics.matching("rest_client_requests_total")
                   if labels["method"] != "GET")


class Controller:
    """A controller at work, and its metrics. `with` waits until it works, and ends it if it is a child of ours."""

    def __init__(self, name: str, metrics_url: str, count: Callable[[Metrics], Writes], works: Callable[[], bool],
                 child: Child | None = None) -> None:
        self.child = child
        self._name = name
        self._metrics_url = metrics_url
        self._count = count
        self._works = works

    def __enter__(self) -> Controller:
        eventually(self._works, _START_SECONDS, f"{self._name} works")
        return self

    def __exit__(self, *_: object) -> None:
        if self.child:
            self.child.stop()

    def writes(self) -> Writes:
        """Since it started."""
        return self._count(self.metrics())

    def metrics(self) -> Metrics:
        if self.child:
            self.child.check()
        try:
            return Metrics(_fetch(self._metrics_url))
        except OSError as problem:
            raise Trouble(f"{self._name} no longer tells its metrics ({problem}): was it restarted?") from None


def _answers(url: str) -> bool:
    try:
        return bool(_fetch(url))
    except OSError:
        return False


def _leads(url: str) -> bool:
    try:
        return Metrics(_fetch(url)).total("cloister_leader") == 1
    except OSError:
        return False


def installed(api: Api) -> Controller | None:
    """The leading replica of the Cloister that is installed on the cluster, if one is."""
    pods = api.get(f"/api/v1/pods?labelSelector={_INSTALLED}")["items"]
    addresses = [pod["status"]["podIP"] for pod in pods if (pod.get("status") or {}).get("podIP")]
    urls = [f"http://{address}:{_INSTALLED_PORT}/metrics" for address in addresses]
    if not urls:
        return None
    url = next((url for url in urls if _leads(url)), None)
    if not url:
        raise Trouble(f"Cloister is installed on the cluster, but none of its {len(urls)} replicas leads")
    return Controller("the installed operator", url, our_writes, lambda: _leads(url))


def our_config(namespace: str, lease_namespace: str) -> dict:
    """NAMESPACE empty: all of them. The Lease is on, as in production."""
    watched = {"watchNamespaces": [namespace]} if namespace else {}
    return {**watched, "leaderElection": {"namespace": lease_namespace}}


def operator(kubeconfig: Path, config: dict, binary: Path, name: str, leads: bool = True) -> Controller:
    """Ours. It works once its view is up to date and, unless it can have no Lease, it leads. NAME is that of its log and its
    configuration file."""
    if not binary.exists():
        raise Trouble(f"{binary} is missing: run `make operator`")
    file = OUT / f"{name}.yaml"
    OUT.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    child = Child([binary, "--kubeconfig", kubeconfig, "--config", file, "--listen", f"127.0.0.1:{port}"],
                  OUT / f"{name}.log")

    def works() -> bool:
        child.check()
        return _answers(f"{base}/readyz") and (not leads or _leads(f"{base}/metrics"))

    return Controller("cloister-operator", f"{base}/metrics", our_writes, works, child)


def peer(kubeconfig: Path, tools: Path, name: str, *options: str) -> Controller:
    """agent-sandbox's, without leader election (which spares it the Lease's renewals) and webhooks. OPTIONS such as
    `--extensions`, without which it knows neither pools nor claims."""
    metrics, health = free_port(), free_port()
    child = Child([tools / "agent-sandbox-controller", "--kubeconfig", kubeconfig, "--leader-elect=false",
                   "--enable-webhook=false", "--manage-webhook-certs=false",
                   f"--metrics-bind-address=127.0.0.1:{metrics}", f"--health-probe-bind-address=127.0.0.1:{health}",
                   *options],
                  OUT / f"{name}.log")

    def works() -> bool:
        child.check()
        return _answers(f"http://127.0.0.1:{health}/readyz")

    return Controller("agent-sandbox-controller", f"http://127.0.0.1:{metrics}/metrics", peer_writes, works, child)


def peer_version() -> str:
    """As it is pinned."""
    pinned = (ROOT / "e2e/cluster/tools/agent-sandbox/go.mod").read_text()
    return re.search(r"sigs\.k8s\.io/agent-sandbox (v\S+)", pinned)[1]


def our_version(binary: Path) -> str:
    return subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
