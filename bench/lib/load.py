"""Starts at an even rate: what bench/load/cloister-load is asked, and what it saw."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from lib.controllers import OUT, Writes
from support.cluster import ROOT, Trouble

PROGRAM = ROOT / "build/release/bench/load/cloister-load"
# From the last POST; a start that takes longer counts as one that took this long.
LIMIT_SECONDS = 30


@dataclass(frozen=True)
class Kind:
    """What is started."""

    group: str
    version: str
    plural: str
    kind: str

    def path(self, namespace: str) -> str:
        return f"/apis/{self.group}/{self.version}/namespaces/{namespace}/{self.plural}"

    def object(self, spec: dict, name: str | None = None) -> dict:
        """One of it; without a NAME, for a plan."""
        metadata = {"metadata": {"name": name}} if name else {}
        return {"apiVersion": f"{self.group}/{self.version}", "kind": self.kind, **metadata, "spec": spec}


@dataclass(frozen=True)
class Start:
    """In ms since the load began."""

    due: float
    posted: float
    ready: float | None

    @property
    def latency(self) -> float:
        """From when it was due: a generator that lags makes nothing look faster."""
        return LIMIT_SECONDS * 1000 if self.ready is None else self.ready - self.due


@dataclass(frozen=True)
class Seen:
    """What became of one load."""

    starts: tuple[Start, ...]
    writes: Writes  # of the generator itself
    failures: int
    cpu_ms: float  # of the generator

    @property
    def latencies(self) -> list[float]:
        return [start.latency for start in self.starts]

    @property
    def lags(self) -> list[float]:
        return [start.posted - start.due for start in self.starts]

    @property
    def unready(self) -> int:
        return sum(start.ready is None for start in self.starts)


def read(text: str) -> Seen:
    """The program's answer."""
    told = json.loads(text)
    starts = tuple(Start(s["due"], s["posted"], s.get("ready")) for s in told["starts"])
    return Seen(starts, Writes(told["writes"], told["conflicts"]), told["failures"], told["cpuMs"])


def run(kubeconfig: Path, kind: Kind, namespace: str, prefix: str, thing: dict, rate: float, count: int,
        bare: dict | None = None) -> Seen:
    """COUNT starts of THING, RATE a second; by the generator itself where BARE says with which pods."""
    if not PROGRAM.exists():
        raise Trouble(f"{PROGRAM} is missing: run `make bench-load`")
    plan = {"kind": asdict(kind), "namespace": namespace, "prefix": prefix, "object": thing, "rate": rate, "count": count,
            "limitSeconds": LIMIT_SECONDS, **({"bare": bare} if bare else {})}
    file = OUT / "load.json"
    file.write_text(json.dumps(plan))
    done = subprocess.run([PROGRAM, "--plan", file, "--kubeconfig", kubeconfig], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"cloister-load: {done.stderr.strip()[-500:]}")
    return read(done.stdout)
