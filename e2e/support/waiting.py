"""The one place where tests wait: for a state, until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], within: float, what: str, every: float = 0.1) -> T:
    """PROBE's first true answer. A probe may also `assert`: the last refusal is told when WITHIN seconds are over."""
    deadline = time.monotonic() + within
    while True:
        last: object = None
        try:
            if answer := probe():
                return answer
            last = answer
        except AssertionError as refusal:
            last = refusal
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {within:g} s. Last seen: {last}")
        time.sleep(every)


def throughout(probe: Callable[[], object], seconds: float, what: str, every: float = 0.2) -> None:
    """PROBE stays true for as long as SECONDS: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert probe(), f"{what}: not any more"
        time.sleep(every)
