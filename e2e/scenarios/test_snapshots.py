"""Snapshots under gVisor: a sandbox is saved as it runs, and another one continues from there."""

import pytest
from support import http_workload
from support.api import MERGE, ApiError, path_of
from support.cluster import VERSION
from support.node_agent import NAMESPACE
from support.sandboxes import Snapshot, manifest
from support.waiting import eventually

SETUP = """
import itertools, pathlib
count = itertools.count(1)
ballast = bytearray(b"x") * (32 << 20)
def note():
    path = pathlib.Path("/workspace/note")
    return path.read_text() if path.exists() else "-"
"""
SERVER = http_workload.program(SETUP, 'f"{next(count)} {note()} {len(ballast)}"')
SPEC = http_workload.spec(SERVER)


def take(api, namespace, sandbox, name="saved", **spec):
    api.create(Snapshot.plural, manifest(name, namespace.name, {"sandboxRef": {"name": sandbox}, **spec}, Snapshot.kind))
    return Snapshot(api, namespace.name, name)


def ask(sandbox):
    """What its server says: its counter, the note, the size of what it holds in memory."""
    return http_workload.words(sandbox)


def test_a_sandbox_continues_from_a_snapshot(namespace, api, node):
    first = namespace.sandbox("first", **SPEC)
    first.wait_ready(within=60)
    namespace.exec(first, "printf hello > /workspace/note")
    assert [ask(first)[0] for _ in range(3)] == ["1", "2", "3"]
    saved = take(api, namespace, "first")
    saved.wait("Taken")
    status = saved.status
    assert status["phase"] == "Ready" and status["sizeBytes"] > 32 << 20 and status["digest"].startswith("sha256:")
    assert ask(first)[0] == "4", "it runs on"
    first.delete()
    first.wait_gone()
    second = namespace.sandbox("second", **SPEC, restoreFrom={"name": "saved"})
    second.wait_ready(within=60)
    third = namespace.sandbox("third", **SPEC, restoreFrom={"name": "saved"})
    third.wait_ready(within=60)
    assert ask(second) == ["4", "hello", str(32 << 20)], "as it was when it was saved, and one more"
    assert ask(third) == ["4", "hello", str(32 << 20)], "each has its own"
    assert second.status["podIPs"] != third.status["podIPs"]
    namespace.exec(second, "printf mine > /workspace/note")
    assert ask(second)[1] == "mine" and ask(third)[1] == "hello"
    saved.delete()
    eventually(lambda: not node.kept(namespace.name) and not node.debris(), 20, "its files are gone")
    assert ask(second)[0] == "6", "what continued from it does not need it any more"


def test_it_waits_for_the_snapshot(namespace, api, node):
    waiting = namespace.sandbox("waiting", **SPEC, restoreFrom={"name": "saved"})
    waiting.wait("SnapshotNotFound", kind="Accepted")
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    take(api, namespace, "first").wait("Taken")
    waiting.wait_ready(within=60)
    assert ask(waiting)[2] == str(32 << 20)


def test_another_spec_is_refused(namespace, api, node):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    take(api, namespace, "first").wait("Taken")
    other = namespace.sandbox("other", **{**SPEC, "command": ["python3", "-c", SERVER + "#"]}, restoreFrom={"name": "saved"})
    eventually(lambda: "process.args" in other.condition()["message"] and other.status["phase"] == "Failed", 60, "the reason is told")
    assert other.condition()["status"] == "False"
    other.delete()
    other.wait_gone(within=30)


def test_it_runs_on_the_image_that_was_saved(namespace, api, node, cluster):
    name = "cloister.dev/moved:1"

    def stands_for(image):
        cluster.run("ctr", "images", "tag", "--force", f"cloister.dev/{image}:{VERSION}", name)

    stands_for("sandbox-base")
    namespace.sandbox("first", **SPEC, image=name).wait_ready(within=60)
    saved = take(api, namespace, "first")
    saved.wait("Taken")
    assert saved.status["image"] == name and "sha256:" in saved.status["imageID"]
    stands_for("operator")
    fresh = namespace.sandbox("fresh", **SPEC, image=name)
    eventually(lambda: fresh.status.get("phase") == "Failed", 60, "the name stands for an image without Python")
    second = namespace.sandbox("second", **SPEC, image=name, restoreFrom={"name": "saved"})
    second.wait_ready(within=60)
    assert ask(second)[2] == str(32 << 20)
    assert "Python" in namespace.exec(second, "python3 --version").stdout, "its files are those that it began with"
    again = take(api, namespace, "second", "again")
    again.wait("Taken")
    assert (again.status["image"], again.status["imageID"]) == (name, saved.status["imageID"])
    namespace.sandbox("unnamed", **SPEC, restoreFrom={"name": "again"}).wait_ready(within=60)
    other = namespace.sandbox("other", **SPEC, image=f"cloister.dev/sandbox-base:{VERSION}", restoreFrom={"name": "again"})
    eventually(lambda: "in image;" in other.condition()["message"], 60, "it has to be called the same")


def test_without_its_agent_ordinary_sandboxes_start_and_others_say_why(namespace, api, node):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    take(api, namespace, "first").wait("Taken")
    node.stop()
    try:
        namespace.sandbox("ordinary").wait_ready(within=30)
        second = namespace.sandbox("second", **SPEC, restoreFrom={"name": "saved"})
        eventually(lambda: "cloister-node does not listen" in second.condition()["message"], 90, "the reason is told")
        assert second.status["phase"] == "Pending"
    finally:
        node.start()
    second.wait_ready(within=90)
    assert ask(second)[2] == str(32 << 20)


MANY = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 60 & done; echo all"


def test_no_more_processes_than_allowed(namespace, node):
    few = namespace.sandbox("few", resources={"memory": "256Mi", "disk": "256Mi", "processes": 8})
    few.wait_ready(within=60)
    done = namespace.exec(few, MANY, check=False)
    assert done.returncode != 0 and "all" not in done.stdout and "fork" in done.stderr
    namespace.sandbox("many").wait_ready(within=60)
    assert "all" in namespace.exec(namespace.handle("many"), MANY).stdout


def test_a_tenant_cannot_ask_for_a_restore_by_himself(namespace, api, node):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    pod = namespace.handle("first").pod()
    forged = {"apiVersion": "v1", "kind": "Pod",
              "metadata": {"name": "forged", "namespace": namespace.name, "annotations": {"cloister.dev/restore-from": "saved"}},
              "spec": {key: pod["spec"][key] for key in ("containers", "runtimeClassName", "securityContext", "volumes")}}
    with pytest.raises(ApiError, match="written by Cloister's operator alone"):
        api.create("pods", forged)


def test_a_node_writes_of_its_own_snapshots_alone(namespace, api, node, cluster):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    saved = take(api, namespace, "first")
    saved.wait("Taken")

    def write(by, status):
        user = {"Impersonate-User": f"system:serviceaccount:{NAMESPACE}:cloister-node"}
        if by:
            user["Impersonate-Extra-authentication.kubernetes.io%2Fnode-name"] = by
        path = path_of(Snapshot.plural, namespace.name, "saved", "status") + "?dryRun=All"
        api.send("PATCH", path, {"status": status}, content_type=MERGE, headers=user)

    write(cluster.node, {"sizeBytes": 1})
    for by, status in (("other", {"sizeBytes": 1}), ("other", {"nodeName": "other"}), (cluster.node, {"nodeName": "other"}),
                       ("", {"sizeBytes": 1})):
        with pytest.raises(ApiError, match="of its own node alone"):
            write(by, status)


def test_an_agent_killed_at_work_leaves_a_whole_snapshot_or_none(namespace, api, node):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    saved = take(api, namespace, "first")
    eventually(lambda: saved.status.get("phase") == "Running", 20, "the agent is at work", every=0.01)
    node.kill()
    saved.wait("Taken", within=60)
    assert len(node.kept(namespace.name)) == 1
    eventually(lambda: not node.debris(), 10, "nothing half done is left")
    namespace.sandbox("second", **SPEC, restoreFrom={"name": "saved"}).wait_ready(within=60)


def test_what_cannot_be_saved_says_so(namespace, api, node):
    namespace.sandbox("first", **SPEC).wait_ready(within=60)
    take(api, namespace, "first", "kept", deletionPolicy="Retain").wait("Unsupported")
