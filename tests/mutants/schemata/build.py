"""A copy of the checkout in which every mutant is compiled in, switched off."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from schemata import handmade, mechanical, syntax
from schemata.edits import Mutant, MutantError, weave

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "mutants"
SNAPSHOT = FOLDER / "snapshot"  # the sources as they are
TREE = FOLDER / "tree"  # ... with the mutants
PROGRAMS = FOLDER / "build"
HANDMADE = ROOT / "tests" / "mutants" / "handmade.yaml"

# Changed mechanically: what decides. A header is read as part of the source behind it.
DECIDING = {
    **{f"operator/sandbox/{name}.cc": None
       for name in ("plan", "status", "diagnose", "expiry", "resolve", "pod", "own", "restart", "volume", "warm",
                    "gate", "start_tracker")},
    **{f"operator/pool/{name}.cc": None for name in ("plan", "view", "status", "design", "idle")},
    **{f"operator/template/{name}.cc": None for name in ("plan", "effective", "revision")},
    **{f"operator/quota/{name}.cc": None for name in ("plan", "queue", "pods", "amount", "gate", "guard", "ledger", "book")},
    **{f"operator/policy/{name}.cc": None for name in ("plan", "profile")},
    **{f"src/runtime/{name}.cc": None for name in ("queue", "controller", "election", "event_book", "store")},
    "src/runtime/store.h": "src/runtime/store.cc",
    "src/kube/watcher.cc": None,
}


def _read(path: Path) -> str:
    # One character for each byte, as clang counts.
    return path.read_text(encoding="latin-1")


def _put(path: Path, content: bytes) -> None:
    """Leaves a file alone that is so already: it need not be compiled again."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _take_snapshot() -> set[str]:
    """The checkout as it is now, so that everything below sees the same. Returns its files."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        _put(SNAPSHOT / name, (ROOT / name).read_bytes())
    return names


def _configure() -> None:
    # With assertions, the library's among them: what a mutant does to memory is noticed, too.
    subprocess.run(["cmake", "--preset", "release", "-S", str(TREE), "-B", str(PROGRAMS), "-DCLOISTER_TESTS=ON",
                    "-DCLOISTER_SIM_SHARE=1", "-DCLOISTER_PROFILE=",
                    "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -D_GLIBCXX_ASSERTIONS", "--log-level=ERROR"],
                   cwd=TREE, check=True, stdout=subprocess.DEVNULL)
    # With the precompiled header the compiler reads a source in a second.
    subprocess.run(["ninja", "-C", str(PROGRAMS), "cloister_pch"], check=True, stdout=subprocess.DEVNULL)


def _mechanical(texts: dict[str, str]) -> list[Mutant]:
    commands = {entry["file"]: entry for entry in json.loads((PROGRAMS / "compile_commands.json").read_text(encoding="utf-8"))}
    mutants: list[Mutant] = []
    for file, behind in DECIDING.items():
        command = commands[str(TREE / (behind or file))]
        compiles = command["command"].replace(f"{TREE}/", f"{SNAPSHOT}/")
        tree = syntax.read(compiles, command["directory"], "cloister", SNAPSHOT / file)
        found = mechanical.derive(file, texts[file], tree)
        if not found:
            raise MutantError(f"{file}: nothing to change was found")
        mutants += found
    return mutants


def prepare() -> list[Mutant]:
    """Writes the sources with all mutants in them. Returns those, numbered; the ones made by hand come first."""
    files = _take_snapshot()
    entries = handmade.load(HANDMADE)
    texts = {file: _read(SNAPSHOT / file) for file in [*DECIDING, *(entry["file"] for entry in entries)]}
    for file in files:
        if file not in texts or not (TREE / file).exists():
            _put(TREE / file, (SNAPSHOT / file).read_bytes())
    _configure()
    mutants = [handmade.make(entry, texts[entry["file"]]) for entry in entries] + _mechanical(texts)
    for number, mutant in enumerate(mutants):
        mutant.number = number
    for file, text in texts.items():
        woven = weave(text, [mutant for mutant in mutants if mutant.file == file])
        _put(TREE / file, woven.encode("latin-1"))
    return mutants


def compile_all(targets: list[str], jobs: int) -> None:
    subprocess.run(["nice", "-n", "5", "ninja", "-C", str(PROGRAMS), f"-j{jobs}", *targets], check=True)
