"""What is left on the machine after `down`: nothing, whenever and however the cluster ended.

These tests take the machine's cluster down, and leave a fresh one.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import FOLDER, cluster
from onenode import cleanup, network
from onenode.settings import Settings


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def files():
    """Two levels of the places where the cluster's programs keep things."""
    found = set()
    for root in ("/run", "/var/lib", "/var/log", "/opt", "/etc/cni", "/etc/containerd", "/usr/libexec", "/tmp"):
        for child in Path(root).glob("*"):
            found.add(str(child))
            if child.is_dir() and not child.is_symlink() and child.name not in ("apt", "dpkg"):
                found.update(str(grandchild) for grandchild in child.glob("*"))
    words = ("cloister", "kube", "containerd", "cni", "runsc", "netns", "nri", "etcd", "containers", "pods")
    return {path for path in found if any(word in path for word in words)}


def processes():
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if Path(argv[0]).name in {*cleanup._PROGRAMS, "coredns", "pause", "runsc-sandbox", "runsc-gofer"}:
            found.add(" ".join(argv[:2]))
    return found


def machine():
    """All that the cluster could change, as comparable values."""
    return {
        "mounts": sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "links": sorted(line.split()[1] for line in output("ip", "-o", "link").splitlines()),
        "addresses": sorted(line.split()[3] for line in output("ip", "-o", "addr").splitlines()),
        "routes": sorted(output("ip", "route", "show", "table", "all").splitlines()),
        "nft": output("nft", "list", "tables"),
        "sysctls": network.read_sysctls(True),
        "groups": sorted(str(path) for path in Path("/sys/fs/cgroup").glob("*/*") if "cloister" in path.name
                         or "kubepods" in path.name),
        "files": files(),
        "processes": processes(),
    }


@pytest.fixture(scope="module")
def bare():
    cluster("down")
    yield machine()
    cluster("up")


def assert_bare(bare):
    now = machine()
    for name, value in bare.items():
        assert now[name] == value, name


def crash_up(seconds, folder=FOLDER):
    """Starts `up` and kills it, and nothing else, some time later."""
    child = subprocess.Popen([folder / "cluster", "up"], stderr=subprocess.DEVNULL)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.3, 0.5, 1, 2, 3, 3.5, 4, 4.5, 5])
def test_killed_at_any_moment(bare, seconds):
    crash_up(seconds)
    cluster("down")
    assert_bare(bare)


def test_a_cluster_with_pods(bare, request):
    cluster("up")
    node = request.getfixturevalue("node")
    for runtime in ("gvisor", "runc"):
        node.pod(runtime, runtime, container={"ports": [{"containerPort": 8080, "hostPort": 18080 + len(runtime)}]})
        node.wait(runtime)
    cluster("down")
    assert_bare(bare)


def test_down_twice_is_no_error(bare):
    cluster("down")
    assert cluster("down").returncode == 0
    assert cluster("status", check=False).returncode == 1


def test_up_goes_over_the_remains_of_a_crash(bare):
    crash_up(2)
    cluster("up")
    assert cluster("status").returncode == 0


@pytest.fixture
def second_checkout(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "e2e" / "cluster")
    return tmp_path


def test_a_second_checkout_shares_or_takes_over(bare, second_checkout):
    cluster("up")
    other = second_checkout / "e2e" / "cluster" / "cluster"
    shared = subprocess.run([other, "up"], capture_output=True, text=True, check=True)
    assert "a healthy cluster of the same sources is up already" in shared.stderr
    own_env, other_env = Settings().build / "env", second_checkout / "build" / "cluster" / "env"
    assert own_env.read_text() == other_env.read_text()

    addon = second_checkout / "e2e" / "cluster" / "addons" / "runtimeclasses.yaml"
    addon.write_text(addon.read_text() + "# a change\n")
    subprocess.run([other, "up"], capture_output=True, check=True)
    assert not own_env.exists()  # it told of a cluster that is gone
    assert f"started from             {second_checkout}" in cluster("status").stdout

    cluster("down")
    assert not other_env.exists()
    assert_bare(bare)


def test_a_strangers_kubelet_is_left_alone(bare):
    root = Settings().kubelet_root
    root.mkdir()
    (root / "config.yaml").touch()
    try:
        refused = cluster("up", check=False)
        cluster("down")
        assert refused.returncode == 1
        assert f"{root} belongs to another kubelet" in refused.stderr
        assert (root / "config.yaml").exists()
    finally:
        shutil.rmtree(root)
    assert_bare(bare)


def test_a_warm_start_is_quick(bare):
    cluster("up")
    cluster("down")
    started = time.monotonic()
    cluster("up")
    assert time.monotonic() - started < 60, "seconds on an idle machine; what must be built takes minutes"


def test_a_check_that_was_interrupted_is_in_nobodys_way():
    network.ip("link", "add", "cloister-try1", "type", "veth")
    done = cluster("check", check=False)
    assert "link" not in done.stdout + done.stderr
    assert "cloister-try1" not in output("ip", "link")
