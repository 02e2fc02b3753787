"""Handles of SandboxTemplates and SandboxPools."""

from __future__ import annotations

from support.api import Api
from support.sandboxes import LABEL, Handle, condition_of, manifest
from support.waiting import eventually

POOL_LABEL = "cloister.dev/pool"


class Template(Handle):
    plural, kind = "sandboxtemplates", "SandboxTemplate"


class Pool(Handle):
    plural, kind = "sandboxpools", "SandboxPool"

    def pods(self) -> list[dict]:
        """Those that nobody has taken and that are not told to go."""
        found = self.api.list("pods", self.namespace, labels=f"{POOL_LABEL}={self.name},{LABEL}=")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def names(self) -> list[str]:
        return sorted(pod["metadata"]["name"] for pod in self.pods())

    def scale(self, replicas: int) -> dict:
        return self.api.patch(self.plural, self.name, self.namespace, {"spec": {"replicas": replicas}}, "scale")

    def wait_full(self, count: int, within: float = 30) -> dict:
        """The status, once COUNT pods are Ready and no other is there."""
        def check() -> dict:
            pool = self.read() or {}
            status = pool.get("status") or {}
            counts = (status.get("replicas"), status.get("readyReplicas"), condition_of(pool, "Ready")["status"])
            assert counts == (count, count, "True"), status
            return status

        return eventually(check, within, f"SandboxPool {self.name}: {count} pods, all of them ready")


def make_template(api: Api, namespace: str, name: str, sandbox: dict, **spec) -> Template:
    api.create(Template.plural, manifest(name, namespace, {"sandbox": sandbox, **spec}, Template.kind))
    return Template(api, namespace, name)


def make_pool(api: Api, namespace: str, name: str, template: str, **spec) -> Pool:
    api.create(Pool.plural, manifest(name, namespace, {"templateRef": {"name": template}, **spec}, Pool.kind))
    return Pool(api, namespace, name)
