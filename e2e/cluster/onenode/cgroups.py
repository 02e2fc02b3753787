"""Control groups, version 1 and 2: each process of the cluster has one, and what they list is what `down` ends."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hierarchy:
    mount: Path
    controllers: frozenset[str]  # as named in the mount options; empty for version 2
    unified: bool


def parse_hierarchies(mounts: str) -> list[Hierarchy]:
    """The control group hierarchies in the text of /proc/mounts, the first mount of each."""
    found: dict[object, Hierarchy] = {}
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[2] not in ("cgroup", "cgroup2"):
            continue
        unified = fields[2] == "cgroup2"
        noise = {"rw", "ro", "relatime", "nosuid", "nodev", "noexec"}
        controllers = frozenset() if unified else frozenset(fields[3].split(",")) - noise
        found.setdefault((unified, controllers), Hierarchy(Path(fields[1]), controllers, unified))
    return list(found.values())


def hierarchies() -> list[Hierarchy]:
    return parse_hierarchies(Path("/proc/mounts").read_text())


def create(root: str) -> None:
    """Makes the cluster's group in every hierarchy: the kubelet wants its cgroupRoot to be there."""
    found = hierarchies()
    for hierarchy in found:
        group = _make(hierarchy, root)
        if hierarchy.unified and len(found) == 1:  # beside version 1 it only lists processes
            for parent in (hierarchy.mount, group):
                _enable_controllers(parent)


def _make(hierarchy: Hierarchy, path: str) -> Path:
    group = hierarchy.mount / path
    group.mkdir(exist_ok=True)
    if "cpuset" in hierarchy.controllers:  # a new group has no processors, and takes no process, until told
        for name in ("cpuset.cpus", "cpuset.mems"):
            (group / name).write_text((group.parent / name).read_text())
    return group


def _enable_controllers(group: Path) -> None:
    for controller in (group / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):  # some cannot be delegated; the kubelet says which it misses
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def enter(root: str, name: str, pid: int) -> None:
    """Moves a process into the component's own group, in every hierarchy: nothing of the caller's may bound it."""
    for hierarchy in hierarchies():
        (_make(hierarchy, f"{root}/{name}") / "cgroup.procs").write_text(str(pid))


def groups(root: str) -> list[Path]:
    """The cluster's groups in all hierarchies, the deepest first."""
    found = []
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy.mount / root, topdown=False):
            found.append(Path(folder))
    return found


def members(root: str) -> set[int]:
    """Every process in the cluster's groups."""
    pids = set()
    for group in groups(root):
        with contextlib.suppress(OSError):
            pids.update(int(line) for line in (group / "cgroup.procs").read_text().split())
    return pids - {0}  # 0 stands for a process of another pid namespace


def kill_all(root: str, seconds: float = 15) -> set[int]:
    """Kills until the groups are empty, since a dying process may just have started another; returns survivors."""
    deadline = time.monotonic() + seconds
    while pids := members(root):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return pids
        time.sleep(0.02)
    return set()


def remove(root: str, seconds: float = 5) -> list[Path]:
    """Removes the groups; one whose last process has just died is busy for a moment. Returns what stays."""
    deadline = time.monotonic() + seconds
    while left := groups(root):
        for group in left:
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            return groups(root)
        time.sleep(0.01)
    return []
