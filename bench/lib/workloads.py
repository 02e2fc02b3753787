"""The same sandbox three times: as ours, as a bare Pod, and as agent-sandbox's. Pure."""

from __future__ import annotations

import copy

# Of a pod as the API server stores it: what it chose itself and would refuse or misread in a new one.
_ASSIGNED = ("nodeName", "serviceAccount", "serviceAccountName", "priority", "preemptionPolicy")


def sandbox(name: str) -> dict:
    return {"apiVersion": "cloister.dev/v1alpha1", "kind": "Sandbox", "metadata": {"name": name},
            "spec": {"runtime": "gvisor", "lifecycle": {"ttl": "4h"}, "network": {"egress": {"mode": "None"}}}}


def template_of(pod: dict) -> dict:
    """The template that makes pods like POD. Without our labels and annotations: they would make it one of ours, and are refused."""
    spec = {key: value for key, value in pod["spec"].items() if key not in _ASSIGNED}
    # Admission adds these two by itself.
    spec["tolerations"] = [t for t in spec.get("tolerations", []) if not t["key"].startswith("node.kubernetes.io/")]
    notes = {key: value for key, value in (pod["metadata"].get("annotations") or {}).items() if not key.startswith("cloister.dev/")}
    metadata = {"annotations": notes, "labels": {"bench": "cold-start"}}
    return {"metadata": metadata, "spec": spec}


def bare_pod(name: str, template: dict) -> dict:
    made = copy.deepcopy(template)
    made["metadata"]["name"] = name
    return {"apiVersion": "v1", "kind": "Pod", **made}


def peer_sandbox(name: str, template: dict) -> dict:
    return {"apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox", "metadata": {"name": name},
            "spec": {"podTemplate": copy.deepcopy(template)}}
