"""An authority made for a test, and a server's certificate signed by it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

from support.cluster import CLI

sys.path.append(str(CLI.parent))

from onenode.pki import Cert, authority_argv, cert_argv  # noqa: E402 (the path must be set first)


class Certificates:
    """Their files are in FOLDER. NAME is the server's: DNS:… or IP:…"""

    def __init__(self, folder: Path, name: str = "DNS:localhost") -> None:
        self._folder, self._server = folder, Cert("server", "server", names=(name,), client=False)
        for argv in (authority_argv(folder, self._server.authority), cert_argv(folder, self._server)):
            subprocess.run(argv, check=True, capture_output=True)

    @property
    def authority(self) -> Path:
        return self._folder / f"{self._server.authority}.crt"

    @property
    def certificate(self) -> Path:
        return self._folder / f"{self._server.file}.crt"

    @property
    def key(self) -> Path:
        return self._folder / f"{self._server.file}.key"

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
