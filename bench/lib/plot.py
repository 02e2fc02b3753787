"""A plot on two logarithmic axes, as SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 20, 48


@dataclass(frozen=True)
class Line:
    """POINTS are (x, y), both above 0. Lines of one COLOUR belong together; a DASHED one is the lesser of them."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """From the value LOW, at the pixel FROM, to HIGH at TO."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times each power of ten within."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [step * 10.0**power for power in powers for step in (1, 2, 5) if self.low <= step * 10.0**power <= self.high]


def axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Some room on both sides of what is to be shown."""
    return Axis(min(values) / 1.25, max(values) * 1.25, start, end)


def svg(lines: Sequence[Line], x_name: str, y_name: str, limit: float | None = None) -> str:
    """LIMIT is a value of y that is marked."""
    points = [point for line in lines for point in line.points]
    x = axis([point[0] for point in points], _LEFT, _WIDTH - _RIGHT)
    y = axis([point[1] for point in points] + ([limit] if limit else []), _HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(x, y), *_names(x_name, y_name)]
    if limit:
        parts.append(f'<line x1="{x.start}" x2="{x.end}" y1="{y.at(limit):.1f}" y2="{y.at(limit):.1f}" stroke="#b00"/>')
    for place, line in enumerate(lines):
        parts += [*_curve(line, x, y), *_key(line, place)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
            f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    for value in x.ticks():
        at = f"{x.at(value):.1f}"
        yield f'<line x1="{at}" x2="{at}" y1="{y.start}" y2="{y.end}" stroke="#ddd"/>'
        yield f'<text x="{at}" y="{y.start + 18}" text-anchor="middle">{value:g}</text>'
    for value in y.ticks():
        at = y.at(value)
        yield f'<line x1="{x.start}" x2="{x.end}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        yield f'<text x="{x.start - 8}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'


def _names(x_name: str, y_name: str) -> Iterator[str]:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>'
    yield f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">{escape(y_name)}</text>'


def _stroke(line: Line) -> str:
    return f'stroke="{line.colour}" stroke-width="2"' + (' stroke-dasharray="6 4"' if line.dashed else "")


def _curve(line: Line, x: Axis, y: Axis) -> Iterator[str]:
    places = [(x.at(px), y.at(py)) for px, py in sorted(line.points)]
    yield f'<polyline fill="none" {_stroke(line)} points="{" ".join(f"{px:.1f},{py:.1f}" for px, py in places)}"/>'
    for px, py in places:
        yield f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{line.colour}"/>'


def _key(line: Line, place: int) -> Iterator[str]:
    left, at = _WIDTH - _RIGHT + 16, _TOP + 14 + 20 * place
    yield f'<line x1="{left}" x2="{left + 28}" y1="{at}" y2="{at}" {_stroke(line)}/>'
    yield f'<text x="{left + 36}" y="{at + 4}">{escape(line.name)}</text>'
