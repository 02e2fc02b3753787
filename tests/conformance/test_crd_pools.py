"""The rules of SandboxTemplate and SandboxPool on a real API server: what is taken, and what a refusal says."""

import json
from pathlib import Path

import pytest
import yaml
from test_crd import FULL, INVALID as INVALID_SANDBOXES, OTHER, VALID as VALID_SANDBOXES

CRDS = Path(__file__).resolve().parents[2] / "crds"
# Not of a template: a Sandbox's own.
OWN = {"templateRef", "poolRef", "restoreFrom", "desiredState"}


def made(kind, spec, name="made"):
    return {"apiVersion": "cloister.dev/v1alpha1", "kind": kind, "metadata": {"name": name},
            **({} if spec is None else {"spec": spec})}


def template(spec=None, name="made"):
    return made("SandboxTemplate", spec, name)


def pool(name="made", **fields):
    return made("SandboxPool", {"templateRef": {"name": "python"}, **fields}, name)


def strategy(**fields):
    return {"updateStrategy": fields}


def dry_run(kubectl, thing):
    return kubectl("create", "--dry-run=server", "-f", "-", stdin=thing)


def assert_refused(answer, path, reason):
    assert not answer.ok
    named = [line for line in answer.text.splitlines() if f"{path}: " in line or f'"{path}"' in line]
    assert named and any(reason in line for line in named), answer.text


VALID_TEMPLATES = {name: {"sandbox": {key: value for key, value in (spec or {}).items() if key not in OWN}}
                   for name, spec in VALID_SANDBOXES.items()}
VALID_TEMPLATES |= {"nothing": None, "no sandbox": {}, "nothing overridable": {"overridable": []},
                    "something overridable": {"overridable": ["env", "image"]}}


@pytest.mark.parametrize("spec", VALID_TEMPLATES.values(), ids=VALID_TEMPLATES.keys())
def test_takes_a_template(admin, spec):
    answer = dry_run(admin, template(spec))
    assert answer.ok, answer.text


INVALID_TEMPLATES = {name: ({"sandbox": spec}, path.replace("spec.", "spec.sandbox.", 1), reason)
                     for name, (spec, path, reason) in INVALID_SANDBOXES.items() if not OWN & set(spec)}
INVALID_TEMPLATES |= {
    "a field that no Sandbox has": ({"overridable": ["imag"]}, "spec.overridable[0]", "image"),
    "a name twice": ({"overridable": ["env", "env"]}, "spec.overridable[1]", "Duplicate"),
    **{f"a template's {own}": ({"sandbox": {own: {"name": "x"}}}, f"spec.sandbox.{own}", "unknown field") for own in OWN},
    **{f"{own} overridable": ({"overridable": [own]}, "spec.overridable[0]", "Unsupported value") for own in OWN},
}


@pytest.mark.parametrize("spec, path, reason", INVALID_TEMPLATES.values(), ids=INVALID_TEMPLATES.keys())
def test_refuses_a_template(admin, spec, path, reason):
    assert_refused(dry_run(admin, template(spec)), path, reason)


VALID_POOLS = {
    "the least": {},
    "no pods": {"replicas": 0},
    "the most": {"replicas": 10000},
    "demand": {"minIdle": 0},
    "demand within bounds": {"minIdle": 10, "maxTotal": 10},
    "the most at demand": {"minIdle": 10000, "maxTotal": 10000},
    "waiting": {"whenEmpty": "Wait"},
    "an update by number": strategy(type="RollingUpdate", maxUnavailable=1),
    "an update by percentage": strategy(maxUnavailable="100%"),
    "an update by the largest number": strategy(maxUnavailable=10000),
    "an update at once": strategy(type="Recreate"),
    "the shortest deadline": {"progressDeadline": "1s"},
    "the longest deadline": {"progressDeadline": "24h"},
}


@pytest.mark.parametrize("fields", VALID_POOLS.values(), ids=VALID_POOLS.keys())
def test_takes_a_pool(admin, fields):
    answer = dry_run(admin, pool(**fields))
    assert answer.ok, answer.text


NUMBER_OR_PERCENT = "number from 1 to 10000, or a percentage"
INVALID_POOLS = {
    "no template": ({"templateRef": None}, "spec.templateRef", "Required"),
    "a template without name": ({"templateRef": {}}, "spec.templateRef.name", "Required"),
    "an empty name": ({"templateRef": {"name": ""}}, "spec.templateRef.name", "at least 1"),
    "an unknown field": ({"replica": 1}, "spec.replica", "unknown field"),
    "less than no pods": ({"replicas": -1}, "spec.replicas", "greater than or equal to 0"),
    "absurdly many": ({"replicas": 10001}, "spec.replicas", "less than or equal to 10000"),
    "more than a number holds": ({"replicas": 2**40}, "spec.replicas", "less than or equal to 10000"),
    "pods by text": ({"replicas": "1"}, "spec.replicas", "integer"),
    "replicas and demand": ({"replicas": 1, "minIdle": 1}, "spec.replicas", "exclude each other; remove one"),
    "a total without demand": ({"replicas": 1, "maxTotal": 5}, "spec.maxTotal", "only used with spec.minIdle"),
    "a total of nothing": ({"maxTotal": 5}, "spec.maxTotal", "only used with spec.minIdle"),
    "a total below the least": ({"minIdle": 6, "maxTotal": 5}, "spec.maxTotal", "at least spec.minIdle; raise it"),
    "no total": ({"minIdle": 0, "maxTotal": 0}, "spec.maxTotal", "greater than or equal to 1"),
    "too large a total": ({"minIdle": 0, "maxTotal": 10001}, "spec.maxTotal", "less than or equal to 10000"),
    "less than no demand": ({"minIdle": -1}, "spec.minIdle", "greater than or equal to 0"),
    "too much demand": ({"minIdle": 10001}, "spec.minIdle", "less than or equal to 10000"),
    "another way out": ({"whenEmpty": "Retry"}, "spec.whenEmpty", "Cold"),
    "another strategy": (strategy(type="OnDelete"), "spec.updateStrategy.type", "RollingUpdate"),
    "none unavailable": (strategy(maxUnavailable=0), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "no percent unavailable": (strategy(maxUnavailable="0%"), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "more than all": (strategy(maxUnavailable="101%"), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "more than there can be": (strategy(maxUnavailable=10001), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "a fraction of a percent": (strategy(maxUnavailable="1.5%"), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "a negative number": (strategy(maxUnavailable=-1), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "a word": (strategy(maxUnavailable="some"), "spec.updateStrategy.maxUnavailable", NUMBER_OR_PERCENT),
    "a deadline without unit": ({"progressDeadline": "300"}, "spec.progressDeadline", "duration from 1s to 24h"),
    "a deadline too short": ({"progressDeadline": "999ms"}, "spec.progressDeadline", "duration from 1s to 24h"),
    "a deadline too long": ({"progressDeadline": "25h"}, "spec.progressDeadline", "duration from 1s to 24h"),
}


@pytest.mark.parametrize("fields, path, reason", INVALID_POOLS.values(), ids=INVALID_POOLS.keys())
def test_refuses_a_pool(admin, fields, path, reason):
    assert_refused(dry_run(admin, pool(**fields)), path, reason)


def test_refuses_a_pool_without_spec(admin):
    assert_refused(dry_run(admin, made("SandboxPool", None)), "spec", "Required")


NAMES = {
    "a pool's": (pool, 48, {"a" * 49: "at most 48 characters", "a.b": "no dots"}),
    "a template's": (lambda name: template({}, name), 52, {"a" * 53: "at most 52 characters"}),
}


@pytest.mark.parametrize("make, longest, refused", NAMES.values(), ids=NAMES.keys())
def test_names(admin, make, longest, refused):
    assert dry_run(admin, make(name="a" * longest)).ok
    for name, reason in refused.items():
        answer = dry_run(admin, make(name=name))
        assert not answer.ok and reason in answer.text and "metadata.name" in answer.text, answer.text


def test_the_longest_slot_of_the_longest_pool_is_a_legal_pod(admin):
    name = "a" * 48 + "-01234567-99999"
    assert len(name) == 63
    answer = dry_run(admin, {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"cloister.dev/pool": "a" * 48}},
        "spec": {"containers": [{"name": "sandbox", "image": "none"}], "hostname": name}})
    assert answer.ok, answer.text


def test_a_template_can_be_edited_in_every_field(admin, namespace):
    kubectl = admin.having("-n", namespace)
    full, other = ({key: value for key, value in spec.items() if key not in OWN} for spec in (FULL, OTHER))
    kubectl.must("create", "-f", "-", stdin=template({"sandbox": full}))
    for spec in (other, {key: None for key in full}, full):
        kubectl.must("patch", "sbt", "made", "--type=merge", "-p", json.dumps({"spec": {"sandbox": spec}}))


def test_nothing_is_defaulted_that_the_operator_decides(admin):
    def spec_of(thing):
        return admin("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=thing).json()["spec"]
    assert spec_of(template()) == {}
    assert spec_of(template({"sandbox": {}})) == {"sandbox": {}}
    assert spec_of(pool()) == {"templateRef": {"name": "python"}}


@pytest.fixture
def kubectl(admin, namespace):
    return admin.having("-n", namespace)


def patch_status(kubectl, name, status):
    return kubectl("patch", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def condition(kind, status, reason):
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": "2030-01-02T03:04:05Z"}


def test_a_pool_is_scaled_like_a_deployment(kubectl):
    kubectl.must("create", "-f", "-", stdin=pool(replicas=2))
    assert patch_status(kubectl, "sbp/made", {"replicas": 2, "selector": "cloister.dev/pool=made,cloister.dev/sandbox="}).ok
    path = kubectl.must("get", "sbp", "made", "-o", "jsonpath={.metadata.namespace}").text
    scale = kubectl.must("get", "--raw", f"/apis/cloister.dev/v1alpha1/namespaces/{path}/sandboxpools/made/scale").json()
    assert scale["spec"] == {"replicas": 2}
    # What a HorizontalPodAutoscaler finds the pods by.
    assert scale["status"] == {"replicas": 2, "selector": "cloister.dev/pool=made,cloister.dev/sandbox="}
    kubectl.must("scale", "sbp/made", "--replicas=5", "--current-replicas=2")
    assert kubectl.must("get", "sbp", "made", "-o", "jsonpath={.spec.replicas}").text == "5"
    assert "10000" in kubectl("scale", "sbp/made", "--replicas=10001").text
    assert kubectl.must("get", "sbp", "made", "-o", "jsonpath={.spec.replicas}").text == "5"


def test_a_pool_that_follows_demand_is_not_scaled(kubectl):
    kubectl.must("create", "-f", "-", stdin=pool(minIdle=1))
    refused = kubectl("scale", "sbp/made", "--replicas=5")
    assert not refused.ok and "spec.replicas and spec.minIdle exclude each other" in refused.text


def test_what_kubectl_shows_of_a_pool(kubectl):
    kubectl.must("create", "-f", "-", stdin=pool(replicas=3))
    assert patch_status(kubectl, "sbp/made", {
        "replicas": 2, "readyReplicas": 1, "updatedReplicas": 2, "claimed": 4, "revision": "abc",
        "conditions": [condition("Ready", "False", "Filling")]}).ok
    assert kubectl.must("get", "sbp", "made", "--no-headers").text.split()[:7] == ["made", "3", "2", "1", "4", "False", "Filling"]
    assert "sandboxpool.cloister.dev/made" in kubectl.must("get", "cloister", "-o", "name").text
    assert kubectl.must("get", "sbp", "--field-selector=spec.templateRef.name=python", "-o", "name").text
    assert not kubectl.must("get", "sbp", "--field-selector=spec.templateRef.name=other", "-o", "name").text


def test_what_kubectl_shows_of_a_template(kubectl):
    kubectl.must("create", "-f", "-", stdin=template({}))
    assert patch_status(kubectl, "sbt/made", {
        "revision": "abc", "sandboxes": 3, "outdated": 1, "conditions": [condition("Accepted", "True", "Accepted")]}).ok
    assert kubectl.must("get", "sbt", "made", "--no-headers").text.split()[:6] == ["made", "abc", "3", "1", "True", "Accepted"]
    assert "sandboxtemplate.cloister.dev/made" in kubectl.must("get", "cloister", "-o", "name").text


def test_sandboxes_are_found_by_where_they_come_from(kubectl):
    for name, spec in {"warm": {"poolRef": {"name": "p"}}, "cold": {"templateRef": {"name": "t"}}, "own": {}}.items():
        kubectl.must("create", "-f", "-", stdin=made("Sandbox", spec, name))
    for selector, found in {"spec.poolRef.name=p": "warm", "spec.templateRef.name=t": "cold"}.items():
        assert kubectl.must("get", "sbx", f"--field-selector={selector}", "-o", "name").text == f"sandbox.cloister.dev/{found}\n"


def test_status_is_written_apart_from_the_spec(kubectl):
    for thing in (template({}), pool()):
        answer = kubectl.must("create", "-o", "json", "-f", "-", stdin={**thing, "status": {"revision": "forged"}}).json()
        assert "status" not in answer


@pytest.mark.parametrize("crd", sorted(CRDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_kind_is_small_and_kept_on_uninstall(crd):
    assert len(crd.read_bytes()) < 256 * 1024
    assert yaml.safe_load(crd.read_text())["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
