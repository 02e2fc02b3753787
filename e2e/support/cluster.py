"""The embedded cluster, as its env file describes it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENV = ROOT / "build/cluster/env"
IMAGES = ROOT / "build/images"
CHART = ROOT / "charts/cloister"
VERSION = (ROOT / "VERSION").read_text().strip()
CLI = ROOT / "e2e/cluster/cluster"


class Trouble(Exception):
    """Something the user should read: one clear line."""


def environment() -> dict[str, str]:
    """The present environment with what the cluster's env file exports."""
    if not ENV.exists():
        raise Trouble("no cluster is up: run `make cluster-up`")
    text = subprocess.run(["bash", "-c", f'. "{ENV}" && env -0'], check=True, capture_output=True, text=True).stdout
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


class Cluster:
    """Runs the cluster's own tools and commands. Failures carry what the program said."""

    def __init__(self) -> None:
        self.env = environment()
        self.node = self.env["CLOISTER_NODE_NAME"]
        self.kubeconfig = Path(self.env["KUBECONFIG"])

    def run(self, *command: object, input: str | None = None, timeout: float = 60,
            check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run([str(word) for word in command], env=self.env, cwd=ROOT, input=input, text=True,
                              capture_output=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise Trouble(f"`{' '.join(map(str, command))}` failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
        return done

    def kubectl(self, *arguments: object, **options) -> str:
        return self.run("kubectl", *arguments, **options).stdout

    def helm(self, *arguments: object, **options) -> str:
        return self.run("helm", *arguments, **{"timeout": 180, **options}).stdout

    def control(self, *arguments: object) -> None:
        """The cluster's own command line: kill, start, load and the like."""
        self.run(CLI, *arguments, timeout=180)

    @contextmanager
    def frozen(self, component: str) -> Iterator[None]:
        """Stopped in its tracks: its connections stay open and nothing answers."""
        status = self.run(CLI, "status").stdout
        pid = int(re.search(rf"^{component} +process (\d+)$", status, re.MULTILINE)[1])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def load_images(self) -> None:
        archives = [IMAGES / f"{name}.tar" for name in ("operator", "node", "sandbox-base")]
        for archive in archives:
            if not archive.exists():
                raise Trouble(f"{archive.relative_to(ROOT)} is missing: run `make images`")
        self.control("load", *archives)

    def kill_container(self, pod: dict, name: str) -> None:
        """kill -9 of a container's first process, from outside."""
        status = next(s for s in pod["status"]["containerStatuses"] if s["name"] == name)
        container = status["containerID"].removeprefix("containerd://")
        self.run("ctr", "tasks", "kill", "--signal", "SIGKILL", container)
