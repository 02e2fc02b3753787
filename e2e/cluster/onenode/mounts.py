"""Mounts below our folders, and removing these folders without ever reaching through a mount."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path


def parse_mountinfo(text: str, below: Iterable[Path]) -> list[str]:
    """The mount points at or below the given folders, the last mounted first."""
    roots = [str(path) for path in below]
    found = []
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
        if any(point == root or point.startswith(root + "/") for root in roots):
            found.append(point)
    return found[::-1]


def present(below: Iterable[Path]) -> list[str]:
    return parse_mountinfo(Path("/proc/self/mountinfo").read_text(), below)


def unmount_all(below: list[Path], seconds: float = 10) -> list[str]:
    """Unmounts until nothing is left; one that stays busy is detached at the end. Returns what stays."""
    deadline = time.monotonic() + seconds
    while points := present(below):
        late = time.monotonic() > deadline
        subprocess.run(["umount", *(["--lazy"] if late else []), "--", *points], capture_output=True, check=False)
        if late:
            return present(below)
        if present(below):
            time.sleep(0.05)
    return []


def share(path: Path) -> None:
    """Mounts at or below PATH are seen by containers that it is mounted in, and so are their ends. systemd has all shared."""
    subprocess.run(["mount", "--bind", path, path], check=True)
    subprocess.run(["mount", "--make-shared", path], check=True)


def remove_tree(path: Path) -> None:
    """Removes a folder that nothing is mounted in: what a mount shows is never ours to remove."""
    if path.is_symlink() or not path.exists() or present([path]):
        return
    shutil.rmtree(path, ignore_errors=True)
