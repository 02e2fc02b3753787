"""The rules of SandboxSnapshot on a real API server: what is taken, and what a refusal says."""

import pytest
from test_crd_pools import assert_refused, dry_run, made


def snapshot(name="saved", **spec):
    return made("SandboxSnapshot", {"sandboxRef": {"name": "box"}, **spec}, name)


VALID = {
    "the least": {},
    "all": {"mode": "Memory", "deletionPolicy": "Delete", "ttl": "72h"},
    "files": {"mode": "Filesystem"},
    "what a later version has": {"deletionPolicy": "Retain", "ttl": "1s"},
}


@pytest.mark.parametrize("spec", VALID.values(), ids=VALID.keys())
def test_takes(admin, spec):
    answer = dry_run(admin, snapshot(**spec))
    assert answer.ok, answer.text


INVALID = {
    "of nothing": ({"sandboxRef": {}}, "spec.sandboxRef.name", "Required value"),
    "of no name": ({"sandboxRef": {"name": ""}}, "spec.sandboxRef.name", "at least 1 char"),
    "another mode": ({"mode": "Disk"}, "spec.mode", "Unsupported value"),
    "another policy": ({"deletionPolicy": "Keep"}, "spec.deletionPolicy", "Unsupported value"),
    "no time": ({"ttl": "0s"}, "spec.ttl", "duration from 1s"),
    "too long": ({"ttl": "876001h"}, "spec.ttl", "duration from 1s"),
    "days": ({"ttl": "3d"}, "spec.ttl", "duration from 1s"),
    "another field": ({"image": "a"}, "spec.image", "unknown field"),
}


@pytest.mark.parametrize("spec, path, reason", INVALID.values(), ids=INVALID.keys())
def test_refuses(admin, spec, path, reason):
    assert_refused(dry_run(admin, snapshot(**spec)), path, reason)


def test_its_name_fits_a_label(admin):
    assert dry_run(admin, snapshot("a" * 63)).ok
    answer = dry_run(admin, snapshot("a" * 64))
    assert not answer.ok and "no longer than 63" in answer.text


def test_its_spec_cannot_be_changed(admin):
    assert admin("create", "-f", "-", stdin=snapshot("fixed")).ok
    answer = admin("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=snapshot("fixed", ttl="1h"))
    assert not answer.ok and "spec can't be changed" in answer.text
    assert admin("delete", "sbs", "fixed").ok
