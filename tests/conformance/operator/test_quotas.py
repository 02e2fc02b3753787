"""Quotas: nothing starts that does not fit, those that wait come in turn, and nothing that runs is touched."""

import pytest
from support.quotas import make_quota
from support.sandboxes import condition_of
from support.waiting import eventually, throughout

CLASS = "cloister-conformance"


@pytest.fixture(scope="module")
def priority_class(api):
    """By which ResourceQuotas know sandboxes."""
    if api.get("priorityclasses", CLASS) is None:
        api.create("priorityclasses", {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                                       "metadata": {"name": CLASS}, "value": 0})
    return CLASS


@pytest.fixture
def operator(bed):
    return bed.operator().wait_ready()


def end(bed, node, sandbox):
    pod = sandbox.pod()
    sandbox.delete()
    eventually(lambda: "deletionTimestamp" in (bed.api.get("pods", pod["metadata"]["name"], bed.namespace) or {"metadata": {"deletionTimestamp": 0}})["metadata"],
               10, "the pod is told to go")
    if bed.api.get("pods", pod["metadata"]["name"], bed.namespace):
        node.remove(pod)


def queued(sandbox, position):
    def check():
        found = sandbox.status
        assert (found.get("phase"), found.get("queuePosition")) == ("Queued", position), found
        return found
    return eventually(check, 25, f"{sandbox.name} is number {position}")


def test_what_does_not_fit_waits_its_turn(bed, operator):
    node = bed.node()
    quota = make_quota(bed.api, bed.namespace, running=1)
    first = bed.started(node, "first")
    second, third = bed.sandbox("second"), None
    queued(second, 1)
    third = bed.sandbox("third")
    queued(third, 2)
    ready = second.condition()
    assert ready["reason"] == "Queued" and "spec.running: 1" in ready["message"]
    assert len(bed.pods()) == 1
    quota.wait_status(lambda status: status["used"] == {"running": 1} and status["queued"] == 2)
    end(bed, node, first)
    node.run(bed.pod_of(second))
    second.wait_ready(within=10)
    assert "queuePosition" not in second.status
    queued(third, 1)
    quota.delete()
    node.run(bed.pod_of(third))
    third.wait_ready(within=10)


def test_many_at_once_are_answered_together(bed, operator, writes):
    node = bed.node()
    quota = make_quota(bed.api, bed.namespace, running=8)
    quota.wait_status(lambda status: status["used"] == {"running": 0})
    version = int(quota.read()["metadata"]["resourceVersion"])
    sandboxes = [bed.sandbox(f"box-{number}") for number in range(12)]
    eventually(lambda: len(bed.pods()) == 8, 15, "eight pods")
    throughout(lambda: len(bed.pods()) == 8, 3, "and no more")
    quota.wait_status(lambda status: status["queued"] == 4)
    assert int(quota.read()["metadata"]["resourceVersion"]) > version
    for pod in bed.pods():
        node.run(pod)
    quota.wait_status(lambda status: not status.get("grants") and status["used"]["running"] == 8)
    # The quota counts pods, of which it may hear first.
    eventually(lambda: sum(sandbox.condition().get("status") == "True" for sandbox in sandboxes) == 8, 15, "eight that run")
    rest = writes()
    version = quota.read()["metadata"]["resourceVersion"]
    throughout(lambda: quota.read()["metadata"]["resourceVersion"] == version, 12, "nothing is written over and over")
    assert rest.since() == {}


def test_kill_9_never_exceeds_it(bed, operator):
    make_quota(bed.api, bed.namespace, running=5)
    for number in range(12):
        bed.sandbox(f"box-{number}")
        if number % 3 == 0:
            operator.kill()
            operator.start()
            assert len(bed.pods()) <= 5
    eventually(lambda: len(bed.pods()) == 5, 30, "five pods")
    throughout(lambda: len(bed.pods()) == 5, 3, "and no more")


def test_a_lowered_quota_ends_nothing(bed, operator):
    node = bed.node()
    quota = make_quota(bed.api, bed.namespace, running=2)
    running = [bed.started(node, "a"), bed.started(node, "b")]
    quota.edit(running=1)
    quota.wait_status(lambda status: status["hard"] == {"running": 1} and status["used"] == {"running": 2})
    queued(bed.sandbox("c"), 1)
    assert all(sandbox.condition()["status"] == "True" for sandbox in running)


def test_what_never_fits_is_told_and_holds_up_nobody(bed, operator):
    make_quota(bed.api, bed.namespace, memory="1Gi")
    large = bed.sandbox("large", resources={"memory": "2Gi"})
    small = bed.sandbox("small", resources={"memory": "512Mi"})
    bed.pod_of(small)
    eventually(lambda: (large.condition() or {}).get("reason") == "QuotaTooSmall", 10, "the large one is told")
    assert "spec.memory: 1Gi" in large.condition()["message"] and not large.pods()


def test_starts_in_a_minute(bed, operator):
    quota = make_quota(bed.api, bed.namespace, creationsPerMinute=2)
    for name in ("a", "b", "c"):
        bed.sandbox(name)
    eventually(lambda: len(bed.pods()) == 2, 10, "two start")
    throughout(lambda: len(bed.pods()) == 2, 5, "the third waits")
    quota.edit(creationsPerMinute=3)
    eventually(lambda: len(bed.pods()) == 3, 10, "and starts under a larger one")


def test_the_lifetime_of_what_starts_is_pinned(bed, operator):
    node = bed.node()
    quota = make_quota(bed.api, bed.namespace, maxLifetime="20m")
    before = bed.started(node, "before").status
    assert before["maxLifetime"] == "20m"
    quota.edit(maxLifetime="10m")
    after = bed.started(node, "after").status
    assert after["maxLifetime"] == "10m"
    assert bed.api.get("sandboxes", "before", bed.namespace)["status"]["expiresAt"] == before["expiresAt"]


def test_a_pool_takes_what_is_left(bed, operator):
    node = bed.node()
    quota = make_quota(bed.api, bed.namespace, running=2)
    bed.template({})
    pool = bed.pool(replicas=3)
    eventually(lambda: len(pool.pods()) == 2, 15, "two pods")
    eventually(lambda: condition_of(pool.read(), "Ready")["reason"] == "QuotaExceeded", 15, "it says why")
    for pod in pool.pods():
        node.run(pod)
    warm = bed.sandbox("warm", poolRef={"name": "pool"})
    assert warm.wait_ready(within=5)["podName"], "its pod was counted already"
    assert len(bed.pods()) == 2
    quota.edit(running=4)
    bed.fill(node, pool, 3)


def test_resource_quotas_stand_behind_it(bed, priority_class):
    bed.operator(defaults={"priorityClassName": priority_class}).wait_ready()
    quota = make_quota(bed.api, bed.namespace, running=2, sandboxes=2, cpu="4000m")

    def guard(name):
        return (bed.api.get("resourcequotas", name, bed.namespace) or {"spec": {"hard": None}})["spec"]["hard"]

    eventually(lambda: guard("cloister-sandbox-pods") == {"pods": "2", "limits.cpu": "4"}, 10, "the one on pods")
    eventually(lambda: guard("cloister-sandboxes") == {"count/sandboxes.cloister.dev": "2"}, 10, "the one on objects")
    quota.wait_status(lambda status: condition_of({"status": status}, "Guarded")["reason"] == "ResourceQuotas")
    bed.api.patch("resourcequotas", "cloister-sandbox-pods", bed.namespace, {"spec": {"hard": {"pods": "99", "limits.memory": "1"}}})
    eventually(lambda: guard("cloister-sandbox-pods") == {"pods": "2", "limits.cpu": "4"}, 10, "it is put back")
    for name in ("a", "b"):
        bed.pod_of(bed.sandbox(name))
    eventually(lambda: bed.api.get("resourcequotas", "cloister-sandboxes", bed.namespace)["status"].get("used", {}).get(
        "count/sandboxes.cloister.dev") == "2", 20, "the API server has counted them")
    with pytest.raises(Exception, match="exceeded quota"):
        bed.sandbox("c")
    quota.edit(sandboxes=None)
    eventually(lambda: guard("cloister-sandboxes") is None, 10, "it goes with its limit")
