"""A wire between the operator and its API server that can be cut and frozen."""

import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class Wire:
    """Carries bytes between the operator and the API server, until it is cut (refuses) or frozen (says nothing)."""

    def __init__(self, kubeconfig, folder):
        content = yaml.safe_load(Path(kubeconfig).read_text())
        target = urlsplit(content["clusters"][0]["cluster"]["server"])
        self._target = (target.hostname, target.port)
        self._pairs, self._lock = [], threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = None
        self.port = 0
        self.connect()
        content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = Path(folder) / "wire.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(content))

    def connect(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        """Breaks every connection and refuses new ones."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._pairs:
                _close(end)
            self._pairs.clear()

    def freeze(self):
        """Connections stay open and nothing comes through, as when a machine loses its power."""
        self._flowing.clear()

    def thaw(self):
        self._flowing.set()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        _close(source)
        _close(sink)


def _close(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
