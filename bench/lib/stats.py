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


Rounds = Sequence[tuple[Sequence[float], Sequence[float]]]


def ratio_of_percentiles(rounds: Rounds, percent: float) -> float:
    """Of two arms whose values stand side by side, round by round."""
    ours, theirs = ([value for values in side for value in values] for side in zip(*rounds, strict=True))
    return percentile(ours, percent) / percentile(theirs, percent)


def ratio_of_percentiles_ci95(rounds: Rounds, percent: float, resamples: int = RESAMPLES // 10) -> Pair:
    """The 95 % bootstrap interval. Rounds are drawn as they were run, both arms together, and from each the values anew."""
    draw = random.Random(1)

    def again() -> float:
        drawn = draw.choices(rounds, k=len(rounds))
        return ratio_of_percentiles([tuple(draw.choices(side, k=len(side)) for side in pair) for pair in drawn], percent)

    ratios = [again() for _ in range(resamples)]
    return percentile(ratios, 2.5), percentile(ratios, 97.5)
