"""Asks a sandbox's HTTP server from outside: when it answers first, and for how long it does not."""

from __future__ import annotations

import http.client
import threading
import time

PORT = 8080
# Of one request. A sandbox that stands still neither refuses nor answers.
_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.002
# A sandbox that has an address and no network stack yet drops what is sent, and TCP tries again after a whole second.
_CONNECT_SECONDS = 0.02


def ask(address: str, patience: float = 1, connect: float | None = None) -> bytes:
    """One answer, on a connection of its own, which may take CONNECT seconds to be made (default: PATIENCE)."""
    connection = http.client.HTTPConnection(address, PORT, timeout=connect or patience)
    try:
        connection.connect()
        connection.sock.settimeout(patience)
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def first_answer(address: str, seconds: float) -> tuple[float, bytes]:
    """When the server answers for the first time, by time.perf_counter(), and what."""
    deadline = time.perf_counter() + seconds
    while True:
        try:
            answer = ask(address, connect=_CONNECT_SECONDS)
            return time.perf_counter(), answer
        except (OSError, http.client.HTTPException) as trouble:
            if time.perf_counter() >= deadline:
                raise TimeoutError(f"{address} does not answer within {seconds:g} s: {trouble}") from trouble
            time.sleep(_PAUSE_SECONDS)


class Probe:
    """Asks one request after the other, in a thread of its own, while the context lasts."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._answers: list[float] = []
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                ask(self._address, _PATIENCE_SECONDS)
            except (OSError, http.client.HTTPException) as trouble:
                self._failure = trouble
                return
            self._answers.append(time.perf_counter())

    def longest_gap(self, begin: float, end: float) -> float:
        """The longest time in seconds without an answer that overlaps BEGIN to END. It has to answer after END."""
        deadline = time.perf_counter() + _PATIENCE_SECONDS
        while not self._answers or self._answers[-1] < end:
            if self._failure or time.perf_counter() >= deadline:
                raise TimeoutError(f"{self._address} answers no more: {self._failure}")
            time.sleep(_PAUSE_SECONDS)
        return longest_gap(self._answers, begin, end)


def longest_gap(answers: list[float], begin: float, end: float) -> float:
    """Pure. ANSWERS ascend, the first before BEGIN, the last after END."""
    return max(after - before for before, after in zip(answers, answers[1:]) if after > begin and before < end)
