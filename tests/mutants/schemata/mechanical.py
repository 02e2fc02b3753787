"""The mutants that follow from the source itself: every guard, comparison and logical operator, changed in turn.

    if (C)             C made true (always), made false (never); of a declaration only the latter
    while (C)          C made false (never)
    C ? a : b          the other one (otherwise)
    a && b, a || b     each operand left out (without); outside of an `if` also always and never
    a < b, a >= b      the boundary moved (boundary)
    a == b, a != b, !a turned round (inverted), where nothing above changes it already
    std::min           std::max (extreme), and the reverse

What a harder mutant implies is not made: whoever notices that an operand is missing also notices `||` in the place of `&&`, and
whoever notices both always and never notices a negation.
"""

from __future__ import annotations

import collections
import re

from schemata.edits import Edit, Mutant
from schemata.syntax import Node

_MOVED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_EXTREMES = {"min": "max", "max": "min"}
_BINARY = ("BinaryOperator", "CXXOperatorCallExpr", "CXXRewrittenBinaryOperator")
_NEGATION = re.compile("!(?!=)")
_EXTREME = re.compile(r"std::(min|max)\b")

_ALWAYS = "(NUMBER || static_cast<bool>(", "))"
_NEVER = "(!NUMBER && static_cast<bool>(", "))"
_INVERTED = "(static_cast<bool>(", ") != NUMBER)"


def short(text: str) -> str:
    """On one line, and not too long to be a name."""
    line = " ".join(text.split())
    return line if len(line) <= 96 else line[:93] + "..."


class _Finder:
    def __init__(self, text: str):
        self.text = text
        self.found: dict[tuple[int, int, str], tuple[Node, Edit]] = {}
        self.changed: set[tuple[int, int]] = set()  # always and never, or without, are there

    def add(self, kind: str, node: Node, around: tuple[str, str]) -> None:
        # Once, though clang shows a lambda's body twice and a template's for each of its instances.
        self.found.setdefault((node.begin, node.end, kind), (node, Edit(node.begin, node.end, *around)))

    def add_guard(self, node: Node) -> None:
        self.changed.add((node.begin, node.end))
        self.add("always", node, _ALWAYS)
        self.add("never", node, _NEVER)

    def visit(self, node: Node) -> None:
        if node.kind == "IfStmt" and not node.facts.get("isConstexpr"):
            self.visit_if(node)
        elif node.kind == "WhileStmt":
            self.add("never", node.inner[0], _NEVER)
        elif node.kind == "ConditionalOperator":
            self.add("otherwise", node.inner[0], _INVERTED)
            self.changed.add((node.inner[0].begin, node.inner[0].end))
        elif node.kind == "UnaryOperator" and node.facts.get("opcode") == "!" and _NEGATION.match(self.text, node.begin):
            self.visit_inverted(node)
        elif node.kind == "CallExpr" and (called := _EXTREME.match(self.text, node.begin, node.end)):
            other = f"std::{_EXTREMES[called[1]]}" + self.text[called.end():node.end]
            self.add("extreme", node, (f"(NUMBER ? {other} : ", ")"))
        elif node.kind in _BINARY and (found := self.operands(node)):
            self.visit_binary(node, *found)
        for child in node.inner:
            self.visit(child)

    def visit_if(self, node: Node) -> None:
        parts = node.inner[1:] if node.facts.get("hasInit") else node.inner
        if not node.facts.get("hasVar"):
            self.add_guard(parts[0])
            return
        variable = next(child for child in parts[0].below() if child.kind == "VarDecl")
        self.add("never", variable, ("", f"; static_cast<bool>({variable.facts['name']}) && !NUMBER"))

    def visit_inverted(self, node: Node) -> None:
        if (node.begin, node.end) not in self.changed:
            self.add("inverted", node, _INVERTED)

    def operands(self, node: Node) -> tuple[Node, str, Node] | None:
        """Left, operator, right. By extents, since clang's tree of a rewritten or overloaded operator is not as written."""
        below = [child for child in node.below() if (child.begin, child.end) != (node.begin, node.end)]
        rights = [child for child in below if child.end == node.end]
        for left in (child for child in below if child.begin == node.begin):
            for right in rights:
                operator = self.text[left.end:right.begin].strip()
                if left.end < right.begin and operator in ("&&", "||", "==", "!=", *_MOVED):
                    return left, operator, right
        return None

    def visit_binary(self, node: Node, left: Node, operator: str, right: Node) -> None:
        if operator in _MOVED:
            moved = f"{self.text[left.begin:left.end]} {_MOVED[operator]} {self.text[right.begin:right.end]}"
            self.add("boundary", node, (f"(NUMBER ? ({moved}) : (", "))"))
        elif operator not in ("&&", "||"):
            self.visit_inverted(node)
        else:
            if (node.begin, node.end) not in self.changed:
                self.add_guard(node)
            for side in (left, right):
                self.visit_operand(side, operator)

    def visit_operand(self, side: Node, operator: str) -> None:
        self.changed.add((side.begin, side.end))
        # Of a chain each operand once: the left side of `a && b && c` is a chain of its own.
        inner = self.operands(side)
        if inner is None or inner[1] != operator:
            self.add("without", side, _ALWAYS if operator == "&&" else _NEVER)


def derive(file: str, text: str, tree: list[Node]) -> list[Mutant]:
    """In the order of TEXT, that of FILE."""
    finder = _Finder(text)
    for node in tree:
        finder.visit(node)
    mutants = []
    names: collections.Counter = collections.Counter()
    for (begin, _, kind), (node, edit) in sorted(finder.found.items(), key=lambda entry: entry[0]):
        words = short(text[node.begin:node.end])
        name = f"{file}: {node.function}: {kind}: {words}"
        names[name] += 1
        if names[name] > 1:
            name += f" #{names[name]}"
        mutants.append(Mutant(name, file, kind, text.count("\n", 0, begin) + 1, edit))
    return mutants
