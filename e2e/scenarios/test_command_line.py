"""The operator's binary by itself: what it says of a wrong command line, configuration or kubeconfig."""

import os
import subprocess

import pytest
import yaml
from support.cluster import ROOT, VERSION

BINARY = ROOT / "build/release/operator/cloister-operator"

WRONG = {
    "a flag that does not exist": (["--no-such-flag"], None, "--no-such-flag"),
    "a configuration that is not there": (["--config", "/no/such/file"], None, "/no/such/file"),
    "a field that does not exist": ([], "workers: 8\nworker: 1\n", "config.yaml:2: "),
    "a value that is out of bounds": ([], "listen: 0.0.0.0:8080\n\nworkers: 0\n", "config.yaml:3: .workers: must be between 1 and 256"),
    "text that is no YAML": ([], "workers: [1\n", "config.yaml:"),
    "a kubeconfig that is not there": (["--kubeconfig", "/no/such/file"], None, "/no/such/file"),
    "a context that is not there": (["--context", "nowhere"], None, "nowhere"),
}


def run(arguments, folder, **env):
    return subprocess.run([BINARY, *map(str, arguments)], env={"PATH": os.environ["PATH"], **env}, cwd=folder, timeout=20,
                          capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_ends_it_with_2_and_one_line(cluster, tmp_path, name):
    arguments, config, words = WRONG[name]
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
        arguments = [*arguments, "--config", tmp_path / "config.yaml"]
    done = run(arguments, tmp_path, KUBECONFIG=str(cluster.kubeconfig))
    assert done.returncode == 2, done
    assert words in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 or "flag" in name, lines


BROKEN = {
    "no certificate": lambda user: user.update({"client-certificate-data": "bm9uZQ=="}),
    "half of a key pair": lambda user: user.pop("client-key-data"),
    "base64 that is none": lambda user: user.update({"client-key-data": "***"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_kubeconfig(cluster, tmp_path, name):
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    BROKEN[name](content["users"][0]["user"])
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    done = run(["--kubeconfig", tmp_path / "kubeconfig"], tmp_path)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done


def test_a_port_that_is_taken(cluster, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(["--listen", listen], tmp_path, KUBECONFIG=str(cluster.kubeconfig))
    assert done.returncode == 2 and listen in done.stderr, done


def test_it_tells_about_itself(tmp_path):
    version = run(["--version"], tmp_path)
    assert version.returncode == 0 and version.stdout.strip() == f"cloister-operator {VERSION}"
    usage = run(["--help"], tmp_path)
    assert usage.returncode == 0
    for flag in ("--config", "--kubeconfig", "--context", "--listen", "--log-level", "--check-config", "--version"):
        assert flag in usage.stdout


def test_it_checks_a_configuration(tmp_path):
    (tmp_path / "config.yaml").write_text("workers: 4\n")
    assert run(["--check-config", "--config", tmp_path / "config.yaml"], tmp_path).returncode == 0
