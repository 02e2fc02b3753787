"""The command line and kubectl, as a test uses them."""

import json
import subprocess
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
IMAGE = "cloister.test/probe:1"


def cluster(*words, check=True):
    """Runs the command line as a user does."""
    return subprocess.run([FOLDER / "cluster", *words], capture_output=True, text=True, check=check, timeout=600)


def eventually(ready, seconds=20):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


class Cluster:
    """kubectl, in a namespace of its own."""

    def __init__(self, settings, namespace):
        self.settings, self.namespace = settings, namespace

    def kubectl(self, *words, check=True, user="admin", stdin=None):
        argv = [self.settings.tools["kubectl"], f"--kubeconfig={self.settings.config}/{user}.kubeconfig",
                f"--namespace={self.namespace}", *words]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=120)
        assert not check or done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done

    def pod(self, name, runtime, **spec):
        container = {"name": "probe", "image": IMAGE, "imagePullPolicy": "Never", "args": ["serve", ":8080"]}
        container |= spec.pop("container", {})
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
                "spec": {"runtimeClassName": runtime, "terminationGracePeriodSeconds": 0,
                         "containers": [container]} | spec}
        return self.kubectl("create", "-f", "-", stdin=json.dumps(body), check=False)

    def wait(self, pod):
        self.kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")

    def probe(self, pod, command, argument, check=True):
        return self.kubectl("exec", pod, "--", "/probe", command, argument, check=check).stdout

    def get(self, kind, name):
        return json.loads(self.kubectl("get", kind, name, "-o", "json").stdout)
