"""Which request to the API server meets which fault. Pure but for the dice, which come from a seed."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Call:
    """A request in Kubernetes' terms. RESOURCE is the plural; empty for what is no resource."""

    verb: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def writes(self) -> bool:
        return self.verb in ("create", "update", "patch", "delete")

    @property
    def what(self) -> tuple[str, str]:
        """(verb, resource), the subresource with it."""
        return self.verb, f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def __str__(self) -> str:
        return f"{' '.join(self.what)} {self.namespace}/{self.name}"


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def call_of(method: str, target: str, body: bytes = b"") -> Call:
    """Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris"""
    address = urlsplit(target)
    parts = [part for part in address.path.split("/") if part]
    if not parts or parts[0] not in ("api", "apis"):
        return Call(_VERBS.get(method, "get"), "")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource, name, subresource = (parts + ["", "", ""])[:3]
    verb = _VERBS.get(method) or _reading(address.query, name)
    return Call(verb, resource, subresource, namespace, name or _name_in(body))


def _reading(query: str, name: str) -> str:
    if parse_qs(query).get("watch", ["false"])[0] in ("true", "1"):
        return "watch"
    return "get" if name else "list"


def _name_in(body: bytes) -> str:
    try:
        return json.loads(body)["metadata"]["name"]
    except (ValueError, KeyError, TypeError):
        return ""


class Kind(Enum):
    DELAY = "answered late; a watch lags"
    LOSE_REQUEST = "not carried out, and never answered"
    LOSE_ANSWER = "carried out, and never answered"
    CUT = "carried out, and the connection breaks in the middle of the answer, or of a watch's line"
    ERROR = "500, not carried out"
    ERROR_AFTER = "500, carried out"
    UNAVAILABLE = "503, not carried out"
    TOO_MANY = "429 with Retry-After, not carried out"
    CONFLICT = "409 on a write, not carried out"


# The connection stays open and silent: the client must give up by itself.
SILENT = (Kind.LOSE_REQUEST, Kind.LOSE_ANSWER)


@dataclass(frozen=True)
class Fault:
    """SECONDS is how late a delayed answer is; FRACTION is how much of the answer comes before a cut."""

    kind: Kind
    seconds: float = 0.5
    fraction: float = 0.5


class Plan(Protocol):
    def __call__(self, call: Call) -> Fault | None: ...


def _fits(kind: Kind, call: Call) -> bool:
    return call.writes or kind is not Kind.CONFLICT


class Mix:
    """Faults by chance. RATES are probabilities that add up to 1 at most; equal seeds deal the same to equal calls."""

    def __init__(self, seed: int, rates: dict[Kind, float]) -> None:
        assert sum(rates.values()) <= 1
        self._random, self._rates = random.Random(seed), rates

    def __call__(self, call: Call) -> Fault | None:
        roll, seconds, fraction = (self._random.random() for _ in range(3))
        for kind, rate in self._rates.items():
            if roll < rate:
                return Fault(kind, 0.05 + seconds, fraction) if _fits(kind, call) else None
            roll -= rate
        return None


def rates_of(seed: int, noisy: float = 0.35, silent: float = 0.02) -> dict[Kind, float]:
    """A mixture of three to six kinds. NOISY is the share of requests that meet one that is told at once, SILENT the share
    of those that are told to nobody: each of these costs the client its deadline."""
    dice = random.Random(seed)
    loud = [kind for kind in Kind if kind not in SILENT]
    chosen = dice.sample(loud, dice.randint(3, 5))
    shares = [dice.uniform(0.2, 1) for _ in chosen]
    rates = {kind: noisy * share / sum(shares) for kind, share in zip(chosen, shares, strict=True)}
    return {**rates, dice.choice(SILENT): silent}


class FirstTries:
    """The first writes of each verb and resource in a namespace meet that namespace's kind of fault, all of them: LOUD or SILENT
    many. Watches lag by LAG seconds, so that they do not make up for an answer that was lost."""

    def __init__(self, kinds: dict[str, Kind], loud: int = 2, silent: int = 1, lag: float = 1) -> None:
        self._kinds, self._loud, self._silent, self._lag = kinds, loud, silent, lag
        self._met: Counter = Counter()

    def __call__(self, call: Call) -> Fault | None:
        if call.verb == "watch":
            return Fault(Kind.DELAY, self._lag)
        kind = self._kinds.get(call.namespace)
        if kind is None or not call.writes:
            return None
        self._met[call.namespace, call.what] += 1
        times = self._silent if kind in SILENT else self._loud
        return Fault(kind) if self._met[call.namespace, call.what] <= times else None


class Always:
    """Every request meets one of KINDS, in turn: nothing gets through but by a fault that carries it out."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds, self._count = list(kinds), 0

    def __call__(self, call: Call) -> Fault | None:
        kind = self._kinds[self._count % len(self._kinds)]
        self._count += 1
        return Fault(kind) if _fits(kind, call) else Fault(Kind.ERROR)


def nothing(_: Call) -> None:
    return None
