"""ttl, expiresAt and maxLifetime, to the second."""

from datetime import timedelta

from support.sandboxes import moment, now
from support.waiting import eventually, throughout

SLACK = timedelta(seconds=2)


def rfc3339(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def assert_ends_at(sandbox, expiry):
    """The object and its pod, no earlier and at most two seconds later."""
    eventually(lambda: now() >= expiry - timedelta(seconds=0.5), 60, "the expiry comes near")
    assert sandbox.read() is not None, "it lives until its expiry"
    sandbox.wait_gone(within=10)
    assert timedelta(seconds=-0.2) <= now() - expiry <= SLACK


def test_ttl(namespace):
    sandbox = namespace.sandbox(lifecycle={"ttl": "5s"})
    status = sandbox.wait_ready()
    expiry = moment(status["expiresAt"])
    assert expiry == moment(status["startedAt"]) + timedelta(seconds=5)
    assert_ends_at(sandbox, expiry)
    event = sandbox.wait_event("Expired")
    assert event["type"] == "Normal"


def test_expires_at(namespace):
    expiry = now().replace(microsecond=0) + timedelta(seconds=6)
    sandbox = namespace.sandbox(lifecycle={"ttl": "1h", "expiresAt": rfc3339(expiry)})
    assert moment(sandbox.wait_ready()["expiresAt"]) == expiry
    assert_ends_at(sandbox, expiry)


def test_max_lifetime_also_ends_what_never_started(namespace):
    sandbox = namespace.sandbox(nodeSelector={"pool": "nowhere"}, lifecycle={"maxLifetime": "6s"})
    created = moment(sandbox.read()["metadata"]["creationTimestamp"])
    sandbox.wait("Unschedulable")
    assert moment(sandbox.status["expiresAt"]) == created + timedelta(seconds=6)
    assert_ends_at(sandbox, created + timedelta(seconds=6))


def test_one_that_is_over_before_it_begins(namespace):
    sandbox = namespace.sandbox(lifecycle={"expiresAt": "2020-01-01T00:00:00Z"})
    sandbox.wait_gone()


def test_more_time_in_place(namespace):
    sandbox = namespace.sandbox(lifecycle={"ttl": "5s"})
    status = sandbox.wait_ready()
    before = moment(status["expiresAt"])
    sandbox.patch({"lifecycle": {"ttl": "30m"}})
    expected = moment(status["startedAt"]) + timedelta(minutes=30)
    eventually(lambda: moment(sandbox.status["expiresAt"]) == expected, 3, "the new expiry is told")
    eventually(lambda: now() > before + SLACK, 10, "the old expiry is past")
    assert sandbox.status["podName"] == status["podName"]
    assert sandbox.condition()["status"] == "True"


def test_less_time_in_place(namespace):
    sandbox = namespace.sandbox()
    started = moment(sandbox.wait_ready()["startedAt"])
    sandbox.patch({"lifecycle": {"ttl": "1s"}})
    eventually(lambda: sandbox.read() is None and not sandbox.pods(), 10, "it ends")
    assert now() > started + timedelta(seconds=1)


def test_an_expiry_while_no_operator_runs(namespace, release):
    late = namespace.sandbox("late", lifecycle={"ttl": "6s"})
    later = namespace.sandbox("later", lifecycle={"ttl": "40s"})
    expiry = moment(late.wait_ready()["expiresAt"])
    started = moment(later.wait_ready()["startedAt"])
    release.scale(0)
    try:
        eventually(lambda: now() > expiry, 15, "its time is over")
        throughout(lambda: late.read() is not None, 1, "nobody is there to end it")
    finally:
        release.scale(2)
    late.wait_gone(within=5)
    # The other's time was not touched by the restart.
    assert moment(later.status["startedAt"]) == started
    assert moment(later.status["expiresAt"]) == started + timedelta(seconds=40)
