"""The machine's cluster as a list of processes, in the order in which they are started."""

from __future__ import annotations

from onenode import controlplane
from onenode.controlplane import Component, ControlPlane
from onenode.pki import Cert, control_plane_certs, node_certs
from onenode.settings import Settings

# kubeconfig files by the certificate they carry.
KUBECONFIGS = ("admin", "controller-manager", "scheduler", "kubelet", "kube-proxy")


def control_plane(s: Settings) -> ControlPlane:
    masks = ("--node-cidr-mask-size-ipv4=24", "--node-cidr-mask-size-ipv6=64") if s.dual_stack \
        else ("--node-cidr-mask-size=24",)
    return ControlPlane(
        tools=s.tools, pki=s.pki, config=s.config, data=s.state,
        api_address=s.node_ip, api_port=s.apiserver_port,
        etcd_port=s.etcd_port, etcd_peer_port=s.etcd_peer_port,
        controller_manager_port=s.controller_manager_port, scheduler_port=s.scheduler_port,
        service_cidr=s.both(s.service_cidr, s.service_cidr6), pod_cidr=s.both(s.pod_cidr, s.pod_cidr6),
        cluster_domain=s.cluster_domain, issuer=f"https://kubernetes.default.svc.{s.cluster_domain}",
        node_cidr_flags=("--allocate-node-cidrs=true", *masks))


def certificates(s: Settings) -> list[Cert]:
    kubernetes_service = s.service_cidr.rsplit(".", 1)[0] + ".1"
    node = [s.node_ip, s.node_ip6] if s.dual_stack else [s.node_ip]
    return [*control_plane_certs(["127.0.0.1", s.node_ip, kubernetes_service], "127.0.0.1", s.cluster_domain),
            *node_certs(s.node_name, node)]


def containerd(s: Settings) -> Component:
    return Component("containerd", [s.tools["containerd"], f"--config={s.config}/containerd.toml"],
                     f"cri://{s.containerd_socket}")


def kubelet(s: Settings) -> Component:
    return Component("kubelet", [
        s.tools["kubelet"],
        f"--config={s.config}/kubelet.json",
        f"--kubeconfig={s.config}/kubelet.kubeconfig",
        f"--root-dir={s.kubelet_root}",
        f"--cert-dir={s.state}/kubelet-pki",
        f"--hostname-override={s.node_name}",
        f"--node-ip={s.both(s.node_ip, s.node_ip6)}",
        f"--node-labels={s.node_labels}",
    ], f"http://127.0.0.1:{s.kubelet_healthz_port}/healthz")


def kube_proxy(s: Settings) -> Component:
    return Component("kube-proxy", [s.tools["kube-proxy"], f"--config={s.config}/kube-proxy.json"],
                     f"http://127.0.0.1:{s.proxy_healthz_port}/livez")


def all_components(s: Settings) -> dict[str, Component]:
    """Everything by name, in start order. Stopping goes the other way: an API server without etcd hangs."""
    plane = control_plane(s)
    listed = [containerd(s), controlplane.etcd(plane), controlplane.apiserver(plane),
              controlplane.controller_manager(plane), controlplane.scheduler(plane), kubelet(s), kube_proxy(s)]
    return {component.name: component for component in listed}
