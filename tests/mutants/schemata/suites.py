"""The test programs, cheapest first, and what each says of one mutant."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from schemata.build import FOLDER, PROGRAMS
from schemata.edits import MutantError

_LARGEST_BYTES = 4 << 30  # of address space: a mutant may allocate without end


@dataclass(frozen=True)
class Suite:
    name: str
    program: str  # below the build folder
    arguments: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        return Path(self.program).name


def _tests(name: str, program: str, chosen: str = "*") -> Suite:
    return Suite(name, program, (f"--gtest_filter={chosen}", "--gtest_fail_fast"))


UNIT = [
    _tests("operator", "tests/unit/operator/operator_test"),
    _tests("runtime", "tests/unit/runtime/runtime_test"),
    _tests("kube", "tests/unit/kube/kube_test", "*Watcher*"),
]
STORIES = _tests("stories", "tests/sim/sim_test", "*FoundBugsStayFixed:*AnyWrite*")


def seeds(first: int, count: int) -> Suite:
    return Suite("seeds", "tests/sim/cloister-sim", ("--first-seed", str(first), "--seeds", str(count)))


@dataclass(frozen=True)
class Verdict:
    suite: str
    killer: str  # the test or the broken promise; "" when nothing was noticed
    seconds: float
    failures: int = 0  # seeds that failed; 0 also when it did not come to their end


def _first_failure(output: str, how: str) -> str:
    """In GoogleTest's words: what failed, or else what was running when it ended so."""
    if failed := re.search(r"^\[  FAILED  \] ([\w/.]+)", output, re.MULTILINE):
        return failed[1]
    running = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    return f"{running[-1]} ({how})" if running else how


def _first_violation(output: str, how: str) -> str:
    """In cloister-sim's words, without the names of objects."""
    found = re.search(r"^seed \d+ \([^)]*\): (?!all is well)([^:\n]+)", output, re.MULTILINE)
    return found[1].strip() if found else how


def _environment(**more: str) -> dict[str, str]:
    """Ours, but for what would have GoogleTest report these failures as such."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("GTEST_")}, **more}


def run(suite: Suite, number: int, cpu_seconds: int) -> Verdict:
    """With mutant NUMBER at work. What takes longer than CPU_SECONDS is noticed, too."""
    limited = ["prlimit", f"--cpu={cpu_seconds}", f"--as={_LARGEST_BYTES}", "--core=0"]
    began = time.monotonic()
    try:
        done = subprocess.run([*limited, str(PROGRAMS / suite.program), *suite.arguments],
                              env=_environment(CLOISTER_MUTANT=str(number)), check=False, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=30 * cpu_seconds)
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return Verdict(suite.name, "hangs", time.monotonic() - began)
    took = time.monotonic() - began
    if code == 0:
        return Verdict(suite.name, "", took)
    how = "takes too long" if code == -signal.SIGXCPU else "aborts"
    if suite.name != "seeds":
        return Verdict(suite.name, _first_failure(output, how), took)
    failures = re.search(r"^\d+ seeds, (\d+) failed", output, re.MULTILINE)
    return Verdict(suite.name, _first_violation(output, how), took, int(failures[1]) if failures else 0)


@dataclass(frozen=True)
class Baseline:
    """A suite without any mutant at work."""

    met: frozenset[int]  # the mutants whose place it passes: it can tell of no other
    cpu_seconds: int  # to give it with a mutant


def baseline(suite: Suite) -> Baseline:
    """Raises when the suite fails, or is empty: then it says nothing of mutants."""
    met = FOLDER / f"met-{suite.name}"
    met.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(PROGRAMS / suite.program), *suite.arguments],
                          env=_environment(CLOISTER_MUTANTS_MET=str(met)), check=False, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise MutantError(f"{suite.name} fails without any mutant at work:\n{done.stdout[-3000:]}")
    if "] 0 tests from " in done.stdout:
        raise MutantError(f"{suite.name} has no test any more: {' '.join(suite.arguments)}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Baseline(frozenset(map(int, met.read_text(encoding="ascii").split())), int(3 * used) + 3)
