import socket
import tempfile

from onenode import probe


def test_a_runtime_that_merely_accepts_connections_serves_no_kubelet_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "_CRI_SECONDS", 0.1)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:  # a socket's path is short
        address = f"cri://{folder}/runtime.sock"
        assert not probe.healthy(address, tmp_path / "ca.crt"), "nobody listens"
        listener.bind(address.removeprefix("cri://"))
        listener.listen()
        assert not probe.healthy(address, tmp_path / "ca.crt")
