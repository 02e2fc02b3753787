from collections import Counter

import pytest
from support.faults import SILENT, Always, Call, FirstTries, Kind, Mix, call_of, rates_of

PODS = "/api/v1/namespaces/ns/pods"
SANDBOXES = "/apis/cloister.dev/v1alpha1/namespaces/ns/sandboxes"
CREATE, GET = Call("create", "pods", namespace="a"), Call("get", "pods", namespace="a")


@pytest.mark.parametrize("method, target, body, call", [
    ("GET", "/api/v1/pods?limit=100", b"", Call("list", "pods")),
    ("GET", "/api/v1/pods?watch=true&resourceVersion=7", b"", Call("watch", "pods")),
    ("GET", f"{PODS}/p", b"", Call("get", "pods", "", "ns", "p")),
    ("POST", f"{PODS}?fieldValidation=Strict", b'{"metadata": {"name": "p"}}', Call("create", "pods", "", "ns", "p")),
    ("POST", PODS, b"no object", Call("create", "pods", "", "ns")),
    ("DELETE", f"{PODS}/p", b'{"kind": "DeleteOptions"}', Call("delete", "pods", "", "ns", "p")),
    ("PATCH", f"{SANDBOXES}/box/status", b"{}", Call("patch", "sandboxes", "status", "ns", "box")),
    ("PUT", "/apis/coordination.k8s.io/v1/namespaces/ns/leases/l", b"{}", Call("update", "leases", "", "ns", "l")),
    ("GET", "/api/v1/namespaces/ns", b"", Call("get", "namespaces", "", "", "ns")),
    ("GET", "/api/v1/namespaces", b"", Call("list", "namespaces")),
    ("GET", "/version", b"", Call("get", "")),
])
def test_a_request_in_kubernetes_terms(method, target, body, call):
    assert call_of(method, target, body) == call


def test_a_subresource_is_named_with_its_resource():
    assert Call("patch", "sandboxes", "status").what == ("patch", "sandboxes/status")
    assert CREATE.what == ("create", "pods")


def test_a_mix_keeps_to_its_rates_and_its_seed():
    rates = {Kind.ERROR: 0.3, Kind.CUT: 0.1}
    deal = [fault.kind if (fault := mix(CREATE)) else None for mix in [Mix(1, rates)] for _ in range(4000)]
    assert 1100 < deal.count(Kind.ERROR) < 1300 and 330 < deal.count(Kind.CUT) < 470
    again = Mix(1, rates)
    assert deal == [fault.kind if (fault := again(CREATE)) else None for _ in range(4000)]


def test_a_conflict_meets_writes_alone():
    mix = Mix(1, {Kind.CONFLICT: 1})
    assert mix(CREATE).kind is Kind.CONFLICT and mix(GET) is None


def test_twenty_seeds_have_all_kinds_and_never_too_much():
    count = Counter(kind for seed in range(20) for kind in rates_of(seed))
    assert set(count) == set(Kind)
    assert all(sum(rates_of(seed).values()) < 0.4 for seed in range(20))
    assert all(sum(kind in SILENT for kind in rates_of(seed)) == 1 for seed in range(20))


def test_first_tries_are_counted_by_namespace_and_verb_and_resource():
    plan = FirstTries({"a": Kind.ERROR, "b": Kind.LOSE_ANSWER})
    delete = Call("delete", "pods", namespace="a")
    assert [bool(plan(CREATE)) for _ in range(3)] == [True, True, False]
    assert [bool(plan(delete)) for _ in range(3)] == [True, True, False]
    silent = Call("create", "pods", namespace="b")
    assert [bool(plan(silent)) for _ in range(2)] == [True, False]
    assert plan(GET) is None and plan(Call("create", "pods", namespace="c")) is None
    assert plan(Call("watch", "pods")).kind is Kind.DELAY


def test_always_means_reads_too():
    plan = Always([Kind.CUT, Kind.CONFLICT])
    assert [plan(call).kind for call in (GET, GET, CREATE, CREATE)] == [Kind.CUT, Kind.ERROR, Kind.CUT, Kind.CONFLICT]
