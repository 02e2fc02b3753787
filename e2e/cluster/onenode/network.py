"""The node's link and the kernel settings: set at `up`, put back at `down`."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

from onenode.settings import ClusterError, Settings

_SYS = Path("/proc/sys")

# What this program sets, and what the kubelet and kube-proxy set by themselves: all of it is put back.
_FORWARDING = {"net/ipv4/ip_forward": "1"}
_FORWARDING6 = {
    "net/ipv6/conf/all/forwarding": "1",
    # A pod's IPv6 address would stay unusable for a second and more while the kernel asks the link for a double. There
    # is none on a point-to-point link, so new network namespaces do without.
    "net/ipv6/conf/default/accept_dad": "0",
    "net/core/devconf_inherit_init_net": "1",
}
_TOUCHED = ("net/ipv4/conf/all/route_localnet", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic",
            "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")


def wanted_sysctls(dual_stack: bool) -> dict[str, str]:
    return _FORWARDING | (_FORWARDING6 if dual_stack else {})


def read_sysctls(dual_stack: bool) -> dict[str, str]:
    """The present values of everything that the cluster changes."""
    values = {}
    for name in (*wanted_sysctls(dual_stack), *_TOUCHED):
        with contextlib.suppress(OSError):
            values[name] = (_SYS / name).read_text().strip()
    return values


def write_sysctls(values: dict[str, str]) -> list[str]:
    """Writes what differs; returns what could not be written."""
    failed = []
    for name, value in values.items():
        try:
            if (_SYS / name).read_text().strip() != value:
                (_SYS / name).write_text(value)
        except OSError as problem:
            failed.append(f"{name}: {problem.strerror}")
    return failed


def ip(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise ClusterError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def create_link(s: Settings) -> None:
    """A bridge without ports carries the node's addresses. (A dummy link would do, but not every kernel has them.)"""
    ip("link", "add", s.link, "type", "bridge")
    ip("addr", "add", f"{s.node_ip}/32", "dev", s.link)
    if s.dual_stack:
        ip("-6", "addr", "add", f"{s.node_ip6}/128", "dev", s.link, "nodad")
    ip("link", "set", s.link, "up")


def gateways(s: Settings) -> set[str]:
    """The addresses that the ptp plugin gives to the host's end of each pod's veth pair."""
    return {s.node_pod_cidr.rsplit(".", 1)[0] + ".1", s.node_pod_cidr6.rsplit("/", 1)[0] + "1"}


def pod_links(listing: str, own: set[str]) -> list[str]:
    """The pods' host ends, from `ip -json addr show type veth`."""
    return [link["ifname"] for link in json.loads(listing or "[]")
            if any(address.get("local") in own for address in link.get("addr_info", []))]


def links(s: Settings) -> list[str]:
    """Every link of the cluster that exists."""
    own = pod_links(ip("-json", "addr", "show", "type", "veth", check=False), gateways(s))
    return own + ([s.link] if Path(f"/sys/class/net/{s.link}").exists() else [])
