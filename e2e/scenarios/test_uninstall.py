"""Uninstalling leaves the kinds and their objects, and nothing else."""

from support.release import NAME, NAMESPACE
from support.waiting import eventually

EVERYWHERE = ("clusterroles", "clusterrolebindings")
IN_ITS_NAMESPACE = ("deployments", "pods", "configmaps", "roles", "rolebindings", "poddisruptionbudgets", "networkpolicies")


def leftovers(api, cluster):
    labels = "app.kubernetes.io/instance=cloister"
    found = [thing["metadata"]["name"] for plural in EVERYWHERE for thing in api.list(plural, labels=labels)]
    found += [thing["metadata"]["name"] for plural in IN_ITS_NAMESPACE for thing in api.list(plural, NAMESPACE, labels=labels)]
    return found + cluster.kubectl("get", "validatingadmissionpolicies,validatingadmissionpolicybindings", "-o", "name",
                                   "--selector", labels).split()


def test_uninstall(namespace, release, cluster, api):
    sandbox = namespace.sandbox()
    status = sandbox.wait_ready()
    assert leftovers(api, cluster), "the labels are what the chart puts on its objects"
    release.uninstall()
    eventually(lambda: not leftovers(api, cluster), 20, "nothing of the release is left")
    # The Lease is the operators' own, as with every operator: it is what is left in the namespace.
    left = cluster.kubectl("--namespace", NAMESPACE, "get", "leases,secrets,services,serviceaccounts", "-o", "name").split()
    assert sorted(left) == [f"lease.coordination.k8s.io/{NAME}", "serviceaccount/default"]
    assert all(api.get("customresourcedefinitions", f"{plural}.cloister.dev")
               for plural in ("sandboxes", "sandboxtemplates", "sandboxpools", "sandboxquotas"))
    # Running sandboxes run on; deleting them needs no operator.
    assert namespace.exec(sandbox, "id -u").stdout.strip() == "1000"
    sandbox.delete()
    eventually(lambda: api.get("pods", status["podName"], namespace.name) is None, 20, "its pod goes with it")


def test_an_install_over_what_was_left(namespace, release):
    """The kinds are there from before, and a Sandbox that waited for an operator."""
    sandbox = namespace.sandbox()
    release.restore()
    sandbox.wait_ready(within=60)
