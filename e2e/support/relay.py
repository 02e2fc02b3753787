"""How an answer gets from one connection to another: whole, in part, late, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from support import http1


async def silence(reader: asyncio.StreamReader) -> bool:
    """Until the client gives up."""
    await reader.read(1)
    return False


async def copy(answer: http1.Head, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer.raw)
    await writer.drain()
    async for piece in http1.pieces(upstream, answer):
        writer.write(piece)
        await writer.drain()


async def copy_watch(answer: http1.Head, upstream, reader, writer, lag: Callable[[], float]) -> None:
    """Until either side ends it: a watch may have nothing to say for minutes after its client has gone."""
    queue: asyncio.Queue = asyncio.Queue()
    writer.write(answer.raw)
    tasks = [asyncio.ensure_future(work) for work in (_take(answer, upstream, queue, lag), _give(queue, writer), reader.read(1))]
    taking, *ends = tasks
    taking.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (*done, *([taking] if taking.done() else [])):
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _take(answer: http1.Head, upstream, queue: asyncio.Queue, lag: Callable[[], float]) -> None:
    clock = asyncio.get_running_loop().time
    async for piece in http1.pieces(upstream, answer):
        queue.put_nowait((clock() + lag(), piece))


async def _give(queue: asyncio.Queue, writer: asyncio.StreamWriter) -> None:
    """Each piece when it is due: a lag is no bottleneck."""
    clock = asyncio.get_running_loop().time
    while (entry := await queue.get()) is not None:
        due, piece = entry
        await asyncio.sleep(due - clock())
        writer.write(piece)
        await writer.drain()


async def copy_some(answer: http1.Head, upstream, writer, left: int) -> None:
    """The head, and LEFT bytes of what follows it."""
    writer.write(answer.raw)
    async for piece in http1.pieces(upstream, answer):
        writer.write(piece[:left])
        await writer.drain()
        left -= len(piece)
        if left <= 0:
            return
