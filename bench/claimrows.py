"""What the trials of warm starts come to: the table's rows, and the plot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lib.plot import Line
from lib.report import Row
from lib.search import Search
from lib.stats import percentile, ratio_ci95, ratio_of_medians, ratio_of_percentiles, ratio_of_percentiles_ci95
from warmstart import Trial

_COLOURS = {"ours": "#1565c0", "peer": "#c62828", "bare": "#616161"}

Trials = Sequence[Trial]


def of(trials: Trials, arm: str, rate: float) -> list[Trial]:
    """In the order of the rounds."""
    return sorted((t for t in trials if t.arm == arm and t.rate == rate), key=lambda t: t.round)


def latencies(trials: Trials) -> list[float]:
    return [ms for trial in trials for ms in trial.seen.latencies]


def latency_ratio(metric: str, trials: Trials, rate: float, percent: int, beside: str) -> Row:
    """Ours over BESIDE's."""
    ours, theirs = of(trials, "ours", rate), of(trials, beside, rate)
    rounds = [(a.seen.latencies, b.seen.latencies) for a, b in zip(ours, theirs, strict=True)]
    return Row(metric, ratio_of_percentiles(rounds, percent), "ratio", percentile(latencies(ours), percent),
               percentile(latencies(theirs), percent), len(latencies(ours)), ratio_of_percentiles_ci95(rounds, percent))


def cost_ratio(metric: str, trials: Trials, rate: float, cost: Callable[[Trial], float]) -> Row:
    """Ours over the peer's, of what a trial costs."""
    pairs = [(cost(a), cost(b)) for a, b in zip(of(trials, "ours", rate), of(trials, "peer", rate), strict=True)]
    ours, theirs = (sorted(side)[len(side) // 2] for side in zip(*pairs, strict=True))
    return Row(metric, ratio_of_medians(pairs), "ratio", ours, theirs, len(pairs),
               ratio_ci95(pairs) if len(pairs) > 1 else None)


def writes(trials: Trials) -> list[Row]:
    """Over all trials at the given rates."""
    def per_start(arm: str) -> float:
        mine = [t for t in trials if t.arm == arm]
        return sum(t.writes.requests for t in mine) / sum(len(t.seen.starts) for t in mine)

    def conflicts(arm: str) -> int:
        return sum(t.writes.conflicts for t in trials if t.arm == arm)

    number = sum(len(t.seen.starts) for t in trials if t.arm == "ours")
    return [Row("writes_per_warm_start", per_start("ours"), "writes", per_start("ours"), per_start("peer"), number),
            Row("conflicts", conflicts("ours"), "writes", conflicts("ours"), conflicts("peer"), number),
            Row("cold_starts", sum(t.cold for t in trials if t.arm == "ours"), "starts", n=number)]


def rate_ratio(metric: str, ours: Search, theirs: Search) -> Row:
    """The interval is what the brackets of the two searches leave open."""
    (held, failed), (their_held, their_failed) = ours.bracket, theirs.bracket
    return Row(metric, held / their_held, "ratio", held, their_held, 1, (held / their_failed, failed / their_held))


def generator(trials: Trials) -> list[Row]:
    """That the load generator and its watch are not what is measured."""
    mine = [t for t in trials if t.arm == "ours"]
    lags = [ms for t in mine for ms in t.seen.lags]
    starts = sum(len(t.seen.starts) for t in mine)
    return [Row("generator_lag_p99_ms", percentile(lags, 99), "ms", n=starts),
            Row("generator_cpu_per_start_ms", sum(t.seen.cpu_ms for t in mine) / starts, "ms", n=starts)]


def rows(trials: Trials, rates: Sequence[float], searches: dict[str, Search]) -> list[Row]:
    """RATES: the lowest, ..., the highest one, for each of which all arms were tried in each round."""
    low, high = min(rates), max(rates)
    fixed = [t for t in trials if t.rate in rates]
    made = [latency_ratio("p50_ratio_low", fixed, low, 50, "peer"), latency_ratio("p99_ratio_low", fixed, low, 99, "peer"),
            latency_ratio("p50_ratio", fixed, high, 50, "peer"), latency_ratio("p99_ratio", fixed, high, 99, "peer"),
            *writes(fixed)]
    if searches:
        made += [rate_ratio("rate_ratio", searches["ours"], searches["peer"]),
                 rate_ratio("rate_vs_bare", searches["ours"], searches["bare"])]
    return [*made,
            cost_ratio("cpu_ratio", fixed, high, lambda t: t.cpu_ms / len(t.seen.starts)),
            cost_ratio("rss_ratio", fixed, high, lambda t: t.rss_mib),
            latency_ratio("vs_bare_writes", fixed, low, 50, "bare"), *generator(fixed)]


def lines(trials: Trials) -> list[Line]:
    """Latency over rate, of all trials."""
    made = []
    for arm, colour in _COLOURS.items():
        for percent in (50, 99):
            points = [(rate, percentile(latencies(of(trials, arm, rate)), percent))
                      for rate in sorted({t.rate for t in trials if t.arm == arm})]
            made.append(Line(f"{arm} p{percent}", colour, points, dashed=percent == 99))
    return made
