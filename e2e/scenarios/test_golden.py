"""Golden snapshots: Sandboxes begin where their template's program is warm, in a pod of their own and in a held one."""

import time

import pytest
from support import http_workload
from support.pools import make_pool, make_template
from support.waiting import eventually

WARM_UP = 5  # seconds
# What it says is the same for all that begin from one golden snapshot, and another for each cold start.
SETUP = f"""
import itertools, os, time
time.sleep({WARM_UP})
count = itertools.count(1)
mark = os.urandom(8).hex()
"""
SERVER = http_workload.program(SETUP, 'f"{next(count)} {mark} {generation}"')
READY = ["python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 8080), 1)"]


def sandbox_spec(generation):
    spec = http_workload.spec(SERVER.replace("{generation}", str(generation)))
    return {**spec, "lifecycle": {"ttl": "30m"}}


def golden(template):
    """The SandboxSnapshot that the template's Sandboxes begin from, once that of the present revision is there."""
    def found():
        status = template.read().get("status", {})
        said = [c for c in status.get("conditions", []) if c["type"] == "GoldenReady"]
        return said and said[0]["status"] == "True" and status["golden"]["snapshotName"]
    return eventually(found, 120, "the golden snapshot is there")


def first_answer(namespace, name, **spec):
    """The Sandbox, what it answers first, and how long that took from its creation, in seconds."""
    begun = time.monotonic()
    made = namespace.sandbox(name, **spec)
    made.wait_ready(within=60)
    said = eventually(lambda: http_workload.words(made), 30, f"{name} answers")
    return made, said, time.monotonic() - begun


@pytest.fixture(scope="module")
def namespace(node, shared_namespaces):
    return shared_namespaces()


@pytest.fixture(scope="module")
def template(namespace, api):
    return make_template(api, namespace.name, "slow", sandbox_spec(1), golden={"readyCommand": READY})


def test_it_begins_warm(namespace, template):
    name = golden(template)
    _, cold, long = first_answer(namespace, "cold", templateRef={"name": "slow"}, env=[{"name": "OWN", "value": "1"}])
    one, first, short = first_answer(namespace, "one", templateRef={"name": "slow"})
    _, second, _ = first_answer(namespace, "two", templateRef={"name": "slow"})
    assert one.status["golden"]["snapshotName"] == name
    assert first == second != cold and first[1] != cold[1], "both go on from the same point"
    assert short < long - WARM_UP / 2


def test_it_begins_warm_in_a_held_pod(namespace, api, template):
    golden(template)
    pool = make_pool(api, namespace.name, "held", "slow", replicas=1, hold=True)
    pool.wait_full(1, within=90)
    made, said, _ = first_answer(namespace, "three", poolRef={"name": "held"})
    assert made.condition("WarmStart")["reason"] == "FromPool"
    assert said[0] == "1" and said[1] == http_workload.words(namespace.handle("one"))[1]


def cold(namespace, name, **spec):
    """It starts all the same, and not from the golden snapshot; what it says."""
    made = namespace.sandbox(name, templateRef={"name": "slow"}, **spec)
    made.wait_ready(within=120)
    said = eventually(lambda: http_workload.words(made), 30, f"{name} answers")
    assert said[0] == "1" and said[1] != http_workload.words(namespace.handle("one"))[1], "it began anew"
    made.delete()
    made.wait_gone(within=30)
    return made


def test_it_starts_cold_without_the_agent(namespace, node, template):
    golden(template)
    node.stop()
    try:
        cold(namespace, "alone")
    finally:
        node.start()


def test_it_starts_cold_where_restoring_fails(namespace, node, template):
    """The files have the sizes that they had, so that nobody notices before."""
    golden(template)
    (folder,) = node.kept(namespace.name)
    state = folder / "checkpoint.img"
    good = state.read_bytes()
    state.write_bytes(good[:200] + bytes(byte ^ 255 for byte in good[200:]))
    try:
        cold(namespace, "spoilt")
    finally:
        state.write_bytes(good)


def test_an_edit_makes_another_one(namespace, api, template):
    before = golden(template)
    api.patch(template.plural, template.name, namespace.name, {"spec": {"sandbox": sandbox_spec(2)}})
    after = eventually(lambda: golden(template) != before and golden(template), 120, "another golden snapshot")
    eventually(lambda: api.get("sandboxsnapshots", before, namespace.name) is None, 30, "the first one goes")
    made, said, _ = first_answer(namespace, "four", templateRef={"name": "slow"})
    assert made.status["golden"]["snapshotName"] == after and said[2] == "2"
