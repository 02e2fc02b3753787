"""Sees from outside when things happen: a watch in a thread of its own, and the moment at which each line arrived."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lib.kube import Api, KubeError

Predicate = Callable[[dict], bool]


@dataclass(frozen=True)
class Sight:
    """One line of the watch. `at` is in seconds of time.perf_counter()."""

    at: float
    kind: str  # ADDED, MODIFIED or DELETED
    thing: dict


class Log:
    """What was seen of each object, by name. Names are never used twice."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sights: dict[str, list[Sight]] = {}

    def add(self, sight: Sight) -> None:
        with self._changed:
            self._sights.setdefault(sight.thing["metadata"]["name"], []).append(sight)
            self._changed.notify_all()

    def sights(self, name: str) -> list[Sight]:
        with self._changed:
            return list(self._sights.get(name, []))

    def first(self, name: str, holds: Predicate) -> float | None:
        """When HOLDS was first true of NAME."""
        return next((s.at for s in self.sights(name) if s.kind != "DELETED" and holds(s.thing)), None)

    def gone(self, name: str) -> bool:
        sights = self.sights(name)
        return bool(sights) and sights[-1].kind == "DELETED"

    def find(self, holds: Predicate) -> str | None:
        """The name of an object of which HOLDS was ever true."""
        with self._changed:
            return next((name for name, sights in self._sights.items() if any(holds(s.thing) for s in sights)), None)

    def count(self, holds: Predicate) -> int:
        """Of how many objects HOLDS was ever true."""
        with self._changed:
            return sum(any(holds(s.thing) for s in sights) for sights in self._sights.values())

    def wait(self, what: str, probe: Callable[[], object], seconds: float) -> None:
        """Until PROBE is true."""
        deadline = time.perf_counter() + seconds
        with self._changed:
            while not probe():
                left = deadline - time.perf_counter()
                if left <= 0:
                    raise TimeoutError(f"{what}: not seen within {seconds:g} s")
                self._changed.wait(left)


class Watch(Log):
    """A Log of all objects at a collection's PATH, from when it was made."""

    def __init__(self, api: Api, path: str) -> None:
        super().__init__()
        self._api = Api(api.kubeconfig)
        self._path = path
        self._stop = threading.Event()
        self._connection: http.client.HTTPSConnection | None = None
        version = self._api.get(f"{path}?limit=1")["metadata"]["resourceVersion"]
        self._thread = threading.Thread(target=self._run, args=(version,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._connection and self._connection.sock:
            self._connection.sock.shutdown(2)  # wakes the thread from its read
        self._thread.join(5)

    def _run(self, version: str) -> None:
        while not self._stop.is_set():
            try:
                version = self._follow(version)
            except (OSError, http.client.HTTPException, ValueError):
                if not self._stop.is_set():
                    time.sleep(0.2)

    def _follow(self, version: str) -> str:
        """One watch request, until the server ends it; the version from which to go on."""
        self._connection = self._api.connect(timeout=3600)
        self._connection.request("GET", f"{self._path}?watch=1&resourceVersion={version}&timeoutSeconds=3000")
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise KubeError(answer.status, answer.read().decode()[:200])
        while line := answer.readline():
            at = time.perf_counter()
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise KubeError(event["object"].get("code", 0), event["object"].get("message", ""))
            version = event["object"]["metadata"]["resourceVersion"]
            self.add(Sight(at, event["type"], event["object"]))
        return version


def condition(kind: str, status: str = "True") -> Predicate:
    """Whether an object's condition KIND has that STATUS."""
    def holds(thing: dict) -> bool:
        found = (thing.get("status") or {}).get("conditions") or []
        return any(c["type"] == kind and c["status"] == status for c in found)

    return holds


ready = condition("Ready")


def present(_: dict) -> bool:
    return True


def owned_by(name: str) -> Predicate:
    """Whether an object's controller is called NAME."""
    def holds(thing: dict) -> bool:
        owners = thing["metadata"].get("ownerReferences") or []
        return any(o.get("controller") and o["name"] == name for o in owners)

    return holds
