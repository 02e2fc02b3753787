"""The operator dies, doubles, is stopped in its tracks, and loses the API server."""

import signal

from support.sandboxes import moment, now
from support.waiting import eventually, throughout


def owners(pods):
    return sorted(pod["metadata"]["ownerReferences"][0]["name"] for pod in pods)


def test_kill_9_at_work_leaves_one_pod_each(bed):
    operator = bed.operator().wait_ready()
    names = [f"box-{i:02}" for i in range(40)]
    for number, name in enumerate(names):
        bed.sandbox(name)
        if number % 13 == 12:
            operator.kill()
            operator.start()
    eventually(lambda: len(bed.pods()) >= len(names), 40, "a pod each")
    throughout(lambda: owners(bed.pods()) == names, 2, "exactly one pod each")


def test_a_restart_leaves_running_sandboxes_alone(bed, writes):
    operator = bed.operator().wait_ready()
    node = bed.node()
    sandboxes = [bed.started(node, f"box-{i}") for i in range(3)]
    pods = [s.pod()["metadata"]["resourceVersion"] for s in sandboxes]
    assert operator.stop() == 0
    count = writes()
    operator.start().wait_ready()
    eventually(operator.leads, 10, "it leads again")
    throughout(lambda: [s.pod()["metadata"]["resourceVersion"] for s in sandboxes] == pods, 2, "the pods are left alone")
    assert count.since() == {}


def test_an_expiry_that_the_operator_slept_through(bed):
    operator = bed.operator().wait_ready()
    sandbox = bed.started(bed.node(), lifecycle={"ttl": "3s"})
    expiry = moment(sandbox.status["expiresAt"])
    operator.kill()
    eventually(lambda: now() > expiry, 6, "its time is over")
    assert sandbox.read() is not None
    operator.start()
    eventually(lambda: sandbox.read() is None, 10, "it is deleted as soon as the operator is back")


def test_an_expiry_across_a_restart_is_still_to_the_second(bed):
    operator = bed.operator().wait_ready()
    sandbox = bed.started(bed.node(), lifecycle={"ttl": "8s"})
    expiry = moment(sandbox.status["expiresAt"])
    operator.stop()
    operator.start().wait_ready()
    eventually(lambda: sandbox.read() is None, 15, "the Sandbox is deleted")
    assert -0.2 <= (now() - expiry).total_seconds() <= 2


def test_of_two_one_works_and_hands_over_at_once(bed):
    first = bed.operator().wait_ready()
    eventually(first.leads, 10, "the first leads")
    second = bed.operator().wait_ready()
    assert not second.leads()
    before = second.metrics()
    bed.pod_of(bed.sandbox("one"))
    assert second.metrics().total("cloister_api_requests_total", verb="create", resource="pods") \
        == before.total("cloister_api_requests_total", verb="create", resource="pods") == 0
    assert first.stop() == 0
    lease = bed.api.get("leases", "cloister-operator", bed.namespace)
    released = now()
    assert lease["spec"]["holderIdentity"] in ("", None) or lease["spec"]["holderIdentity"].startswith(second.name)
    eventually(second.leads, 3, "the second leads")
    assert (now() - released).total_seconds() < 2, "without waiting for the lease's end"
    bed.pod_of(bed.sandbox("two"))


def test_a_leader_killed_is_followed_when_its_lease_ends(bed):
    first = bed.operator().wait_ready()
    eventually(first.leads, 10, "the first leads")
    second = bed.operator().wait_ready()
    first.kill()
    sandbox = bed.sandbox()
    eventually(second.leads, 6, "the second leads when 3 s are over")
    bed.pod_of(sandbox)


def test_a_leader_that_slept_does_not_act_on_what_it_remembers(bed):
    first = bed.operator().wait_ready()
    eventually(first.leads, 10, "the first leads")
    node = bed.node()
    sandbox = bed.started(node, "one")
    second = bed.operator().wait_ready()
    first.signal(signal.SIGSTOP)
    eventually(second.leads, 8, "the second leads")
    two = bed.sandbox("two")
    bed.pod_of(two)
    sandbox.delete()
    eventually(lambda: sandbox.read() is None, 5, "the first Sandbox is gone")
    first.signal(signal.SIGCONT)
    eventually(lambda: not first.leads(), 5, "the sleeper knows that it leads no more")
    throughout(lambda: len(two.pods()) == 1 and second.leads() and not first.leads(), 3, "one leader, one pod")


def test_two_that_both_believe_they_lead_still_make_one_pod_each(bed):
    config = {"leaderElection": {"enabled": False}}
    one, two = bed.operator(**config).wait_ready(), bed.operator(**config).wait_ready()
    node = bed.node()
    sandboxes = [bed.sandbox(f"box-{i}") for i in range(8)]
    for sandbox in sandboxes:
        node.run(bed.pod_of(sandbox))
    for sandbox in sandboxes:
        sandbox.wait_ready(within=10)
    assert owners(bed.pods()) == [s.name for s in sandboxes]
    versions = [s.read()["metadata"]["resourceVersion"] for s in sandboxes]
    throughout(lambda: [s.read()["metadata"]["resourceVersion"] for s in sandboxes] == versions, 2, "they do not fight")
    assert one.is_ready() and two.is_ready()


def test_the_api_server_away_and_back(bed):
    wire = bed.wire()
    operator = bed.operator(kubeconfig=wire.kubeconfig).wait_ready()
    node = bed.node()
    short = bed.started(node, "short", lifecycle={"ttl": "3s"})
    bed.started(node, "long")
    wire.cut()
    eventually(lambda: not operator.is_ready(), 5, "/readyz fails")
    assert operator.fetch("/healthz")[0] == 200, "a restart would not help"
    meanwhile = bed.sandbox("meanwhile")
    eventually(lambda: now() > moment(short.status["expiresAt"]), 5, "the short one's time is over")
    assert short.read() is not None
    wire.connect()
    operator.wait_ready(within=35)
    bed.pod_of(meanwhile, within=15)
    eventually(lambda: short.read() is None, 10, "the short one is deleted")
    assert operator.process.poll() is None
    assert len(bed.pods()) <= 3


def test_an_api_server_that_says_nothing_is_given_up(bed):
    wire = bed.wire()
    election = {"namespace": bed.namespace, "leaseDuration": "6s", "renewDeadline": "4s", "retryPeriod": "1s"}
    operator = bed.operator(kubeconfig=wire.kubeconfig, leaderElection=election).wait_ready()
    eventually(operator.leads, 10, "it leads")
    wire.freeze()
    eventually(lambda: not operator.leads(), 10, "it does not lead without the API server's word")
    wire.thaw()
    eventually(operator.leads, 30, "it leads again")
    bed.pod_of(bed.sandbox("after"), within=35)


def test_a_broken_off_watch_brings_no_second_pod(bed):
    wire = bed.wire()
    bed.operator(kubeconfig=wire.kubeconfig).wait_ready()
    sandboxes = []
    for number in range(6):
        sandboxes.append(bed.sandbox(f"box-{number}"))
        wire.cut()
        wire.connect()
    eventually(lambda: owners(bed.pods()) == [s.name for s in sandboxes], 40, "a pod each")
    throughout(lambda: owners(bed.pods()) == [s.name for s in sandboxes], 2, "and no more")
