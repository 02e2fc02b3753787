"""What the machine must have before a cluster can run on it, each with a clear word when it lacks."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from onenode import cgroups, cleanup, machine, mounts, network, tools, toolgroups
from onenode.settings import ClusterError, Settings, cache_root

_PACKAGES = {"curl": "curl", "openssl": "openssl", "ip": "iproute2", "mount": "mount", "umount": "mount"}
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21}
_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
_MEMORY_MB, _DISK_MB = 2000, 3000


def problems(s: Settings) -> list[str]:
    """Everything that keeps a cluster from running here; the first group hides the ones that need root."""
    found = list(_programs())
    if os.geteuid() != 0:
        return [*found, "the cluster needs root: it mounts, makes network links and control groups"]
    return [*found, *_kernel(), *_groups(cgroups.hierarchies()), *_resources(s), *_conflicts(s), *_building()]


def notes(s: Settings) -> list[str]:
    """What the machine lacks that the cluster can do without."""
    found = []
    if not machine.has_ipv6():
        found.append("IPv6 is missing or switched off (net.ipv6.conf.all.disable_ipv6): the cluster is IPv4 only")
    if not machine.may_lower_oom_score():
        found.append("CAP_SYS_RESOURCE is missing: gVisor's shim is built with an OOM score of 0 instead of -999")
    if problem := machine.nftables_problem():
        found.append(f"nftables is not usable ({problem}): kube-proxy runs in iptables mode")
    return found


def _programs() -> Iterator[str]:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        yield f"the cluster runs on Linux on x86_64, not on {platform.system()} on {platform.machine()}"
    if sys.version_info < (3, 11):  # noqa: UP036 (a user may run it with another Python)
        yield f"Python 3.11 or newer is needed, this is {platform.python_version()}"
    for program, package in _PACKAGES.items():
        if not shutil.which(program):
            yield f"the program {program} is missing: apt-get install {package}"


def _kernel() -> Iterator[str]:
    status = Path("/proc/self/status").read_text()
    for name, number in _CAPABILITIES.items():
        if not machine.has_capability(status, number):
            yield f"the capability {name} is missing: root in this container is not enough"
    if "overlay" not in Path("/proc/filesystems").read_text():
        yield "the kernel has no overlayfs: modprobe overlay"
    if machine.nftables_problem() and not shutil.which("iptables"):
        why = machine.nftables_problem()
        yield f"nftables is not usable ({why}) and there is no iptables: apt-get install nftables"
    for name, kind in (("cloister-try0", "bridge"), ("cloister-try1", "veth")):
        # One that an interrupted check left behind would be in the way for ever.
        network.ip("link", "delete", name, check=False)
        try:
            network.ip("link", "add", name, "type", kind)
            network.ip("link", "delete", name)
        except ClusterError as problem:
            yield f"no network link of type {kind} can be made: {problem}"


def _groups(hierarchies: list[cgroups.Hierarchy]) -> Iterator[str]:
    if not hierarchies:
        yield "no control groups are mounted below /sys/fs/cgroup"
        return
    there = set().union(*(h.controllers for h in hierarchies))
    if not there:
        there = set((hierarchies[0].mount / "cgroup.controllers").read_text().split())
    for controller in _CONTROLLERS:
        if controller not in there:
            yield f"the control group controller {controller} is missing"
    for hierarchy in hierarchies:
        if os.statvfs(hierarchy.mount).f_flag & os.ST_RDONLY:
            yield f"the control groups at {hierarchy.mount} are read-only"


def _resources(s: Settings) -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    if memory < _MEMORY_MB:
        yield f"{memory} MB of memory are too few: {_MEMORY_MB} MB are needed"
    for path in (s.state.parent, cache_root()):
        while not path.exists():
            path = path.parent
        free = shutil.disk_usage(path).free >> 20
        if free < _DISK_MB:
            yield f"{free} MB of free disk at {path} are too few: {_DISK_MB} MB are needed"


def _conflicts(s: Settings) -> Iterator[str]:
    """Another cluster on this machine. Not asked while ours is up: then these are our own."""
    if s.state.exists():
        return
    root = s.kubelet_root
    if root.is_dir() and any(root.iterdir()) or mounts.present([root]):
        yield f"{root} belongs to another kubelet: one node per machine, and gVisor needs this very path"
    yield from (f"the nft table `{table}` is another cluster's: one kube-proxy per machine"
                for table in cleanup.own_tables([]) if "kube-proxy" in table)
    if machine.nftables_problem() and shutil.which("iptables") and cleanup.iptables_chains():
        yield "iptables has chains of another cluster: one kube-proxy per machine"
    yield from (f"port {port} is in use" for port in _busy_ports(s))


def _busy_ports(s: Settings) -> Iterator[int]:
    everywhere = (s.apiserver_port, s.kubelet_port)
    local = (s.etcd_port, s.etcd_peer_port, s.kubelet_healthz_port, s.proxy_metrics_port, s.proxy_healthz_port,
             s.controller_manager_port, s.scheduler_port)
    for address, ports in (("", everywhere), ("127.0.0.1", local)):
        for port in ports:
            with socket.socket() as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    trial.bind((address, port))
                except OSError:
                    yield port


def _building() -> Iterator[str]:
    """What only a build needs, and so only if something is not built yet."""
    missing = [group for group in tools.selected(toolgroups.FOR_UP) if not tools.location(group).is_dir()]
    if not missing:
        return
    try:
        tools.find_go()
    except ClusterError as problem:
        yield str(problem)
    if not any(shutil.which(compiler) for compiler in ("cc", "gcc", "clang")):
        yield "a C compiler is missing (runc and the pause image): apt-get install gcc libc6-dev"
    if any(group.name == "containerd" for group in missing) and not Path("/usr/include/seccomp.h").exists():
        yield "runc needs libseccomp's headers: apt-get install libseccomp-dev pkg-config"
