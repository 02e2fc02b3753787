"""Object storage for the node's agent: a real S3 server as a process of this machine, and what the chart asks for to use it."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.api import Api
from support.certificates import Certificates
from support.cluster import CLI, Cluster, Trouble
from support.sandboxes import Snapshot
from support.waiting import eventually

_BUCKET = "saved"


class ObjectStore:
    """Its bucket is in FOLDER, object by object, and has a key and credentials that were made for it."""

    def __init__(self, cluster: Cluster, api: Api, folder: Path) -> None:
        self._api, self._folder = api, folder
        self._program = Path(cluster.run(CLI, "tools", "versitygw").stdout.strip()) / "versitygw"
        if not self._program.exists():
            raise Trouble(f"there is no {self._program}: run `e2e/cluster/cluster build versitygw`")
        addresses = api.get("nodes", cluster.node)["status"]["addresses"]
        self._address = next(a["address"] for a in addresses if a["type"] == "InternalIP" and "." in a["address"])
        # A socket names no port: the kernel chooses one that is free, and it is asked which.
        with socket.create_server((self._address, 0)) as chosen:
            self._port = chosen.getsockname()[1]
        for name in ("buckets/" + _BUCKET, "meta", "tls"):
            (folder / name).mkdir(parents=True)
        self._certificates = Certificates(folder / "tls", f"IP:{self._address}")
        self._credentials = {"accessKey": "cloister", "secretKey": secrets.token_hex(20)}
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        environment = {"PATH": os.environ["PATH"], "ROOT_ACCESS_KEY": self._credentials["accessKey"],
                       "ROOT_SECRET_KEY": self._credentials["secretKey"]}
        # Its notes are in files of their own: not every file system has extended attributes.
        command = [self._program, "--quiet", "--port", f"{self._address}:{self._port}",
                   "--cert", self._certificates.certificate, "--key", self._certificates.key,
                   "posix", "--sidecar", self._folder / "meta", self._folder / "buckets"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, cwd=self._folder, stdout=log, stderr=log)
        eventually(self._listens, 20, "the object store listens")

    def _listens(self) -> bool:
        assert self._process.poll() is None, f"it ended with {self._process.returncode}: {self.log()}"
        with socket.socket() as probe:
            return probe.connect_ex((self._address, self._port)) == 0

    def stop(self) -> None:
        """What it has stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    @property
    def settings(self) -> dict:
        """The chart's snapshots.store; the names of the Secrets are its own."""
        return {"endpoint": f"https://{self._address}:{self._port}", "bucket": _BUCKET, "caConfigMap": "store-authority"}

    def introduce(self, namespace: str) -> None:
        """Makes what the settings name."""
        keys = {"1": base64.b64encode(secrets.token_bytes(32)).decode()}
        for plural, name, texts in (("secrets", "cloister-store-credentials", self._credentials),
                                    ("secrets", "cloister-store-keys", keys),
                                    ("configmaps", "store-authority", {"ca.crt": self._certificates.authority.read_text()})):
            field, kind = ("stringData", "Secret") if plural == "secrets" else ("data", "ConfigMap")
            self._api.create(plural, {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
                                      field: texts})

    def objects(self, place: dict) -> dict[str, Path]:
        """By the names of the snapshot's files. PLACE is what its status has told of where it is."""
        folder = self._folder / "buckets" / _BUCKET / place["location"]
        return {path.name: path for path in folder.iterdir()} if folder.exists() else {}

    def content(self) -> bytes:
        """All that anybody could find here."""
        return b"".join(path.read_bytes() for path in self._folder.joinpath("buckets").rglob("*") if path.is_file())

    @contextmanager
    def spoilt(self, snapshot: Snapshot, name: str) -> Iterator[None]:
        """One bit of its object NAME is another one."""
        path = self.objects(snapshot.status["store"])[name]
        _flip(path)
        try:
            yield
        finally:
            _flip(path)


def _flip(path: Path) -> None:
    with path.open("r+b") as file:
        middle = file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(middle)
        file.write(bytes([byte ^ 1]))
