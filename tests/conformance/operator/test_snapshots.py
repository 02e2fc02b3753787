"""The operator's part in snapshots: who waits for one, why nobody takes one, and when it ends. The tests play the node's agent."""

from datetime import timedelta

from kubelet import condition
from support.sandboxes import Snapshot, manifest, now
from support.waiting import eventually, throughout

ON = {"snapshots": {"enabled": True}}


class Played(Snapshot):
    def report(self, phase, reason, **fields):
        """As the node's agent would."""
        ready = condition("Ready", "True" if phase == "Ready" else "False", reason=reason, message="")
        return self.api.patch(self.plural, self.name, self.namespace,
                              {"status": {"phase": phase, "conditions": [ready], **fields}}, "status")


def snapshot(bed, name="saved", of="box", **spec):
    bed.api.create(Played.plural, manifest(name, bed.namespace, {"sandboxRef": {"name": of}, **spec}, Played.kind))
    return Played(bed.api, bed.namespace, name)


def test_whoever_waits_for_a_snapshot_is_told_at_once(bed):
    bed.operator(**ON).wait_ready()
    again = bed.sandbox("again", restoreFrom={"name": "saved"})
    again.wait("SnapshotNotFound", within=10)
    saved = snapshot(bed)
    again.wait("SnapshotNotReady", within=5)
    saved.report("Ready", "Taken", nodeName="node-7")
    pod = bed.pod_of(again, within=5)
    assert pod["metadata"]["annotations"]["cloister.dev/restore-from"] == "saved"


def test_what_continues_from_it_has_the_very_image(bed):
    bed.operator(**ON).wait_ready()
    of = {"from-a-registry": "registry.example.com/app@sha256:" + "1" * 64, "imported": "sha256:" + "2" * 64}
    for name, image in of.items():
        snapshot(bed, name).report("Ready", "Taken", nodeName="node-7", image="app:1", imageID=image)
    pods = {name: bed.pod_of(bed.sandbox(f"of-{name}", image="app:1", restoreFrom={"name": name}), within=10) for name in of}
    assert {name: pod["spec"]["containers"][0]["image"] for name, pod in pods.items()} == of
    assert {name: pod["spec"]["containers"][0]["imagePullPolicy"] for name, pod in pods.items()} == {
        "from-a-registry": "IfNotPresent", "imported": "Never"}
    assert all(pod["metadata"]["annotations"]["cloister.dev/image"] == "app:1" for pod in pods.values())


def test_it_says_what_a_snapshot_waits_for(bed):
    bed.operator(**ON).wait_ready()
    saved = snapshot(bed)
    assert "has no Sandbox \"box\"" in saved.wait("SandboxNotFound", within=10)["message"]
    assert saved.status["phase"] == "Pending"
    node = bed.node()
    sandbox = bed.sandbox("box")
    saved.wait("SandboxNotRunning", within=10)
    node.run(bed.pod_of(sandbox))
    sandbox.wait_ready(within=10)
    message = saved.wait("NoNodeAgent", within=45)["message"]
    assert f"kubectl label node {node.name} cloister.dev/snapshots=true" in message


def test_what_a_node_has_claimed_is_left_to_it(bed):
    operator = bed.operator(**ON).wait_ready()
    saved = snapshot(bed)
    saved.wait("SandboxNotFound", within=10)
    saved.report("Running", "Taking", nodeName="node-7", podUID="gone")
    before = saved.read()["metadata"]["resourceVersion"]
    operator.kill()
    operator.start().wait_ready()
    throughout(lambda: saved.read()["metadata"]["resourceVersion"] == before, 3, "nobody writes to it")


def test_its_time_is_over_to_the_second_also_after_a_restart(bed):
    operator = bed.operator(**ON).wait_ready()
    saved = snapshot(bed, ttl="8s")
    expiry = (now() + timedelta(seconds=8)).replace(microsecond=0)
    saved.report("Ready", "Taken", nodeName="node-7", expiresAt=expiry.strftime("%Y-%m-%dT%H:%M:%SZ"))
    operator.kill()
    operator.start()
    eventually(lambda: saved.read() is None, 15, "the SandboxSnapshot is deleted")
    assert -0.2 <= (now() - expiry).total_seconds() <= 2
    saved.wait_event("Expired")


def test_without_snapshots_nothing_is_said_of_them(bed):
    bed.operator().wait_ready()
    saved = snapshot(bed)
    bed.sandbox("other", restoreFrom={"name": "saved"}).wait("Unsupported", within=10)
    assert saved.status == {}
