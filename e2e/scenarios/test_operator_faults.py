"""The operator is killed at work, handed over, and loses its leader."""

import json

from support.release import NAME, NAMESPACE
from support.sandboxes import Namespace, now
from support.waiting import eventually, throughout

COUNT = 20


def create_many(namespace: Namespace, first: int, last: int):
    """At once, by one kubectl."""
    items = [{"apiVersion": "cloister.dev/v1alpha1", "kind": "Sandbox", "metadata": {"name": f"box-{number:02}"},
              "spec": {"resources": {"cpu": "200m", "memory": "64Mi", "disk": "16Mi"}}} for number in range(first, last)]
    namespace.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def assert_all_run(namespace: Namespace, count: int, within: float):
    """A Ready sandbox each, with a pod each."""
    def ready():
        listed = namespace.sandboxes()
        running = [s for s in listed if (s.get("status") or {}).get("phase") == "Running"]
        assert len(listed) == len(running) == count, f"{len(running)} of {len(listed)} run"
        return True

    eventually(ready, within, f"{count} sandboxes run", every=0.5)
    owners = sorted(pod["metadata"]["ownerReferences"][0]["name"] for pod in namespace.pods())
    assert owners == sorted(s["metadata"]["name"] for s in namespace.sandboxes()), "exactly one pod each"


def test_kill_9_at_work(namespace, release, cluster):
    create_many(namespace, 0, COUNT // 2)
    cluster.kill_container(release.leader(), "operator")
    create_many(namespace, COUNT // 2, COUNT)
    assert_all_run(namespace, COUNT, within=90)
    release.wait_ready(within=60)


def test_a_leader_that_is_told_to_go_hands_over_at_once(namespace, release, api):
    leader = release.leader()["metadata"]["name"]
    api.delete("pods", leader, NAMESPACE)
    began = now()

    def another_leads():
        holder = release.lease().get("holderIdentity") or ""
        return holder and not holder.startswith(leader)

    eventually(another_leads, 5, "another replica leads")
    assert (now() - began).total_seconds() < 4
    namespace.sandbox().wait_ready(within=20)
    release.wait_ready()


def test_a_leader_killed_is_followed_when_its_lease_is_over(namespace, release, cluster):
    release.wait_ready()
    before = release.lease()["holderIdentity"]
    cluster.kill_container(release.leader(), "operator")
    sandbox = namespace.sandbox()
    eventually(lambda: release.lease().get("holderIdentity") not in (before, "", None), 25, "another process leads")
    sandbox.wait_ready(within=20)
    release.wait_ready()


def test_an_upgrade_does_not_touch_running_sandboxes(namespace, release):
    sandboxes = [namespace.sandbox(f"box-{number}") for number in range(3)]
    for sandbox in sandboxes:
        sandbox.wait_ready()
    marks = [namespace.exec(s, "echo here > /workspace/mark; cat /proc/sys/kernel/random/boot_id").stdout for s in sandboxes]
    versions = [(s.pod()["metadata"]["resourceVersion"], s.read()["metadata"]["resourceVersion"]) for s in sandboxes]
    operators = {pod["metadata"]["uid"] for pod in release.pods()}
    release.install(config={"lifecycle": {"defaultTtl": "2h"}}, podAnnotations={"example.com/roll": "1"})
    try:
        release.wait_ready()
        assert operators.isdisjoint(pod["metadata"]["uid"] for pod in release.pods()), "the operators are new"
        release.leader()
        # The defaulted ttl is told anew; the pods are not touched.
        eventually(lambda: all(s.status["expiresAt"] > s.status["startedAt"] for s in sandboxes), 10, "their status is whole")
        throughout(lambda: [s.pod()["metadata"]["resourceVersion"] for s in sandboxes] == [pod for pod, _ in versions], 2,
                   "the pods are left alone")
        again = [namespace.exec(s, "cat /workspace/mark >/dev/null; cat /proc/sys/kernel/random/boot_id").stdout for s in sandboxes]
        assert again == marks
    finally:
        release.restore()


def test_each_replica_tells_its_health(release):
    for pod in release.pods():
        assert release.fetch(pod, "healthz") == b"ok\n"
        assert release.fetch(pod, "readyz") == b"ok\n"
        names = release.metrics(pod).names()
        for name in ("cloister_leader", "cloister_sandboxes", "cloister_api_requests_total", "cloister_build_info"):
            assert name in names
    leaders = lambda: sum(release.metrics(pod).total("cloister_leader") for pod in release.pods())  # noqa: E731
    eventually(lambda: leaders() == 1, 20, "one replica leads")
    assert NAME in release.leader()["metadata"]["name"]


def test_the_log_is_json_with_the_object(release):
    lines = [line.split("] ", 1)[-1] for line in release.log(200).splitlines()]
    parsed = [json.loads(line) for line in lines if line.startswith("{")]
    assert parsed and all({"time", "level", "msg"} <= set(line) for line in parsed)
