import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from onenode.settings import Settings  # noqa: E402 (the path must be set first)


class Tools(dict):
    """Any tool, at a path that is easy to recognise."""

    def __missing__(self, name):
        return f"/tools/{name}"


@pytest.fixture
def settings(tmp_path):
    return Settings(state=tmp_path / "state", run=tmp_path / "run", kubelet_root=tmp_path / "kubelet",
                    build=tmp_path / "build", tools=Tools())
