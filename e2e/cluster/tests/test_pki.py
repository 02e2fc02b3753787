import subprocess

import pytest
from onenode import components, pki


def certs(settings):
    return {cert.file: cert for cert in components.certificates(settings)}


def test_only_the_administrator_is_a_master(settings):
    assert [cert.file for cert in certs(settings).values() if cert.organization == "system:masters"] == ["admin"]


def test_the_kubelet_is_its_node(settings):
    kubelet = certs(settings)["kubelet"]
    assert kubelet.subject == f"/O=system:nodes/CN=system:node:{settings.node_name}"
    assert kubelet.usage == "clientAuth"


def test_the_clusters_authority_opens_neither_etcd_nor_the_front_proxy(settings):
    found = certs(settings)
    assert found["etcd"].authority == found["apiserver-etcd-client"].authority == "etcd-ca"
    assert found["front-proxy-client"].authority == "front-proxy-ca"
    assert {cert.authority for cert in found.values()} == set(pki.AUTHORITIES)


def test_servers_may_not_pass_for_clients(settings):
    found = certs(settings)
    assert found["apiserver"].usage == found["kubelet-serving"].usage == "serverAuth"
    assert "IP:10.96.0.1" in found["apiserver"].names


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    pki.make(folder, [pki.Cert("server", "s", names=("DNS:a", "IP:10.0.0.1")),
                      pki.Cert("client", "c", "group", authority="etcd-ca")])
    return folder


def openssl(*words):
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)


def test_each_certificate_verifies_with_its_own_authority_only(made):
    for name, good, bad in (("server", "ca", "etcd-ca"), ("client", "etcd-ca", "ca")):
        assert openssl("verify", "-CAfile", f"{made}/{good}.crt", f"{made}/{name}.crt").returncode == 0
        assert openssl("verify", "-CAfile", f"{made}/{bad}.crt", f"{made}/{name}.crt").returncode != 0


def test_what_the_certificates_say(made):
    text = openssl("x509", "-in", f"{made}/server.crt", "-noout", "-text").stdout
    assert "DNS:a, IP Address:10.0.0.1" in text
    assert text.count("X509v3 Basic Constraints") == 1
    assert "CA:FALSE" in text
    assert "O = group, CN = c" in openssl("x509", "-in", f"{made}/client.crt", "-noout", "-subject").stdout


def test_keys_are_for_their_owner_alone(made):
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.glob("*.key")} == {0o600}
