"""Snapshots one after the other, each continued from and dropped: what is lost, and what is left behind on the node."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lib.http_probe import ask
from lib.report import Row
from snapshotting import LIMIT_SECONDS, WARMED_UP, Bed
from support.node_agent import STORE


@dataclass(frozen=True)
class Traces:
    """What sandboxes leave on the node while they live."""

    processes: int  # of runsc, its shims among them
    mounts: int
    files: int  # in the store of snapshots

    @staticmethod
    def now(runsc: Path) -> Traces:
        def is_runsc(folder: Path) -> bool:
            try:
                return runsc.name in (folder / "cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:  # it ended meanwhile
                return False

        return Traces(sum(map(is_runsc, Path("/proc").glob("[0-9]*"))), len(Path("/proc/mounts").read_text().splitlines()),
                      sum(1 for _ in STORE.rglob("*")))

    def beyond(self, other: Traces) -> int:
        return sum(max(0, mine - others) for mine, others in zip(vars(self).values(), vars(other).values(), strict=True))


def measure(bed: Bed, cycles: int, say: Callable[[str], None]) -> list[Row]:
    """A sandbox is saved, goes, and continues in the next, which is saved in turn: its count goes on or something is lost."""
    bed.start("soak-0")
    before, lost, count = Traces.now(bed.agent.runsc), 0, 1
    for cycle in range(cycles):
        now, following = f"soak-{cycle}", f"soak-{cycle + 1}"
        count = WARMED_UP.counted(ask(bed.addresses[now]))
        bed.save(now, f"soaked-{cycle}")
        bed.remove(now)
        if bed.start(following, f"soaked-{cycle}")[1] != count + 1:
            lost += 1
        bed.drop(f"soaked-{cycle}")
        if (cycle + 1) % 10 == 0:
            say(f"{cycle + 1} cycles, {lost} lost, {Traces.now(bed.agent.runsc)}")
    leaks = _settled(bed, before)
    bed.remove(f"soak-{cycles}")
    return [Row("soak_cycles", cycles, "cycles"), Row("soak_lost", lost, "cycles"), Row("soak_leaks", leaks, "things")]


def _settled(bed: Bed, before: Traces) -> int:
    """How much more there is than BEFORE, once it has had time to go."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while (left := Traces.now(bed.agent.runsc).beyond(before)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left
