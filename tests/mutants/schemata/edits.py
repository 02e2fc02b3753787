"""What a mutant is, and how all of them share one text.

A mutant only adds text around a range of the original: `a < b` becomes `(on(7) ? (a <= b) : (a < b))`. So mutants nest as
expressions do, and all of them are compiled at once; an environment variable says which one is at work.
"""

from __future__ import annotations

from dataclasses import dataclass

PREAMBLE = """#include "tests/mutants/mutant.h"
#pragma clang diagnostic ignored "-Weverything"
#line 1
"""


class MutantError(Exception):
    """What is asked for cannot be done; the message says why."""


@dataclass(frozen=True)
class Edit:
    """BEFORE and AFTER go around text[begin:end]. NUMBER in them asks whether this mutant is at work."""

    begin: int
    end: int
    before: str
    after: str


@dataclass
class Mutant:
    name: str
    file: str  # from the checkout's root
    kind: str  # "by hand", or the mechanical change
    line: int
    edit: Edit
    bug: str = ""  # what one made by hand brings back
    number: int = -1  # set once all are known

    def asks(self, text: str) -> str:
        return text.replace("NUMBER", f"::cloister::mutants::on({self.number})")


def weave(text: str, mutants: list[Mutant]) -> str:
    """TEXT with all MUTANTS in it."""
    out: list[str] = []
    within: list[Mutant] = []
    position = 0

    def copy(until: int) -> None:
        nonlocal position
        out.append(text[position:until])
        position = until

    def leave(until: int) -> None:
        while within and within[-1].edit.end <= until:
            mutant = within.pop()
            copy(mutant.edit.end)
            out.append(mutant.asks(mutant.edit.after))

    for mutant in sorted(mutants, key=lambda one: (one.edit.begin, -one.edit.end)):
        leave(mutant.edit.begin)
        if within and within[-1].edit.end < mutant.edit.end:
            raise MutantError(f"{mutant.name}: ends within {within[-1].name}; change a whole expression or statement")
        copy(mutant.edit.begin)
        out.append(mutant.asks(mutant.edit.before))
        within.append(mutant)
    leave(len(text))
    return PREAMBLE + "".join(out) + text[position:]
