"""Programs that a benchmark starts: they log to a file, tell what they use, and never outlive it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from pathlib import Path

from support.cluster import Trouble

_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment() -> dict[str, str]:
    """Without proxies: all that is talked to is on this machine."""
    return {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _cpu_ms(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


class Child:
    """A running program; its output goes to LOG."""

    def __init__(self, argv: list[object], log: Path, stdout: int | None = None) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self.name = Path(str(argv[0])).name
        with log.open("wb") as file:
            self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=stdout or file,
                                            stderr=file, env=_environment(),
                                            preexec_fn=_die_with_parent, text=True)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def check(self) -> None:
        """Raises if it has ended."""
        if self.process.poll() is not None:
            last = "\n  ".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise Trouble(f"{self.name} ended with code {self.process.returncode}:\n  {last}")

    def rss_mib(self) -> float:
        """Resident memory, shared pages of its own files included."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def cpu_ms(self) -> float:
        """What its threads have run on a CPU so far, in ms: finer than the clock ticks of /proc/PID/stat."""
        return _cpu_ms(self.process.pid)

    def family_cpu_ms(self) -> float:
        """The same, with its children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return self.cpu_ms() + sum(_cpu_ms(int(pid)) for pid in children)
