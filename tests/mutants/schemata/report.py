"""What a survey found: for the terminal, as JSON, and as the table in docs/reliability.md."""

from __future__ import annotations

import collections
import dataclasses
import json
from pathlib import Path

import yaml

from schemata.edits import MutantError
from schemata.survey import Finding

BEGIN = "<!-- Written by `tests/mutants/mutants --docs`. -->"
END = "<!-- Until here. -->"
LEAST = 0.95  # of the mutants are killed


def known_survivors(path: Path) -> dict[str, str]:
    """Why, by name."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    for entry in entries:
        if set(entry) != {"names", "why"} or not entry["why"].strip():
            raise MutantError(f"{path.name}: each entry has `names` and `why`: {entry}")
    return {name: " ".join(entry["why"].split()) for entry in entries for name in entry["names"]}


def line(finding: Finding) -> str:
    how = "; ".join(f"{verdict.suite}: {verdict.killer}" for verdict in finding.killers)
    state = f"killed in {finding.seconds:.1f} s by {how}" if finding.killed else f"SURVIVED {finding.seconds:.1f} s"
    if not finding.verdicts:
        state = "SURVIVED, no suite comes by"
    return f"{finding.mutant.name}  [{finding.mutant.file}:{finding.mutant.line}]\n    {state}"


def by_file(findings: list[Finding]) -> str:
    """A table of figures."""
    rows = []
    for file in dict.fromkeys(finding.mutant.file for finding in findings):
        here = [finding for finding in findings if finding.mutant.file == file]
        first = collections.Counter(finding.killers[0].suite for finding in here if finding.killed)
        unit = sum(first[name] for name in ("operator", "runtime", "kube"))
        killed = sum(first.values())
        figures = f"{len(here):8} {killed:8} {unit:6} {first['stories']:8} {first['seeds']:6} {len(here) - killed:9}"
        rows.append(f"{file:32} {figures}")
    head = f"{'file':32} {'mutants':>8} {'killed':>8} {'unit':>6} {'stories':>8} {'seeds':>6} {'survivors':>9}"
    return "\n".join([head, *rows])


def write_json(path: Path, findings: list[Finding], known: dict[str, str]) -> None:
    entries = [{"name": finding.mutant.name, "file": finding.mutant.file, "line": finding.mutant.line,
                "kind": finding.mutant.kind, "bug": finding.mutant.bug,
                "killed": finding.killed, "seconds": round(finding.seconds, 2),
                "verdicts": [dataclasses.asdict(verdict) for verdict in finding.verdicts],
                **({"why": known.get(finding.mutant.name, "")} if not finding.killed else {})}
               for finding in findings]
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def _cell(finding: Finding, suites: tuple[str, ...], show) -> str:
    found = [verdict for verdict in finding.killers if verdict.suite in suites]
    return show(found[0]) if found else "-"


def table(findings: list[Finding], seed_count: int) -> str:
    """Those made by hand, in Markdown."""
    rows = [f"| mutant | brings back | unit test | stories | seeds of {seed_count} |", "|---|---|---|---|---|"]
    for finding in findings:
        if finding.mutant.kind != "by hand":
            continue
        unit = _cell(finding, ("operator", "runtime", "kube"), lambda verdict: f"`{verdict.killer}`")
        stories = _cell(finding, ("stories",), lambda verdict: "yes")
        found = _cell(finding, ("seeds",), lambda verdict: f"{verdict.failures or ''} {verdict.killer}".strip())
        rows.append(f"| {finding.mutant.name} | {finding.mutant.bug} | {unit} | {stories} | {found} |")
    return "\n".join(rows)


def write_docs(path: Path, text: str) -> None:
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MutantError(f"{path}: has no place between '{BEGIN}' and '{END}'")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def complaints(findings: list[Finding], known: dict[str, str]) -> list[str]:
    """What keeps a whole survey from being good."""
    survivors = {finding.mutant.name for finding in findings if not finding.killed}
    rate = 1 - len(survivors) / len(findings)
    found = [f"survived, and survivors.yaml has no reason: {name}" for name in sorted(survivors - set(known))]
    found += [f"survivors.yaml names what does not survive, or is no longer there: {name}"
              for name in sorted(set(known) - survivors)]
    if rate < LEAST:
        found.append(f"only {rate:.1%} are killed, not {LEAST:.0%}")
    return found
