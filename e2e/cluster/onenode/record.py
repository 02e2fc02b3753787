"""The state file of the machine's cluster, and the lock that makes two commands wait for each other."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from onenode.settings import CHECKOUT, ClusterError, Settings


@dataclass
class Record:
    """Written before anything on the machine is touched, so that `down` knows what to put back after any crash."""

    fingerprint: str = ""
    checkout: str = ""
    dual_stack: bool = True
    may_lower_oom_score: bool = True
    proxy_mode: str = "nftables"
    tools: dict[str, str] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    # What was there before us and is not ours to remove: paths, and nft tables as "FAMILY NAME".
    foreign: list[str] = field(default_factory=list)
    env_files: list[str] = field(default_factory=list)
    ready: bool = False

    @property
    def settings(self) -> Settings:
        return Settings(dual_stack=self.dual_stack, may_lower_oom_score=self.may_lower_oom_score,
                        proxy_mode=self.proxy_mode, tools=self.tools)

    def save(self, path: Path) -> None:
        """Replaces the file in one step: a crash leaves the old one or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        aside.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")
        aside.rename(path)


def parse(text: str) -> Record:
    """The record. Of one that another version of this program wrote, whatever is known here."""
    try:
        read = json.loads(text)
    except ValueError:
        return Record()
    known = {f.name for f in dataclasses.fields(Record)}
    return Record(**{name: value for name, value in read.items() if name in known})


def load() -> Record | None:
    try:
        return parse(Settings().record.read_text())
    except OSError:
        return None


def require() -> Record:
    found = load()
    if not found:
        raise ClusterError("no cluster is up on this machine: run `make cluster-up`")
    return found


# An abstract socket: it leaves no file, and the kernel frees it with its process, however that ends.
LOCK = "\0cloister-cluster"


@contextmanager
def lock(say, seconds: float = 300) -> Iterator[None]:
    """One command at a time on this machine."""
    deadline, told = time.monotonic() + seconds, False
    with socket.socket(socket.AF_UNIX) as holder:
        while True:
            try:
                holder.bind(LOCK)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise ClusterError("another cluster command has been at work for minutes; see `ps`") from None
            if not told:
                told = True
                say("waiting for another cluster command to end")
            time.sleep(0.1)
        yield


ENV_FILE = "env"


def env_text(s: Settings) -> str:
    """The shell file that tests and people source."""
    values = {
        "KUBECONFIG": s.admin_kubeconfig,
        "CONTAINERD_ADDRESS": s.containerd_socket,
        "CONTAINERD_NAMESPACE": "k8s.io",
        "CLOISTER_NODE_NAME": s.node_name,
        "CLOISTER_NRI_SOCKET": s.run / "nri.sock",
        "CLOISTER_RUNSC_CONFIG": s.config / "runsc.toml",
        "CLOISTER_RUNSC_ROOT": s.run / "runsc",
        "CLOISTER_CONTAINERD_STATE": s.run / "containerd",
        "CLOISTER_CONTAINERD_CONFIG": s.config / "containerd.toml",
    }
    lines = [f"export {name}='{value}'" for name, value in values.items()]
    # Sourced twice, the PATH is not to grow.
    lines.append(f"case \":$PATH:\" in *:{s.bin}:*) ;; *) export PATH=\"{s.bin}:$PATH\" ;; esac")
    return "\n".join(lines) + "\n"


def write_env(s: Settings, kept: Record) -> Path:
    """Writes this checkout's env file, and notes it, for `down` to remove whoever calls that."""
    path = s.build / ENV_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    aside.write_text(env_text(s))
    aside.rename(path)
    if str(path) not in kept.env_files:
        kept.env_files.append(str(path))
        kept.save(s.record)
    return path


def new(fingerprint: str, facts: tuple[bool, bool, str], tools: dict[str, str]) -> Record:
    dual_stack, may_lower_oom_score, proxy_mode = facts
    return Record(fingerprint, str(CHECKOUT), dual_stack, may_lower_oom_score, proxy_mode, tools)
