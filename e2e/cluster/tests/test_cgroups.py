from pathlib import Path

from onenode.cgroups import parse_hierarchies
from onenode.processes import in_group

HYBRID = """\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
cgroup /mnt/again cgroup rw,relatime,cpuset 0 0
"""


def test_every_hierarchy_is_found_once():
    found = parse_hierarchies(HYBRID)
    assert [h.mount for h in found] == [Path("/sys/fs/cgroup") / name
                                        for name in ("cpuset", "cpu,cpuacct", "systemd", "unified")]
    assert found[1].controllers == {"cpu", "cpuacct"}
    assert [h.unified for h in found] == [False, False, False, True]


def test_version_2_alone():
    found = parse_hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n")
    assert len(found) == 1
    assert found[0].unified
    assert found[0].controllers == frozenset()


def test_a_component_is_known_by_its_very_group():
    text = "9:name=systemd:/cloister-cluster/etcd\n0::/\n"
    assert in_group(text, "cloister-cluster", "etcd")
    assert not in_group(text, "cloister-cluster", "tcd")
    assert not in_group(text, "cluster", "etcd")
    # A container's process has a group below; it is not the component.
    assert not in_group("9:name=systemd:/cloister-cluster/etcd/x\n", "cloister-cluster", "etcd")


def test_inside_a_group_of_a_container():
    assert in_group("0::/docker/abc/cloister-cluster/kubelet\n", "cloister-cluster", "kubelet")
