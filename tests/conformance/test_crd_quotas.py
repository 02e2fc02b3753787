"""The rules of SandboxQuota on a real API server: what is taken, and what a refusal says."""

import pytest
from test_crd_pools import assert_refused, dry_run, made


def quota(name="default", **limits):
    return made("SandboxQuota", limits, name)


VALID = {
    "one limit": {"running": 1},
    "none may run": {"running": 0, "sandboxes": 0, "cpu": 0, "memory": "0", "disk": 0},
    "all": {"running": 20, "sandboxes": 100, "cpu": "32", "memory": "64Gi", "disk": "1Ti", "creationsPerMinute": 60,
            "maxLifetime": "8h", "sandboxHoursPerDay": 200},
    "the most": {"running": 1000000, "sandboxes": 1000000, "cpu": "1Mi", "memory": "1Pi", "disk": "1Ei", "creationsPerMinute": 100000,
                 "maxLifetime": "876000h", "sandboxHoursPerDay": 24000000},
    "fractions": {"cpu": "2500m", "memory": "1.5Gi", "maxLifetime": "1h30m"},
    "the shortest": {"maxLifetime": "1s", "creationsPerMinute": 1, "sandboxHoursPerDay": 1},
}


@pytest.mark.parametrize("limits", VALID.values(), ids=VALID.keys())
def test_takes(admin, limits):
    answer = dry_run(admin, quota(**limits))
    assert answer.ok, answer.text


INVALID = {
    "no limit": ({}, "spec", "at least 1 propert"),
    "fewer than none": ({"running": -1}, "spec.running", "greater than or equal to 0"),
    "too many": ({"running": 1000001}, "spec.running", "less than or equal to 1000000"),
    "too many objects": ({"sandboxes": 1000001}, "spec.sandboxes", "less than or equal to 1000000"),
    "negative cores": ({"cpu": "-1"}, "spec.cpu", "number of cores"),
    "absurdly many cores": ({"cpu": "2Mi"}, "spec.cpu", "number of cores"),
    "no quantity": ({"memory": "plenty"}, "spec.memory", "amount of memory"),
    "absurdly much memory": ({"memory": "1Ei"}, "spec.memory", "amount of memory"),
    "absurdly much disk": ({"disk": "2Ei"}, "spec.disk", "amount of storage"),
    "no starts": ({"creationsPerMinute": 0}, "spec.creationsPerMinute", "greater than or equal to 1"),
    "no life": ({"maxLifetime": "0s"}, "spec.maxLifetime", "duration from 1s"),
    "too long a life": ({"maxLifetime": "876001h"}, "spec.maxLifetime", "duration from 1s"),
    "days": ({"maxLifetime": "1d"}, "spec.maxLifetime", "duration from 1s"),
    "no hours": ({"sandboxHoursPerDay": 0}, "spec.sandboxHoursPerDay", "greater than or equal to 1"),
    "another field": ({"pods": 3}, "spec.pods", "unknown field"),
}


@pytest.mark.parametrize("limits, path, reason", INVALID.values(), ids=INVALID.keys())
def test_refuses(admin, limits, path, reason):
    assert_refused(dry_run(admin, quota(**limits)), path, reason)


def test_there_is_one_in_a_namespace(admin):
    answer = dry_run(admin, quota("another", running=1))
    assert not answer.ok and 'metadata.name must be "default"' in answer.text


def test_its_short_name(admin):
    assert admin("get", "sbq").ok
