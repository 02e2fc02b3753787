"""The API server and the node fail while sandboxes run."""

from support.release import NAMESPACE
from support.sandboxes import moment, now
from support.waiting import eventually
from test_operator_faults import assert_all_run, create_many


def probe(node_url):
    import urllib.error
    import urllib.request
    try:
        with urllib.request.urlopen(node_url, timeout=3) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_the_api_server_restarts_at_work(namespace, release, cluster):
    release.wait_ready()
    restarts = release.restarts()
    addresses = [pod["status"]["podIP"] for pod in release.pods()]
    short = namespace.sandbox("short", lifecycle={"ttl": "6s"})
    expiry = moment(short.wait_ready()["expiresAt"])
    create_many(namespace, 0, 8)
    cluster.control("kill", "kube-apiserver")
    try:
        for address in addresses:
            eventually(lambda: probe(f"http://{address}:8080/readyz") == 503, 40, "/readyz fails", every=0.3)
            assert probe(f"http://{address}:8080/healthz") == 200, "a restart would not help"
        eventually(lambda: now() > expiry, 10, "the short one's time is over")
    finally:
        cluster.control("start", "kube-apiserver")
    for address in addresses:
        eventually(lambda: probe(f"http://{address}:8080/readyz") == 200, 60, "/readyz is well again", every=0.3)
    short.wait_gone(within=30)
    assert_all_run(namespace, 8, within=90)
    namespace.sandbox("after").wait_ready(within=60)
    assert release.restarts() == restarts, f"the operators were not restarted in {NAMESPACE}"


def test_a_lost_node(namespace, release, cluster):
    """Kubernetes gives a silent kubelet 50 s; sandboxes run on meanwhile, and after."""
    sandbox = namespace.sandbox()
    status = sandbox.wait_ready()
    pod = sandbox.pod()["metadata"]["uid"]
    cluster.control("kill", "kubelet")
    try:
        lost = sandbox.wait("NodeLost", within=90)
        assert cluster.node in lost["message"] and "delete the Sandbox" in lost["message"]
        assert sandbox.wait_event("NodeLost")["type"] == "Warning"
        assert sandbox.status["phase"] == "Running", "it may still run there"
    finally:
        cluster.control("start", "kubelet")
    sandbox.wait_ready(within=60)
    assert sandbox.pod()["metadata"]["uid"] == pod
    assert sandbox.status["startedAt"] == status["startedAt"]
    assert namespace.exec(sandbox, "id -u").stdout.strip() == "1000"
    release.wait_ready(within=60)
