"""Pools with hold: their pods wait without having begun, and a Sandbox begins in one, or goes on from a snapshot there."""

import pytest
from support import http_workload
from support.pools import make_pool, make_template
from support.sandboxes import Snapshot, manifest
from support.waiting import eventually

# It holds state in memory and has a child, a file and a socket that listens. Whoever goes on from it has the same child.
SETUP = """
import itertools, pathlib, subprocess
print("begun", flush=True)
count = itertools.count(1)
ballast = bytearray(b"x") * (32 << 20)
child = subprocess.Popen(["sleep", "100000"])
note = pathlib.Path("/workspace/note")
note.write_text("fresh")
"""
SERVER = http_workload.program(SETUP, 'f"{next(count)} {note.read_text()} {len(ballast)} {child.pid} {child.poll()}"')
POOL = {"poolRef": {"name": "held"}}
FORK = {**POOL, "restoreFrom": {"name": "saved"}}


def ask(sandbox):
    """Its counter, its note, the size of what it holds in memory, its child's process id, and whether that has ended."""
    return http_workload.words(sandbox)


@pytest.fixture(scope="module")
def namespace(node, shared_namespaces):  # in this order: a node is unprepared once its sandboxes are gone
    return shared_namespaces()


@pytest.fixture(scope="module")
def pool(namespace, api, node):
    make_template(api, namespace.name, "server", {**http_workload.spec(SERVER), "lifecycle": {"ttl": "30m"}})
    made = make_pool(api, namespace.name, "held", "server", replicas=2, hold=True)
    made.wait_full(2, within=90)
    return made


@pytest.fixture(scope="module")
def saved(namespace, api, pool):
    """A Sandbox that began in a held pod, and was saved once it had answered twice."""
    first = namespace.sandbox("first", **POOL)
    first.wait_ready(within=60)
    assert [ask(first)[0] for _ in range(2)] == ["1", "2"]
    namespace.exec(first, "printf kept > /workspace/note")
    api.create(Snapshot.plural, manifest("saved", namespace.name, {"sandboxRef": {"name": "first"}}, Snapshot.kind))
    snapshot = Snapshot(api, namespace.name, "saved")
    snapshot.wait("Taken")
    return snapshot


def fork(namespace, pool, name):
    """A Sandbox that took one of the pool's pods, and what it answers first."""
    waiting = eventually(lambda: pool.wait_full(2, within=60) and pool.names(), 60, "two pods are held")
    made = namespace.sandbox(name, **FORK)
    made.wait_ready(within=30)
    assert made.status["podName"] in waiting and made.condition("WarmStart")["reason"] == "FromPool"
    return made, ask(made)


def test_nothing_runs_in_a_held_pod(namespace, pool):
    for name in pool.names():
        assert namespace.kubectl("logs", name) == ""
        assert "not started" in namespace.refused("exec", name, "--", "true")


def test_a_sandbox_begins_in_a_held_pod(namespace, pool, saved):
    first = namespace.handle("first")
    assert first.condition("WarmStart")["reason"] == "FromPool"
    assert namespace.kubectl("logs", first.status["podName"]) == "begun\n"


def test_a_sandbox_goes_on_in_a_held_pod(namespace, pool, saved):
    child = ask(namespace.handle("first"))[3]
    second, said = fork(namespace, pool, "second")
    third, other = fork(namespace, pool, "third")
    assert said == other == ["3", "kept", str(32 << 20), child, "None"], "as it was when it was saved"
    assert second.status["podIPs"] != third.status["podIPs"]
    namespace.exec(second, "printf mine > /workspace/note")
    assert ask(second)[:2] == ["4", "mine"] and ask(third)[:2] == ["4", "kept"], "each has its own"
    for sandbox in (second, third):
        sandbox.delete()
        sandbox.wait_gone(within=30)
        eventually(lambda s=sandbox: s.status.get("podName") is None and not s.pods(), 30, "its pod is gone")


def test_another_spec_gets_a_pod_of_its_own(namespace, pool, saved):
    pool.wait_full(2, within=60)
    other = namespace.sandbox("other", **FORK, podMetadata={"labels": {"team": "blue"}})
    other.wait_ready(within=60)
    assert other.condition("WarmStart")["reason"] == "PoolMismatch"
    assert ask(other)[:2] == ["3", "kept"]
    other.delete()
    other.wait_gone(within=30)


@pytest.mark.parametrize("who", ["agent", "containerd", "kubelet", "operator"])
def test_held_pods_outlive_a_restart(namespace, api, pool, saved, node, cluster, release, who):
    pool.wait_full(2, within=90)
    before = pool.names()
    if who == "agent":
        node.kill()
        node.start()
    elif who == "operator":
        release.scale(0)
        release.scale(2)
        release.wait_ready()
    else:
        cluster.control("kill", who)
        cluster.control("start", who)
        eventually(lambda: next(c["status"] for c in api.get("nodes", cluster.node)["status"]["conditions"]
                                if c["type"] == "Ready") == "True", 60, "the node is ready")
    made, said = fork(namespace, pool, f"after-{who}")
    assert pool.names() != before and made.status["podName"] in before, "it was held before"
    assert said[:2] == ["3", "kept"]
    made.delete()
    made.wait_gone(within=30)


def test_what_cannot_be_restored_says_why(namespace, pool, saved, node):
    pool.wait_full(2, within=60)
    (folder,) = node.kept(namespace.name)
    pages = folder / "pages.img"
    aside = pages.rename(folder.parent / "pages.aside")
    try:
        broken = namespace.sandbox("broken", **FORK)
        # Its node may have noticed before, and told so in the snapshot.
        told = ('SandboxSnapshot "saved" on this node are no good', 'SandboxSnapshot "saved" is not Ready')
        eventually(lambda: any(text in broken.condition()["message"] for text in told), 60, "the reason is told")
        assert broken.status["phase"] == "Failed"
    finally:
        aside.rename(pages)
    broken.delete()
    broken.wait_gone(within=30)


def test_a_held_pod_goes_without_having_begun(namespace, api, pool, saved):
    pool.wait_full(2, within=60)
    pool.delete()
    eventually(lambda: not pool.pods() and not api.list("pods", namespace.name, labels="cloister.dev/sandbox="), 30,
               "its pods are gone")
