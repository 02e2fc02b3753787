"""Cloister as it is installed on the cluster: the Helm release and the operator's pods."""

from __future__ import annotations

import json
from typing import Any

import yaml

from support.api import Api, ApiError
from support.cluster import CHART, IMAGES, Cluster, Trouble
from support.metrics import Metrics
from support.waiting import eventually

NAMESPACE = "cloister-system"
RELEASE = "cloister"
NAME = "cloister-operator"
SELECTOR = f"app.kubernetes.io/name={NAME},app.kubernetes.io/instance={RELEASE}"


class Release:
    """The release `cloister` in `cloister-system`."""

    def __init__(self, cluster: Cluster, api: Api) -> None:
        self.cluster, self.api = cluster, api

    def is_installed(self) -> bool:
        found = json.loads(self.cluster.helm("list", "--namespace", NAMESPACE, "--filter", f"^{RELEASE}$", "--output", "json"))
        return bool(found)

    def install(self, **values: Any) -> None:
        """Installs or upgrades, with just these values, and waits until it is ready. A kind applied by hand is taken over."""
        # A rebuilt image has the same tag: new pods come for it only if something of theirs changed.
        image = (IMAGES / "operator.stamp").read_text().strip()
        values["podAnnotations"] = {**values.get("podAnnotations", {}), "example.com/image-built-from": image}
        settings = [word for key, value in values.items()
                    for word in ("--set-json", f"{key}={json.dumps(value)}")]
        self.cluster.helm("upgrade", RELEASE, CHART, "--install", "--namespace", NAMESPACE, "--create-namespace",
                          "--reset-values", "--take-ownership", "--force-conflicts", "--wait", "--timeout", "60s", *settings)

    def uninstall(self) -> None:
        self.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "60s")

    def restore(self) -> None:
        """As the chart ships it, with all replicas ready."""
        self.install()
        self.wait_ready()

    def pods(self) -> list[dict]:
        """Those that are not on their way out."""
        found = self.api.list("pods", NAMESPACE, labels=SELECTOR)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self) -> list[dict]:
        def is_ready(pod: dict) -> bool:
            return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))

        return [pod for pod in self.pods() if is_ready(pod)]

    def wait_ready(self, replicas: int = 2, within: float = 60) -> None:
        eventually(lambda: len(self.ready_pods()) == replicas == len(self.pods()), within, f"{replicas} operators are ready")

    def scale(self, replicas: int) -> None:
        """And waits until the others are gone."""
        self.api.patch("deployments", NAME, NAMESPACE, {"spec": {"replicas": replicas}})
        eventually(lambda: len(self.api.list("pods", NAMESPACE, labels=SELECTOR)) == replicas, 30, f"{replicas} operator pods")
        self.wait_ready(replicas)

    def config(self) -> dict:
        """The operator's configuration, as the chart wrote it."""
        written = self.api.get("configmaps", NAME, NAMESPACE)["data"]["config.yaml"]
        config = yaml.safe_load(written)
        config["leaderElection"]["namespace"] = NAMESPACE
        return config

    def lease(self) -> dict:
        return (self.api.get("leases", NAME, NAMESPACE) or {}).get("spec", {})

    def leader(self, within: float = 30) -> dict:
        """The pod that leads."""
        def find() -> dict | None:
            holder = self.lease().get("holderIdentity") or ""
            return next((pod for pod in self.pods() if holder.startswith(pod["metadata"]["name"] + "_")), None)

        return eventually(find, within, "an operator leads")

    def restarts(self) -> dict[str, int]:
        return {pod["metadata"]["name"]: sum(s["restartCount"] for s in pod["status"].get("containerStatuses", []))
                for pod in self.pods()}

    def metrics(self, pod: dict) -> Metrics:
        return Metrics(self.fetch(pod, "metrics").decode())

    def fetch(self, pod: dict, path: str) -> bytes:
        """From the operator's own HTTP port, through the API server."""
        return self.api.send("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:8080/proxy/{path}")

    def writes(self) -> dict[tuple[str, str], float]:
        """Write requests by verb and resource, of all replicas since their start; Leases aside."""
        counts: dict[tuple[str, str], float] = {}
        for pod in self.pods():
            for labels, value in self.metrics(pod).matching("cloister_api_requests_total"):
                kind = (labels["verb"], labels["resource"])
                if kind[0] in ("create", "patch", "update", "delete") and kind[1] != "leases":
                    counts[kind] = counts.get(kind, 0) + value
        return counts

    def log(self, lines: int = 40) -> str:
        try:
            return self.cluster.kubectl("--namespace", NAMESPACE, "logs", "--selector", SELECTOR, "--prefix", "--tail", lines)
        except (Trouble, ApiError) as trouble:
            return f"(no log: {trouble})"
