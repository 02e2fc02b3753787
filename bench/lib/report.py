"""What a benchmark leaves: a table to read and a JSON file to compare."""

from __future__ import annotations

import json
import operator
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One metric. `value` is what is judged; `ours` and `peer` are the figures behind it, where there are such."""

    metric: str
    value: float
    unit: str
    ours: float | None = None
    peer: float | None = None
    n: int = 1
    ci95: tuple[float, float] | None = None


@dataclass(frozen=True)
class Target:
    """What a metric must reach: `how` is "<=", "<", ">=" or "="."""

    how: str
    limit: float

    def met(self, value: float) -> bool:
        return {"<=": operator.le, "<": operator.lt, ">=": operator.ge, "=": operator.eq}[self.how](value, self.limit)

    def __str__(self) -> str:
        return f"{self.how} {self.limit:g}"


def number(value: float | None) -> str:
    """Three significant digits below 100, else whole."""
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.4g}" if 0.5 < value < 2 else f"{value:.3g}"


def layout(lines: Sequence[Sequence[str]]) -> str:
    """Columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))).rstrip()
        for line in lines)


def verdict(row: Row, targets: dict[str, Target]) -> tuple[str, str]:
    target = targets.get(row.metric)
    if target is None:
        return "", ""
    return str(target), "met" if target.met(row.value) else "MISSED"


def table(rows: Iterable[Row], targets: dict[str, Target]) -> str:
    lines = [("metric", "value", "unit", "ours", "peer", "n", "95 % interval", "target", "")]
    for row in rows:
        interval = f"{number(row.ci95[0])} .. {number(row.ci95[1])}" if row.ci95 else ""
        lines.append((row.metric, number(row.value), row.unit, number(row.ours), number(row.peer), str(row.n), interval,
                      *verdict(row, targets)))
    return layout(lines)


def machine() -> str:
    """What the figures depend on; nothing that names the machine."""
    with open("/proc/meminfo") as file:
        kib = next(int(line.split()[1]) for line in file if line.startswith("MemTotal"))
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"{os.cpu_count()} CPUs, {kib / 2**20:.0f} GiB, {release}, kernel {platform.release().split('-')[0]}, " \
           f"{platform.machine()}"


def write(folder: Path, name: str, rows: Iterable[Row]) -> Path:
    """NAME.json in FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"name": name, "machine": machine(), "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    return file
