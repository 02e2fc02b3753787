"""Snapshots in object storage: they outlive the node's copy, come back whole or not at all, and tell nobody anything."""

import os
import random
import time
import zlib

import pytest
from support import http_workload
from support.node_agent import NAMESPACE
from support.object_store import ObjectStore
from support.sandboxes import Snapshot, manifest
from support.waiting import eventually

# Bytes that no compression hides: what is not sealed would be found as it is.
SETUP = """
import itertools, pathlib, random, zlib
print("begun", flush=True)
count = itertools.count(1)
noise = random.Random(7).randbytes(24 << 20)
note = pathlib.Path("/workspace/note")
note.write_text("fresh")
"""
SPEC = http_workload.spec(http_workload.program(SETUP, 'f"{next(count)} {note.read_text()} {zlib.crc32(noise)}"'))
NOISE = random.Random(7).randbytes(24 << 20)
INTACT = str(zlib.crc32(NOISE))
NOTE = "what-the-tenant-wrote-down"
# None of them lies across a page's end.
SECRETS = [NOTE.encode(), *(NOISE[at:at + 64] for at in range(0, len(NOISE), 4 << 20))]
MEMORY = 256 << 20


@pytest.fixture(scope="module")
def bucket(cluster, api, release, node, tmp_path_factory):
    """Where the node's agent stores snapshots. The node's own end takes the setting back."""
    made = ObjectStore(cluster, api, tmp_path_factory.mktemp("store"))
    try:
        made.start()
        made.introduce(NAMESPACE)
        node.change(release, store=made.settings)
        yield made
    finally:
        made.stop()
        print(made.log())


def ask(sandbox):
    """Its counter, its note, and the sum of what it holds in memory."""
    return http_workload.words(sandbox)


def started(namespace, name="first", **spec):
    sandbox = namespace.sandbox(name, **SPEC, **spec)
    sandbox.wait_ready(within=60)
    return sandbox


def noted(namespace):
    """One that has been asked three times, and has a note."""
    first = started(namespace)
    assert ask(first) == ["1", "fresh", INTACT]  # its program has begun, and overwrites nothing any more
    namespace.exec(first, f"printf {NOTE} > /workspace/note")
    assert [ask(first) for _ in range(2)] == [["2", NOTE, INTACT], ["3", NOTE, INTACT]]
    return first


def take(api, namespace, name="saved"):
    api.create(Snapshot.plural, manifest(name, namespace.name, {"sandboxRef": {"name": "first"}}, Snapshot.kind))
    snapshot = Snapshot(api, namespace.name, name)
    snapshot.wait("Taken")
    return snapshot


def store(api, namespace, name="saved"):
    snapshot = take(api, namespace, name)
    snapshot.wait("InStore", kind="Stored", within=60)
    return snapshot


def fails(namespace, name, words, **spec):
    """A Sandbox that does not start, says so, and of which nothing has run."""
    sandbox = namespace.sandbox(name, **SPEC, **spec)
    eventually(lambda: sandbox.status.get("phase") == "Failed", 60, f"{name} does not start")
    assert words in sandbox.condition()["message"]
    (container,) = sandbox.pod()["status"]["containerStatuses"]
    ended = container["state"]["terminated"]
    assert (ended["reason"], ended["startedAt"], container["restartCount"]) == ("StartError", "1970-01-01T00:00:00Z", 0)
    return sandbox


def test_it_comes_back_from_the_store_where_nobody_can_read_it(namespace, api, node, bucket):
    first = noted(namespace)
    saved = store(api, namespace)
    plain = b"".join(path.read_bytes() for path in node.copy(saved).iterdir())
    assert all(secret in plain for secret in SECRETS)
    files = bucket.objects(saved.status["store"])
    assert files.keys() == {path.name for path in node.copy(saved).iterdir()}
    sealed = bucket.content()
    assert len(sealed) > len(NOISE) and not any(secret in sealed for secret in SECRETS)
    first.delete()
    node.lose(saved)
    second = started(namespace, "second", restoreFrom={"name": "saved"})
    assert ask(second) == ["4", NOTE, INTACT]
    assert b"".join(path.read_bytes() for path in node.copy(saved).iterdir()) == plain


def test_nothing_starts_from_a_byte_that_changed_until_it_is_mended(namespace, api, node, bucket):
    first = noted(namespace)
    saved = store(api, namespace)
    first.delete()
    node.lose(saved)
    with bucket.spoilt(saved, "pages.img"):
        fails(namespace, "second", "could not be fetched from the store: pages.img: ", restoreFrom={"name": "saved"})
    assert not node.kept(namespace.name) and not node.debris()
    assert saved.status["phase"] == "Ready"
    third = started(namespace, "third", restoreFrom={"name": "saved"})
    assert ask(third) == ["4", NOTE, INTACT]


def test_it_waits_for_a_store_that_is_away(namespace, api, node, bucket):
    noted(namespace)
    with bucket.away():
        saved = take(api, namespace)
        told = saved.wait("StoreUnreachable", kind="Stored", within=60)
        assert told["status"] == "False" and "cannot be reached" in told["message"] and "tried again" in told["message"]
        assert saved.status["phase"] == "Ready"
        second = started(namespace, "second", restoreFrom={"name": "saved"})
        assert ask(second) == ["4", NOTE, INTACT]
        assert saved.condition("Stored")["status"] == "False"
    # The longer it was away, the longer it takes until it is asked again.
    assert saved.wait("InStore", kind="Stored", within=90)["status"] == "True"
    assert bucket.objects(saved.status["store"])


def test_who_deletes_it_takes_the_key_along(namespace, api, node, bucket):
    first = noted(namespace)
    saved = store(api, namespace)
    first.delete()
    status = saved.status
    saved.delete()
    eventually(lambda: not node.kept(namespace.name), 20, "its copy is gone")
    # Whoever has kept what it said gets nothing by that: the key is bound to the very object.
    saved = Snapshot(api, namespace.name, "saved")
    api.create(Snapshot.plural, manifest("saved", namespace.name, {"sandboxRef": {"name": "nobody"}}, Snapshot.kind))
    api.patch(Snapshot.plural, "saved", namespace.name, {"status": status}, subresource="status")
    fails(namespace, "second", "not wrapped with the store key", restoreFrom={"name": "saved"})
    assert len(bucket.objects(status["store"])) > 1, "that is what could not be read"


def test_what_was_used_longest_ago_makes_room_and_comes_back(namespace, api, node, bucket, release):
    noted(namespace)
    one = store(api, namespace, "one")
    assert ask(namespace.handle("first"))[0] == "4"
    two = store(api, namespace, "two")
    copies = {node.copy(one), node.copy(two)}
    eventually(lambda: set(node.kept("e2e-*")) == copies, 60, "what other tests have saved is gone")
    for snapshot, hours in ((one, 1), (two, 2)):  # whose time stamp tells when it was used
        os.utime(node.copy(snapshot), times=(time.time() - hours * 3600,) * 2)
    sizes = [sum(path.stat().st_size for path in copy.iterdir()) for copy in copies]
    node.change(release, store=bucket.settings, localQuota=str(sum(sizes) + MEMORY - min(sizes) // 2))
    three = take(api, namespace, "three")
    assert set(node.kept("e2e-*")) == {node.copy(one), node.copy(three)}, "room for it, and no more"
    assert two.status["phase"] == "Ready" and two.condition("Stored")["status"] == "True"
    second = started(namespace, "second", restoreFrom={"name": "two"})
    assert ask(second) == ["5", NOTE, INTACT]
    assert node.copy(two).exists()
