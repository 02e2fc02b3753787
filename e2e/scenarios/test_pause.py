"""desiredState: a sandbox under gVisor stands still in place, and goes on."""

import pytest
from support import http_workload
from support.api import STRATEGIC, ApiError, path_of
from support.node_agent import NAMESPACE
from support.waiting import eventually

SPEC = http_workload.spec(http_workload.program(http_workload.STEPPING, "steps"))


def steps(sandbox, timeout=5):
    return int(http_workload.fetch(sandbox, timeout))


def started(namespace, **spec):
    sandbox = namespace.sandbox(**SPEC, **spec)
    sandbox.wait_ready(within=60)
    eventually(lambda: steps(sandbox), 20, "it counts")
    return sandbox


def pause(sandbox):
    sandbox.patch({"desiredState": "Paused"})
    sandbox.wait("Paused")


def resume(sandbox):
    sandbox.patch({"desiredState": "Running"})
    sandbox.wait("Running")


def assert_silent(sandbox):
    with pytest.raises(http_workload.Silent):
        steps(sandbox, timeout=1)


def test_it_stands_still_and_goes_on(namespace, node):
    sandbox = started(namespace, lifecycle={"ttl": "1h"})
    before, expiry = steps(sandbox), sandbox.status["expiresAt"]
    pause(sandbox)
    assert sandbox.status["phase"] == "Paused" and sandbox.status["expiresAt"] != expiry
    assert_silent(sandbox)
    assert_silent(sandbox)
    resume(sandbox)
    # Two questions of a second went unanswered, in which it would have made a hundred steps.
    assert before <= steps(sandbox) < before + 100
    assert eventually(lambda: steps(sandbox) > before + 100, 20, "it counts on")
    assert sandbox.status["expiresAt"] > expiry, "as much later as it stood still"
    assert not sandbox.pod()["metadata"]["annotations"].get("cloister.dev/freeze")


def test_it_stays_so_whatever_restarts_around_it(namespace, node, cluster):
    sandbox = started(namespace)
    pause(sandbox)
    before = sandbox.pod()
    for component in ("containerd", "kubelet"):
        cluster.control("restart", component)
    node.kill()
    node.start()
    assert_silent(sandbox)
    assert sandbox.condition()["reason"] == "Paused" and sandbox.pod()["metadata"]["uid"] == before["metadata"]["uid"]
    resume(sandbox)
    assert steps(sandbox) > 0


def test_what_is_asked_while_the_agent_is_away_is_done_when_it_is_back(namespace, node):
    sandbox = started(namespace)
    pause(sandbox)
    node.stop()
    try:
        sandbox.patch({"desiredState": "Running"})
        sandbox.wait("Resuming")
        assert_silent(sandbox)
    finally:
        node.start()
    sandbox.wait("Running", within=60)
    assert steps(sandbox) > 0


def test_a_paused_one_can_be_deleted(namespace, node):
    sandbox = started(namespace)
    pause(sandbox)
    sandbox.delete()
    sandbox.wait_gone(within=10)


def test_its_longest_lifetime_goes_on(namespace, node):
    sandbox = started(namespace, lifecycle={"ttl": "5s", "maxLifetime": "25s"})
    pause(sandbox)
    sandbox.wait_gone(within=40)


def test_a_node_writes_one_condition_of_its_own_sandboxes_alone(namespace, api, node, cluster):
    sandbox = started(namespace)
    frozen = {"status": {"conditions": [{"type": "cloister.dev/Frozen", "status": "False"}]}}

    def write(body, by=cluster.node, pod=None):
        user = {"Impersonate-User": f"system:serviceaccount:{NAMESPACE}:cloister-node"}
        if by:
            user["Impersonate-Extra-authentication.kubernetes.io%2Fnode-name"] = by
        place = pod or sandbox.pod()["metadata"]
        path = path_of("pods", place["namespace"], place["name"], "status") + "?dryRun=All"
        api.send("PATCH", path, body, content_type=STRATEGIC, headers=user)

    write(frozen)
    for by in ("other", ""):
        with pytest.raises(ApiError, match="on its own node alone"):
            write(frozen, by)
    stranger = next(p["metadata"] for p in api.list("pods", NAMESPACE))
    with pytest.raises(ApiError, match="on its own node alone"):
        write(frozen, pod=stranger)
    for body in ({"status": {"phase": "Failed"}}, {"status": {"podIPs": [{"ip": "10.9.9.9"}]}}, {"metadata": {"labels": {"a": "b"}}},
                 {"metadata": {"annotations": {"cloister.dev/freeze": "1"}}},
                 {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}):
        with pytest.raises(ApiError, match="and nothing else"):
            write({**frozen, **body})
