import pytest
from lib.watch import Log, Sight, owned_by, present, ready


def thing(name="box", is_ready=None, owner=None, controls=True):
    made = {"metadata": {"name": name}}
    if owner:
        made["metadata"]["ownerReferences"] = [{"name": owner, "controller": controls}]
    if is_ready is not None:
        made["status"] = {"conditions": [{"type": "Ready", "status": str(is_ready)}]}
    return made


def log(*sights):
    made = Log()
    for at, kind, seen in sights:
        made.add(Sight(at, kind, seen))
    return made


def test_the_first_moment_counts_not_the_last():
    seen = log((1, "ADDED", thing()), (2, "MODIFIED", thing(is_ready=False)), (3, "MODIFIED", thing(is_ready=True)),
               (4, "MODIFIED", thing(is_ready=True)))
    assert seen.first("box", present) == 1
    assert seen.first("box", ready) == 3


def test_a_deleted_object_is_not_ready_by_its_last_words():
    seen = log((1, "ADDED", thing()), (2, "DELETED", thing(is_ready=True)))
    assert seen.first("box", ready) is None
    assert seen.gone("box")


def test_what_was_never_seen_is_not_gone():
    assert not Log().gone("box")


def test_pods_are_found_by_their_controller_alone():
    seen = log((1, "ADDED", thing("a", owner="box", controls=False)), (2, "ADDED", thing("b", owner="box")),
               (3, "MODIFIED", thing("b", owner="box")), (4, "ADDED", thing("c", owner="other")))
    assert seen.find(owned_by("box")) == "b"
    assert seen.count(owned_by("box")) == 1


def test_waiting_ends():
    with pytest.raises(TimeoutError, match="box Ready"):
        Log().wait("box Ready", lambda: False, 0)
