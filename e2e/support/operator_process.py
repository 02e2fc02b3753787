"""The operator as a process of this machine."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from support.cluster import ROOT
from support.metrics import Metrics
from support.waiting import eventually


def binary(*presets):
    """Of the first preset whose operator is compiled."""
    for preset in presets:
        program = ROOT / "build" / preset / "operator/cloister-operator"
        if program.exists():
            return program
    raise AssertionError(f"there is no cloister-operator in build/: compile it ({' or '.join(presets)})")


class Operator:
    """One process. CONFIG is the configuration file's content."""

    def __init__(self, program, folder, kubeconfig, config, name="operator"):
        self.program, self.folder, self.kubeconfig, self.name = program, Path(folder), kubeconfig, name
        self.config_file = self.folder / f"{name}.yaml"
        self.config_file.write_text(yaml.safe_dump(config))
        self.log_file = self.folder / f"{name}.log"
        self.process = None

    def start(self):
        self.log_file.unlink(missing_ok=True)
        command = [self.program, "--config", self.config_file, "--kubeconfig", self.kubeconfig, "--listen", "127.0.0.1:0",
                   "--log-level", "debug"]
        with self.log_file.open("wb") as log:
            # Not the machine's proxies, nor what the test was started with.
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder,
                                            env={"PATH": os.environ["PATH"], "POD_NAME": self.name})
        self.port = eventually(self._port, 20, f"{self.name} says where it listens")
        return self

    def _port(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log()}"
        return next((line["port"] for line in self.lines() if line.get("msg") == "started"), None)

    def lines(self):
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{") and line.endswith("}")]

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def fetch(self, path):
        """(status, body)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self):
        return self.fetch("/readyz")[0] == 200

    def metrics(self):
        return Metrics(self.fetch("/metrics")[1])

    def leads(self):
        return self.metrics().total("cloister_leader") == 1

    def wait_ready(self, within=20):
        eventually(self.is_ready, within, f"{self.name} is ready")
        return self

    def stop(self, within=15):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=within)

    def signal(self, which):
        self.process.send_signal(which)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
