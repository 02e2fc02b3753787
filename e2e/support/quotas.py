"""Handles of SandboxQuotas."""

from __future__ import annotations

from collections.abc import Callable

from support.api import Api
from support.sandboxes import Handle, manifest
from support.waiting import eventually


class Quota(Handle):
    plural, kind = "sandboxquotas", "SandboxQuota"

    def edit(self, **limits) -> dict:
        """Sets limits; None removes one."""
        return self.api.patch(self.plural, self.name, self.namespace, {"spec": limits})

    def wait_status(self, holds: Callable[[dict], bool], within: float = 20) -> dict:
        """The status, once it HOLDS and answers the present spec."""
        def check() -> dict:
            quota = self.read() or {"metadata": {"generation": None}}
            status = quota.get("status") or {}
            assert status.get("observedGeneration") == quota["metadata"]["generation"] and holds(status), status
            return status

        return eventually(check, within, "the SandboxQuota's status")


def make_quota(api: Api, namespace: str, **limits) -> Quota:
    api.create(Quota.plural, manifest("default", namespace, limits, Quota.kind))
    return Quota(api, namespace, "default")
