"""The cluster's certificates, as data, and the openssl calls that make them.

Three authorities, as a real cluster has: one for the cluster, one for etcd (or any kubelet's certificate would open the
database), one for the front proxy (or any client could claim to be an aggregator). Keys are P-256: quick to make.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from onenode.settings import ClusterError

AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca")
_DAYS = "365"


@dataclass(frozen=True)
class Cert:
    """A leaf certificate. A server certificate has `names` (DNS:… or IP:…)."""

    file: str
    common_name: str
    organization: str = ""
    authority: str = "ca"
    names: tuple[str, ...] = ()
    client: bool = True

    @property
    def subject(self) -> str:
        return (f"/O={self.organization}" if self.organization else "") + f"/CN={self.common_name}"

    @property
    def usage(self) -> str:
        wanted = (["serverAuth"] if self.names else []) + (["clientAuth"] if self.client else [])
        return ",".join(wanted)


def ip_names(*addresses: str) -> tuple[str, ...]:
    return tuple(f"IP:{address}" for address in addresses)


def control_plane_certs(api_addresses: Iterable[str], etcd_address: str, domain: str) -> list[Cert]:
    """What etcd, the API server, the controller manager, the scheduler and the administrator need."""
    api = ("DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
           f"DNS:kubernetes.default.svc.{domain}", "DNS:localhost", *ip_names(*api_addresses))
    return [
        Cert("etcd", "etcd", authority="etcd-ca", names=("DNS:localhost", *ip_names(etcd_address))),
        Cert("apiserver-etcd-client", "kube-apiserver-etcd-client", authority="etcd-ca"),
        Cert("apiserver", "kube-apiserver", names=api, client=False),
        Cert("apiserver-kubelet-client", "kube-apiserver-kubelet-client"),
        Cert("front-proxy-client", "front-proxy-client", authority="front-proxy-ca"),
        Cert("admin", "kubernetes-admin", "system:masters"),
        Cert("controller-manager", "system:kube-controller-manager"),
        Cert("scheduler", "system:kube-scheduler"),
    ]


def node_certs(node: str, addresses: Iterable[str]) -> list[Cert]:
    """What the node adds: the kubelet as a client and as a server, and kube-proxy."""
    return [
        Cert("kubelet", f"system:node:{node}", "system:nodes"),
        Cert("kubelet-serving", f"system:node:{node}", "system:nodes",
             names=(f"DNS:{node}", *ip_names(*addresses)), client=False),
        Cert("kube-proxy", "system:kube-proxy"),
    ]


def authority_argv(folder: Path, name: str) -> list[str]:
    return [*_request(folder, name), "-subj", f"/CN=cloister-{name}",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"]


def cert_argv(folder: Path, cert: Cert) -> list[str]:
    argv = [*_request(folder, cert.file), "-subj", cert.subject,
            "-CA", f"{folder}/{cert.authority}.crt", "-CAkey", f"{folder}/{cert.authority}.key",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "keyUsage=critical,digitalSignature",
            "-addext", f"extendedKeyUsage={cert.usage}"]
    return argv + (["-addext", f"subjectAltName={','.join(cert.names)}"] if cert.names else [])


def _request(folder: Path, name: str) -> list[str]:
    # `-config /dev/null` keeps the distribution's defaults out, a second basicConstraints among them.
    return ["openssl", "req", "-config", "/dev/null", "-x509", "-new", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", _DAYS, "-sha256",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt"]


def make(folder: Path, certs: Iterable[Cert]) -> None:
    """Makes the authorities, the service accounts' signing key and all certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with ThreadPoolExecutor(max_workers=4) as pool:
        signing = pool.submit(_service_account_key, folder)
        list(pool.map(lambda name: _openssl(authority_argv(folder, name)), AUTHORITIES))
        list(pool.map(lambda cert: _openssl(cert_argv(folder, cert)), certs))
        signing.result()
    for key in folder.glob("*.key"):
        key.chmod(0o600)


def _service_account_key(folder: Path) -> None:
    _openssl(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{folder}/sa.key"])
    _openssl(["openssl", "ec", "-in", f"{folder}/sa.key", "-pubout", "-out", f"{folder}/sa.pub"])


def _openssl(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(argv[:2])}` failed: {done.stderr.strip()}")
