"""What a person needs who reads of a failed scenario."""

from __future__ import annotations

import json

from support.release import Release
from support.sandboxes import Namespace


def _short(thing: dict) -> str:
    thing["metadata"].pop("managedFields", None)
    return json.dumps({"metadata": thing["metadata"], "status": thing.get("status")}, indent=1)


def describe(namespaces: list[Namespace], release: Release) -> str:
    """Sandboxes, pods and events of the test's namespaces, and the end of the operators' logs."""
    parts = []
    for namespace in namespaces:
        for plural in ("sandboxes", "pods"):
            parts += [f"--- {plural} of {namespace.name}"]
            parts += [_short(thing) for thing in namespace.api.list(plural, namespace.name)[:5]]
        parts += [f"--- events of {namespace.name}", *_events(namespace)]
    return "\n".join([*parts, "--- operators", release.log()])


def _events(namespace: Namespace) -> list[str]:
    return [f"{e.get('lastTimestamp') or e.get('eventTime') or ''} {e['involvedObject']['kind']}/{e['involvedObject']['name']} "
            f"{e.get('reason')}: {e.get('message')}" for e in namespace.api.list("events", namespace.name)[-30:]]
