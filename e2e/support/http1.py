"""HTTP/1.1 messages on asyncio streams, byte for byte as they are on the wire: a relay must not change them.

Source: RFC 9112, sections 2.2 and 6.3.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

LARGEST_HEAD = 64 * 1024
PIECE = 64 * 1024


class Broken(Exception):
    """What came is no HTTP message, or the connection ended within one."""


@dataclass(frozen=True)
class Head:
    """A message's first line and headers. `raw` ends with the blank line; header names are in lower case."""

    raw: bytes
    words: tuple[str, str, str]
    headers: dict[str, str]

    @property
    def method(self) -> str:
        return self.words[0]

    @property
    def target(self) -> str:
        return self.words[1]

    @property
    def status(self) -> int:
        return int(self.words[1])

    @property
    def is_answer(self) -> bool:
        return self.words[0].startswith("HTTP/")

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def has_length(self) -> bool:
        """Whether another message can follow on the connection."""
        return self.is_chunked or "content-length" in self.headers


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """None where the connection ends, or breaks, between two messages."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if not end.partial:
            return None
        raise Broken("the connection ended within a head") from None
    except asyncio.LimitOverrunError:
        raise Broken(f"a head of more than {LARGEST_HEAD} bytes") from None
    except OSError:
        return None
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    words = (first.split(" ", 2) + ["", ""])[:3]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Head(raw, tuple(words), headers)


async def pieces(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """The body that follows HEAD, as it comes in: chunks with their framing, at most PIECE bytes at a time."""
    try:
        if head.is_answer and (head.status in (204, 304) or head.status < 200):
            return
        if head.is_chunked:
            async for piece in _chunks(reader):
                yield piece
        elif "content-length" in head.headers:
            async for piece in _exactly(reader, int(head.headers["content-length"])):
                yield piece
        elif head.is_answer:
            while piece := await reader.read(PIECE):
                yield piece
    except asyncio.IncompleteReadError:
        raise Broken("the connection ended within a body") from None


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes:
    return b"".join([piece async for piece in pieces(reader, head)])


async def _exactly(reader: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left:
        piece = await reader.readexactly(min(left, PIECE))
        left -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await reader.readuntil(b"\r\n")
        yield line
        size = int(line.split(b";")[0], 16)
        if size == 0:
            yield await reader.readuntil(b"\r\n")  # no server here sends trailers
            return
        async for piece in _exactly(reader, size + 2):
            yield piece


def refusal(code: int, retry_after: int | None = None) -> bytes:
    """The answer of an API server that refuses: a Status object."""
    words = HTTPStatus(code)
    reason = words.phrase.replace(" ", "")
    body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
                       "message": f"{words.phrase}, by the test"}).encode()
    later = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
    return (f"HTTP/1.1 {code} {words.phrase}\r\nContent-Type: application/json\r\n{later}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
