"""The embedded cluster's node, prepared for snapshots (cloister-runsc before runsc), and the chart's cloister-node on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from support.api import Api
from support.cluster import Cluster
from support.operator_process import binary
from support.waiting import eventually

NAMESPACE = "cloister-node"
LABEL = "cloister.dev/snapshots"
# Below the cluster's own folders, which go with it. Shims go on calling cloister-runsc by its path.
PROGRAMS = Path("/var/lib/cloister-cluster/cloister-runsc")
STORE = Path("/var/lib/cloister-cluster/snapshots")
RUN = Path("/run/cloister-cluster/node")


class NodeAgent:
    def __init__(self, cluster: Cluster, api: Api) -> None:
        self.cluster, self.api = cluster, api
        self.runsc_config = Path(cluster.env["CLOISTER_RUNSC_CONFIG"])
        self.runsc = Path(cluster.run("which", "runsc").stdout.strip()).resolve()

    @property
    def paths(self) -> dict[str, str]:
        """The chart's snapshots.paths."""
        return {"runsc": str(self.runsc), "runscRoot": self.cluster.env["CLOISTER_RUNSC_ROOT"],
                "containerdState": self.cluster.env["CLOISTER_CONTAINERD_STATE"], "run": str(RUN), "store": str(STORE)}

    def prepare(self) -> None:
        """New pods under gVisor start through cloister-runsc from now on."""
        PROGRAMS.mkdir(exist_ok=True)
        program = PROGRAMS / "cloister-runsc"
        program.unlink(missing_ok=True)
        shutil.copy(binary("release").parents[1] / "node/runsc/cloister-runsc", program)
        Path(f"{program}.json").write_text(json.dumps({"runsc": str(self.runsc), "socket": str(RUN / "node.sock")}))
        self.former = self.runsc_config.read_text()
        lines = [f'binary_name = "{program}"' if line.startswith("binary_name") else line for line in self.former.splitlines()]
        # runsc compares the pod's cgroup, which differs; cloister-node compares all the rest.
        self.runsc_config.write_text("\n".join([*lines, '  restore-spec-validation = "warning"', ""]))

    def restore(self) -> None:
        self.runsc_config.write_text(self.former)

    def _label(self, value: str | None) -> None:
        self.api.patch("nodes", self.cluster.node, "", {"metadata": {"labels": {LABEL: value}}})

    def pods(self) -> list[dict]:
        return self.api.list("pods", NAMESPACE)

    def _is_ready(self) -> bool:
        conditions = [c for pod in self.pods() for c in pod["status"].get("conditions", [])]
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) and (RUN / "node.sock").is_socket()

    def start(self) -> None:
        self._label("true")
        eventually(self._is_ready, 30, "cloister-node runs and listens")

    def stop(self) -> None:
        self._label(None)
        eventually(lambda: not self.pods(), 45, "cloister-node is gone")
        (RUN / "node.sock").unlink(missing_ok=True)

    def kill(self) -> None:
        """The kubelet starts it again."""
        (pod,) = self.pods()
        self.cluster.kill_container(pod, "node")

    def log(self) -> str:
        return self.cluster.kubectl("--namespace", NAMESPACE, "logs", "daemonset/cloister-node", "--tail", 40)

    def kept(self, namespace: str) -> list[Path]:
        """The folders of its snapshots."""
        return list(STORE.glob(f"{namespace}/*"))

    def debris(self) -> list[Path]:
        """What is in nobody's place."""
        return list(STORE.glob(".staging/*"))
