"""Each oracle on a history in which all is well, and on one where just what it looks for is wrong."""

from datetime import datetime, timedelta, timezone

import pytest
from support.faults import Call, Kind
from support.faulty_proxy import Exchange
from support.oracles import (History, ended_early, expiry_of, outlived, pods_too_many, repeated, seconds_of, told_wrong,
                             unsettled)

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def at(seconds):
    return START + timedelta(seconds=seconds)


def stamp(seconds):
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def sandbox(uid="s1", ttl="10s", started=0, phase="Running", ready="True", generation=1, observed=1, pod="p1"):
    status = {"phase": phase, "observedGeneration": observed, "podName": pod,
              "conditions": [{"type": "Ready", "status": ready, "reason": "Running", "message": ""}]}
    if started is not None:
        status["startedAt"] = stamp(started)
    return {"kind": "Sandbox", "metadata": {"uid": uid, "namespace": "ns", "name": f"box-{uid}", "generation": generation},
            "spec": {"lifecycle": {"ttl": ttl}} if ttl else {}, "status": status}


def pod(uid="p1", owner="s1", going=None, grace=2, ready="True"):
    meta = {"uid": uid, "namespace": "ns", "name": uid}
    if owner:
        meta["ownerReferences"] = [{"uid": owner, "controller": True}]
    if going is not None:
        meta.update(deletionTimestamp=stamp(going + grace), deletionGracePeriodSeconds=grace)
    return {"kind": "Pod", "metadata": meta, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def history(*sights):
    made = History()
    for event, thing, moment in sights:
        made.saw(event, thing, at(moment))
    return made


@pytest.mark.parametrize("text, seconds", [("2s", 2), ("1h30m", 5400), ("500ms", 0.5), ("1.5m", 90)])
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


def test_the_expiry_is_the_specs():
    assert expiry_of(sandbox(started=5)) == at(15)
    assert expiry_of(sandbox(started=None)) is None and expiry_of(sandbox(ttl="")) is None


def test_two_pods_of_one_sandbox():
    seen = history(("ADDED", pod("p1"), 0), ("DELETED", pod("p1"), 1), ("ADDED", pod("p2", "s2"), 1), ("ADDED", pod("p3", ""), 1),
                   ("ADDED", pod("p4", ""), 1))
    assert pods_too_many(seen) == []
    seen.saw("ADDED", pod("p5"), at(2))
    assert pods_too_many(seen) == ["Sandbox s1 had 2 pods: ns/p1, ns/p5"]


@pytest.mark.parametrize("going, working, now, wrong", [
    (12, -60, 100, []),
    (13, -60, 100, ["pod ns/p1 was told to go 3.0 s late"]),
    (61, 31, 100, []),  # nothing worked at its expiry
    (62, 31, 100, ["pod ns/p1 was told to go 52.0 s late"]),
    (None, -60, 12, []),
    (None, -60, 13, ["pod ns/p1 was still there 3.0 s late"]),
])
def test_a_pod_beyond_its_time(going, working, now, wrong):
    seen = history(("ADDED", sandbox(), 0), ("MODIFIED", pod(going=going), 1))
    assert outlived(seen, at(working), 30, at(now)) == wrong


def test_pods_that_are_not_judged():
    without_owner, without_expiry, unseen = pod("p1", ""), pod("p2", "s2"), pod("p3", "s3")
    seen = history(("ADDED", sandbox("s2", started=None), 0), ("ADDED", sandbox("s3"), 0), ("ADDED", without_owner, 0),
                   ("ADDED", without_expiry, 0), ("ADDED", unseen, 0))
    seen.missed("Pod", {"p1", "p2"}, at(50))  # went while nobody looked
    assert outlived(seen, at(0), 30, at(100)) == []


def test_other_namespaces_are_not_judged():
    seen = history(("ADDED", pod("p1"), 0), ("ADDED", pod("p2"), 0), ("ADDED", sandbox(), 0))
    assert pods_too_many(seen.within(["ns"])) and not pods_too_many(seen.within(["n", "other"]))
    assert list(seen.within(["ns"]).sandboxes) == ["s1"] and not seen.within(["n"]).sandboxes


def test_a_sandbox_ended_early():
    seen = history(("ADDED", sandbox("s1"), 0), ("DELETED", sandbox("s1"), 11), ("ADDED", sandbox("s2"), 0),
                   ("DELETED", sandbox("s2"), 7))
    assert ended_early(seen, {"ns/box-s2"}) == []
    assert ended_early(seen, set()) == ["Sandbox ns/box-s2 was deleted 3.0 s before its time"]


@pytest.mark.parametrize("later, wrong", [
    (sandbox(started=0, observed=3), ""),
    (sandbox(started=1, observed=2), "several startedAt"),
    (sandbox(started=0, observed=1), "went back: [2, 1]"),
])
def test_a_status_that_goes_back(later, wrong):
    found = told_wrong(history(("ADDED", sandbox(observed=2), 0), ("MODIFIED", later, 1)))
    assert len(found) == bool(wrong) and all(wrong in words for words in found)


def test_a_return_from_the_end():
    seen = history(("ADDED", sandbox(), 0), ("MODIFIED", sandbox(phase="Failed"), 1))
    assert told_wrong(seen) == []
    seen.saw("MODIFIED", sandbox(), at(2))
    assert told_wrong(seen) == ["Sandbox ns/box-s1 came back from its end: Running, Failed, Running"]


def test_an_object_written_over_and_over():
    def writes(count, name="box", fault=None):
        return [Exchange(Call("delete", "sandboxes", "", "ns", name), fault)] * count

    assert repeated([*writes(25), *writes(25, "other"), *writes(99, fault=Kind.ERROR)]) == []
    assert repeated(writes(26)) == ["delete sandboxes ns/box: 26 times"]


@pytest.mark.parametrize("sandboxes, pods, wrong", [
    ([sandbox()], [pod()], []),
    ([], [], ["Sandbox ns/box-s1 is missing"]),
    ([sandbox(), sandbox("s2")], [pod()], ["Sandbox ns/box-s2 is still there"]),
    ([sandbox()], [pod(), pod("p2", "s2")], ["pod ns/p2 is still there"]),
    ([sandbox()], [pod(), pod("p2")], ["Sandbox ns/box-s1 has 2 pods"]),
    ([sandbox()], [], ["Sandbox ns/box-s1 has 0 pods"]),
    ([sandbox(phase="Pending")], [pod()], ["Sandbox ns/box-s1 is Pending, Running: "]),
    ([sandbox(ready="False")], [pod()], ["Sandbox ns/box-s1 is Running, Running: "]),
    ([sandbox(generation=2)], [pod()], ["Sandbox ns/box-s1 tells of an older generation"]),
    ([sandbox(pod="p9")], [pod()], ["Sandbox ns/box-s1 names another pod"]),
    ([sandbox()], [pod(ready="False")], ["Sandbox ns/box-s1 has a pod that is not Ready"]),
    ([sandbox()], [pod(going=1)], ["Sandbox ns/box-s1 has a pod on its way out"]),
])
def test_what_is_not_as_wanted(sandboxes, pods, wrong):
    assert unsettled(sandboxes, pods, {"ns/box-s1": "Running"}) == wrong


@pytest.mark.parametrize("sandboxes, pods, wrong", [
    ([sandbox(phase="Failed", ready="False")], [pod(ready="False")], []),
    ([sandbox(phase="Failed", ready="False")], [], []),
    ([sandbox(phase="Failed", ready="True")], [], ["Sandbox ns/box-s1 is Failed, Running: "]),
    ([sandbox()], [pod()], ["Sandbox ns/box-s1 is Running, Running: "]),
    ([sandbox(phase="Failed", ready="False")], [pod(), pod("p2")], ["Sandbox ns/box-s1 has 2 pods"]),
])
def test_an_end_that_is_wanted(sandboxes, pods, wrong):
    assert unsettled(sandboxes, pods, {"ns/box-s1": "Failed"}) == wrong
