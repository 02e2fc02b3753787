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
        self._ends, self._lock = set(), threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        # Bound, so that nobody gets the port while the wire is cut; what does not listen refuses.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.port = self._holder.getsockname()[1]
        self.connect()
        content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = Path(folder) / "wire.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(content))

    def connect(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        """Breaks every connection and refuses new ones. Sockets are closed by the threads that use them."""
        with self._lock:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener = None
            for end in self._ends:
                _break(end)

    def freeze(self):
        """Connections stay open and nothing comes through, as when a machine loses its power."""
        self._flowing.clear()

    def thaw(self):
        self._flowing.set()

    def _accept(self, listener):
        with listener:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=self._carry, args=(listener, near), daemon=True).start()

    def _carry(self, listener, near):
        """One connection, until it ends. One that a cut overtook is not begun."""
        with near, socket.socket() as far:
            try:
                far.connect(self._target)
            except OSError:
                return
            with self._lock:
                if listener is not self._listener:
                    return
                self._ends |= {near, far}
            back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
            back.start()
            self._pump(near, far)
            back.join()
            with self._lock:
                self._ends -= {near, far}

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        _break(source)
        _break(sink)


def _break(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side was quicker
