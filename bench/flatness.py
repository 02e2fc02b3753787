"""Whether a warm start takes longer from a large pool than from a small one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lib import load
from lib.report import Row
from lib.stats import percentile, ratio_of_percentiles, ratio_of_percentiles_ci95
from warmstart import Bed

SMALL, LARGE = 10, 2000
RATE, STARTS = 5, 60


def latencies(bed: Bed, size: int, prefix: str) -> list[float]:
    """From a pool of SIZE, of starts at a rate at which even the small one is refilled in time."""
    arm = bed.arm("ours")
    arm.pool.resize(size)
    arm.settle()
    bed.quiet()
    seen = load.run(arm.api.kubeconfig, arm.kind, arm.namespace, prefix, arm.kind.object(arm.spec), RATE, STARTS)
    arm.clear()
    return seen.latencies


def measure(bed: Bed, rounds: int, say: Callable[[str], None]) -> list[Row]:
    found = []
    with bed.arm("ours").controller():
        latencies(bed, SMALL, "first-")  # what only the first ones pay for is not counted
        for round in range(rounds):
            small, large = (latencies(bed, size, f"round-{round}-of-{size}-") for size in (SMALL, LARGE))
            say(f"p50 with a pool of {SMALL}: {percentile(small, 50):.0f} ms, of {LARGE}: {percentile(large, 50):.0f} ms")
            found.append((large, small))
    return [row(found)]


def row(rounds: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Row:
    """Pure; from (large, small) of each round."""
    large, small = ([ms for side in sides for ms in side] for sides in zip(*rounds, strict=True))
    return Row("flatness_p50", ratio_of_percentiles(rounds, 50), "ratio", percentile(large, 50), percentile(small, 50),
               len(large), ratio_of_percentiles_ci95(rounds, 50))
