"""The node's configuration files as text: containerd, gVisor, CNI, kubelet, kube-proxy."""

from __future__ import annotations

import json
from pathlib import Path

from onenode.settings import PAUSE_IMAGE, Settings


def containerd(s: Settings) -> str:
    """containerd with both runtimes. Every default path is moved below our own, to leave the machine's alone."""
    restrict = "false" if s.may_lower_oom_score else "true"
    return f"""version = 3
imports = ["{s.config}/containerd.d/*.toml"]
root = "{s.state}/containerd"
state = "{s.run}/containerd"
[grpc]
  address = "{s.containerd_socket}"
[plugins.'io.containerd.internal.v1.opt']
  path = "{s.state}/opt"
[plugins.'io.containerd.nri.v1.nri']
  socket_path = "{s.run}/nri.sock"
  plugin_path = "{s.state}/nri/plugins"
  plugin_config_path = "{s.state}/nri/conf.d"
[plugins.'io.containerd.shim.v1.manager']
  socket_dir = "{s.run}/s"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  enable_selinux = false
  restrict_oom_score_adj = {restrict}
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    BinaryName = "{s.tools["runc"]}"
    Root = "{s.run}/runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runsc]
  runtime_type = "io.containerd.runsc.v1"
  pod_annotations = ["dev.gvisor.*"]
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runsc.options]
    TypeUrl = "io.containerd.runsc.v1.options"
    ConfigPath = "{s.config}/runsc.toml"
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{cni_bin(s)}"]
  conf_dir = "{s.config}/cni"
  use_internal_loopback = true
"""


def cni_bin(s: Settings) -> Path:
    return Path(s.tools["ptp"]).parent


def runsc(s: Settings) -> str:
    """gVisor's shim reads this at every pod start; `binary_name` is where a wrapper goes in."""
    return f"""binary_name = "{s.tools["runsc"]}"
root = "{s.run}/runsc"
[runsc_config]
  platform = "systrap"
"""


def cni(s: Settings) -> str:
    """Host-routed pods: a veth pair each, no bridge. Nothing is masqueraded: pods reach the cluster, not the world."""
    families = [(s.node_pod_cidr, "0.0.0.0/0")]
    if s.dual_stack:
        families.append((s.node_pod_cidr6, "::/0"))
    backend = "nftables" if s.proxy_mode == "nftables" else "iptables"
    return json.dumps({
        "cniVersion": "1.0.0",
        "name": s.cni_network,
        "plugins": [
            {"type": "ptp", "ipMasq": False,
             "ipam": {"type": "host-local", "dataDir": f"{s.run}/ipam",
                      "ranges": [[{"subnet": cidr}] for cidr, _ in families],
                      "routes": [{"dst": route} for _, route in families]}},
            {"type": "portmap", "capabilities": {"portMappings": True}, "backend": backend},
        ],
    }, indent=1) + "\n"


def kubelet(s: Settings) -> str:
    """The kubelet, closed as kubeadm closes it: no anonymous calls, every call checked with the API server."""
    return json.dumps({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": s.node_ip,
        "port": s.kubelet_port,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": s.kubelet_healthz_port,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": f"{s.pki}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{s.pki}/kubelet-serving.crt",
        "tlsPrivateKeyFile": f"{s.pki}/kubelet-serving.key",
        "containerRuntimeEndpoint": f"unix://{s.containerd_socket}",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{s.cgroup}",
        "failSwapOn": False,
        # Small machines fill up; the defaults would evict pods from them.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%",
                         "nodefs.inodesFree": "1%"},
        # No registry stands behind this cluster: an image that is collected would be gone for good.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        # kube-proxy makes the chains that it needs; these would outlive the kubelet.
        "makeIPTablesUtilChains": False,
        "clusterDomain": s.cluster_domain,
        "clusterDNS": [s.dns_ip],
        "resolvConf": "/etc/resolv.conf",
        "podLogsDir": f"{s.state}/pod-logs",
        "volumePluginDir": f"{s.kubelet_root}/volume-plugins",
        "maxPods": 200,
    }, indent=1) + "\n"


def kube_proxy(s: Settings) -> str:
    zero = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    return json.dumps({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": s.proxy_mode,
        "clientConnection": {"kubeconfig": f"{s.config}/kube-proxy.kubeconfig"},
        "hostnameOverride": s.node_name,
        "clusterCIDR": s.both(s.pod_cidr, s.pod_cidr6),
        "bindAddress": s.node_ip,
        "healthzBindAddress": f"127.0.0.1:{s.proxy_healthz_port}",
        "metricsBindAddress": f"127.0.0.1:{s.proxy_metrics_port}",
        "nodePortAddresses": ["primary"],
        # The machine's connection tracking limits are its own.
        "conntrack": zero,
        "nftables": {"syncPeriod": "30s", "minSyncPeriod": "100ms"},
        "iptables": {"syncPeriod": "30s", "minSyncPeriod": "100ms"},
    }, indent=1) + "\n"


def files(s: Settings) -> dict[Path, str]:
    """Every configuration file of the node."""
    return {
        s.config / "containerd.toml": containerd(s),
        s.config / "runsc.toml": runsc(s),
        s.config / "cni" / "10-cloister.conflist": cni(s),
        s.config / "kubelet.json": kubelet(s),
        s.config / "kube-proxy.json": kube_proxy(s),
    }
