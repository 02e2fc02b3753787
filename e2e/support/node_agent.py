"""The embedded cluster's node with the chart's cloister-node, which prepares it for snapshots, and undoes that."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.api import Api
from support.cluster import Cluster
from support.release import Release
from support.sandboxes import Snapshot
from support.waiting import eventually

NAMESPACE = "cloister-node"
LABEL = "cloister.dev/snapshots"
# Below the cluster's own folders, which go with it. Shims go on calling cloister-runsc by its path.
PROGRAMS = Path("/var/lib/cloister-cluster/cloister-runsc")
STORE = Path("/var/lib/cloister-cluster/snapshots")
RUN = Path("/run/cloister-cluster/node")
# The node's own runsc, which a test may replace: the cluster's is everybody's.
RUNSC = Path("/var/lib/cloister-cluster/node-runsc/runsc")


class NodeAgent:
    def __init__(self, cluster: Cluster, api: Api) -> None:
        self.cluster, self.api = cluster, api
        self.config = Path(cluster.env["CLOISTER_CONTAINERD_CONFIG"])
        self.drop_in = self.config.parent / "containerd.d/cloister.toml"
        self.runsc = RUNSC
        self.install_runsc(self.built_runsc())

    def built_runsc(self) -> bytes:
        return Path(self.cluster.run("which", "runsc").stdout.strip()).resolve().read_bytes()

    def install_runsc(self, program: bytes) -> None:
        """As a package manager does it."""
        if RUNSC.exists() and RUNSC.read_bytes() == program:
            return
        RUNSC.parent.mkdir(exist_ok=True)
        aside = RUNSC.with_name("runsc.new")
        aside.write_bytes(program)
        aside.chmod(0o755)
        aside.rename(RUNSC)

    def runsc_version(self) -> str:
        return self.cluster.run(str(RUNSC), "--version").stdout.split()[2]

    @property
    def paths(self) -> dict[str, str]:
        """The chart's snapshots.paths."""
        return {"runsc": str(self.runsc), "runscRoot": self.cluster.env["CLOISTER_RUNSC_ROOT"],
                "containerdState": self.cluster.env["CLOISTER_CONTAINERD_STATE"],
                "containerdSocket": self.cluster.env["CONTAINERD_ADDRESS"], "containerdConfig": str(self.config),
                "containerdDropIn": str(self.drop_in), "programs": str(PROGRAMS), "run": str(RUN), "store": str(STORE)}

    @property
    def values(self) -> dict:
        """The chart's `snapshots`."""
        return {"enabled": True, "paths": self.paths, "runscFlags": {"platform": "systrap"}}

    def _label(self, value: str | None) -> None:
        self.api.patch("nodes", self.cluster.node, "", {"metadata": {"labels": {LABEL: value}}})

    def pods(self) -> list[dict]:
        return self.api.list("pods", NAMESPACE)

    def _is_ready(self) -> bool:
        conditions = [c for pod in self.pods() for c in pod["status"].get("conditions", [])]
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) and (RUN / "node.sock").is_socket()

    def start(self) -> None:
        self._label("true")
        eventually(self._is_ready, 60, "cloister-node runs and listens")

    def change(self, release: Release, **settings) -> None:
        """The chart's `snapshots` of this node with SETTINGS besides; the agent runs with them then."""
        release.install(snapshots={**self.values, **settings})
        eventually(self._is_rolled_out, 60, "cloister-node runs with other settings")

    def _is_rolled_out(self) -> bool:
        found = self.api.get("daemonsets", "cloister-node", NAMESPACE)
        status = found["status"]
        counts = {status.get(key, 0) for key in ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady")}
        return status.get("observedGeneration") == found["metadata"]["generation"] and counts == {1} and self._is_ready()

    def told(self) -> str:
        """What the preparation of the node said last."""
        states = [s.get(when, {}) for pod in self.pods() for s in pod["status"].get("initContainerStatuses", [])
                  for when in ("state", "lastState")]
        return " ".join(state["terminated"].get("message", "") for state in states if "terminated" in state)

    def prepare(self) -> None:
        """Labels the node, and does what it is told then: containerd reads its configuration anew."""
        self._label("true")
        eventually(lambda: "restart it (systemctl restart containerd)" in self.told(), 60, "containerd is to be restarted")
        self.cluster.control("restart", "containerd")
        self.start()

    def unprepare(self, release: Release) -> None:
        """The node is as it was, the snapshots apart."""
        release.install(snapshots={**self.values, "nodePreparation": "Uninstall"})
        eventually(lambda: not self.drop_in.exists() and not any(PROGRAMS.iterdir()), 120, "nothing of it is on the node")
        self.cluster.control("restart", "containerd")

    def stop(self) -> None:
        self._label(None)
        eventually(lambda: not self.pods(), 45, "cloister-node is gone")
        (RUN / "node.sock").unlink(missing_ok=True)

    def wait_gone(self) -> None:
        """Its namespace goes with the chart's; nothing can be made in it anew while it does."""
        eventually(lambda: self.api.get("namespaces", NAMESPACE) is None, 60, "its namespace is gone")

    def kill(self) -> None:
        """The kubelet starts it again."""
        (pod,) = self.pods()
        self.cluster.kill_container(pod, "node")

    def log(self) -> str:
        return self.cluster.kubectl("--namespace", NAMESPACE, "logs", "daemonset/cloister-node", "--tail", 40)

    def kept(self, namespace: str) -> list[Path]:
        """The folders of its snapshots."""
        return list(STORE.glob(f"{namespace}/*"))

    def copy(self, snapshot: Snapshot) -> Path:
        """The folder of its own copy, which need not be there."""
        return STORE / snapshot.namespace / snapshot.read()["metadata"]["uid"]

    def lose(self, snapshot: Snapshot) -> None:
        """As a disk that comes back without it: at once, or the agent would look at half of it."""
        lost = STORE.with_name("lost")
        self.copy(snapshot).rename(lost)
        shutil.rmtree(lost)

    def versions(self) -> set[str]:
        """Of which it keeps runsc."""
        return {copy.parent.name for copy in STORE.glob(".versions/*/runsc") if not copy.parent.name.startswith(".")}

    def debris(self) -> list[Path]:
        """What is in nobody's place."""
        return list(STORE.glob(".staging/*"))
