"""For tests that need the cluster to be up, or take it down: see README.md."""

import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from commands import IMAGE, Cluster, cluster  # noqa: E402 (the path must be set first)
from onenode import images, record, tools  # noqa: E402


@pytest.fixture(scope="module")
def up():
    """A healthy cluster that has the probe's image."""
    cluster("up")
    settings = record.require().settings
    binary = Path(tools.ensure(["probe"], print)["probe"])
    recipe = images.Recipe(IMAGE, {"probe": binary.read_bytes()}, ["/probe"])
    tar = binary.parent / "image.tar"
    tar.write_bytes(images.archive(recipe))
    images.load(settings, tar)
    return settings


@pytest.fixture(scope="module")
def node(up):
    namespace = f"live-{uuid.uuid4().hex[:8]}"
    found = Cluster(up, namespace)
    found.kubectl("create", "namespace", namespace)
    yield found
    found.kubectl("delete", "namespace", namespace, "--wait=false", check=False)  # the cluster may be another by now
