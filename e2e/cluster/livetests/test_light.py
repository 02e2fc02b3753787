"""The light control plane: several at once, and none outlives who started it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from commands import FOLDER, eventually
from onenode import toolgroups, tools


@pytest.fixture(scope="module")
def kubectl():
    return tools.ensure(toolgroups.FOR_CONTROL_PLANE, print)["kubectl"]


def started(folder, *words):
    child = subprocess.Popen([FOLDER / "cluster", "apiserver", "--dir", str(folder), *words], stdout=subprocess.PIPE,
                             text=True)
    line = child.stdout.readline().strip()
    assert line == f"KUBECONFIG={folder}/kubeconfig"
    return child


def processes_of(folder):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/" in argv:
            found.append(argv)
    return found


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
       "spec": {"containers": [{"name": "c", "image": "i"}]}}


def run(kubectl, folder, *words, stdin=""):
    return subprocess.run([kubectl, f"--kubeconfig={folder}/kubeconfig", *words], input=stdin, capture_output=True,
                          text=True, check=True).stdout


def test_two_at_once_know_nothing_of_each_other(kubectl, tmp_path):
    planes = [(tmp_path / name, started(tmp_path / name)) for name in "ab"]
    run(kubectl, planes[0][0], "create", "-f", "-", stdin=json.dumps(POD))  # no service account stands in the way
    assert run(kubectl, planes[0][0], "get", "pods", "-o", "name") == "pod/p\n"
    assert run(kubectl, planes[1][0], "get", "pods", "-o", "name") == ""
    for folder, child in planes:
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
        assert processes_of(folder) == []


def test_with_controllers_and_scheduler(kubectl, tmp_path):
    child = started(tmp_path / "c", "--controller-manager", "--scheduler")
    run(kubectl, tmp_path / "c", "create", "namespace", "n")
    run(kubectl, tmp_path / "c", "wait", "--for=create", "serviceaccount/default", "-n", "n", "--timeout=20s")
    child.terminate()
    assert child.wait(10) == 0


def test_killed_it_takes_its_servers_along(tmp_path):
    child = started(tmp_path / "k")
    child.kill()
    child.wait()
    eventually(lambda: not processes_of(tmp_path / "k"))


def test_it_ends_with_its_parent(tmp_path):
    script = f'"{FOLDER}/cluster" apiserver --dir "{tmp_path}/p" > "{tmp_path}/out" & wait'
    parent = subprocess.Popen(["bash", "-c", script])
    out = tmp_path / "out"
    eventually(lambda: out.exists() and "KUBECONFIG" in out.read_text(), 60)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    eventually(lambda: not processes_of(tmp_path / "p"))


def test_a_server_that_dies_is_an_error(tmp_path):
    child = started(tmp_path / "d")
    etcd = subprocess.run(["pgrep", "-f", f"data-dir={tmp_path}/d/etcd"], capture_output=True, text=True, check=True)
    os.kill(int(etcd.stdout.split()[0]), signal.SIGKILL)
    assert child.wait(10) == 1
    eventually(lambda: not processes_of(tmp_path / "d"))
