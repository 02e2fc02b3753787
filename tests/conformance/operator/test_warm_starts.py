"""A Sandbox takes a pod that waits in a pool: what is written, whose the pod is then, and what happens when there is none."""

from support.pools import POOL_LABEL
from support.sandboxes import LABEL, moment
from support.waiting import eventually, throughout

REF = {"poolRef": {"name": "pool"}}


def owner_of(pod):
    (owner,) = pod["metadata"]["ownerReferences"]
    return owner


def test_a_warm_start_is_two_writes_and_the_refill_a_third(bed, writes):
    node, pool = bed.full_pool(2)
    count = writes()
    sandbox = bed.sandbox(**REF)
    sandbox.wait_ready(within=5)
    bed.fill(node, pool, 2)
    made = count.since()
    # Counts are told at most once in two seconds, however many Sandboxes start meanwhile.
    assert made.pop("pool status", 0) <= 3 and made.pop("template status", 0) <= 1
    assert made == {"pods PATCH": 1, "status": 1, "pods POST": 1}


def test_many_warm_starts_are_at_most_four_writes_each(bed, writes):
    node, pool = bed.full_pool(8)
    count = writes()
    sandboxes = [bed.sandbox(f"box-{i}", **REF) for i in range(8)]
    for sandbox in sandboxes:
        sandbox.wait_ready(within=5)
    bed.fill(node, pool, 8)
    made = count.since()
    assert (made["pods PATCH"], made["status"], made["pods POST"]) == (8, 8, 8)
    assert sum(made.values()) <= 4 * 8, made
    assert len({sandbox.status["podName"] for sandbox in sandboxes}) == 8


def test_a_claimed_pod_is_the_sandboxs(bed):
    node, pool = bed.full_pool(1)
    (waiting_pod,) = pool.pods()
    sandbox = bed.sandbox(lifecycle={"ttl": "5m"}, **REF)
    status = sandbox.wait_ready(within=5)
    pod = sandbox.pod()
    assert pod["metadata"]["uid"] == waiting_pod["metadata"]["uid"] == status["podUID"]
    owner = owner_of(pod)
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Sandbox", "box", sandbox.read()["metadata"]["uid"])
    assert pod["metadata"]["labels"][LABEL] == "box" and pod["metadata"]["labels"][POOL_LABEL] == "pool"
    assert status["phase"] == "Running" and status["podName"] == pod["metadata"]["name"] and status["nodeName"] == node.name
    assert status["podIPs"] == ["10.0.0.7"]
    assert status["templateRevision"] == pod["metadata"]["labels"]["cloister.dev/revision"]
    assert sandbox.condition("WarmStart")["reason"] == "FromPool"
    # The pod was ready before; the Sandbox's time begins with the Sandbox.
    assert moment(status["startedAt"]) >= moment(sandbox.read()["metadata"]["creationTimestamp"])
    assert (moment(status["expiresAt"]) - moment(status["startedAt"])).total_seconds() == 300
    assert status["startLatency"]["readyMs"] >= 0
    eventually(lambda: pool.status["claimed"] == 1, 8, "the pool counts it")


def test_a_used_pod_goes_with_its_sandbox_and_never_returns(bed):
    node, pool = bed.full_pool(1)
    sandbox = bed.sandbox(**REF)
    used = sandbox.wait_ready(within=5)["podName"]
    bed.fill(node, pool, 1)
    assert used not in pool.names()
    sandbox.delete()
    eventually(lambda: "deletionTimestamp" in (bed.api.get("pods", used, bed.namespace) or {"metadata": {"deletionTimestamp": ""}})["metadata"],
               10, "its pod is deleted")
    throughout(lambda: used not in pool.names() and len(pool.pods()) == 1, 2, "the pool has its own")


def test_a_sandbox_that_does_not_fit_starts_cold_and_says_so(bed):
    node, pool = bed.full_pool(1)
    names = pool.names()
    sandbox = bed.started(node, env=[{"name": "OWN", "value": "1"}], **REF)
    told = sandbox.condition("WarmStart")
    assert (told["status"], told["reason"]) == ("False", "PoolMismatch") and "env" in told["message"]
    assert pool.names() == names and sandbox.status["podName"] not in names


def test_an_empty_pool_is_no_obstacle_by_default(bed):
    bed.operator().wait_ready()
    bed.template({})
    bed.pool(replicas=0)
    sandbox = bed.started(bed.node(), **REF)
    assert sandbox.condition("WarmStart")["reason"] == "PoolEmpty"


def test_an_empty_pool_that_is_waited_for(bed):
    bed.operator().wait_ready()
    bed.template({})
    pool = bed.pool(replicas=0, whenEmpty="Wait")
    sandbox = bed.sandbox(**REF)
    told = sandbox.wait("PoolEmpty", within=8)
    assert told["status"] == "False" and sandbox.status["phase"] == "Pending" and sandbox.pods() == []
    pool.scale(1)
    (pod,) = eventually(pool.pods, 10, "a pod")
    bed.node().run(pod)
    assert sandbox.wait_ready(within=5)["podName"] == pod["metadata"]["name"]


def test_an_empty_pool_that_fails(bed):
    bed.operator().wait_ready()
    bed.template({})
    pool = bed.pool(replicas=0, whenEmpty="Fail")
    sandbox = bed.sandbox(**REF)
    sandbox.wait("PoolEmpty", within=8)
    assert sandbox.status["phase"] == "Failed"
    pool.scale(1)
    (pod,) = eventually(pool.pods, 10, "a pod")
    bed.node().run(pod)
    throughout(lambda: sandbox.status["phase"] == "Failed" and sandbox.pods() == [], 3, "an end is final")


def test_a_pool_that_comes_later_is_waited_for(bed):
    bed.operator().wait_ready()
    sandbox = bed.sandbox(**REF)
    sandbox.wait("PoolNotFound", kind="Accepted", within=5)
    bed.template({})
    bed.pool(replicas=0)
    assert bed.pod_of(sandbox)


def test_another_template_than_the_pools_is_refused(bed):
    bed.full_pool(1)
    bed.template({}, name="other")
    refused = bed.sandbox("other", templateRef={"name": "other"}, **REF).wait("TemplateMismatch", kind="Accepted", within=5)
    assert '"python"' in refused["message"]
    bed.sandbox("same", templateRef={"name": "python"}, **REF).wait_ready(within=5)


def test_what_only_looks_like_a_pod_of_the_pool_is_not_taken(bed):
    """Without the chart's admission policy, which keeps such pods from coming to be."""
    node, pool = bed.full_pool(1)
    (true,) = pool.pods()
    labels = true["metadata"]["labels"]
    annotations = {"cloister.dev/shape": true["metadata"]["annotations"]["cloister.dev/shape"]}
    stranger = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": "6f1d2a34-0000-4000-8000-000000000000", "controller": True}
    other = {**owner_of(true), "uid": stranger["uid"]}
    for name, owners in {"free": [], "strange": [stranger], "namesake": [other]}.items():
        pod = bed.api.create("pods", {
            "apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "sandbox", "image": "evil"}]},
            "metadata": {"name": name, "namespace": bed.namespace, "labels": labels, "annotations": annotations, "ownerReferences": owners}})
        node.run(pod)
    taken = [bed.sandbox(f"box-{i}", **REF) for i in range(3)]
    pods = [bed.pod_of(sandbox) for sandbox in taken]
    assert all(pod["spec"]["containers"][0]["image"] != "evil" for pod in pods)
    throughout(lambda: all(sandbox.status.get("podName") not in ("free", "strange", "namesake") for sandbox in taken), 2, "not taken")


def test_two_operators_take_no_pod_twice(bed):
    first, second = bed.operator(), bed.operator()
    eventually(lambda: first.leads() or second.leads(), 10, "one leads")
    node = bed.node()
    bed.template({})
    pool = bed.pool(replicas=6)
    bed.fill(node, pool, 6)
    sandboxes = []
    for i in range(6):
        sandboxes.append(bed.sandbox(f"box-{i}", **REF))
        if i == 2:
            (first if first.leads() else second).kill()
    for sandbox in sandboxes:
        eventually(lambda: [node.run(pod) for pod in bed.pods() if not pod["spec"].get("nodeName")] or True, 5, "refilled")
        sandbox.wait_ready(within=15)
    assert len({sandbox.status["podUID"] for sandbox in sandboxes}) == 6


def test_the_fullest_node_gives_and_one_that_drains_does_not(bed):
    bed.operator(watchNamespaces=[]).wait_ready()  # nodes are not read in namespaced mode
    bed.template({})
    pool = bed.pool(replicas=3)
    full, other = bed.node(), bed.node()
    eventually(lambda: len(pool.pods()) == 3, 10, "three pods")
    for node, pod in zip((full, full, other), pool.pods()):
        node.run(pod)
    pool.wait_full(3, within=10)
    assert bed.sandbox("first", **REF).wait_ready(within=5)["nodeName"] == full.name
    bed.api.patch("nodes", full.name, "", {"spec": {"unschedulable": True}})
    eventually(lambda: pool.status["readyReplicas"] == 1, 10, "what is on the cordoned node does not count")
    assert bed.sandbox("second", **REF).wait_ready(within=5)["nodeName"] == other.name
