"""etcd, the API server, the controller manager and the scheduler: their arguments, as pure functions.

Used for the machine's cluster and for the light control planes of tests and benchmarks alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Component:
    """A process. `healthy` tells that it is ready: a URL that answers 200, or a tcp:// address, or cri://SOCKET."""

    name: str
    argv: list[str]
    healthy: str = ""


@dataclass(frozen=True)
class ControlPlane:
    """Where a control plane listens and keeps its files. Ports are TCP, addresses numeric."""

    tools: dict[str, str]
    pki: Path
    config: Path
    data: Path
    api_address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    controller_manager_port: int
    scheduler_port: int
    service_cidr: str
    pod_cidr: str
    cluster_domain: str = "cluster.local"
    issuer: str = "https://kubernetes.default.svc.cluster.local"
    # A light one has no node: no address to advertise to pods, and perhaps no controllers.
    light: bool = False
    with_controllers: bool = True
    node_cidr_flags: tuple[str, ...] = ("--allocate-node-cidrs=false",)


def etcd(plane: ControlPlane) -> Component:
    client, peer = f"https://127.0.0.1:{plane.etcd_port}", f"http://127.0.0.1:{plane.etcd_peer_port}"
    return Component("etcd", [
        plane.tools["etcd"],
        "--name=cloister",
        f"--data-dir={plane.data}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=cloister={peer}",
        f"--cert-file={plane.pki}/etcd.crt",
        f"--key-file={plane.pki}/etcd.key",
        f"--trusted-ca-file={plane.pki}/etcd-ca.crt",
        "--client-cert-auth=true",
        # The cluster is thrown away with the machine's next reboot at the latest: durability would only cost time.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ], f"tcp://127.0.0.1:{plane.etcd_port}")


def apiserver(plane: ControlPlane) -> Component:
    pki = plane.pki
    argv = [
        plane.tools["kube-apiserver"],
        f"--bind-address={plane.api_address}",
        f"--secure-port={plane.api_port}",
        f"--etcd-servers=https://127.0.0.1:{plane.etcd_port}",
        f"--etcd-cafile={pki}/etcd-ca.crt",
        f"--etcd-certfile={pki}/apiserver-etcd-client.crt",
        f"--etcd-keyfile={pki}/apiserver-etcd-client.key",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-account-issuer={plane.issuer}",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--service-cluster-ip-range={plane.service_cidr}",
        # The kubelet's name resolves nowhere: exec, logs and port-forward must go by address.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        "--allow-privileged=true",
        "--profiling=false",
        "--enable-aggregator-routing=true",
    ]
    # A loopback address cannot be advertised.
    argv += ["--endpoint-reconciler-type=none"] if plane.light else [f"--advertise-address={plane.api_address}"]
    # Without controllers no namespace gets its default service account, and no pod could be created.
    argv += [] if plane.with_controllers else ["--disable-admission-plugins=ServiceAccount"]
    return Component("kube-apiserver", argv, f"https://{plane.api_address}:{plane.api_port}/readyz")


def controller_manager(plane: ControlPlane) -> Component:
    pki, kubeconfig = plane.pki, plane.config / "controller-manager.kubeconfig"
    return Component("kube-controller-manager", [
        plane.tools["kube-controller-manager"],
        *_shared(str(kubeconfig), plane.controller_manager_port),
        f"--client-ca-file={pki}/ca.crt",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--service-account-private-key-file={pki}/sa.key",
        "--use-service-account-credentials=true",
        f"--service-cluster-ip-range={plane.service_cidr}",
        f"--cluster-cidr={plane.pod_cidr}",
        *plane.node_cidr_flags,
        # It writes a ConfigMap into each new namespace, at its own time: a test that lists ConfigMaps would see it or not.
        *(["--controllers=*,-root-ca-certificate-publisher-controller"] if plane.light else []),
        f"--flex-volume-plugin-dir={plane.data}/flexvolume",
    ], f"https://127.0.0.1:{plane.controller_manager_port}/healthz")


def scheduler(plane: ControlPlane) -> Component:
    return Component("kube-scheduler", [
        plane.tools["kube-scheduler"],
        *_shared(str(plane.config / "scheduler.kubeconfig"), plane.scheduler_port),
        f"--client-ca-file={plane.pki}/ca.crt",
        f"--requestheader-client-ca-file={plane.pki}/front-proxy-ca.crt",
    ], f"https://127.0.0.1:{plane.scheduler_port}/healthz")


def _shared(kubeconfig: str, port: int) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        # There is only one of each, and a lease would delay its return after a crash.
        "--leader-elect=false",
        "--profiling=false",
        # The default of 20 calls a second makes the controllers' start take four seconds longer.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]
