"""The NetworkPolicies that sandboxes rely on are kept."""

from support.waiting import eventually

DENY = "cloister-default-deny"


def test_a_tampered_policy_is_put_back(namespace, api):
    namespace.sandbox(network={"egress": {"mode": "Internet"}}).wait_ready()
    before = namespace.policies()
    assert len(before) == 2
    for name in before:
        api.patch("networkpolicies", name, namespace.name, {"spec": {"egress": [{}], "ingress": [{}],
                                                                   "policyTypes": ["Egress", "Ingress"]}})
    eventually(lambda: {n: p["spec"] for n, p in namespace.policies().items()} == {n: p["spec"] for n, p in before.items()}, 10,
               "both are as they were")


def test_a_deleted_policy_comes_back(namespace, api):
    namespace.sandbox(network={"expose": [{"port": 80}]}).wait_ready()
    before = namespace.policies()
    for name in before:
        api.delete("networkpolicies", name, namespace.name)
    eventually(lambda: {n: p["spec"] for n, p in namespace.policies().items()} == {n: p["spec"] for n, p in before.items()}, 10,
               "both are back")


def test_a_policy_that_lost_its_label_is_found_again(namespace, api):
    namespace.sandbox().wait_ready()
    api.patch("networkpolicies", DENY, namespace.name, {
        "metadata": {"labels": {"app.kubernetes.io/managed-by": None}}, "spec": {"podSelector": {"matchLabels": {"nobody": "x"}}}})

    def is_whole():
        spec = namespace.policies()[DENY]["spec"]
        return "matchExpressions" in spec["podSelector"] and "matchLabels" not in spec["podSelector"]

    eventually(is_whole, 15, "the default-deny denies again")
