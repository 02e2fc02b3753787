"""A proxy between a client and the API server that does to each request what a plan says, and remembers all of them.

It ends the client's TLS with a certificate of its own authority, and checks the API server's. Credentials pass through: they are
the client's own, in its headers. A watch is relayed as it comes.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from support import http1, relay
from support.certificates import Certificates
from support.faults import Call, Fault, Kind, Plan, call_of, nothing

RETRY_AFTER = 1  # seconds
# A watch is cut after FRACTION of so many bytes: somewhere within its first lines.
WATCH_BYTES = 8192

_REFUSALS = {Kind.ERROR: 500, Kind.UNAVAILABLE: 503, Kind.TOO_MANY: 429, Kind.CONFLICT: 409}


@dataclass
class Exchange:
    """One request and what came of it. CODE is the API server's answer, 0 without one; ANSWERED is what the client got."""

    call: Call
    fault: Kind | None = None
    code: int = 0
    answered: int = 0

    def __str__(self) -> str:
        return f"{self.call} -> {self.code}/{self.answered}" + (f" {self.fault.name}" if self.fault else "")


# Told of each write right before it is carried out (False) and right after (True), before the client knows. True breaks the
# connection there.
Boundary = Callable[[Call, bool], bool]


class FaultyProxy:
    """Runs in a thread of its own until stop(). What others read or set of it are single references."""

    def __init__(self, server: str, authority: str, folder: Path) -> None:
        """SERVER is the API server's https URL, AUTHORITY the PEM text by which it is checked."""
        address = urlsplit(server)
        self._target = (address.hostname, address.port)
        self._upstream = ssl.create_default_context(cadata=authority)
        self._folder, self._certificates = folder, Certificates(folder)
        self.exchanges: list[Exchange] = []
        self.boundary: Boundary | None = None
        self._plan: Plan = nothing
        self._clients: set[asyncio.Task] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener = self._call(self._listen())
        self.port = self._listener.sockets[0].getsockname()[1]

    def kubeconfig(self, token: str) -> Path:
        """That of a client with this bearer token."""
        cluster = {"server": f"https://localhost:{self.port}", "certificate-authority": str(self._certificates.authority)}
        path = self._folder / "proxy.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": cluster}], "users": [{"name": "proxy", "user": {"token": token}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}]}))
        return path

    def inject(self, plan: Plan) -> None:
        """From the next request on. Those under way go on as they began."""
        self._plan = plan

    def calm(self) -> None:
        """Every request is carried out and answered from now on, and no watch lags; what is met with silence stays so."""
        self._plan = nothing

    def cut(self) -> None:
        """Breaks every connection that is open now, watches among them."""
        self._call(self._cut())

    @property
    def connections(self) -> int:
        """How many clients have one open."""
        return len(self._clients)

    def mark(self) -> int:
        """For writes() and met(): from here on."""
        return len(self.exchanges)

    def writes(self, since: int = 0) -> list[Exchange]:
        """Leases aside: these are written for as long as somebody leads."""
        return [e for e in self.exchanges[since:] if e.call.writes and e.call.resource != "leases"]

    def met(self, since: int = 0) -> list[Exchange]:
        """Those that met a fault."""
        return [e for e in self.exchanges[since:] if e.fault]

    def stop(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._certificates.server(),
                                          limit=http1.LARGEST_HEAD)

    # In the loop's thread, where connections end as well: an asyncio.Server closed by another one may wake its waiters twice.
    async def _close(self) -> None:
        self._listener.close()
        await self._cut()

    async def _cut(self) -> None:
        """And waits until each has been broken; a client that comes meanwhile is not meant."""
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(task := asyncio.current_task())
        try:
            while head := await http1.read_head(reader):
                if not await self._exchange(reader, writer, head, await http1.read_body(reader, head)):
                    break
        except (OSError, http1.Broken, asyncio.CancelledError):
            pass  # either side went away, or cut(): so does the other
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader, writer, head: http1.Head, body: bytes) -> bool:
        """False when the connection is of no more use."""
        call = call_of(head.method, head.target, body)
        fault = self._plan(call)
        entry = Exchange(call, fault.kind if fault else None)
        self.exchanges.append(entry)
        if code := _refused_with(call, fault):
            return await self._refuse(writer, entry, code)
        if _goes_nowhere(call, fault):
            return await relay.silence(reader)
        if fault and fault.kind is Kind.DELAY and call.verb != "watch":
            await asyncio.sleep(fault.seconds)
        return await self._carry_out(reader, writer, entry, fault, head.raw + body)

    async def _carry_out(self, reader, writer, entry: Exchange, fault: Fault | None, request: bytes) -> bool:
        """On a connection of its own: one that the server has closed meanwhile would make a fault that nobody planned."""
        if self._is_broken(entry.call, False):
            return False
        up_reader, up_writer = await asyncio.open_connection(*self._target, ssl=self._upstream, limit=http1.LARGEST_HEAD)
        try:
            up_writer.write(request)
            answer = await http1.read_head(up_reader)
            if answer is None:
                return False
            entry.code = answer.status
            if fault and fault.kind in (Kind.LOSE_ANSWER, Kind.ERROR_AFTER):
                await http1.read_body(up_reader, answer)
            if self._is_broken(entry.call, True):
                return False
            if fault and fault.kind is Kind.LOSE_ANSWER:
                return await relay.silence(reader)
            if fault and fault.kind is Kind.ERROR_AFTER:
                return await self._refuse(writer, entry, 500)
            if fault and fault.kind is Kind.CUT:
                await relay.copy_some(answer, up_reader, writer, _first_bytes(answer, entry.call, fault.fraction))
                return False
            entry.answered = answer.status
            if entry.call.verb == "watch":
                await relay.copy_watch(answer, up_reader, reader, writer, self._lag(fault))
                return False
            await relay.copy(answer, up_reader, writer)
            return answer.has_length
        finally:
            up_writer.transport.abort()

    def _lag(self, fault: Fault | None) -> Callable[[], float]:
        seconds = fault.seconds if fault else 0
        return lambda: 0 if self._plan is nothing else seconds

    def _is_broken(self, call: Call, carried_out: bool) -> bool:
        boundary = self.boundary
        return bool(boundary and call.writes and boundary(call, carried_out))

    async def _refuse(self, writer, entry: Exchange, code: int) -> bool:
        entry.answered = code
        writer.write(http1.refusal(code, RETRY_AFTER if code == 429 else None))
        await writer.drain()
        return True


def _refused_with(call: Call, fault: Fault | None) -> int:
    """0 when it is not refused. Nothing comes after a watch was carried out: it is refused before."""
    if fault and fault.kind is Kind.ERROR_AFTER and call.verb == "watch":
        return 500
    return _REFUSALS.get(fault.kind, 0) if fault else 0


def _goes_nowhere(call: Call, fault: Fault | None) -> bool:
    return fault is not None and (fault.kind is Kind.LOSE_REQUEST or
                                  fault.kind is Kind.LOSE_ANSWER and call.verb == "watch")


def _first_bytes(answer: http1.Head, call: Call, fraction: float) -> int:
    """How much of a body comes before a cut: always less than all of one whose length is told."""
    whole = WATCH_BYTES if call.verb == "watch" else int(answer.headers.get("content-length", WATCH_BYTES))
    return int(whole * fraction)
