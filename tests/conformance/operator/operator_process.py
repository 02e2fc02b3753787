"""The operator as a process of this machine, and a wire to its API server that can be cut."""

import json
import os
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from support.metrics import Metrics
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
PRESETS = [os.environ.get("PRESET", "asan-ubsan"), "release"]


def binary():
    for preset in PRESETS:
        program = ROOT / "build" / preset / "operator/cloister-operator"
        if program.exists():
            return program
    raise AssertionError(f"there is no cloister-operator in build/: compile it ({' or '.join(PRESETS)})")


class Operator:
    """One process. CONFIG is the configuration file's content."""

    def __init__(self, folder, kubeconfig, config, name="operator"):
        self.folder, self.kubeconfig, self.name = Path(folder), kubeconfig, name
        self.config_file = self.folder / f"{name}.yaml"
        self.config_file.write_text(yaml.safe_dump(config))
        self.log_file = self.folder / f"{name}.log"
        self.process = None

    def start(self):
        self.log_file.unlink(missing_ok=True)
        command = [binary(), "--config", self.config_file, "--kubeconfig", self.kubeconfig, "--listen", "127.0.0.1:0",
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


class Wire:
    """Carries bytes between the operator and the API server, until it is cut (refuses) or frozen (says nothing)."""

    def __init__(self, kubeconfig, folder):
        content = yaml.safe_load(Path(kubeconfig).read_text())
        target = urlsplit(content["clusters"][0]["cluster"]["server"])
        self._target = (target.hostname, target.port)
        self._pairs, self._lock = [], threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = None
        self.port = 0
        self.connect()
        content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = Path(folder) / "wire.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(content))

    def connect(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        """Breaks every connection and refuses new ones."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._pairs:
                _close(end)
            self._pairs.clear()

    def freeze(self):
        """Connections stay open and nothing comes through, as when a machine loses its power."""
        self._flowing.clear()

    def thaw(self):
        self._flowing.set()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        _close(source)
        _close(sink)


def _close(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
