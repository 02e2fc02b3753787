"""A Kubernetes client on the standard library, made for measuring: one persistent connection, nothing between the call and
the wire."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

JSON = "application/json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"

NAMESPACES = "/api/v1/namespaces"
NODES = "/api/v1/nodes"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
OUR_GROUP = "/apis/cloister.dev/v1alpha1"
PEER_GROUP = "/apis/agents.x-k8s.io/v1beta1"


def pods(namespace: str) -> str:
    return f"{NAMESPACES}/{namespace}/pods"


def sandboxes(group: str, namespace: str) -> str:
    """Both projects call the kind so; GROUP tells whose."""
    return f"{group}/namespaces/{namespace}/sandboxes"


class KubeError(Exception):
    """The API server's refusal."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"the API server answered {code}: {message}")
        self.code = code


class Api:
    """The current user of a kubeconfig written as JSON (the embedded cluster's are). Not to be shared by threads."""

    def __init__(self, kubeconfig: Path, timeout: float = 30) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        address = urlsplit(cluster["server"])
        self.kubeconfig = kubeconfig
        self._host, self._port = address.hostname, address.port
        self._timeout = timeout
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pair:  # the ssl module reads a client's certificate from files alone
            pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)
        self._connection: http.client.HTTPSConnection | None = None

    def connect(self, timeout: float | None = None) -> http.client.HTTPSConnection:
        """A connection of the caller's own; TIMEOUT seconds for each read."""
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=timeout or self._timeout,
                                                 context=self._tls)
        connection.connect()
        return connection

    def text(self, method: str, path: str, body: object = None, content_type: str = JSON) -> str:
        """The answer's body. BODY is sent as JSON, or as it is when it is bytes."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content_type, "Accept": "*/*"}
        reused = self._connection is not None
        self._connection = self._connection or self.connect()
        try:
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
            content = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            if not reused:
                raise
            return self.text(method, path, body, content_type)  # the server closed it while it was idle
        if answer.status >= 400:
            raise KubeError(answer.status, content[:500])
        return content

    def get(self, path: str) -> dict:
        return json.loads(self.text("GET", path))

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
            return True
        except KubeError as error:
            if error.code == 404:
                return False
            raise

    def create(self, path: str, thing: dict) -> dict:
        return json.loads(self.text("POST", path, thing))

    def patch(self, path: str, change: dict) -> dict:
        return json.loads(self.text("PATCH", path, change, MERGE))

    def delete(self, path: str) -> None:
        """Nothing to delete is fine."""
        try:
            self.text("DELETE", path)
        except KubeError as error:
            if error.code != 404:
                raise

    def apply_crd(self, file: Path) -> str:
        """Applies a CRD from the file that controller-gen would name GROUP_PLURAL.yaml; returns its path."""
        group, plural = file.stem.split("_")
        path = f"{CRDS}/{plural}.{group}"
        self.text("PATCH", f"{path}?fieldManager=bench&force=true", file.read_bytes(), APPLY)
        return path
