import socket

import pytest
from onenode import controlplane, lightplane
from onenode.settings import ClusterError


def test_free_ports_are_free_and_differ():
    ports = lightplane.free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", port))


def test_a_folder_of_its_own_is_emptied(tmp_path):
    lightplane.empty(tmp_path / "new")
    (tmp_path / "new" / "old-data").touch()
    lightplane.empty(tmp_path / "new")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [".cloister-apiserver", "logs"]


def test_somebodys_files_are_not_touched(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match="not a control plane's"):
        lightplane.empty(tmp_path)
    assert (tmp_path / "file").exists()


def test_namespaces_stay_empty_until_a_test_fills_them(tmp_path):
    plane = lightplane._plane(tmp_path, {"kube-controller-manager": "kcm"}, True)
    assert "--controllers=*,-root-ca-certificate-publisher-controller" in controlplane.controller_manager(plane).argv
