"""Asking whether something is ready, and waiting until it is."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from onenode.settings import ClusterError

_INTERVAL = 0.05
_CRI_SECONDS = 3


def healthy(address: str, ca: Path) -> bool:
    """Whether a tcp://, cri://, http:// or https:// address answers (with 200, where it speaks HTTP)."""
    parts = urlsplit(address)
    try:
        if parts.scheme == "tcp":
            socket.create_connection((parts.hostname, parts.port), timeout=1).close()
            return True
        if parts.scheme == "cri":
            return _answers_kubelets(parts.path)
        return _get(address, _context(parts.hostname, ca)) is not None
    except (OSError, urllib.error.URLError):
        return False


def _answers_kubelets(path: str) -> bool:
    """Whether the container runtime at a socket serves the CRI. It accepts connections a while before, and a kubelet that
    is refused then ends. A call by gRPC, with an empty message: only an answer that is no error has a body."""
    done = subprocess.run(
        ["curl", "--silent", "--max-time", str(_CRI_SECONDS), "--unix-socket", path, "--http2-prior-knowledge",
         "--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", "@-",
         "http://localhost/runtime.v1.RuntimeService/Version"], input=bytes(5), capture_output=True, check=False)
    return bool(done.stdout)


def _context(host: str | None, ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca) if ca.exists() else None)
    if host == "127.0.0.1":  # the controller manager and the scheduler serve self-signed certificates
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _get(url: str, context: ssl.SSLContext, timeout: float = 3) -> bytes:
    # No proxy: the machine's own settings must not come between us and our node.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                         urllib.request.HTTPSHandler(context=context))
    with opener.open(url, timeout=timeout) as answer:
        return answer.read()


class Api:
    """Reads from the API server as the administrator."""

    def __init__(self, server: str, pki: Path) -> None:
        self._server = server
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(str(pki / "admin.crt"), str(pki / "admin.key"))

    def get(self, path: str) -> dict | None:
        """The object at a path, or None where there is none or no answer."""
        try:
            return json.loads(_get(self._server + path, self._context))
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def condition(self, path: str, kind: str) -> bool:
        """Whether the object's condition of this kind is True."""
        found = self.get(path) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def wait(what: str, ready: Callable[[], bool], seconds: float, alive: Callable[[], str] = lambda: "") -> None:
    """Polls until ready. `alive` may return why waiting is pointless."""
    deadline = time.monotonic() + seconds
    while not ready():
        if problem := alive():
            raise ClusterError(problem)
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} was not ready within {seconds:.0f} s")
        time.sleep(_INTERVAL)
