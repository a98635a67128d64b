"""What a stranger may take up before the token is shown.

Few connections, for a short time. Any program on this machine can connect. Until a connection has
shown the token it counts as a stranger's: it has seconds for its headers, and where strangers
become too many one is put out, the oldest of the address that has the most of them. So whoever
knocks with the token in the hand is always heard: its request comes with the connection, and is
read before so many others can have come.

aiohttp has no such bounds; it waits for headers as long as they take, on any number of connections.
TLS is begun here, and not by asyncio's own server, for the same reason: a connection that says
nothing counts from its first moment.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger("limn.door")

HEADER_SECONDS = 5.0
"""Seconds from the connection to the end of its headers.

An honest client sends them at once.
"""

MOST_STRANGERS = 64
"""Connections without the token at a time. Honest ones are there for milliseconds."""

SHARE_OF_HANDLES = 4
"""The fraction of this process's file handles that strangers may take."""

ACCEPTED_AT_ONCE = 16
"""Connections that asyncio takes from the system at once.

Before anybody looks at them: each is a handle.
"""

WAITING_OUTSIDE = 128
"""Connections that the system holds until they are taken."""


class Door:
    """Connections that have not shown the token yet, the oldest first."""

    def __init__(self, most: int | None = None, seconds: float = HEADER_SECONDS) -> None:
        """most: at a time; as many as the handles of this process allow, if not given."""
        self.most = _most_strangers() if most is None else most
        self._seconds = seconds
        self._strangers: dict[asyncio.BaseTransport, tuple[asyncio.TimerHandle, str]] = {}

    def watched(
        self, protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
    ) -> Callable[[], asyncio.Protocol]:
        """The same factory of protocols, with each connection a stranger at first.

        tls: encrypt all that the protocol reads and writes.
        """
        if tls is None:
            return lambda: _Doorstep(self, protocol())
        return lambda: _TlsDoorstep(self, protocol(), tls)

    def let_in(self, transport: asyncio.BaseTransport | None) -> None:
        """The connection has shown the token."""
        known = None if transport is None else self._strangers.pop(transport, None)
        if known is not None:
            known[0].cancel()

    def knock(self, transport: asyncio.Transport) -> None:
        """Takes a new connection.

        Where there are too many, those that are over go, or else the oldest of the address that has
        the most: whoever floods from one puts out nobody elsewhere.
        """
        if len(self._strangers) >= self.most:
            for other in [other for other in self._strangers if other.is_closing()]:
                self.let_in(other)
        if len(self._strangers) >= self.most:
            counts = Counter(address for _, address in self._strangers.values())
            most = max(counts.values())
            first = next(
                one for one, (_, address) in self._strangers.items() if counts[address] == most
            )
            self._put_out(first, "too many connections without the token")
        later = asyncio.get_running_loop().call_later
        timer = later(self._seconds, self._put_out, transport, "no token in time")
        self._strangers[transport] = (timer, _address(transport))

    def _put_out(self, transport: asyncio.BaseTransport, why: str) -> None:
        self.let_in(transport)
        if isinstance(transport, asyncio.Transport) and not transport.is_closing():
            log.warning("connection put out because=%r", why)
            transport.abort()


class _Doorstep(asyncio.Protocol):
    """Tells the door of a connection, and leaves it to its protocol."""

    def __init__(self, door: Door, inside: asyncio.Protocol) -> None:
        self._door = door
        self._inside = inside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._door.knock(transport)
        transport.set_protocol(self._inside)
        self._inside.connection_made(transport)


class _TlsDoorstep(asyncio.Protocol):
    """Tells the door of a connection, and shakes hands before its protocol has it."""

    def __init__(self, door: Door, inside: asyncio.Protocol, context: ssl.SSLContext) -> None:
        self._door = door
        self._inside = inside
        self._context = context
        self._early: list[bytes] = []
        self._ended = False
        self._shaking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._door.knock(transport)
        self._shaking = asyncio.create_task(self._shake(transport))

    def data_received(self, data: bytes) -> None:
        """What is decrypted in the moment before the protocol has its transport."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True

    async def _shake(self, raw: asyncio.Transport) -> None:
        try:
            transport = await asyncio.get_running_loop().start_tls(
                raw, self, self._context, server_side=True, ssl_handshake_timeout=HEADER_SECONDS
            )
        except (OSError, TimeoutError) as error:  # SSLError is an OSError
            log.info("no TLS because=%s", type(error).__name__)
            return
        finally:
            self._door.let_in(raw)
        if transport is None or self._ended:
            return
        self._door.knock(transport)
        transport.set_protocol(self._inside)
        self._inside.connection_made(transport)
        for data in self._early:
            self._inside.data_received(data)


def _address(transport: asyncio.BaseTransport) -> str:
    """Where a connection comes from; "" where nothing tells."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


def trouble_in_one_line(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception handler for the event loop.

    asyncio's own writes a traceback for each connection that the system has no handle for, some
    hundred a second.
    """
    error = context.get("exception")
    if isinstance(error, OSError):
        log.error("%s because=%r", context.get("message"), error.strerror or error)
    else:
        loop.default_exception_handler(context)


def without_what_was_sent(record: logging.LogRecord) -> bool:
    """A filter of aiohttp's log: a request that is no HTTP is one line, unquoted.

    aiohttp's own writes a traceback, and of some requests what was sent: that may be a token.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "request refused because=%s", (type(error).__name__,)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _most_strangers() -> int:
    if sys.platform == "win32":
        return MOST_STRANGERS
    import resource

    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if handles == resource.RLIM_INFINITY:
        return MOST_STRANGERS
    return max(1, min(MOST_STRANGERS, handles // SHARE_OF_HANDLES))
