"""The wire itself, between plain sockets."""

import socket
import threading
from contextlib import suppress

import pytest
import yaml
from wire import Wire


@pytest.fixture
def target():
    """The port of a server that takes connections and says nothing."""
    taken = []

    def accept(listener):
        with suppress(OSError):
            while True:
                taken.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for end in taken:
        end.close()


def test_a_cut_breaks_every_connection_even_those_just_made(target, tmp_path):
    config = tmp_path / "kubeconfig"
    config.write_text(yaml.safe_dump({"clusters": [{"cluster": {"server": f"https://127.0.0.1:{target}"}}]}))
    wire = Wire(config, tmp_path)
    for _ in range(50):
        ends = [socket.create_connection(("127.0.0.1", wire.port), timeout=5) for _ in range(5)]
        wire.cut()
        for end in ends:
            with end, suppress(ConnectionResetError):
                assert end.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", wire.port))
        wire.connect()
    wire.cut()
