"""The cluster's programs as data: which Go packages are built, with which flags, from which module group.

Each group is a folder below `tools/` with a go.mod of its own, because the projects' requirements clash. The
versions are pinned there and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_KUBE_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Step:
    """One `go build`. `binaries` maps a package to the name of its binary."""

    binaries: dict[str, str]
    # Format fields: {version}, {major}, {minor} of `version_of`.
    ldflags: str = ""
    version_of: str = ""
    tags: str = ""
    cgo: bool = False
    # (file, old, new) inside the vendored module: a source change that a machine's limits make necessary.
    patch: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Group:
    name: str
    steps: tuple[Step, ...]
    # Folders of a module that are shipped beside the binaries: (module, folder, name in the result).
    shipped: tuple[tuple[str, str, str], ...] = ()


def same_names(prefix: str, *names: str) -> dict[str, str]:
    return {f"{prefix}/{name}": name.rsplit("/", 1)[-1] for name in names}


# gVisor's shim sets its OOM score to -999 and gives up where it may not.
SHIM_PATCH = ("gvisor.dev/gvisor/pkg/shim/v1/manager.go", "oomScoreMax = -999", "oomScoreMax = 0")


def groups(may_lower_oom_score: bool) -> dict[str, Group]:
    """All groups, as this machine needs them."""
    shim_patch = None if may_lower_oom_score else SHIM_PATCH
    listed = [
        Group("kubernetes", (Step(
            same_names("k8s.io/kubernetes/cmd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
                       "kubelet", "kube-proxy", "kubectl"),
            ldflags=f"-X {_KUBE_VERSION}.gitVersion={{version}} -X {_KUBE_VERSION}.gitMajor={{major}}"
                    f" -X {_KUBE_VERSION}.gitMinor={{minor}}",
            version_of="k8s.io/kubernetes"),)),
        Group("etcd", (Step({"go.etcd.io/etcd/server/v3": "etcd"}),)),
        Group("containerd", (
            Step(same_names("github.com/containerd/containerd/v2/cmd", "containerd", "containerd-shim-runc-v2", "ctr"),
                 ldflags="-X github.com/containerd/containerd/v2/version.Version={version}",
                 version_of="github.com/containerd/containerd/v2"),
            Step(same_names("github.com/containernetworking/plugins/plugins", "main/ptp", "ipam/host-local",
                            "meta/portmap"),
                 ldflags="-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion={version}",
                 version_of="github.com/containernetworking/plugins"),
            # Without seccomp support in runc no pod starts: the kubelet's default profile asks for it.
            Step({"github.com/opencontainers/runc": "runc"}, tags="seccomp", cgo=True))),
        Group("gvisor", (
            Step({"gvisor.dev/gvisor/runsc": "runsc"},
                 ldflags="-X gvisor.dev/gvisor/runsc/version.version={version}", version_of="gvisor.dev/gvisor"),
            Step({"gvisor.dev/gvisor/shim": "containerd-shim-runsc-v1"}, patch=shim_patch))),
        Group("coredns", (Step({"github.com/coredns/coredns": "coredns"}),)),
        Group("helm", (Step({"helm.sh/helm/v4/cmd/helm": "helm"},
                            ldflags="-X helm.sh/helm/v4/internal/version.version={version}",
                            version_of="helm.sh/helm/v4"),)),
        Group("kwok", (Step({"sigs.k8s.io/kwok/cmd/kwok": "kwok"}),),
              shipped=(("sigs.k8s.io/kwok", "kustomize/stage", "kwok-stages"),)),
        Group("agent-sandbox", (Step({"sigs.k8s.io/agent-sandbox/cmd/agent-sandbox-controller":
                                      "agent-sandbox-controller"},
                                     ldflags="-X sigs.k8s.io/agent-sandbox/internal/version.gitVersion={version}",
                                     version_of="sigs.k8s.io/agent-sandbox"),),
              shipped=(("sigs.k8s.io/agent-sandbox", "k8s/crds", "agent-sandbox-crds"),)),
        Group("versitygw", (Step({"github.com/versity/versitygw/cmd/versitygw": "versitygw"}),)),
        Group("probe", (Step({"cloister.dev/e2e/cluster/tools/probe": "probe"}),)),
    ]
    return {group.name: group for group in listed}


# What `up` needs; kwok and agent-sandbox serve the benchmarks only, the probe the live tests, versitygw tests/s3 and object storage end to end.
FOR_UP = ("etcd", "kubernetes", "containerd", "gvisor", "coredns", "helm")
FOR_CONTROL_PLANE = ("etcd", "kubernetes")


def module_version(go_mod: str, module: str) -> str:
    """The version that a go.mod requires of a module."""
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if not found:
        raise ValueError(f"go.mod does not require {module}")
    return found[1]


def ldflags(step: Step, go_mod: str) -> str:
    """The linker's flags: no symbol tables, and the version that the module would have in a release."""
    if not step.ldflags:
        return "-s -w"
    version = module_version(go_mod, step.version_of)
    major, minor = version.lstrip("v").split(".")[:2]
    return "-s -w " + step.ldflags.format(version=version, major=major, minor=minor)


def build_argv(step: Step, go: str, go_mod: str, out: Path, vendored: bool) -> list[str]:
    argv = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags(step, go_mod)]
    argv += ["-tags", step.tags] if step.tags else []
    argv += ["-mod=vendor"] if vendored else ["-mod=readonly"]
    if len(step.binaries) == 1:
        return [*argv, "-o", str(out / next(iter(step.binaries.values()))), *step.binaries]
    return [*argv, "-o", f"{out}/", *step.binaries]


def cache_key(group: Group, sources: dict[str, bytes]) -> str:
    """Names a build by all that goes into it but the compiler: how it is built, and the files of its folder."""
    digest = hashlib.sha256(repr(group).encode())
    for name, content in sources.items():
        digest.update(b"\0" + name.encode() + b"\0" + content)
    return f"{group.name}-{digest.hexdigest()[:16]}"
