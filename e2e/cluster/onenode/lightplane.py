"""A light control plane in the foreground: etcd and an API server on free local ports, in a folder of their own.

For tests and benchmarks that need a real API server and no node. Many can run at once, none needs root, and none
outlives its parent: the kernel ends this program with its parent, and the servers with this program.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from onenode import controlplane, kubeconfig, pki, probe, toolgroups, tools
from onenode.controlplane import Component, ControlPlane
from onenode.settings import ClusterError

_PR_SET_PDEATHSIG = 1
_MARKER = ".cloister-apiserver"
_TRIES = 3


class _Ended(ClusterError):
    """A server ended while it was being started: its port may have been taken, and another try is worth it."""


def run(folder: Path, with_controllers: bool, with_scheduler: bool, say) -> None:
    """Starts, prints `KUBECONFIG=PATH` on standard output, and waits for a signal to end."""
    _die_with_parent(signal.SIGTERM)
    # Blocked, so that they are only taken where they are waited for; a signal during the start is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
    paths = tools.ensure(toolgroups.FOR_CONTROL_PLANE, say)
    for attempt in range(1, _TRIES + 1):
        servers = Servers(folder)
        try:
            servers.start(_plane(folder, paths, with_controllers), with_controllers, with_scheduler)
            print(f"KUBECONFIG={folder / 'kubeconfig'}", flush=True)
            servers.watch()
            return
        except _Ended:
            if attempt == _TRIES:
                raise
        finally:
            servers.stop()


def free_ports(count: int) -> list[int]:
    """Ports that nobody holds just now. Another program may be quicker: see `_TRIES`."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def empty(folder: Path) -> None:
    """Makes the folder anew; one with somebody else's files in it is not touched."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise ClusterError(f"{folder} has files in it that are not a control plane's: give an empty folder")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    (folder / _MARKER).touch()


def _plane(folder: Path, paths: dict[str, str], with_controllers: bool) -> ControlPlane:
    api, etcd, peer, manager, scheduler = free_ports(5)
    return ControlPlane(
        tools=paths, pki=folder / "pki", config=folder, data=folder, api_address="127.0.0.1", api_port=api,
        etcd_port=etcd, etcd_peer_port=peer, controller_manager_port=manager, scheduler_port=scheduler,
        service_cidr="10.96.0.0/16", pod_cidr="10.244.0.0/16", light=True, with_controllers=with_controllers)


def _die_with_parent(how: signal.Signals) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(how))


class Servers:
    """The processes of one light control plane."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen]] = []

    def start(self, plane: ControlPlane, with_controllers: bool, with_scheduler: bool) -> None:
        empty(self._folder)
        pki.make(plane.pki, pki.control_plane_certs(["127.0.0.1"], "127.0.0.1", plane.cluster_domain))
        server = f"https://127.0.0.1:{plane.api_port}"
        for user in ("controller-manager", "scheduler"):
            kubeconfig.write(self._folder / f"{user}.kubeconfig", server, plane.pki, user)
        kubeconfig.write(self._folder / "kubeconfig", server, plane.pki, "admin")
        # For tests of what the API server does when etcd has forgotten its history.
        kubeconfig.write(self._folder / "etcd.kubeconfig", f"https://127.0.0.1:{plane.etcd_port}", plane.pki,
                         "apiserver-etcd-client", "etcd-ca")
        self._launch(controlplane.etcd(plane), plane)
        self._launch(controlplane.apiserver(plane), plane)
        if with_controllers:
            self._launch(controlplane.controller_manager(plane), plane)
        if with_scheduler:
            self._launch(controlplane.scheduler(plane), plane)

    def _launch(self, component: Component, plane: ControlPlane) -> None:
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder)}
        with (self._folder / "logs" / f"{component.name}.log").open("ab") as log:
            child = subprocess.Popen(component.argv, cwd=self._folder, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, preexec_fn=_as_child)
        self._running.append((component.name, child))
        probe.wait(component.name, lambda: probe.healthy(component.healthy, plane.pki / "ca.crt"), 60, self._problem)

    def _problem(self) -> str:
        if signal.sigpending() & {signal.SIGTERM, signal.SIGINT}:
            raise ClusterError("ended by a signal while starting")
        for name, child in self._running:
            if child.poll() is not None:
                log = (self._folder / "logs" / f"{name}.log").read_text(errors="replace").splitlines()
                raise _Ended(f"{name} has ended:\n  " + "\n  ".join(log[-5:]))
        return ""

    def watch(self) -> None:
        """Returns when told to end; a server that ends by itself is an error."""
        while signal.sigwait({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}) == signal.SIGCHLD:
            try:
                self._problem()
            except _Ended as problem:
                raise ClusterError(str(problem)) from None

    def stop(self) -> None:
        """Kills, the last started first: an API server whose etcd is gone would hang, and nothing here is kept."""
        for _, child in reversed(self._running):
            child.kill()
            child.wait()


def _as_child() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
    _die_with_parent(signal.SIGKILL)
