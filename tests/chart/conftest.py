import json
import subprocess
from pathlib import Path

import pytest
import yaml
from rendered import CHART, NAMESPACE, ROOT


@pytest.fixture(scope="session")
def helm():
    folder = subprocess.run([ROOT / "e2e/cluster/cluster", "tools", "helm"], text=True, check=True, stdout=subprocess.PIPE)
    return Path(folder.stdout.strip()) / "helm"


@pytest.fixture(scope="session")
def template(helm):
    """Runs `helm template` with VALUES; the finished process."""
    def run(values, *words):
        return subprocess.run([helm, "template", "cloister", CHART, f"--namespace={NAMESPACE}", "--values=-", *words],
                              input=json.dumps(values), text=True, check=False, capture_output=True)
    return run


@pytest.fixture(scope="session")
def render(template):
    """The objects rendered with VALUES, by kind and name."""
    def run(values):
        done = template(values)
        assert done.returncode == 0, done.stderr
        objects = [one for one in yaml.safe_load_all(done.stdout) if one]
        named = {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}
        assert len(named) == len(objects), "an object is rendered twice"
        return named
    return run
