"""The embedded cluster's node, prepared for snapshots: cloister-runsc before runsc, and cloister-node as a process beside the kubelet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import yaml

from support.cluster import ROOT, Cluster
from support.operator_process import binary
from support.waiting import eventually

ACCOUNT = "cloister-node"
RIGHTS = [
    {"apiGroups": ["cloister.dev"], "resources": ["sandboxsnapshots"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["cloister.dev"], "resources": ["sandboxsnapshots/status"], "verbs": ["patch"]},
    {"apiGroups": ["cloister.dev"], "resources": ["sandboxes"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
]


def account(name: str, namespace: str) -> list[dict]:
    """A service account that may do no more than the agent needs."""
    rbac, role = "rbac.authorization.k8s.io", {"name": name}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": role, "rules": RIGHTS},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": role,
         "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
         "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]},
    ]


class NodeAgent:
    """Its programs, socket and snapshots are in a folder of the checkout: shims go on calling cloister-runsc by its path."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.folder = ROOT / "build/node-agent"
        self.store, self.socket, self.log_file = self.folder / "snapshots", self.folder / "run/node.sock", self.folder / "log"
        self.runsc_config = Path(cluster.env["CLOISTER_RUNSC_CONFIG"])
        self.runsc = cluster.run("which", "runsc").stdout.strip()
        self.process: subprocess.Popen | None = None

    def install(self) -> None:
        """New pods under gVisor start through cloister-runsc from now on."""
        shutil.rmtree(self.store, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        program = self.folder / "cloister-runsc"
        program.unlink(missing_ok=True)
        shutil.copy(binary("release").parents[1] / "node/runsc/cloister-runsc", program)
        Path(f"{program}.json").write_text(json.dumps({"runsc": self.runsc, "socket": str(self.socket)}))
        self.former = self.runsc_config.read_text()
        lines = [f'binary_name = "{program}"' if line.startswith("binary_name") else line for line in self.former.splitlines()]
        # runsc compares the pod's cgroup, which differs; cloister-node compares all the rest.
        self.runsc_config.write_text("\n".join([*lines, '  restore-spec-validation = "warning"', ""]))
        self.cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(account(ACCOUNT, self.namespace)))

    def uninstall(self) -> None:
        self.stop()
        self.runsc_config.write_text(self.former)
        self.cluster.kubectl("delete", "--ignore-not-found", "-f", "-", input=yaml.safe_dump_all(account(ACCOUNT, self.namespace)))

    def _kubeconfig(self) -> Path:
        config = yaml.safe_load(self.cluster.kubeconfig.read_text())
        token = self.cluster.kubectl("create", "token", ACCOUNT, "--namespace", self.namespace, "--duration=2h").strip()
        config["users"][0]["user"] = {"token": token}
        path = self.folder / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    def start(self) -> None:
        command = [binary("release").parents[1] / "node/agent/cloister-node", "--node-name", self.cluster.node, "--runsc", self.runsc,
                   "--runsc-root", f"{self.cluster.env['CLOISTER_RUNSC_ROOT']}/k8s.io", "--socket", self.socket,
                   "--store", self.store, "--kubeconfig", self._kubeconfig()]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        eventually(self._listens, 20, "cloister-node listens")

    def _listens(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log()
        return self.socket.is_socket()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(timeout=15) == 0, self.log()
        self.socket.unlink(missing_ok=True)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self.log_file.read_text()[-4000:]

    def kept(self, namespace: str) -> list[Path]:
        """The folders of its snapshots."""
        return list(self.store.glob(f"{namespace}/*"))

    def debris(self) -> list[Path]:
        """What is in nobody's place."""
        return list(self.store.glob(".staging/*"))
