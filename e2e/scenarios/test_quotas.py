"""Quotas under gVisor: what does not fit waits its turn, and nothing that runs is touched."""

from support.pools import make_pool, make_template
from support.quotas import make_quota
from support.waiting import eventually


def queued(sandbox, position):
    def check():
        status = sandbox.status
        assert (status.get("phase"), status.get("queuePosition")) == ("Queued", position), status
        return True
    return eventually(check, 30, f"{sandbox.name} is number {position}")


def test_a_queue(namespace, api):
    quota = make_quota(api, namespace.name, running=2, sandboxes=4, maxLifetime="1h")
    eventually(lambda: (api.get("resourcequotas", "cloister-sandboxes", namespace.name) or {}).get("status", {}).get("hard"), 30,
               "until Kubernetes has counted the Sandboxes once, it refuses any more")
    first, second = namespace.sandbox("first"), namespace.sandbox("second")
    first.wait_ready(within=60)
    assert second.wait_ready(within=60)["maxLifetime"] == "1h"
    third = namespace.sandbox("third")
    queued(third, 1)
    fourth = namespace.sandbox("fourth")
    queued(fourth, 2)
    assert third.condition()["reason"] == "Queued" and "spec.running: 2" in third.condition()["message"]
    quota.edit(running=1)
    quota.wait_status(lambda status: status["hard"]["running"] == 1 and status["queued"] == 2)
    assert first.condition()["status"] == second.condition()["status"] == "True", "a lowered quota ends nothing"
    quota.edit(running=2)
    first.delete()
    third.wait_ready(within=60)
    queued(fourth, 1)
    quota.delete()
    fourth.wait_ready(within=60)


def test_the_api_server_holds_the_limits_as_well(namespace, api):
    make_quota(api, namespace.name, running=1, cpu="2").wait_status(
        lambda status: any(one["type"] == "Guarded" and one["status"] == "True" for one in status["conditions"]))
    pods = api.get("resourcequotas", "cloister-sandbox-pods", namespace.name)
    assert pods["spec"]["hard"] == {"pods": "1", "limits.cpu": "2"}
    namespace.sandbox("one").wait_ready(within=60)
    eventually(lambda: api.get("resourcequotas", "cloister-sandbox-pods", namespace.name)["status"].get("used", {}).get("pods") == "1",
               30, "the sandbox is counted, since it has the class")


def test_a_pool_leaves_room_for_nobody_else_and_its_pods_can_be_taken(namespace, api):
    make_quota(api, namespace.name, running=2)
    make_template(api, namespace.name, "python", {"lifecycle": {"ttl": "10m"}})
    pool = make_pool(api, namespace.name, "warm", "python", replicas=3)
    eventually(lambda: pool.status.get("readyReplicas") == 2, 60, "two of three pods")
    assert pool.condition()["reason"] == "QuotaExceeded"
    sandbox = namespace.sandbox("quick", poolRef={"name": "warm"})
    sandbox.wait_ready(within=20)
    assert sandbox.condition("WarmStart")["reason"] == "FromPool"
    queued(namespace.sandbox("cold"), 1)
