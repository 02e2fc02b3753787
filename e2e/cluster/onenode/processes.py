"""Starting, finding and ending the cluster's processes, one by one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from onenode import cgroups
from onenode.controlplane import Component
from onenode.settings import ClusterError, Settings

# The shell waits for a line before it becomes the program: until then it is moved into its group. If we die before we
# send the line, it reads the end of the pipe and ends too, so nothing of the cluster ever runs outside of its group.
_WAIT = 'read -r _ && exec "$@"'
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def pid_file(s: Settings, name: str) -> Path:
    return s.run / "pids" / name


def log_file(s: Settings, name: str) -> Path:
    return s.logs / f"{name}.log"


def start(s: Settings, component: Component) -> None:
    """Starts a component in its own control group, detached from us, its output appended to its log."""
    # What a component that is killed leaves behind goes with the rest.
    environment = {"PATH": f"{s.bin}:{_SYSTEM_PATH}", "HOME": "/root", "LANG": "C.UTF-8", "TMPDIR": str(s.state / "tmp")}
    with log_file(s, component.name).open("ab") as log:
        child = subprocess.Popen(["/bin/sh", "-c", _WAIT, "sh", *component.argv], cwd="/", env=environment,
                                 stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    cgroups.enter(s.cgroup, component.name, child.pid)
    pid_file(s, component.name).write_text(f"{child.pid}\n")
    child.stdin.write(b"go\n")
    child.stdin.close()
    child.returncode = 0  # not ours to wait for: it outlives this program


def in_group(cgroup_text: str, root: str, name: str) -> bool:
    """Whether the text of /proc/PID/cgroup puts a process into a component's own group."""
    return any(line.endswith(f"/{root}/{name}") for line in cgroup_text.splitlines())


def find(s: Settings, name: str) -> int | None:
    """The component's process id, if it lives. The group is checked, as the number may have been given to another."""
    try:
        pid = int(pid_file(s, name).read_text())
        group = Path(f"/proc/{pid}/cgroup").read_text()
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, ValueError):
        return None
    return pid if state not in "ZX" and in_group(group, s.cgroup, name) else None


def end(s: Settings, name: str, how: signal.Signals, seconds: float = 5) -> bool:
    """Sends a signal and waits for the end; a process that outstays its time is killed. False if it did not run.

    The API server outstays any time while clients watch it.
    """
    pid = find(s, name)
    if pid is None:
        return False
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    while find(s, name) == pid:
        if time.monotonic() > deadline:
            if how == signal.SIGKILL:
                raise ClusterError(f"{name} (process {pid}) does not die")
            return end(s, name, signal.SIGKILL)
        time.sleep(0.02)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # when this very program started it
    return True


def last_words(s: Settings, name: str, lines: int = 5) -> str:
    """The end of a component's log, for an error message."""
    try:
        text = log_file(s, name).read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n  ".join(line[:300] for line in text[-lines:])
