"""An authority made for a test, and a server's certificate for `localhost` signed by it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

from support.cluster import CLI

sys.path.append(str(CLI.parent))

from onenode.pki import Cert, authority_argv, cert_argv  # noqa: E402 (the path must be set first)

_SERVER = Cert("localhost", "localhost", names=("DNS:localhost",), client=False)


class Certificates:
    """Their files are in FOLDER."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for argv in (authority_argv(folder, _SERVER.authority), cert_argv(folder, _SERVER)):
            subprocess.run(argv, check=True, capture_output=True)

    @property
    def authority(self) -> Path:
        return self._folder / f"{_SERVER.authority}.crt"

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{_SERVER.file}.crt", self._folder / f"{_SERVER.file}.key")
        return context
