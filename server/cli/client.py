"""A client for asyncio programs: connects, submits edits and follows them.

For `limn edit`, the installer and tests. `servers.py` finds or starts a server.

async with await connect(find() or await launch()) as session:
    async for message in session.submit(Submit(...)):
        ...                                       # the last one is Done, Failed or Cancelled
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp

from limn.protocol import (
    PROTOCOL_VERSION,
    Connection,
    ProtocolError,
    limits,
)
from limn.protocol.errors import RefusedByPeer
from limn.protocol.messages import (
    FINAL,
    Acknowledge,
    Cancel,
    ClientMessage,
    Hello,
    JobMessage,
    Message,
    Missing,
    Pixels,
    Queued,
    Resume,
    Submit,
    Welcome,
)

from .. import __version__
from .client_errors import (
    HANDSHAKE_SECONDS,
    REFUSED,
    ClientError,
    Full,
    changed,
    lost,
    unknown,
)
from .servers import Address

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPALIVE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""In seconds, and a count; the second is macOS's name of the first."""


async def connect(address: Address, client: str = f"limn {__version__}") -> ClientSession:
    """Connect and say hello.

    Waits until the server has looked at its model and device. Raises ClientError.
    """
    http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {address.token}"})
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            websocket = await http.ws_connect(
                address.url,
                max_msg_size=limits.MAX_FRAME_BYTES,
                compress=0,
                ssl=aiohttp.Fingerprint(bytes.fromhex(address.fingerprint))
                if address.fingerprint
                else True,
            )
    except (aiohttp.ClientError, TimeoutError) as error:
        await http.close()
        if isinstance(error, aiohttp.ServerFingerprintMismatch):
            raise changed(error) from error
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            raise await unknown(address.url) from error
        status = error.status if isinstance(error, aiohttp.WSServerHandshakeError) else None
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise Full(
                "The server has as many connections as it takes.",
                "Wait until some are done, or give it more (max_connections in limn.toml).",
            ) from error
        why = "does not answer" if status is None else f"refuses the connection (status {status})"
        remedy = (
            "Start it with `limn serve`."
            if status is None
            else "Its token may be of an earlier start: read the token file again."
        )
        code = None if status is None else REFUSED
        raise ClientError(f"The server {why}.", remedy, code) from error
    except BaseException:
        await http.close()
        raise
    _keep_alive(websocket)
    session = ClientSession(http, websocket)
    try:
        await session.greet(client)
    except BaseException:
        await session.close()
        raise
    return session


def _keep_alive(websocket: aiohttp.ClientWebSocketResponse) -> None:
    """Ends a connection that was cut with an error, within half a minute.

    Probes of TCP: a server that looks at its model answers no ping of the websocket.
    """
    connection = websocket.get_extra_info("socket")
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        option = getattr(socket, name, None)
        if option is not None:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)


class ClientSession:
    """One connection to a server.

    `welcome` tells its device, model, limits and algorithms.
    """

    welcome: Welcome

    def __init__(
        self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        self._http = http
        self._socket = socket
        self._connection = Connection("client")
        self._sending = asyncio.Lock()
        self._jobs: dict[str, asyncio.Queue[JobMessage | ClientError]] = {}
        self._ended: set[str] = set()
        self._held: set[str] = set()
        self._lost: ClientError | None = None
        self._reader: asyncio.Task[None] | None = None

    async def greet(self, client: str) -> None:
        """Hello and welcome; `connect` has done it already."""
        await self._send(Hello(PROTOCOL_VERSION, client))
        try:
            while not (messages := await self._receive()):
                pass
        except ProtocolError as error:
            raise ClientError(error.sentence, error.remedy) from error
        assert isinstance(messages[0], Welcome)  # the connection lets nothing else through
        self.welcome = messages[0]
        self._reader = asyncio.create_task(self._read())

    async def submit(self, submit: Submit) -> AsyncIterator[JobMessage]:
        """Sends an edit and follows it to its end.

        The end is acknowledged when the caller comes back from it for more. Raises ConnectionLost,
        or ProtocolError if it is invalid. Pixels that the server holds from an earlier edit are not
        sent again. Missing comes last if `submit` itself has no bytes.
        """
        short = replace(
            submit, pixels=self._short(submit.pixels), hint=submit.hint and self._short(submit.hint)
        )
        async with aclosing(self._follow(short)) as messages:
            async for message in messages:
                if isinstance(message, Missing) and submit.pixels.data is not None:
                    self._held.clear()
                    await self._send(submit)
                    continue
                yield message
                if isinstance(message, Missing):
                    return

    async def resume(self, job: str, last_seen: int = 0) -> AsyncIterator[JobMessage]:
        """Follow an edit that was submitted on an earlier connection.

        Raises ConnectionLost.
        """
        async with aclosing(self._follow(Resume(job, last_seen))) as messages:
            async for message in messages:
                yield message

    async def cancel(self, job: str) -> None:
        """Ask for an edit's end; whoever follows it gets Cancelled. Raises ConnectionLost."""
        if self._lost is not None:
            raise self._lost
        await self._send(Cancel(job))

    async def drop(self, job: str, seconds: float) -> None:
        """Cancels an edit that nobody follows here any more.

        The server forgets its end if that comes within `seconds`. Raises ConnectionLost.
        """
        inbox = self._jobs.setdefault(job, asyncio.Queue())
        try:
            if job not in self._ended:
                await self.cancel(job)
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        while job not in self._ended:
                            if isinstance(message := await inbox.get(), ClientError):
                                raise message
            if job in self._ended:
                await self._send(Acknowledge(job))
        finally:
            if self._jobs.get(job) is inbox:
                del self._jobs[job]

    def last_seen(self, job: str) -> int:
        """The number of the last message about a job, for `resume` on the next connection."""
        return self._connection.last_seen(job)

    async def close(self) -> None:
        """End the connection. Jobs go on; their results are kept for a while."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _follow(self, asked: Submit | Resume) -> AsyncGenerator[JobMessage]:
        """Asks, and gives the job's messages to its end.

        Missing is passed on and is not the end.
        """
        job = asked.job
        inbox = self._jobs[job] = (
            asyncio.Queue()
        )  # a new one: an earlier follower may not have ended properly
        if self._lost is not None:
            raise self._lost
        try:
            await self._send(asked)
            while True:
                message = await inbox.get()
                if isinstance(message, ClientError):
                    raise message
                if isinstance(message, Queued):
                    self._held.update(message.holds)
                yield message
                if isinstance(message, FINAL) and not isinstance(message, Missing):
                    await self._send(Acknowledge(job))
                    self._ended.discard(job)
                    return
        finally:
            if self._jobs.get(job) is inbox:
                del self._jobs[job]

    def _short(self, pixels: Pixels) -> Pixels:
        return pixels.held() if pixels.sha256 in self._held else pixels

    async def _send(self, message: ClientMessage) -> None:
        """Queue a message and write what is queued.

        Returns when it has been handed to the socket.
        """
        self._connection.send(message)
        async with self._sending:
            try:
                while (frame := self._connection.next_frame()) is not None:
                    await (
                        self._socket.send_str(frame)
                        if isinstance(frame, str)
                        else self._socket.send_bytes(frame)
                    )
            except ConnectionError as error:
                raise lost() from error

    async def _receive(self) -> list[Message]:
        frame = await self._socket.receive()
        if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise lost()
        return self._connection.receive(frame.data)

    async def _read(self) -> None:
        """Hand messages to whoever follows their jobs, until the connection ends."""
        try:
            while True:
                for message in await self._receive():
                    if isinstance(message, FINAL) and not isinstance(message, Missing):
                        self._ended.add(message.job)
                    inbox = self._jobs.get(getattr(message, "job", ""))
                    if inbox is not None:
                        # only job messages have a job
                        inbox.put_nowait(message)  # type: ignore[arg-type]
        except ClientError as error:
            self._lost = error
        except ProtocolError as error:
            self._lost = (
                ClientError(error.sentence, error.remedy)
                if isinstance(error, RefusedByPeer)
                else lost()
            )
            await self._socket.close(code=error.close_code)
        for inbox in self._jobs.values():
            inbox.put_nowait(self._lost)
