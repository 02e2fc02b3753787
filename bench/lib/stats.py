"""The statistics that the tables rest on. Pure; the same input gives the same output."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

Pair = tuple[float, float]

RESAMPLES = 10_000


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear between the two closest ranks, as NumPy does by default."""
    ranked = sorted(values)
    place = (len(ranked) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)


def ratio_of_medians(pairs: Sequence[Pair]) -> float:
    ours, theirs = zip(*pairs, strict=True)
    return median(ours) / median(theirs)


def ratio_ci95(pairs: Sequence[Pair], resamples: int = RESAMPLES) -> Pair:
    """The 95 % bootstrap interval of the ratio of medians. A pair is one round: what disturbs a round disturbs both of its
    runs, so rounds are drawn, not runs."""
    draw = random.Random(1)
    ratios = [ratio_of_medians(draw.choices(pairs, k=len(pairs))) for _ in range(resamples)]
    return percentile(ratios, 2.5), percentile(ratios, 97.5)


def median_ci95(values: Sequence[float], resamples: int = RESAMPLES) -> Pair:
    draw = random.Random(1)
    medians = [median(draw.choices(values, k=len(values))) for _ in range(resamples)]
    return percentile(medians, 2.5), percentile(medians, 97.5)
