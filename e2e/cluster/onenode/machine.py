"""What this machine can and cannot do, found out by asking the kernel."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path

_CAP_SYS_RESOURCE = 24


def has_capability(status: str, number: int) -> bool:
    """Whether /proc/PID/status lists a capability as effective."""
    found = re.search(r"^CapEff:\s*([0-9a-fA-F]+)", status, re.MULTILINE)
    return bool(found) and bool(int(found[1], 16) >> number & 1)


@functools.cache
def may_lower_oom_score() -> bool:
    """Whether a process may set a lower OOM score: both the capability and a real try must agree."""
    if not has_capability(Path("/proc/self/status").read_text(), _CAP_SYS_RESOURCE):
        return False
    trial = 'read old < /proc/self/oom_score_adj; echo $((old - 1)) > /proc/self/oom_score_adj'
    return subprocess.run(["sh", "-c", trial], capture_output=True, check=False).returncode == 0


def has_ipv6() -> bool:
    """Whether the kernel has IPv6 and it is not switched off."""
    switch = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
    return switch.exists() and switch.read_text().strip() == "0"


# What kube-proxy's nftables mode and the portmap plugin ask of the kernel, in one table that is never seen by a packet.
_NFT_TRIAL = """
add table inet cloister-trial
add chain inet cloister-trial nat { type nat hook prerouting priority -100; }
add map inet cloister-trial m { type ipv4_addr . inet_proto . inet_service : verdict; }
add chain inet cloister-trial pick
add rule inet cloister-trial pick numgen random mod 2 vmap { 0 : drop, 1 : accept }
add rule inet cloister-trial nat fib daddr type local ip daddr . meta l4proto . th dport vmap @m
add rule inet cloister-trial nat meta mark set meta mark or 0x4000
add chain inet cloister-trial post { type nat hook postrouting priority 100; }
add rule inet cloister-trial post meta mark 0x4000 masquerade fully-random
add rule inet cloister-trial post ct state new accept
delete table inet cloister-trial
"""


def nftables_problem() -> str:
    """Why kube-proxy cannot use nftables here, or an empty string."""
    if not shutil.which("nft"):
        return "the program nft is missing"
    done = subprocess.run(["nft", "-f", "-"], input=_NFT_TRIAL, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[0]


def facts() -> tuple[bool, bool, str]:
    """(dual_stack, may_lower_oom_score, proxy_mode): what the cluster's configuration depends on."""
    return has_ipv6(), may_lower_oom_score(), "iptables" if nftables_problem() else "nftables"
