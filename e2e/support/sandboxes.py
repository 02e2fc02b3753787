"""Handles of a test's namespace and of the Sandboxes in it."""

from __future__ import annotations

from datetime import datetime, timezone
import subprocess

from support.api import Api, path_of
from support.cluster import Cluster
from support.waiting import eventually

API_VERSION = "cloister.dev/v1alpha1"
LABEL = "cloister.dev/sandbox"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now() -> datetime:
    return datetime.now(timezone.utc)


def condition_of(thing: dict | None, kind: str) -> dict:
    """The condition, or an empty one."""
    conditions = ((thing or {}).get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == kind), {"status": "", "reason": "", "message": ""})


def manifest(name: str, namespace: str = "", spec: dict | None = None, kind: str = "Sandbox") -> dict:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec or {}}


class Handle:
    """One object of ours, by name. What it says is read anew each time."""

    plural, kind = "", ""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self.api, self.namespace, self.name = api, namespace, name

    def read(self) -> dict | None:
        return self.api.get(self.plural, self.name, self.namespace)

    @property
    def status(self) -> dict:
        return (self.read() or {}).get("status") or {}

    def condition(self, kind: str = "Ready") -> dict:
        return condition_of(self.read(), kind)

    def events(self) -> list[dict]:
        """Those about the object itself."""
        fields = f"involvedObject.kind={self.kind},involvedObject.name={self.name}"
        return self.api.list("events", self.namespace, fields=fields)

    def wait(self, reason: str, kind: str = "Ready", within: float = 30) -> dict:
        """The condition, once it has this reason."""
        def check() -> dict:
            found = self.condition(kind)
            assert found["reason"] == reason, f"{kind} is {found['status']}/{found['reason']}: {found['message']}"
            return found

        return eventually(check, within, f"{self.kind} {self.name}: {kind} with reason {reason}")

    def wait_event(self, reason: str, within: float = 5) -> dict:
        return eventually(lambda: next((e for e in self.events() if e["reason"] == reason), None), within,
                          f"Event {reason} on {self.kind} {self.name}")

    def patch(self, spec: dict) -> dict:
        return self.api.patch(self.plural, self.name, self.namespace, {"spec": spec})

    def delete(self, **options) -> bool:
        return self.api.delete(self.plural, self.name, self.namespace, **options)


class Sandbox(Handle):
    plural, kind = "sandboxes", "Sandbox"

    def pods(self) -> list[dict]:
        return self.api.list("pods", self.namespace, labels=f"{LABEL}={self.name}")

    def pod(self) -> dict:
        (pod,) = self.pods()
        return pod

    def wait_ready(self, within: float = 30) -> dict:
        self.wait("Running", within=within)
        return self.status

    def suspend(self) -> None:
        """It is saved, and its pod gone."""
        self.patch({"desiredState": "Suspended"})
        self.wait("Suspended", within=60)
        eventually(lambda: not self.pods(), 30, "its pod is gone")

    def resume(self) -> None:
        """It goes on from there."""
        self.patch({"desiredState": "Running"})
        self.wait_ready(within=60)

    def wait_gone(self, within: float = 10) -> None:
        """The object and its pods."""
        eventually(lambda: self.read() is None and not self.pods(), within, f"Sandbox {self.name} and its pod are gone")


class Snapshot(Handle):
    plural, kind = "sandboxsnapshots", "SandboxSnapshot"


class Namespace:
    """A namespace of one test's own."""

    def __init__(self, cluster: Cluster, api: Api, name: str, labels: dict[str, str]) -> None:
        self.cluster, self.api, self.name, self.labels = cluster, api, name, labels
        api.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def sandbox(self, name: str = "box", **spec) -> Sandbox:
        self.api.create("sandboxes", manifest(name, self.name, spec))
        return Sandbox(self.api, self.name, name)

    def handle(self, name: str) -> Sandbox:
        return Sandbox(self.api, self.name, name)

    def sandboxes(self) -> list[dict]:
        return self.api.list("sandboxes", self.name)

    def pods(self) -> list[dict]:
        return self.api.list("pods", self.name)

    def policies(self) -> dict[str, dict]:
        return {p["metadata"]["name"]: p for p in self.api.list("networkpolicies", self.name)}

    def kubectl(self, *arguments: object, **options) -> str:
        return self.cluster.kubectl("--namespace", self.name, *arguments, **options)

    def refused(self, *arguments: object, **options) -> str:
        """What kubectl says when it fails; it must."""
        done = self.cluster.run("kubectl", "--namespace", self.name, *arguments, check=False, **options)
        assert done.returncode != 0, f"kubectl {' '.join(map(str, arguments))} should have failed: {done.stdout}"
        return done.stderr

    def exec(self, sandbox: Sandbox, script: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a shell script in the sandbox, by the name that its status tells."""
        return self.cluster.run("kubectl", "--namespace", self.name, "exec", sandbox.status["podName"], "--",
                                "sh", "-c", script, check=check, timeout=120)

    def delete(self) -> None:
        self.api.request("DELETE", path_of("namespaces", name=self.name))
