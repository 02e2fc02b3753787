"""Pools: as many pods as wanted and no more, replaced when the template changes."""

from kubelet import terminated, waiting
from support.sandboxes import LABEL
from support.waiting import eventually, throughout

REF = {"poolRef": {"name": "pool"}}


def slots(pool):
    return sorted(int(name.rpartition("-")[2]) for name in pool.names())


def variables(pod):
    return {variable["name"]: variable.get("value") for variable in pod["spec"]["containers"][0]["env"]}


def test_it_fills_to_exactly_as_many_as_wanted(bed, writes):
    count = writes()
    _, pool = bed.full_pool(5)
    names = pool.names()
    assert slots(pool) == list(range(5)) and len({name.rpartition("-")[0] for name in names}) == 1
    assert all(pod["metadata"]["ownerReferences"][0]["kind"] == "SandboxPool" and pod["metadata"]["labels"][LABEL] == "" for pod in pool.pods())
    status = pool.status
    assert {key: status[key] for key in ("replicas", "readyReplicas", "updatedReplicas", "claimed", "observedGeneration")} == {
        "replicas": 5, "readyReplicas": 5, "updatedReplicas": 5, "claimed": 0, "observedGeneration": 1}
    assert status["revision"] == pool.pods()[0]["metadata"]["labels"]["cloister.dev/revision"]
    selected = bed.api.list("pods", bed.namespace, labels=status["selector"])
    assert sorted(pod["metadata"]["name"] for pod in selected) == names
    made = count.since()
    assert made["pods POST"] == 5 and made["revisions"] == 1 and made["policies"] == 1
    rest = writes()
    throughout(lambda: pool.names() == names, 4, "nothing is added")
    assert rest.since() == {}


def test_kill_9_while_it_fills(bed):
    operator = bed.operator().wait_ready()
    bed.template({})
    pool = bed.pool(replicas=40)
    for already in (1, 17, 33):
        eventually(lambda: len(pool.pods()) >= already, 20, f"{already} pods", every=0.02)
        operator.kill()
        operator.start()
    eventually(lambda: len(pool.pods()) >= 40, 30, "all pods")
    throughout(lambda: slots(pool) == list(range(40)), 3, "exactly 40 pods")


def test_it_is_scaled_up_and_down(bed):
    node, pool = bed.full_pool(2)
    sandbox = bed.sandbox(**REF)
    claimed = sandbox.wait_ready(within=5)["podName"]
    bed.fill(node, pool, 2)
    pool.scale(4)
    bed.fill(node, pool, 4)
    pool.scale(1)

    def down_to_one():
        for pod in bed.pods():
            if "deletionTimestamp" in pod["metadata"]:
                node.remove(pod)
        return len(pool.pods()) == 1
    eventually(down_to_one, 15, "one pod waits")
    pool.wait_full(1, within=8)
    pool.scale(0)
    eventually(lambda: not pool.pods(), 15, "none waits")
    assert sandbox.condition()["status"] == "True" and sandbox.pod()["metadata"]["name"] == claimed
    assert "deletionTimestamp" not in sandbox.pod()["metadata"]


def test_a_template_that_comes_later_is_waited_for(bed):
    bed.operator().wait_ready()
    pool = bed.pool(replicas=2)
    assert "python" in pool.wait("TemplateNotFound", within=8)["message"]
    assert pool.pods() == []
    bed.template({})
    bed.fill(bed.node(), pool, 2)


def test_an_edit_of_the_template_replaces_what_waits_and_nothing_else(bed):
    node, pool = bed.full_pool(4)
    sandbox = bed.sandbox(**REF)
    claimed = sandbox.wait_ready(within=5)["podUID"]
    old = bed.fill(node, pool, 4)["revision"]
    bed.api.patch("sandboxtemplates", "python", bed.namespace, {"spec": {"sandbox": {"env": [{"name": "FROM", "value": "edit"}]}}})

    fewest = 4

    def updated():
        nonlocal fewest
        fewest = min(fewest, sum(1 for pod in pool.pods() if pod["spec"].get("nodeName")))
        for pod in bed.pods():
            if "deletionTimestamp" in pod["metadata"]:
                node.remove(pod)
            elif not pod["spec"].get("nodeName"):
                node.run(pod)
        status = pool.status
        return status["revision"] != old and status.get("updatedReplicas") == 4 == status.get("replicas")
    eventually(updated, 40, "all that wait are new")
    assert fewest == 3, "a maxUnavailable of 25 % leaves 3 of 4 to be taken at all times"
    assert all(variables(pod)["FROM"] == "edit" for pod in pool.pods())
    assert sandbox.pod()["metadata"]["uid"] == claimed and "deletionTimestamp" not in sandbox.pod()["metadata"]


def test_a_quota_is_a_condition_and_no_hot_loop(bed, writes):
    bed.operator().wait_ready()
    bed.api.create("resourcequotas", {"apiVersion": "v1", "kind": "ResourceQuota",
                                      "metadata": {"name": "two", "namespace": bed.namespace}, "spec": {"hard": {"pods": "2"}}})
    eventually(lambda: (bed.api.get("resourcequotas", "two", bed.namespace).get("status") or {}).get("hard"), 20, "the quota is in force")
    bed.template({})
    pool = bed.pool(replicas=5)
    told = pool.wait("QuotaExceeded", within=10)
    assert told["status"] == "False" and "quota" in told["message"]
    assert len(pool.pods()) == 2
    count = writes()
    throughout(lambda: len(pool.pods()) == 2, 5, "no more")
    assert sum(count.since().values()) <= 10, "it waits twice as long after each refusal"


def test_pods_that_end_at_once_are_no_hot_loop(bed, writes):
    node, pool = bed.full_pool(2)
    count = writes()
    for pod in pool.pods():
        node.report(pod, "Failed", terminated(1, message="no such file"))
    told = pool.wait("Crashed", within=8)
    assert told["status"] == "False" and pool.status["readyReplicas"] == 0
    throughout(lambda: pool.status["replicas"] == 2, 4, "they keep their places for a while")
    assert "pods POST" not in count.since()


def test_an_update_that_does_not_come_up_stops_and_says_so(bed):
    node, pool = bed.full_pool(4, progressDeadline="2s")
    bed.api.patch("sandboxtemplates", "python", bed.namespace, {"spec": {"sandbox": {"image": "example.com/wrong"}}})
    new = eventually(lambda: next((pod for pod in pool.pods() if not pod["spec"].get("nodeName")), None), 10, "a new pod")
    node.bind(new)
    node.report(new, "Pending", waiting("ImagePullBackOff", 'Back-off pulling image "example.com/wrong"'))
    stopped = pool.wait("ProgressDeadlineExceeded", kind="Progressing", within=20)
    assert stopped["status"] == "False"
    throughout(lambda: sum(1 for pod in pool.pods() if pod["spec"]["containers"][0]["image"] != "example.com/wrong") >= 3, 3,
               "the older ones stay")
    # They are still taken.
    assert bed.sandbox(**REF).wait_ready(within=5)
