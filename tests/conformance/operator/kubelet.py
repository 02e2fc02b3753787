"""Plays scheduler and kubelet: binds pods and writes their status, as those would."""

from support.sandboxes import now


def stamp():
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind, status="True", **fields):
    return {"type": kind, "status": status, "lastTransitionTime": stamp(), **fields}


def container(ready=False, **state):
    return {"name": "sandbox", "ready": ready, "started": ready, "restartCount": 0, "image": "image", "imageID": "",
            "state": state}


RUNNING = container(ready=True, running={"startedAt": "2026-01-01T00:00:00Z"})


def terminated(code, reason="Error", message=""):
    return container(terminated={"exitCode": code, "reason": reason, "message": message})


def waiting(reason, message=""):
    return container(waiting={"reason": reason, "message": message})


class Node:
    """One node without a machine, for the time of a test: heartbeats are not kept up."""

    def __init__(self, api, name):
        self.api, self.name = api, name
        api.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        self.set_ready("True")

    def set_ready(self, status):
        self.api.patch("nodes", self.name, "", {"status": {"conditions": [
            {**condition("Ready", status, reason="Test"), "lastHeartbeatTime": stamp()}]}}, "status")

    def bind(self, pod):
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
        self.api.request("POST", path, {
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": meta["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self.name}})

    def report(self, pod, phase, container_status=None, conditions=(), **fields):
        """The pod's status. CONDITIONS come beside PodScheduled."""
        status = {"phase": phase, "conditions": [condition("PodScheduled"), *conditions], **fields}
        if container_status:
            status["containerStatuses"] = [container_status]
        meta = pod["metadata"]
        return self.api.patch("pods", meta["name"], meta["namespace"], {"status": status}, "status")

    def run(self, pod):
        """Bound, started and Ready."""
        self.bind(pod)
        self.report(pod, "Running", RUNNING, [condition("Ready"), condition("ContainersReady")],
                    podIPs=[{"ip": "10.0.0.7"}], podIP="10.0.0.7")

    def remove(self, pod):
        """The kubelet's last word on a pod that is being deleted."""
        meta = pod["metadata"]
        self.api.delete("pods", meta["name"], meta["namespace"], gracePeriodSeconds=0)

    def delete(self):
        self.api.delete("nodes", self.name)
