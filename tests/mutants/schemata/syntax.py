"""The syntax tree of one source, as clang prints it, with extents into the source's text."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_FUNCTIONS = ("FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl")


@dataclass
class Node:
    kind: str
    begin: int
    end: int
    function: str  # the named function that it is in, or ""
    facts: dict  # what clang says of it
    inner: list[Node] = field(default_factory=list)

    def below(self):
        """This node and all under it."""
        yield self
        for child in self.inner:
            yield from child.below()


class _Reader:
    """Turns clang's JSON into nodes of one file. Clang names the file of a place only when it is another than the last one's."""

    def __init__(self, file: Path):
        self.file = str(file)
        self.current = ""

    def _place(self, place: dict) -> tuple[int, int] | None:
        """(begin, end) of the token there, None in another file or in a macro."""
        if "expansionLoc" in place:
            self._place(place["spellingLoc"])
            self._place(place["expansionLoc"])
            return None
        self.current = place.get("file", self.current)
        if "offset" not in place or self.current != self.file:
            return None
        return place["offset"], place["offset"] + place["tokLen"]

    def nodes(self, tree: dict, function: str) -> list[Node]:
        """TREE as one node, or what is under it where it has no extent in this file itself."""
        self._place(tree.get("loc", {}))
        extent = tree.get("range", {})
        begin, end = self._place(extent.get("begin", {})), self._place(extent.get("end", {}))
        kind = tree.get("kind", "")
        if kind in _FUNCTIONS and tree.get("name", "operator()") != "operator()":
            function = tree["name"]
        inner = [node for child in tree.get("inner", []) for node in self.nodes(child, function)]
        # What is computed while compiling cannot be switched at run time.
        if tree.get("constexpr") or kind in ("StaticAssertDecl", "ConstantExpr"):
            return []
        if begin is None or end is None:
            return inner
        facts = {key: value for key, value in tree.items() if key not in ("inner", "loc", "range")}
        return [Node(kind, begin[0], end[1], function, facts, inner)]


def _documents(text: str):
    decoder = json.JSONDecoder()
    position = text.find("{")
    while position != -1:
        document, end = decoder.raw_decode(text, position)
        yield document
        position = text.find("{", end)


def read(command: str, folder: str, namespace: str, file: Path) -> list[Node]:
    """The nodes of FILE within NAMESPACE, where COMMAND, run in FOLDER, compiles FILE or what includes it."""
    words = shlex.split(command)
    words = [word for i, word in enumerate(words) if word not in ("-c", "-o", "-Werror") and words[i - 1] != "-o"]
    words += ["-w", "-fsyntax-only", "-Xclang", "-ast-dump=json", "-Xclang", f"-ast-dump-filter={namespace}"]
    dump = subprocess.run(words, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    reader = _Reader(file)
    return [node for document in _documents(dump) for node in reader.nodes(document, "")]
