"""Watches pods and Sandboxes from outside, past every proxy, and goes on through the API server's failures."""

from __future__ import annotations

import copy
import http.client
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

from support.api import Api, ApiError, path_of
from support.oracles import History
from support.sandboxes import LABEL, now
from support.waiting import eventually

SILENCE = 20  # seconds; a watch that says nothing for so long is opened anew
_FOLLOWED = {"pods": {"labelSelector": LABEL}, "sandboxes": {}}
_KINDS = {"pods": "Pod", "sandboxes": "Sandbox"}


class Witness:
    """From when it was made until stop(). What it saw is complete while the API server keeps the watch's place in its history;
    what came and went while it had lost that place was not seen."""

    def __init__(self, kubeconfig: Path) -> None:
        self._history = History()
        self._lock, self._over = threading.Lock(), threading.Event()
        for plural in _FOLLOWED:
            threading.Thread(target=self._run, args=(Api(kubeconfig), plural), daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def saw(self, namespaces: Iterable[str]) -> History:
        """What is of these namespaces, as it is known now: the watches go on beside whoever judges it."""
        with self._lock:
            return copy.deepcopy(self._history.within(namespaces))

    def catch_up(self, api: Api, within: float = 30) -> None:
        """Until it has seen what API lists now."""
        def same() -> bool:
            listed = {plural: {thing["metadata"]["uid"] for thing in _list(api, plural)["items"]} for plural in _FOLLOWED}
            with self._lock:
                return all(self._history.alive(_KINDS[plural]) == uids for plural, uids in listed.items())

        eventually(same, within, "the witness sees what is there")

    def _run(self, api: Api, plural: str) -> None:
        version = ""
        while not self._over.is_set():
            try:
                version = version or self._begin(api, plural)
                for line in api.lines(_path(plural, watch="true", resourceVersion=version, allowWatchBookmarks="true"), SILENCE):
                    version = self._take(line) or version
            except ApiError as error:
                version = "" if error.code == 410 else version
                self._over.wait(0.2)
            except (OSError, http.client.HTTPException, ValueError):
                self._over.wait(0.2)  # the API server is away

    def _begin(self, api: Api, plural: str) -> str:
        found, kind = _list(api, plural), _KINDS[plural]
        with self._lock:
            for thing in found["items"]:
                self._history.saw("ADDED", {"kind": kind, **thing}, now())
            self._history.missed(kind, {thing["metadata"]["uid"] for thing in found["items"]}, now())
        return found["metadata"]["resourceVersion"]

    def _take(self, line: bytes) -> str:
        """The version that the view has come to."""
        if not line:
            return ""
        event = json.loads(line)
        if event["type"] == "ERROR":
            raise ApiError(event["object"].get("code", 0), event["object"])
        if event["type"] != "BOOKMARK":
            with self._lock:
                self._history.saw(event["type"], event["object"], now())
        return event["object"]["metadata"]["resourceVersion"]


def _path(plural: str, **parameters: str) -> str:
    return f"{path_of(plural)}?{urlencode({**_FOLLOWED[plural], **parameters})}"


def _list(api: Api, plural: str) -> dict:
    return api.request("GET", _path(plural))
