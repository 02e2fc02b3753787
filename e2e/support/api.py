"""A small Kubernetes client on the standard library: quick enough to poll with, and independent of the one under test."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import yaml

GROUPS = {
    "/api/v1": ("namespaces", "nodes", "pods", "events", "secrets", "configmaps", "resourcequotas", "serviceaccounts",
                "persistentvolumes", "persistentvolumeclaims"),
    "/apis/apps/v1": ("controllerrevisions", "daemonsets", "deployments"),
    "/apis/apiextensions.k8s.io/v1": ("customresourcedefinitions",),
    "/apis/cloister.dev/v1alpha1": ("sandboxes", "sandboxtemplates", "sandboxpools", "sandboxquotas", "sandboxsnapshots"),
    "/apis/coordination.k8s.io/v1": ("leases",),
    "/apis/networking.k8s.io/v1": ("networkpolicies",),
    "/apis/node.k8s.io/v1": ("runtimeclasses",),
    "/apis/policy/v1": ("poddisruptionbudgets",),
    "/apis/scheduling.k8s.io/v1": ("priorityclasses",),
    "/apis/rbac.authorization.k8s.io/v1": ("clusterroles", "clusterrolebindings", "roles", "rolebindings"),
}
PREFIXES = {plural: prefix for prefix, plurals in GROUPS.items() for plural in plurals}

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class ApiError(Exception):
    """The API server's refusal."""

    def __init__(self, code: int, status: dict) -> None:
        super().__init__(f"{code} {status.get('reason', '')}: {status.get('message', '')}")
        self.code = code
        self.reason = status.get("reason", "")
        self.message = status.get("message", "")


# An API server that does not answer, or not yet as it should.
AWAY = (ApiError, OSError, http.client.HTTPException)


def path_of(plural: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    parts = [PREFIXES[plural]]
    if namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (plural, name, subresource) if part]
    return "/".join(parts)


class Api:
    """One connection, as the current user of a kubeconfig that carries its certificates. Not to be shared by threads."""

    def __init__(self, kubeconfig: Path | str) -> None:
        config = yaml.safe_load(Path(kubeconfig).read_text())
        context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
        cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
        self.server = cluster["server"]
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self._load_certificate(user)
        self._connection: http.client.HTTPSConnection | None = None

    def _load_certificate(self, user: dict) -> None:
        with tempfile.NamedTemporaryFile() as both:  # the ssl module takes a certificate from files alone
            both.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            both.flush()
            self._tls.load_cert_chain(both.name)

    def send(self, method: str, path: str, body: object = None, content_type: str = "application/json",
             timeout: float = 15, headers: dict[str, str] | None = None) -> bytes:
        """The answer's body. A connection that the server has closed meanwhile is opened anew."""
        data = None if body is None else json.dumps(body)
        for last in (False, True):
            fresh = self._connection is None
            if self._connection is None:
                self._connection = self._connect(timeout)
            try:
                self._connection.request(method, path, data, {"Content-Type": content_type, "Accept": "application/json",
                                                              **(headers or {})})
                answer = self._connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                self._connection = None
                if fresh or last:
                    raise
                continue
            if answer.status >= 400:
                raise ApiError(answer.status, _status(content))
            return content
        raise AssertionError("unreachable")

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        address = urlsplit(self.server)
        return http.client.HTTPSConnection(address.hostname, address.port, timeout=timeout, context=self._tls)

    def lines(self, path: str, timeout: float) -> Iterator[bytes]:
        """Those of a stream, on a connection of its own, until the server ends it; the first is empty and says that it began.
        OSError after TIMEOUT seconds of silence."""
        connection = self._connect(timeout)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            if answer.status >= 400:
                raise ApiError(answer.status, _status(answer.read()))
            yield b""
            while line := answer.readline():
                yield line
        finally:
            connection.close()

    def request(self, method: str, path: str, body: object = None, **options) -> dict:
        return json.loads(self.send(method, path, body, **options))

    def get(self, plural: str, name: str, namespace: str = "") -> dict | None:
        try:
            return self.request("GET", path_of(plural, namespace, name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, plural: str, namespace: str = "", labels: str = "", fields: str = "") -> list[dict]:
        selectors = {key: value for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
        query = "?" + urlencode(selectors) if selectors else ""
        return self.request("GET", path_of(plural, namespace) + query)["items"]

    def create(self, plural: str, thing: dict) -> dict:
        return self.request("POST", path_of(plural, thing["metadata"].get("namespace", "")), thing)

    def patch(self, plural: str, name: str, namespace: str, body: object, subresource: str = "",
              content_type: str = MERGE) -> dict:
        return self.request("PATCH", path_of(plural, namespace, name, subresource), body, content_type=content_type)

    def delete(self, plural: str, name: str, namespace: str = "", **options) -> bool:
        """False when there was nothing to delete. OPTIONS are those of DeleteOptions."""
        try:
            self.request("DELETE", path_of(plural, namespace, name), options or None)
            return True
        except ApiError as error:
            if error.code == 404:
                return False
            raise


def _status(content: bytes) -> dict:
    try:
        return json.loads(content)
    except ValueError:
        return {"message": content.decode(errors="replace")[:500]}
