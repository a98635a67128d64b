"""One websocket around one protocol connection.

What the client asks becomes calls of the queue, what jobs say becomes frames.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from aiohttp import WSMsgType, web

from limn.protocol import PROTOCOL_VERSION, Connection, ProtocolError, limits
from limn.protocol.messages import (
    Acknowledge,
    Cancel,
    Cancelled,
    Failed,
    GetModels,
    Hello,
    JobMessage,
    Limits,
    ListModels,
    Message,
    Missing,
    ModelMessage,
    Pixels,
    Read,
    Reading,
    Refused,
    Resume,
    StopGetting,
    Submit,
    UseLoras,
    UseModels,
    Welcome,
)

from . import __version__
from .bounds import TooManyJobs
from .cache import ByteCache
from .engine import Engine, EngineError
from .jobs import Jobs
from .metrics import Metrics
from .model_desk import ModelDesk
from .reading import Reader
from .settings import Settings

log = logging.getLogger("limn.session")

MAX_ASKED = 4
"""Questions about models of one connection that are answered at a time."""

FAREWELL_SECONDS = 5.0
"""How long a closing connection may take to read why it is closed."""

LOOK_SECONDS = 1.0
"""Between looks whether the client is still there, while a worker starts."""

SOON = 0.001
"""Seconds to wait for a frame that is there already, or late."""


@dataclass(frozen=True)
class Context:
    """What all sessions of a server share.

    `pictures`: bytes of submitted pictures by user and hash.
    """

    settings: Settings
    engine: Engine
    jobs: Jobs
    pictures: ByteCache
    metrics: Metrics
    desk: ModelDesk


class ServerSession:
    """A client's connection, from its handshake to its end. Its jobs outlive it."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        context: Context,
        user: str = "",
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        """user: whose it is, "" this machine's own; gone: whether its transport has ended."""
        self._socket = socket
        self._gone = gone
        self._user = user
        self._context = context
        self._connection = Connection("server", self._admit)
        self._wake = asyncio.Event()
        self._pong: bytes | None = None  # what is still to be answered to a ping
        self._over = False
        self._greeted = False
        self._close_code = 1000
        self._breaking: asyncio.Task[None] | None = None
        self._reader = Reader(self.tell)
        self._runnable: tuple[str, ...] = ()
        self._asking: set[asyncio.Task[None]] = set()
        self._own: Mapping[str, str] = {}  # the model's choices of an algorithm
        self._writer = asyncio.create_task(self._write())

    async def run(self) -> None:
        """Serve until either side ends the connection."""
        try:
            await self._read()
        except ProtocolError as error:
            self._give_up(error)
        finally:
            self._context.jobs.leave(self.tell)
            self._context.desk.leave(self.tell)
            for task in self._asking:
                task.cancel()
            self._reader.close()
            await self._close()

    def tell(self, message: JobMessage | Reading | ModelMessage) -> None:
        """Send a message while the connection is up; a job keeps what comes after."""
        if not self._connection.open:
            return
        try:
            self._connection.send(message)
            self._wake.set()
        except ProtocolError as error:  # it does not read, or a number that it gave is at its limit
            self._give_up(error)
            self._breaking = asyncio.create_task(self._close())

    def _give_up(self, error: ProtocolError) -> None:
        """End the connection for an error, of which the client is told."""
        log.warning(
            "connection refused code=%s %s", error.code, str(dict(error.data))[: limits.MAX_LOGGED]
        )
        self._close_code = error.close_code
        if self._connection.open:
            self._connection.end(error)
        self._over = True
        self._wake.set()

    async def _close(self) -> None:
        """Lets the client read what is still to be said, and closes the socket."""
        self._over = True
        self._wake.set()
        await asyncio.wait((self._writer,), timeout=FAREWELL_SECONDS)
        self._writer.cancel()
        await self._socket.close(code=self._close_code)

    # --- the two directions -----------------------------------------------------------------------

    async def _read(self) -> None:
        # pings are answered by the writer, the latest only: else a client that reads nothing would
        # have the reader wait, and nobody would notice its end
        clock = asyncio.get_running_loop().time
        heard = clock()
        while True:
            settings = self._context.settings
            hurry = settings.upload_seconds if self._connection.inside_message else None
            seconds = hurry if self._greeted else settings.hello_seconds
            try:
                frame = await self._socket.receive(
                    None if seconds is None else max(SOON, heard + seconds - clock())
                )
            except TimeoutError:
                log.warning("connection that says nothing closed greeted=%s", self._greeted)
                return
            if frame.type == WSMsgType.PING:
                self._pong = bytes(frame.data)
                self._wake.set()
                continue
            if frame.type == WSMsgType.PONG:
                continue
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            heard = clock()
            for message in self._connection.receive(frame.data):
                await self._handle(message)
            self._context.jobs.arriving(self.tell, self._connection.receiving, self._user)
            if self._over:
                return

    async def _write(self) -> None:
        with suppress(ConnectionError):  # the reader notices as well
            while True:
                self._wake.clear()
                await self._answer_ping()
                while (frame := self._connection.next_frame()) is not None:
                    await (
                        self._socket.send_str(frame)
                        if isinstance(frame, str)
                        else self._socket.send_bytes(frame)
                    )
                    await self._answer_ping()
                    await asyncio.sleep(0)  # a client that reads fast never has us wait
                if self._over:
                    return
                await self._wake.wait()

    async def _answer_ping(self) -> None:
        if self._pong is not None:
            pong, self._pong = self._pong, None
            await self._socket.pong(pong)

    # --- what clients ask -------------------------------------------------------------------------

    async def _handle(self, message: Message) -> None:
        jobs, user = self._context.jobs, self._user
        if isinstance(message, Hello):
            await self._welcome(message)
        elif isinstance(message, Read):
            self._reader.read(message, self._runnable, self._own)
        elif isinstance(message, Submit):
            self._submit(message)
        elif isinstance(message, Cancel):
            if jobs.known(message.job, user):
                await jobs.cancel(message.job, self.tell, user)
            else:
                self.tell(Cancelled(message.job, 1))
        elif isinstance(message, Resume):
            if jobs.known(message.job, user):
                jobs.resume(message.job, message.last_seen, self.tell, user)
            else:
                sentence, remedy = (
                    "The server does not know this edit any more; it may have been restarted.",
                    "Start the edit again.",
                )
                self.tell(
                    Failed(message.job, message.last_seen + 1, "unknown-job", sentence, remedy)
                )
        elif isinstance(message, Acknowledge):
            jobs.acknowledge(message.job, user)
        elif isinstance(message, (ListModels, GetModels, StopGetting, UseModels, UseLoras)):
            if len(self._asking) >= MAX_ASKED:
                await asyncio.wait(self._asking, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._context.desk.handle(message, user, self.tell))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _welcome(self, hello: Hello) -> None:
        self._greeted = True
        describing = asyncio.ensure_future(self._context.engine.describe())
        while not describing.done():  # minutes, where a worker has still to start
            await asyncio.wait((describing,), timeout=LOOK_SECONDS)
            if self._gone():
                describing.add_done_callback(lambda task: task.cancelled() or task.exception())
                self._over = True
                return
        try:
            description = describing.result()
        except EngineError as error:
            self._connection.send(Refused("no-worker", error.sentence, error.remedy))
            self._over = True
            self._wake.set()
            return
        self._runnable = tuple(one.name for one in description.algorithms if not one.unavailable)
        self._own = description.auto
        taken = Limits(
            max_pixels=self._context.settings.max_pixels, max_jobs=self._context.settings.max_jobs
        )
        self._connection.send(
            Welcome(
                PROTOCOL_VERSION,
                f"Limn {__version__}",
                description.device,
                description.model,
                description.algorithms,
                taken,
                description.native_size,
            )
        )
        self._wake.set()
        log.info("connected user=%r client=%r", self._user, hello.client)

    def _submit(self, submit: Submit) -> None:
        context = self._context
        if context.jobs.known(submit.job, self._user):
            context.jobs.resume(submit.job, 0, self.tell, self._user)
            return
        pixels = self._found(submit.pixels)
        hint = None if submit.hint is None else self._found(submit.hint)
        named = [self._found(one.area.pixels) for one in submit.named]
        if pixels is None or (submit.hint is not None and hint is None) or None in named:
            self.tell(Missing(submit.job, 1))
            return
        holds = tuple(
            picture.sha256
            for picture in (pixels, hint)
            if picture is not None and self._key(picture) in context.pictures
        )
        masks = tuple(
            replace(one, area=replace(one.area, pixels=mask))
            for one, mask in zip(submit.named, named, strict=True)
            if mask is not None
        )
        found = replace(submit, pixels=pixels, hint=hint, named=masks)
        if self._takes(found):
            context.jobs.submit(found, self.tell, holds, self._user)

    def _admit(self, message: Message, size: int) -> bool:
        """Whether the pictures of an announced message are to be kept.

        As they come.
        """
        return not isinstance(message, Submit) or self._takes(message)

    def _takes(self, submit: Submit) -> bool:
        """Whether this is a new job for which there is room; if not, the client is told."""
        jobs, most = self._context.jobs, self._context.settings.max_pixels
        size = submit.pixels.width * submit.pixels.height
        if jobs.known(submit.job, self._user):
            jobs.resume(submit.job, 0, self.tell, self._user)
            return False
        if size > most:
            sentence = f"The picture has {size:,} pixels; this server takes {most:,}."
            remedy = "Select a smaller part of the layer."
            self.tell(Failed(submit.job, 1, "too-large", sentence, remedy))
            return False
        try:
            jobs.check_room(submit, self.tell, self._user)
        except TooManyJobs as error:
            remedy = "Wait until some are done, or cancel them."
            self.tell(Failed(submit.job, 1, "busy", str(error), remedy))
            return False
        return True

    def _found(self, pixels: Pixels) -> Pixels | None:
        """The picture with its bytes; None if they aren't there.

        Those that came with it, or those that are held by its hash.
        """
        if pixels.data is not None:
            self._context.pictures.put(self._key(pixels), pixels.data)
            return pixels
        data = self._context.pictures.get(self._key(pixels))
        return (
            replace(pixels, data=data)  # type: ignore[arg-type]  # what arrived is a bytearray
            if isinstance(data, (bytes, bytearray)) and len(data) == pixels.raw_size
            else None
        )

    def _key(self, pixels: Pixels) -> str:
        """A picture's name among those that are held: a user sees no other's."""
        return f"{self._user}/{pixels.sha256}"
