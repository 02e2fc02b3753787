"""Reads Prometheus' text format."""

from __future__ import annotations

import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self._samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if found := _SAMPLE.match(line):
                name, labels, value = found.groups()
                self._samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def total(self, name: str, **labels: str | tuple[str, ...]) -> float:
        """The sum over the samples whose labels are these; a tuple lists what a label may be."""
        def fits(have: dict[str, str]) -> bool:
            return all(have.get(key) in (want if isinstance(want, tuple) else (want,)) for key, want in labels.items())

        return sum(value for sample, have, value in self._samples if sample == name and fits(have))

    def names(self) -> set[str]:
        return {name for name, _, _ in self._samples}

    def matching(self, name: str) -> list[tuple[dict[str, str], float]]:
        return [(labels, value) for sample, labels, value in self._samples if sample == name]
