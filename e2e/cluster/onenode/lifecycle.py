"""`up` and `status`: from nothing to a ready node, or to the words why not."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from string import Template

from onenode import (cgroups, cleanup, components, images, kubeconfig, machine, mounts, network, nodeconfig, pki,
                     preconditions, probe, processes, record, toolgroups, tools)
from onenode.record import Record
from onenode.settings import COREDNS_IMAGE, SOURCE, ClusterError, Settings, fingerprint


def up(say) -> None:
    """A healthy cluster of these very sources is shared; anything else that is there is cleared away first."""
    facts = machine.facts()
    name = fingerprint(facts)
    kept = record.load()
    if kept and kept.fingerprint == name and kept.ready and not unhealthy(kept.settings):
        say(f"a healthy cluster of the same sources is up already (from {kept.checkout})")
        record.write_env(kept.settings, kept)
        return
    clear(say)
    if found := preconditions.problems(Settings()):
        raise ClusterError("this machine cannot run the cluster:\n  " + "\n  ".join(found))
    for note in preconditions.notes(Settings()):
        say(note)
    paths = tools.ensure(toolgroups.FOR_UP, say)
    tars = images.ensure(paths["coredns"])
    _start(record.new(name, facts, paths), tars, say)
    tools.prune(say)


def clear(say) -> None:
    """Removes what is there, and does not go on over remains."""
    if left := cleanup.down(say):
        raise ClusterError("the former cluster could not be removed:\n  " + "\n  ".join(left))


def _start(new: Record, tars: list[Path], say) -> None:
    s = new.settings
    _prepare(s, new)
    parts = components.all_components(s)
    with ThreadPoolExecutor(max_workers=2) as pool:
        certificates = pool.submit(pki.make, s.pki, components.certificates(s))
        _launch(s, parts, "containerd")
        imported = pool.submit(_import, s, parts, tars)
        certificates.result()
        for user in components.KUBECONFIGS:
            kubeconfig.write(s.config / f"{user}.kubeconfig", s.server, s.pki, user)
        _launch(s, parts, "etcd")
        await_healthy(s, parts, "etcd")
        _launch(s, parts, "kube-apiserver")
        await_healthy(s, parts, "kube-apiserver")
        say("API server ready")
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            _launch(s, parts, name)
        _apply_addons(s, imported)
    _await_ready(s, parts, say)
    new.ready = True
    new.save(s.record)
    path = record.write_env(s, new)
    say(f"ready: . {os.path.relpath(path)}")


def _prepare(s: Settings, new: Record) -> None:
    """Everything that needs no process. The record comes first: see `Record`."""
    new.foreign = cleanup.foreign_things()
    new.sysctls = network.read_sysctls(s.dual_stack)
    new.save(s.record)
    for folder in (s.config, s.logs, s.bin, s.run / "pids", s.state / "pod-logs", s.state / "tmp", s.kubelet_root):
        folder.mkdir(parents=True, exist_ok=True)
    mounts.share(s.run)
    s.kubelet_marker.touch()
    s.state.chmod(0o711)
    for name, target in s.tools.items():
        (s.bin / name).symlink_to(target)
    for path, text in nodeconfig.files(s).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    failed = network.write_sysctls(network.wanted_sysctls(s.dual_stack))
    if failed:
        raise ClusterError("kernel settings cannot be changed: " + "; ".join(failed))
    network.create_link(s)
    cgroups.create(s.cgroup)


def _launch(s: Settings, parts: dict, name: str) -> None:
    processes.start(s, parts[name])


def await_healthy(s: Settings, parts: dict, name: str, seconds: float = 60) -> None:
    """Waits for a component, and says at once with its last words if it has ended."""
    def ended() -> str:
        gone = processes.find(s, name) is None
        return f"{name} has ended:\n  {processes.last_words(s, name)}" if gone else ""

    probe.wait(name, lambda: probe.healthy(parts[name].healthy, s.pki / "ca.crt"), seconds, ended)


def _import(s: Settings, parts: dict, tars: list[Path]) -> None:
    await_healthy(s, parts, "containerd")
    for tar in tars:
        images.load(s, tar)


def render_addons(s: Settings) -> str:
    """All add-on manifests as one YAML stream."""
    values = {"cluster_domain": s.cluster_domain, "dns_ip": s.dns_ip, "coredns_image": COREDNS_IMAGE}
    texts = [path.read_text() for path in sorted((SOURCE / "addons").glob("*.yaml"))]
    return "\n---\n".join(Template(text).substitute(values) for text in texts)


def _apply_addons(s: Settings, imported: Future) -> None:
    imported.result()  # a pod that starts before its image is there would wait ten seconds for the next try
    environment = {"PATH": os.environ.get("PATH", ""), "KUBECONFIG": str(s.admin_kubeconfig), "HOME": "/nonexistent"}
    argv = [s.tools["kubectl"], "apply", "--server-side", "--validate=false", "-f", "-"]
    done = subprocess.run(argv, input=render_addons(s), env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"the add-ons could not be applied: {done.stderr.strip()}")


def _await_ready(s: Settings, parts: dict, say) -> None:
    for name in parts:
        await_healthy(s, parts, name)
    api = probe.Api(s.server, s.pki)
    for what, path, kind in readiness(s):
        probe.wait(what, lambda p=path, k=kind: api.condition(p, k), 60)
        say(f"{what} ready")
    probe.wait("the default service account",
               lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default") is not None, 30)


def readiness(s: Settings) -> list[tuple[str, str, str]]:
    """(what, its path, the condition that must be True)."""
    return [("node", f"/api/v1/nodes/{s.node_name}", "Ready"),
            ("DNS", "/apis/apps/v1/namespaces/kube-system/deployments/coredns", "Available")]


def unhealthy(s: Settings) -> list[str]:
    """What is wrong with a cluster that should be up, in words."""
    found = []
    for name, component in components.all_components(s).items():
        if processes.find(s, name) is None:
            found.append(f"{name} does not run")
        elif not probe.healthy(component.healthy, s.pki / "ca.crt"):
            found.append(f"{name} is not healthy")
    if not found:
        api = probe.Api(s.server, s.pki)
        found = [f"{what} is not ready" for what, path, kind in readiness(s) if not api.condition(path, kind)]
    return found
