"""`down`: ends and removes everything of the cluster, whatever state it is in, and looks whether that worked."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from pathlib import Path

from onenode import cgroups, mounts, network, record
from onenode.record import Record
from onenode.settings import Settings

# Where programs put things that no setting of theirs can move.
CNI_CACHE = Path("/var/lib/cni")
CONTAINER_LOGS = Path("/var/log/containers")
SHIM_SOCKETS = Path("/run/containerd")

_OWN_TABLES = ("ip kube-proxy", "ip6 kube-proxy", "ip cni_hostport", "ip6 cni_hostport", "inet cni_hostport")
_OWN_CHAINS = (":KUBE-", ":CNI-HOSTPORT-", ":CNI-DN-")
# Tables that iptables makes at its first use and never removes.
_IPTABLES_TABLES = [f"{family} {name}" for family in ("ip", "ip6") for name in ("filter", "mangle", "nat")]
_PROGRAMS = {"containerd", "containerd-shim-runc-v2", "containerd-shim-runsc-v1", "etcd", "kube-apiserver",
             "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "runc", "runsc"}


def parse_tables(listing: str) -> list[str]:
    """`FAMILY NAME` of each table in the text of `nft list tables`."""
    return [line.removeprefix("table ").strip() for line in listing.splitlines() if line.startswith("table ")]


def tables() -> list[str]:
    if not shutil.which("nft"):
        return []
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
    return parse_tables(done.stdout)


def own_tables(foreign: list[str]) -> list[str]:
    return [table for table in tables() if table in _OWN_TABLES and table not in foreign]


def foreign_things() -> list[str]:
    """What is on the machine before us under names that the cluster uses too."""
    paths = [CNI_CACHE, CONTAINER_LOGS, SHIM_SOCKETS, Settings().kubelet_root]
    return [str(path) for path in paths if path.exists()] + tables()


def folders(s: Settings) -> list[Path]:
    """The folders that are ours as a whole. The kubelet's is only if it carries our marker."""
    own = [s.state, s.run]
    return [*own, s.kubelet_root] if s.kubelet_marker.exists() else own


def down(say) -> list[str]:
    """Removes the cluster; returns what could not be removed, in words."""
    kept = record.load() or Record()
    s = kept.settings
    # Without a state folder nothing is known to be ours, and what bears a name that others use too is theirs.
    foreign = kept.foreign if s.state.exists() else foreign_things()
    if not leftovers(s, foreign):
        return []
    cgroups.kill_all(s.cgroup)
    say("processes ended")
    if s.proxy_mode == "iptables":
        _iptables_cleanup(foreign)
    for link in network.links(s):
        network.ip("link", "delete", link, check=False)
    for table in own_tables(foreign):
        subprocess.run(["nft", "delete", "table", *table.split()], capture_output=True, check=False)
    mounts.unmount_all(folders(s))
    say("links, tables and mounts removed")
    _remove_strays(s, foreign)
    for path in kept.env_files:
        Path(path).unlink(missing_ok=True)
    failed = network.write_sysctls(kept.sysctls)
    cgroups.remove(s.cgroup)
    _remove_folders(s, foreign)
    return [f"kernel setting {text}" for text in failed] + leftovers(s, foreign)


def _iptables_cleanup(foreign: list[str]) -> None:
    for tool in ("iptables", "ip6tables"):
        saved = subprocess.run([f"{tool}-save"], capture_output=True, text=True, check=False).stdout
        if lines := chain_removal(saved):
            subprocess.run([f"{tool}-restore", "--noflush"], input=lines, text=True, capture_output=True, check=False)
    for table in set(tables()) & set(_IPTABLES_TABLES) - set(foreign):
        listing = subprocess.run(["nft", "list", "table", *table.split()], capture_output=True, text=True, check=False)
        if is_empty(listing.stdout):
            subprocess.run(["nft", "delete", "table", *table.split()], capture_output=True, check=False)


def is_empty(listing: str) -> bool:
    """Whether the text of `nft list table` shows nothing but built-in chains that let everything pass."""
    words = [line.strip() for line in listing.splitlines() if not line.startswith("#")]
    return all(re.fullmatch(r"|}|table .*|chain [A-Z]+ {|type .* hook .*; policy accept;", line) for line in words)


def own_chains(saved: str) -> list[str]:
    """kube-proxy's and the portmap plugin's chains in the text of `iptables-save`."""
    return [line[1:].split()[0] for line in saved.splitlines() if line.startswith(_OWN_CHAINS)]


def iptables_chains() -> list[str]:
    done = subprocess.run(["iptables-save"], capture_output=True, text=True, check=False)
    return own_chains(done.stdout)


def chain_removal(saved: str) -> str:
    """Input for `iptables-restore --noflush` that takes our chains and the jumps to them out, and nothing else."""
    removal = []
    for table in re.findall(r"^\*.*?^COMMIT$", saved, re.MULTILINE | re.DOTALL):
        chains = own_chains(table)
        own = {f"-A {chain}" for chain in chains}
        jumps = [line for line in table.splitlines() if line.startswith("-A ") and line.split(" -j ")[-1] in chains
                 and " ".join(line.split()[:2]) not in own]
        if chains:
            removal += [table.splitlines()[0], *(line.replace("-A ", "-D ", 1) for line in jumps),
                        *(f"-F {chain}" for chain in chains), *(f"-X {chain}" for chain in chains), "COMMIT"]
    return "\n".join([*removal, ""]) if removal else ""


def strays(s: Settings, foreign: list[str]) -> list[Path]:
    """Files of ours in places that we share with others."""
    found = [path for kind in ("results", "cache") for path in (CNI_CACHE / kind).glob(f"{s.cni_network}-*")]
    if CONTAINER_LOGS.is_dir():
        found += [path for path in CONTAINER_LOGS.iterdir()
                  if path.is_symlink() and str(path.readlink()).startswith(f"{s.state}/")]
    if str(SHIM_SOCKETS) not in foreign and SHIM_SOCKETS.exists():
        found.append(SHIM_SOCKETS)
    return found


def _remove_strays(s: Settings, foreign: list[str]) -> None:
    for path in strays(s, foreign):
        if path.is_dir():
            mounts.remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in (CNI_CACHE / "results", CNI_CACHE / "cache", CNI_CACHE, CONTAINER_LOGS):
        if str(folder) not in foreign:
            with contextlib.suppress(OSError):  # not there, or something else is in it
                folder.rmdir()


def _remove_folders(s: Settings, foreign: list[str]) -> None:
    """The record goes last: until then a crash of this very function can be made good."""
    marked = s.kubelet_marker.exists()
    if marked:
        mounts.remove_tree(s.kubelet_root)
        if str(s.kubelet_root) in foreign:
            s.kubelet_root.mkdir()
    elif s.record.exists() and str(s.kubelet_root) not in foreign:
        with contextlib.suppress(OSError):
            s.kubelet_root.rmdir()
    mounts.remove_tree(s.run)
    for child in s.state.iterdir() if s.state.is_dir() else ():
        if child.is_dir():
            mounts.remove_tree(child)
        elif child != s.record:
            child.unlink()
    mounts.remove_tree(s.state)


def escaped(s: Settings) -> list[str]:
    """Programs of the cluster that run outside of its control groups, found by the paths in their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            ours = any(f"{folder}/" in word for word in argv for folder in (s.state, s.run))
            if ours and Path(argv[0]).name in _PROGRAMS:
                found.append(f"process {entry.name}: {' '.join(argv[:3])}")
    return found


def leftovers(s: Settings, foreign: list[str]) -> list[str]:
    """Everything of the cluster that is still on the machine, in words."""
    found = [f"process {pid}" for pid in sorted(cgroups.members(s.cgroup))] + escaped(s)
    found += [f"control group {path}" for path in cgroups.groups(s.cgroup)]
    found += [f"mount {point}" for point in mounts.present([s.state, s.run])]
    found += [f"link {name}" for name in network.links(s)]
    found += [f"nft table {table}" for table in own_tables(foreign)]
    if s.proxy_mode == "iptables":
        found += [f"iptables chain {chain}" for chain in iptables_chains()]
    return found + [f"file {path}" for path in (s.state, s.run, s.kubelet_marker, *strays(s, foreign))
                    if path.exists() or path.is_symlink()]

