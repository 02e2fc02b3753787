"""Snapshots of files alone: Sandboxes begin anew with the workspace of another one, and with what it has changed of its image."""

from pathlib import Path

from support import http_workload
from support.sandboxes import Sandbox, Snapshot, manifest
from support.waiting import eventually

COUNTING = "import itertools; count = itertools.count(1); ballast = bytearray(b'x') * (32 << 20)"
SPEC = http_workload.spec(http_workload.program(COUNTING, 'f"{next(count)} {len(ballast)}"'))
# Another program, with other limits.
READER = http_workload.program("import pathlib", 'pathlib.Path("/workspace/notes/first").read_text()')
READING = {"command": ["python3", "-c", READER], "resources": {"memory": "512Mi", "disk": "512Mi"},
           "env": [{"name": "WHO", "value": "reader"}]}
CHANGES = ("mkdir /workspace/notes; printf hello > /workspace/notes/first; ln -s notes/first /workspace/link; "
           "chmod 600 /workspace/notes/first; printf kept > /var/tmp/changed; printf gone > /tmp/scratch; "
           "dd if=/dev/zero of=/workspace/sparse bs=1 seek=64M count=1 2>/dev/null")


def save(api, namespace, sandbox="first", name="saved"):
    spec = {"sandboxRef": {"name": sandbox}, "mode": "Filesystem"}
    api.create(Snapshot.plural, manifest(name, namespace.name, spec, Snapshot.kind))
    return Snapshot(api, namespace.name, name)


def begin(namespace, name, **spec) -> Sandbox:
    return namespace.sandbox(name, **spec, restoreFrom={"name": "saved"})


def test_others_begin_with_its_files(namespace, api, node):
    first = namespace.sandbox("first", **SPEC)
    first.wait_ready(within=60)
    namespace.exec(first, CHANGES)
    assert http_workload.words(first) == ["1", str(32 << 20)]
    saved = save(api, namespace)
    saved.wait("Taken")
    assert 0 < saved.status["sizeBytes"] < 16 << 20, "neither its memory nor what is no content"
    assert http_workload.words(first)[0] == "2", "it runs on"
    namespace.exec(first, "printf later > /workspace/notes/first")
    second, third = begin(namespace, "second", **READING), begin(namespace, "third", **SPEC)
    second.wait_ready(within=60)
    assert http_workload.words(second) == ["hello"]
    seen = namespace.exec(second, "cat /workspace/link /var/tmp/changed; stat -c %a:%u:%s /workspace/notes/first /workspace/sparse; "
                                  "ls /tmp; echo $WHO").stdout
    assert seen.replace("\n", " ").split() == ["hellokept600:1000:5", f"644:1000:{(64 << 20) + 1}", "reader"]
    third.wait_ready(within=60)
    assert http_workload.words(third)[0] == "1", "its program began anew"
    namespace.exec(second, "printf mine > /workspace/notes/first")
    assert namespace.exec(third, "cat /workspace/notes/first").stdout == "hello", "each has its own"
    saved.delete()
    eventually(lambda: not node.kept(namespace.name) and not node.debris(), 20, "its files are gone")
    assert http_workload.words(second) == ["mine"]
    namespace.exec(second, "dd if=/dev/zero of=/workspace/more bs=1M count=8 2>/dev/null && rm -r /workspace/sparse")


def test_one_that_stands_still_is_saved(namespace, api, node):
    first = namespace.sandbox("first", **SPEC)
    first.wait_ready(within=60)
    namespace.exec(first, CHANGES)
    first.patch({"desiredState": "Paused"})
    eventually(lambda: first.status["phase"] == "Paused", 30, "it stands still")
    save(api, namespace).wait("Taken")
    assert first.status["phase"] == "Paused"
    second = begin(namespace, "second", **READING)
    second.wait_ready(within=60)
    assert http_workload.words(second) == ["hello"]
    first.patch({"desiredState": "Running"})
    first.wait_ready(within=30)
    assert http_workload.words(first)[0] == "1"


def test_what_cannot_have_the_files_says_why(namespace, api, node):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    save(api, namespace).wait("Taken")
    other = begin(namespace, "other", **SPEC, image="cloister.dev/other:1")
    eventually(lambda: "another image" in other.condition()["message"], 60, "the reason is told")
    (folder,) = node.kept(namespace.name)
    spoil(folder / "multitar.img")
    damaged = begin(namespace, "damaged", **SPEC)
    fails_for(damaged, "invalid tar header")
    spoil(folder / "fscheckpoint.pb")
    unread = begin(namespace, "unread", **SPEC)
    fails_for(unread, "cannot parse invalid wire-format data")
    for sandbox in (other, damaged, unread):
        sandbox.delete()
    for sandbox in (other, damaged, unread):
        sandbox.wait_gone(within=60)


def fails_for(sandbox: Sandbox, words: str) -> None:
    """runsc has the last word on what it can read, and begins nothing with what it cannot."""
    eventually(lambda: sandbox.status.get("phase") == "Failed", 90, "it is given up")
    message = sandbox.condition()["message"]
    assert words in message and 'the SandboxSnapshot "saved"; if that is damaged' in message, message


def spoil(file: Path) -> None:
    """Other bytes, as many."""
    file.write_bytes(b"\xff" * file.stat().st_size)


def test_it_waits_for_the_nodes_agent(namespace, api, node):
    first = namespace.sandbox("first", **SPEC)
    first.wait_ready(within=60)
    namespace.exec(first, CHANGES)
    save(api, namespace).wait("Taken")
    node.stop()
    try:
        second = begin(namespace, "second", **READING)
        eventually(lambda: "cloister-node does not listen" in second.condition()["message"], 90, "the reason is told")
    finally:
        node.start()
    second.wait_ready(within=90)
    assert http_workload.words(second) == ["hello"]


def test_it_can_be_saved_and_suspended_like_any_other(namespace, api, node):
    first = namespace.sandbox("first", **SPEC)
    first.wait_ready(within=60)
    namespace.exec(first, CHANGES)
    save(api, namespace).wait("Taken")
    second = begin(namespace, "second", **SPEC)
    second.wait_ready(within=60)
    assert http_workload.words(second)[0] == "1"
    second.suspend()
    second.resume()
    assert http_workload.words(second)[0] == "2", "with its memory"
    namespace.exec(second, "printf more >> /workspace/notes/first")
    save(api, namespace, "second", "again").wait("Taken")
    third = namespace.sandbox("third", **READING, restoreFrom={"name": "again"})
    third.wait_ready(within=60)
    assert http_workload.words(third) == ["hellomore"]
