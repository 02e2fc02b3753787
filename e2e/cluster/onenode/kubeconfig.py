"""Kubeconfig files that carry their certificates, so that a copy works wherever it lies."""

from __future__ import annotations

import base64
import json
from pathlib import Path


def text(server: str, ca: bytes, cert: bytes, key: bytes, user: str) -> str:
    """JSON is YAML, and needs no library."""
    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return json.dumps({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cloister", "cluster": {"server": server, "certificate-authority-data": encoded(ca)}}],
        "users": [{"name": user, "user": {"client-certificate-data": encoded(cert),
                                          "client-key-data": encoded(key)}}],
        "contexts": [{"name": "cloister", "context": {"cluster": "cloister", "user": user}}],
        "current-context": "cloister",
    }, indent=1) + "\n"


def write(path: Path, server: str, pki: Path, cert: str, ca: str = "ca") -> None:
    """Writes the kubeconfig of the identity whose certificate is `pki/CERT.crt`, for a server vouched for by `pki/CA.crt`."""
    content = text(server, (pki / f"{ca}.crt").read_bytes(), (pki / f"{cert}.crt").read_bytes(),
                   (pki / f"{cert}.key").read_bytes(), cert)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content)
