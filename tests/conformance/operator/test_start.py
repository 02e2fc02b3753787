"""A start, step by step: what is made, what is written, and how often."""

from kubelet import RUNNING, condition
from support.sandboxes import condition_of, moment, now
from support.waiting import eventually, throughout


def test_a_start_is_one_pod_and_one_status(bed, writes):
    bed.operator().wait_ready()
    node = bed.node()
    bed.started(node, "first")  # makes the namespace's default-deny policy
    count = writes()
    sandbox = bed.started(node, "second")
    assert count.since() == {"pods POST": 1, "status": 1}
    status = sandbox.status
    assert status["phase"] == "Running"
    assert status["podName"] == sandbox.pod()["metadata"]["name"]
    assert status["nodeName"] == node.name
    assert status["podIPs"] == ["10.0.0.7"]
    assert status["observedGeneration"] == 1
    assert 0 <= status["startLatency"]["acceptedMs"] <= status["startLatency"]["readyMs"]


def test_the_operator_counts_its_requests_as_the_api_server_does(bed, writes):
    operator = bed.operator().wait_ready()
    node = bed.node()

    def has_counted(starts):
        counted = [operator.metrics().total("cloister_api_requests_total", verb=verb, resource=resource)
                   for verb, resource in (("create", "pods"), ("patch", "sandboxes"))]
        return counted == [starts, starts]

    bed.started(node, "first")
    # It counts a request when it has the answer; others see what came of it before.
    eventually(lambda: has_counted(1), 5, "the first start is counted")
    count = writes()
    bed.started(node, "second")
    eventually(lambda: has_counted(2), 5, "the second start is counted")
    assert count.since() == {"pods POST": 1, "status": 1}


def test_nothing_is_written_while_sandboxes_just_run(bed, writes):
    bed.operator().wait_ready()
    node = bed.node()
    sandboxes = [bed.started(node, f"box-{i}") for i in range(3)]
    versions = [s.read()["metadata"]["resourceVersion"] for s in sandboxes]
    count = writes()
    throughout(lambda: [s.read()["metadata"]["resourceVersion"] for s in sandboxes] == versions, 4, "the objects are left alone")
    assert count.since() == {}


def test_the_first_sandbox_of_a_namespace_is_fenced_before_its_pod_is_there(bed):
    bed.operator().wait_ready()
    pod = bed.pod_of(bed.sandbox())
    policy = bed.api.get("networkpolicies", "cloister-default-deny", bed.namespace)
    # As the API server ordered them.
    assert int(policy["metadata"]["resourceVersion"]) < int(pod["metadata"]["resourceVersion"])


def test_a_slow_start_tells_what_it_waits_for(bed):
    bed.operator().wait_ready()
    sandbox = bed.sandbox()
    bed.pod_of(sandbox)
    waiting = sandbox.wait("Starting", within=8)
    assert "node" in waiting["message"]
    assert sandbox.status["phase"] == "Pending"


def test_ready_is_never_said_before_the_pod_is(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.sandbox()
    pod = bed.pod_of(sandbox)
    node.bind(pod)
    node.report(pod, "Running", RUNNING, [condition("Ready", "False", reason="ContainersNotReady")])
    throughout(lambda: sandbox.condition()["status"] != "True", 4, "not Ready")
    node.report(pod, "Running", RUNNING, [condition("Ready")])
    sandbox.wait_ready(within=5)


def test_a_refused_spec_has_no_pod_and_says_why(bed):
    bed.operator().wait_ready()
    sandbox = bed.sandbox(runtime="runc")
    refusal = sandbox.wait("NotAllowed", kind="Accepted", within=5)
    assert refusal["status"] == "False" and "runtimes.runc.allowed" in refusal["message"]
    assert sandbox.condition()["status"] == "False"
    assert sandbox.pods() == []
    sandbox.wait_event("NotAllowed")


def test_runc_where_it_is_allowed(bed):
    bed.operator(runtimes={"runc": {"runtimeClassName": "", "allowed": True}}).wait_ready()
    pod = bed.pod_of(bed.sandbox(runtime="runc"))
    assert "runtimeClassName" not in pod["spec"]
    assert not any(key.startswith("dev.gvisor") for key in pod["metadata"].get("annotations", {}))


def test_a_changed_network_moves_the_pod_to_another_policy(bed):
    bed.operator().wait_ready()
    sandbox = bed.started(bed.node())
    assert "cloister.dev/network" not in sandbox.pod()["metadata"]["labels"]
    uid = sandbox.pod()["metadata"]["uid"]
    sandbox.patch({"network": {"egress": {"mode": "Internet"}}})
    profile = eventually(lambda: sandbox.pod()["metadata"]["labels"].get("cloister.dev/network"), 5, "the pod's new profile")
    policy = bed.api.get("networkpolicies", f"cloister-net-{profile}", bed.namespace)
    assert policy["spec"]["podSelector"]["matchLabels"] == {"cloister.dev/network": profile}
    sandbox.patch({"network": {"egress": {"mode": "None"}}})
    eventually(lambda: "cloister.dev/network" not in sandbox.pod()["metadata"]["labels"], 5, "the profile is taken away")
    assert sandbox.pod()["metadata"]["uid"] == uid


def test_expiry_to_the_second(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node, lifecycle={"ttl": "4s"})
    status = sandbox.status
    expiry = moment(status["expiresAt"])
    assert (expiry - moment(status["startedAt"])).total_seconds() == 4
    eventually(lambda: sandbox.read() is None, 8, "the Sandbox is deleted")
    gone = now()
    assert -0.2 <= (gone - expiry).total_seconds() <= 2
    # The garbage collector has it deleted, in its own time; the kubelet lets go of it.
    eventually(lambda: all("deletionTimestamp" in pod["metadata"] for pod in sandbox.pods()), 10, "the pod is deleted")


def test_more_time_can_be_given_until_the_end(bed):
    bed.operator().wait_ready()
    sandbox = bed.started(bed.node(), lifecycle={"ttl": "3s"})
    before = sandbox.status["expiresAt"]
    sandbox.patch({"lifecycle": {"ttl": "1h"}})
    eventually(lambda: moment(sandbox.status["expiresAt"]) > moment(before), 3, "the new expiry is told")
    eventually(lambda: now() > moment(before), 5, "the old expiry has passed")
    throughout(lambda: condition_of(sandbox.read(), "Ready")["status"] == "True", 2, "the sandbox lives on")


def test_a_namesake_gets_a_pod_of_its_own(bed):
    bed.operator().wait_ready()
    node = bed.node()
    sandbox = bed.started(node)
    old = sandbox.pod()
    sandbox.delete()
    eventually(lambda: sandbox.read() is None, 5, "the first is gone")
    bed.sandbox(lifecycle={"ttl": "30m"})
    new = eventually(lambda: next((p for p in sandbox.pods() if p["metadata"]["name"] != old["metadata"]["name"]), None),
                     5, "the second's own pod")
    node.run(new)
    sandbox.wait_ready(within=5)
    assert sandbox.status["podName"] == new["metadata"]["name"]
    # The first one's pod is told to go; it stays until its node lets go of it.
    eventually(lambda: "deletionTimestamp" in bed.api.get("pods", old["metadata"]["name"], bed.namespace)["metadata"], 20,
               "the first one's pod is deleted")


def test_a_pod_set_free_from_its_sandbox_is_removed(bed):
    bed.operator().wait_ready()
    sandbox = bed.started(bed.node())
    name = sandbox.pod()["metadata"]["name"]
    sandbox.delete(propagationPolicy="Orphan")
    eventually(lambda: "deletionTimestamp" in (bed.api.get("pods", name, bed.namespace) or {"metadata": {"deletionTimestamp": 1}})["metadata"],
               10, "the orphan is removed")
