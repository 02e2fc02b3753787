"""The highest rate that an arm holds: doubled until it fails, then halved on a logarithmic scale. Pure."""

from __future__ import annotations

import math


class Search:
    """`rate` is the next one to try until `done`; `tell` says how it went. A failure counts once it is repeated: what
    disturbs the machine is no limit of what is measured. It ends below LEAST or above LARGEST."""

    def __init__(self, first: float, precision: float = 1.2, least: float = 1, largest: float = 1000) -> None:
        self.rate = first if first > least else least * 2
        self._precision = precision
        self._largest = largest
        self._held = least
        self._failed = math.inf
        self._doubted = False

    @property
    def done(self) -> bool:
        return min(self._failed, self._largest) <= self._held * self._precision

    @property
    def bracket(self) -> tuple[float, float]:
        """The highest rate that was held (or the least), and the lowest that was not (or the largest)."""
        return self._held, min(self._failed, self._largest)

    def tell(self, held: bool) -> None:
        if not held and not self._doubted:
            self._doubted = True
            return
        self._doubted = False
        if held:
            self._held = max(self._held, self.rate)
        else:
            self._failed = min(self._failed, self.rate)
        self.rate = self._next()

    def _next(self) -> float:
        if math.isinf(self._failed):
            return min(self._held * 2, self._largest)
        return math.sqrt(self._held * self._failed)
