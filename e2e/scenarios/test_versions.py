"""Versions of runsc side by side: what was started or saved by the former one goes on after the node has another."""

from pathlib import Path

import pytest
from support import http_workload
from support.sandboxes import Snapshot, manifest
from support.waiting import eventually

SETUP = """
import itertools
count = itertools.count(1)
"""
SPEC = http_workload.spec(http_workload.program(SETUP, 'f"{next(count)}"'))


def ask(sandbox):
    return int(http_workload.words(sandbox)[0])


@pytest.fixture
def upgrade(node):
    """Puts another version of runsc on the node; the former one comes back. Returns both versions."""
    program, former = node.built_runsc(), node.runsc_version()
    name = former.encode()
    # Its last character, wherever the version stands: the same program otherwise.
    other = name[:-1] + (b"0" if name[-1:] != b"0" else b"1")
    assert name in program
    # The test before may just have put it back.
    eventually(lambda: former in node.versions(), 30, "there is a copy of the present one")

    def install():
        node.install_runsc(program.replace(name, other))
        assert node.runsc_version() == other.decode()
        return former, other.decode()

    yield install
    node.install_runsc(program)


def started(namespace, name="box", **spec):
    sandbox = namespace.sandbox(name, **SPEC, **spec)
    sandbox.wait_ready(within=60)
    return sandbox


def take(api, namespace, sandbox, name):
    api.create(Snapshot.plural, manifest(name, namespace.name, {"sandboxRef": {"name": sandbox.name}}, Snapshot.kind))
    snapshot = Snapshot(api, namespace.name, name)
    snapshot.wait("Taken")
    return snapshot


def sentries():
    """The programs that gVisor's sandboxes run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"runsc-sandbox" in (process / "cmdline").read_bytes():
                found.append((process / "exe").readlink())
        except OSError:
            continue
    return found


def test_what_was_suspended_goes_on_after_an_upgrade(namespace, api, node, upgrade):
    sandbox = started(namespace)
    assert [ask(sandbox) for _ in range(3)] == [1, 2, 3]
    sandbox.suspend()
    former, present = upgrade()
    eventually(lambda: node.versions() == {former, present}, 30, "there are copies of both")
    fresh = started(namespace, "fresh")
    assert take(api, namespace, fresh, "fresh").status["runtimeVersion"] == present
    sandbox.resume()
    assert ask(sandbox) == 4
    assert any(f"/.versions/{former}/" in str(program) for program in sentries())
    assert namespace.exec(sandbox, "echo hello").stdout == "hello\n"
    sandbox.suspend()
    sandbox.resume()
    assert ask(sandbox) == 5, "it stays with its version"
    sandbox.delete()
    sandbox.wait_gone(within=30)
    eventually(lambda: node.versions() == {present}, 200, "nothing needs the former one any more")
    assert ask(fresh) == 1


def test_what_runs_is_saved_by_its_own_version(namespace, api, node, upgrade):
    sandbox = started(namespace)
    assert ask(sandbox) == 1
    former, present = upgrade()
    eventually(lambda: node.versions() == {former, present}, 30, "there are copies of both")
    assert namespace.exec(sandbox, "echo hello").stdout == "hello\n"
    assert take(api, namespace, sandbox, "saved").status["runtimeVersion"] == former
    fork = started(namespace, "fork", restoreFrom={"name": "saved"})
    assert ask(fork) == 2 and ask(sandbox) == 2
    for each in (sandbox, fork):
        each.delete()
        each.wait_gone(within=30)
    assert node.versions() == {former, present}, "the snapshot needs it"
    again = started(namespace, "again", restoreFrom={"name": "saved"})
    assert ask(again) == 2
