"""Which suite notices which mutant."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from dataclasses import dataclass, field

from schemata.edits import Mutant
from schemata.suites import STORIES, UNIT, Baseline, Suite, Verdict, baseline, run, seeds


@dataclass
class Finding:
    mutant: Mutant
    verdicts: list[Verdict] = field(default_factory=list)  # of the suites that pass its place, as far as they were run

    @property
    def killers(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.killer]

    @property
    def killed(self) -> bool:
        return bool(self.killers)

    @property
    def seconds(self) -> float:
        return sum(verdict.seconds for verdict in self.verdicts)


class Survey:
    """SEED_COUNT seeds are the last suite. A mutant made by hand is shown to every suite, others until one notices them."""

    def __init__(self, seed_count: int):
        self.seed_count = seed_count
        self.all_seeds = seeds(1, seed_count)
        self.baselines: dict[str, Baseline] = {}

    def begin(self) -> None:
        for suite in [*UNIT, STORIES, self.all_seeds]:
            self.baselines[suite.name] = baseline(suite)

    def _suites(self, mutant: Mutant) -> list[Suite]:
        if mutant.kind == "by hand":
            return [*UNIT, STORIES, self.all_seeds]
        # Few at first: most of what seeds find at all, they find soon.
        some = min(100, self.seed_count)
        return [*UNIT, STORIES, seeds(1, some), seeds(some + 1, self.seed_count - some)]

    def examine(self, mutant: Mutant) -> Finding:
        finding = Finding(mutant)
        for suite in self._suites(mutant):
            known = self.baselines[suite.name]
            if mutant.number not in known.met:
                continue
            finding.verdicts.append(run(suite, mutant.number, known.cpu_seconds))
            if finding.killed and mutant.kind != "by hand":
                break
        return finding

    def examine_all(self, mutants: list[Mutant], jobs: int, told: Callable[[Finding], None]) -> list[Finding]:
        """In the order of MUTANTS. TOLD hears of each as soon as it is known."""
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            running = [pool.submit(self.examine, mutant) for mutant in mutants]
            for done in concurrent.futures.as_completed(running):
                told(done.result())
        return [done.result() for done in running]
