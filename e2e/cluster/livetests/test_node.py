"""What the running cluster can do and what it refuses."""

import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from commands import cluster, eventually
from onenode import components, processes

RUNTIMES = ("gvisor", "runc")


@pytest.fixture(scope="module")
def pods(node):
    for runtime in RUNTIMES:
        volume = {"name": "image", "image": {"reference": "cloister.test/probe:1", "pullPolicy": "Never"}}
        node.pod(runtime, runtime, volumes=[volume],
                 container={"volumeMounts": [{"name": "image", "mountPath": "/image"}]})
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "gvisor"}, "ipFamilyPolicy": "PreferDualStack",
                     "ports": [{"port": 80, "targetPort": 8080}]}}
    node.kubectl("create", "-f", "-", stdin=json.dumps(body))
    for runtime in RUNTIMES:
        node.wait(runtime)
    eventually(lambda: "200" in node.probe("runc", "get", "http://web/", check=False))
    return node


def test_gvisor_pods_run_on_gvisors_kernel(pods):
    assert "Starting gVisor" in pods.probe("gvisor", "kernel", "")
    assert "gVisor" not in pods.probe("runc", "kernel", "", check=False)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_names_services_and_pods_are_reached(pods, runtime):
    assert "10.96.0.1" in pods.probe(runtime, "lookup", "kubernetes.default.svc.cluster.local")
    assert pods.probe(runtime, "get", "http://web/") == "200 hello\n"
    for other in RUNTIMES:
        for address in pods.get("pod", other)["status"]["podIPs"]:
            host = f"[{address['ip']}]" if ":" in address["ip"] else address["ip"]
            assert "connected" in pods.probe(runtime, "dial", f"{host}:8080")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_both_families_of_a_service_answer(pods, runtime):
    if not pods.settings.dual_stack:
        pytest.skip("this machine's kernel has no IPv6")
    addresses = pods.get("service", "web")["spec"]["clusterIPs"]
    assert len(addresses) == 2
    for address in addresses:
        assert "connected" in pods.probe(runtime, "dial", f"[{address}]:80" if ":" in address else f"{address}:80")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_pod_is_known_to_the_api_server_and_may_nothing(pods, runtime):
    assert pods.probe(runtime, "api", "/version").startswith("200 ")
    assert pods.probe(runtime, "api", "/api/v1/namespaces/default/secrets").startswith("403 ")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_images_can_be_volumes(pods, runtime):
    assert int(pods.probe(runtime, "stat", "/image/probe")) > 1_000_000


def test_names_of_the_world_are_refused_at_once(pods):
    started = time.monotonic()
    assert pods.kubectl("exec", "runc", "--", "/probe", "lookup", "example.com.", check=False).returncode == 1
    assert time.monotonic() - started < 8, "a resolver that nobody answers gives up after 10 s"


def test_a_missing_runtime_is_named(node):
    node.pod("kata", "kata")
    eventually(lambda: 'no runtime for "kata-qemu"' in node.kubectl("get", "events").stdout)
    assert node.get("pod", "kata")["spec"]["overhead"] == {"cpu": "250m", "memory": "160Mi"}
    node.kubectl("delete", "pod", "kata")


def test_pod_security_is_enforced(node):
    node.kubectl("label", "namespace", node.namespace, "pod-security.kubernetes.io/enforce=restricted")
    refused = node.pod("insecure", "gvisor")
    node.kubectl("label", "namespace", node.namespace, "pod-security.kubernetes.io/enforce-")
    assert "violates PodSecurity" in refused.stderr


def test_the_kubelet_may_not_read_what_no_pod_of_its_node_needs(node):
    node.kubectl("create", "secret", "generic", "other")
    refused = node.kubectl("get", "secret", "other", user="kubelet", check=False)
    assert "forbidden" in refused.stderr.lower()


def test_the_kubelet_may_not_speak_for_another_node(node):
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "another"}}
    refused = node.kubectl("create", "-f", "-", stdin=json.dumps(body), user="kubelet", check=False)
    assert "forbidden" in refused.stderr.lower()


def https_status(url, settings):
    context = ssl.create_default_context(cafile=f"{settings.pki}/ca.crt")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        return opener.open(url, timeout=5).status
    except urllib.error.HTTPError as problem:
        return problem.code


def test_nobody_gets_in_without_a_certificate(node):
    s = node.settings
    assert https_status(f"https://{s.node_ip}:{s.kubelet_port}/pods", s) == 401
    assert https_status(f"{s.server}/api/v1/secrets", s) == 403
    for certificate in (None, "admin", "kubelet"):  # the cluster's own authority does not open etcd
        context = ssl.create_default_context(cafile=f"{s.pki}/etcd-ca.crt")
        if certificate:
            context.load_cert_chain(f"{s.pki}/{certificate}.crt", f"{s.pki}/{certificate}.key")
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", s.etcd_port), timeout=5) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            wrapped.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not wrapped.recv(1)
            raise ConnectionResetError  # closed without a word: refused as well


def listening(pid):
    """The local addresses, as in /proc/net/tcp, on which a process listens."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(link.readlink()))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].split(":")[0])
    return found


def test_nothing_listens_on_the_machines_own_addresses(node):
    s = node.settings
    own = {"0100007F", bytes(reversed(socket.inet_aton(s.node_ip))).hex().upper()}
    for name in components.all_components(s):
        found = listening(processes.find(s, name))
        assert found <= own, name
        assert found or name == "containerd", name


def test_components_come_back_and_pods_live_on(pods):
    for name in ("containerd", "kubelet", "kube-apiserver"):
        cluster("kill", name)
        assert cluster("status", check=False).returncode == 1
        cluster("start", name)
    eventually(lambda: cluster("status", check=False).returncode == 0)
    for runtime in RUNTIMES:
        status = pods.get("pod", runtime)["status"]
        assert [c["restartCount"] for c in status["containerStatuses"]] == [0]
        assert pods.probe(runtime, "get", "http://web/") == "200 hello\n"
