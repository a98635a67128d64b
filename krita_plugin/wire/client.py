"""The wire to the server, in threads of its own.

What the panel wants goes in by a queue, what the server says comes out as Qt signals. Two threads:
the writer owns the connection's life (find or start a server, connect, reconnect) and writes; the
reader reads. Krita's main thread never waits for either, and is called by queued signals only.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...protocol import PROTOCOL_VERSION, Connection, ProtocolError, limits
from ...protocol.announcement import Announcement
from ...protocol.messages import (
    FINAL,
    Acknowledge,
    Cancel,
    Failed,
    Hello,
    Mask,
    Missing,
    Pixels,
    Queued,
    Read,
    Reading,
    Resume,
    Submit,
    Welcome,
)
from ...vendor.websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from ...vendor.websockets.sync.client import ClientConnection, connect
from ..catalogue import tr
from ..preview_data import GreyPicture, shrink
from ..qt import QObject, Signal
from ..state import Link, ServerList
from . import remote_server, server_process
from .remote_server import RemoteServer, RemoteServers, UnknownCertificate
from .server_process import Server, ServerTrouble

OPEN_SECONDS = 10.0
"""For the websocket's handshake on this machine."""

BUSY_SECONDS = 0.005
"""How long a thread moves frames before it sleeps for BREATH_SECONDS.

It releases the GIL at each frame, but too briefly for another thread to acquire it.
"""

BREATH_SECONDS = 0.001
"""How long it sleeps, so that Krita's main thread acquires the GIL."""

RETRY_SECONDS = (0.1, 0.3, 1.0, 2.0, 4.0)
"""Waits between attempts to reach a server that is still running.

After the last it is given up.
"""

REMOTE_RETRY_SECONDS = (0.1, 0.3, 1.0, 2.0, 4.0, *(8.0,) * 8)
"""The same for another machine: a network that is gone for a minute is waited for."""

STEADY_SECONDS = 10.0
"""A connection that lasted so long was a good one: the attempts are counted anew."""


@dataclass(frozen=True)
class Draft:
    """An edit to submit.

    Its pixels are still in the pieces in which they were read: they are joined and hashed outside
    the main thread.
    """

    submit: Callable[[Pixels, Pixels | None], Submit]
    job: str
    width: int
    height: int
    format: Any
    pixels: Sequence[bytes]
    hint: Sequence[bytes] | None


@dataclass(frozen=True)
class MaskLook:
    """A mask that the server sent, made small for the panel.

    `message` is the mask itself.
    """

    message: Mask
    picture: GreyPicture


@dataclass
class _Job:
    """An edit that has not ended.

    It is what a reconnect needs, or a server that has dropped its pixels.
    """

    message: Submit
    last_seen: int = 0


@dataclass(frozen=True)
class _Order:
    """What the main thread or the reader wants of the writer."""

    kind: str
    value: Any = None


@dataclass
class _Session:
    """One websocket and its protocol connection; the lock guards the latter."""

    socket: ClientConnection
    connection: Connection
    lock: threading.Lock = field(default_factory=threading.Lock)
    welcomed: bool = False


class Client(QObject):  # type: ignore[misc]
    """The panel's side of the wire.

    Every method returns at once; signals arrive on the main thread.
    """

    linked = Signal(object)
    """A Link: the connection's state, for the panel's last line."""
    welcomed = Signal(object)
    """A Welcome."""
    received = Signal(object)
    """A JobMessage, or a MaskLook in the place of a Mask."""
    read = Signal(object)
    """A Reading: how a sentence is understood."""
    servers = Signal(object)
    """A ServerList: the servers that are known, and the one that is used."""

    def __init__(self, resources: Sequence[Path], name: str) -> None:
        """Begins the client's thread.

        resources: Krita's folders that may hold limn/environment.json; the log goes into the first.
        name: of this program.
        """
        super().__init__()
        self._resources = tuple(resources)
        self._name = name
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._jobs: dict[str, _Job] = {}
        self._holds: set[str] = set()
        self._server: Server | None = None
        self._others = RemoteServers(resources[0])
        self._asked: RemoteServer | None = None
        self._closing = False
        self._stop_wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def connect_to_server(self) -> None:
        """Find or start a server, if there is no connection yet."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="limn writer", daemon=True)
            self._thread.start()
        self._orders.put(_Order("connect"))

    def submit(self, draft: Draft) -> None:
        self.connect_to_server()
        self._orders.put(_Order("submit", draft))

    def ask(self, question: Read) -> None:
        """How would this be understood? No connection is made for it."""
        self._orders.put(_Order("read", question))

    def cancel(self, job: str) -> None:
        self._orders.put(_Order("cancel", job))

    def acknowledge(self, job: str) -> None:
        self._orders.put(_Order("acknowledge", job))

    def use_server(self, url: str, token: str = "") -> None:
        """Use the server at this address from now on; "" is this computer's own.

        Without a token it is one that is known. Edits that run elsewhere end here.
        """
        known = self._others.known.get(url)
        self._change(RemoteServer(url, token) if token else known)

    def trust(self) -> None:
        """The certificate that was asked about is the right one."""
        if self._asked is not None:
            self._change(self._asked)

    def forget_server(self, url: str) -> None:
        """Forget a server, its token and its certificate.

        This computer's own is used then.
        """
        self._others.forget(url)
        self._change(None)

    def show_servers(self) -> None:
        """Tell which servers there are."""
        used, asked = self._others.used, self._asked
        self.servers.emit(
            ServerList(
                tuple(self._others.known),
                "" if used is None else used.url,
                "" if asked is None else asked.fingerprint,
            )
        )

    def _change(self, server: RemoteServer | None) -> None:
        self._asked = None
        try:
            self._others.use(server)
        except OSError as error:
            self._trouble(
                tr("The server can't be remembered: {error}.", error=str(error.strerror)), "", ""
            )
            return
        self.show_servers()
        self._stop_wanted.set()
        self._orders.put(_Order("stop"))
        self.connect_to_server()

    def stop_server(self) -> None:
        """End the connection, and the server if this Krita has started it."""
        self._stop_wanted.set()
        self._orders.put(_Order("stop"))

    def start_anew(self) -> bool:
        """End the server and start it again; False if this Krita has not started it."""
        if self._server is None:
            return False
        self._orders.put(_Order("stop"))
        self.connect_to_server()
        return True

    def close(self) -> None:
        """Krita ends: so does everything here."""
        self._closing = True
        self.stop_server()

    # --- the writer: one connection after the other -----------------------------------------------

    def _run(self) -> None:
        _live_through_broken_pipes()
        while not self._closing:
            order = self._orders.get()
            try:
                if order.kind == "stop":  # there is nothing left to stop
                    self._stop_wanted.clear()
                elif order.kind == "connect":
                    self._stay_connected()
                elif order.kind == "submit":
                    self._take(order.value)
                    self._stay_connected()
                elif order.kind == "cancel":
                    self._give_up(
                        "The edit was stopped before the server had it.", "", only=order.value
                    )
            except Exception as error:  # an edit whose wire has died would wait for ever
                details = "".join(
                    traceback.format_exception(type(error), error, error.__traceback__)
                )
                self._trouble(
                    "Something went wrong on the way to the Limn server.",
                    "Click here to connect again.",
                    details,
                )

    def _stay_connected(self) -> None:
        """Hold a connection until it is told to stop, or there is no server to be had."""
        attempt = 0
        address: Announcement | RemoteServer | None = None
        while not self._closing:
            begun = time.monotonic()
            waits = RETRY_SECONDS if self._others.used is None else REMOTE_RETRY_SECONDS
            try:
                if address is None:
                    address = self._others.used or self._find_or_start(look=attempt == 0)
                    begun = time.monotonic()
                if self._serve(address):
                    return
                reason = "The connection to the Limn server broke off."
            except UnknownCertificate as unknown:
                self._asked = unknown.server
                self._trouble(unknown.sentence, unknown.remedy, unknown.details)
                self.show_servers()
                return
            except ServerTrouble as trouble:
                if self._stop_wanted.is_set():
                    self._give_up("The Limn server was stopped.", "Press Edit to start it again.")
                    self._link(Link("off", "stopped"))
                    return
                self._trouble(trouble.sentence, trouble.remedy, trouble.details)
                return
            except ProtocolError as error:
                self._trouble(error.sentence, error.remedy, f"{error.code}: {dict(error.data)}")
                return
            except InvalidStatus as error:
                status = error.response.status_code
                if self._others.used is not None and status in remote_server.NOT_LET_IN:
                    self._trouble(*remote_server.not_let_in(status))
                    return
                reason = f"The Limn server refused the connection ({error})."
            except InvalidHandshake as error:
                reason = tr("The Limn server refused the connection ({error}).", error=str(error))
            except (OSError, WebSocketException) as error:
                reason = tr("The Limn server can't be reached ({error}).", error=str(error))
            if time.monotonic() - begun > STEADY_SECONDS:
                attempt = 0
            if self._server is not None and not self._server.running:
                details = self._server.last_words()
                self._server = None
                sentence = "The Limn server stopped while it worked on this edit."
                self._give_up(
                    sentence, "Your picture is as it was. Press Edit to try again.", details
                )
                address, attempt = None, 0
            elif attempt >= len(waits):
                again = (
                    "Click here to start it again."
                    if self._others.used is None
                    else tr("Look at the network, then click here to connect again.")
                )
                self._trouble(reason, again, reason)
                return
            else:
                if self._others.used is None and self._server is None and attempt:
                    # a server that somebody else had started, and that does not answer: start our
                    # own
                    address = None
                self._link(Link("starting", "connecting again"))
                if self._stop_wanted.wait(waits[attempt]):
                    self._give_up("The Limn server was stopped.", "Press Edit to start it again.")
                    self._link(Link("off", "stopped"))
                    return
                attempt += 1

    def _find_or_start(self, look: bool) -> Announcement:
        """A server's address.

        `look`: one that runs already will do; otherwise start our own.
        """
        address = server_process.find(self._resources) if look else None
        if address is not None:
            self._link(Link("starting", "connecting"))
            return address
        command = server_process.noted_command(self._resources)
        self._link(Link("starting", "starting the server"))
        self._holds.clear()
        self._server, address = server_process.start(
            command, self._resources[0] / "limn" / "server.log", self._is_wanted
        )
        return address

    def _is_wanted(self) -> bool:
        return not self._stop_wanted.is_set()

    def _serve(self, address: Announcement | RemoteServer) -> bool:
        """One connection, from its handshake to its end.

        Returns whether the end was wanted.
        """
        encrypted = None
        url = address.url
        if isinstance(address, RemoteServer):
            encrypted = remote_server.connect(address)
            url = url.replace("wss://", "ws://", 1)  # the socket given to it is encrypted already
        socket = connect(
            url,
            sock=encrypted,
            additional_headers={"Authorization": f"Bearer {address.token}"},
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=OPEN_SECONDS,
            # the server pings; while it loads a model, which takes minutes on a slow disk, it
            # answers nothing
            ping_interval=None,
            close_timeout=1,
            max_size=limits.MAX_FRAME_BYTES,
        )
        session = _Session(socket, Connection("client"))
        with socket:
            with session.lock:
                session.connection.send(Hello(PROTOCOL_VERSION, self._name))
            for name, job in tuple(self._jobs.items()):
                self._send_job(session, name, job)
            self._link(Link("starting", "connected; the server looks at its model"))
            reader = threading.Thread(
                target=self._read, args=(session,), name="limn reader", daemon=True
            )
            reader.start()
            return self._write(session)

    def _write(self, session: _Session) -> bool:
        """Writes what there is to write, and carries out orders.

        Until the reader reports the end (raises its error) or a stop comes.
        """
        breathed = time.monotonic()
        while True:
            with session.lock:
                frame = session.connection.next_frame() if session.connection.open else None
            if frame is not None:
                session.socket.send(frame)
                breathed = _breathe(breathed)
            try:
                order = self._orders.get(block=frame is None)
            except queue.Empty:
                continue
            if order.kind == "stop":
                self._stop(session)
                return True
            if order.kind == "ended":
                if order.value[0] is not session:
                    continue
                if order.value[1] is not None:
                    raise order.value[1]
                return False
            self._carry_out(order, session)

    def _carry_out(self, order: _Order, session: _Session) -> None:
        if order.kind == "submit":
            if (job := self._take(order.value)) is not None:
                self._send_job(session, order.value.job, job)
        elif order.kind == "resubmit" and order.value in self._jobs:
            with session.lock:
                session.connection.send(self._jobs[order.value].message)
        elif order.kind == "cancel" and order.value in self._jobs:
            with session.lock:
                session.connection.send(Cancel(order.value))
        elif order.kind == "read":
            with session.lock:
                session.connection.send(order.value)
        elif order.kind == "acknowledge":
            with session.lock:
                session.connection.send(Acknowledge(order.value))

    def _send_job(self, session: _Session, name: str, job: _Job) -> None:
        """Submits an edit, or goes on with one of which the server has spoken.

        One that it may never have had whole is submitted again.
        """
        try:
            with session.lock:
                session.connection.send(
                    Resume(name, job.last_seen)
                    if job.last_seen
                    else self._without_held(job.message)
                )
        except (
            ProtocolError
        ) as error:  # beyond a limit: nothing was queued, the connection is as good as before
            self._give_up(
                error.sentence, error.remedy, f"{error.code}: {dict(error.data)}", only=name
            )

    def _take(self, draft: Draft) -> _Job | None:
        """Joins and hashes a draft's pixels, and keeps it until its end.

        None where there is no memory for that; the edit's end is then told.
        """
        try:
            pixels = Pixels(draft.width, draft.height, draft.format, b"".join(draft.pixels))
            hint = (
                None
                if draft.hint is None
                else Pixels(draft.width, draft.height, "gray8", b"".join(draft.hint))
            )
            self._jobs[draft.job] = _Job(draft.submit(pixels, hint))
        except MemoryError:
            remedy = "Close other pictures, or select a smaller part."
            self.received.emit(
                Failed(
                    draft.job,
                    1,
                    "out-of-memory",
                    "There is not enough memory to send this layer.",
                    remedy,
                )
            )
            return None
        return self._jobs[draft.job]

    def _without_held(self, message: Submit) -> Submit:
        """The message with the pixels that the server holds already given by their hash."""
        pixels = message.pixels.held() if message.pixels.sha256 in self._holds else message.pixels
        hint = message.hint
        if hint is not None and hint.sha256 in self._holds:
            hint = hint.held()
        return replace(message, pixels=pixels, hint=hint)

    def _stop(self, session: _Session) -> None:
        self._stop_wanted.clear()
        self._holds.clear()
        session.socket.close()
        if self._server is not None:
            self._server.stop()
            self._server = None
        self._give_up("The Limn server was stopped.", "Press Edit to start it again.")
        self._link(Link("off", "stopped"))

    # --- the reader -------------------------------------------------------------------------------

    def _read(self, session: _Session) -> None:
        error: Exception | None = None
        breathed = time.monotonic()
        try:
            for frame in session.socket:
                with session.lock:
                    messages = session.connection.receive(frame)
                for message in messages:
                    if isinstance(message, Welcome):
                        self.welcomed.emit(message)
                    elif isinstance(message, Reading):
                        self.read.emit(message)
                    else:
                        self._hear(message, session)
                self._orders.put(_Order("look"))
                breathed = _breathe(breathed)
        except ProtocolError as problem:
            error = problem
            session.socket.close(problem.close_code, problem.code)
        except (OSError, WebSocketException):
            error = None  # the writer reconnects
        except Exception as problem:  # the writer tells the painter
            error = problem
        self._orders.put(_Order("ended", (session, error)))

    def _hear(self, message: Any, session: _Session) -> None:
        """A message about a job.

        Final ones end its keeping; the main thread acknowledges when the layer is safe.
        """
        job = self._jobs.get(message.job)
        if isinstance(message, Missing):
            self._holds.clear()
            self._orders.put(_Order("resubmit", message.job))
            return
        if isinstance(message, Queued):
            self._holds.update(message.holds)
        if job is not None:
            job.last_seen = message.seq
            if isinstance(message, Mask):
                size = job.message.pixels
                self.received.emit(MaskLook(message, shrink(message.area, size.width, size.height)))
                return
        if isinstance(message, FINAL):
            self._jobs.pop(message.job, None)
        self.received.emit(message)

    # --- ends -------------------------------------------------------------------------------------

    def _trouble(self, sentence: str, remedy: str, details: str) -> None:
        self._link(Link("trouble", sentence, details, remedy))
        self._give_up(sentence, remedy, details)

    def _give_up(self, sentence: str, remedy: str, details: str = "", only: str = "") -> None:
        """All jobs (or only one) end here, and the painter is told why."""
        for name, job in tuple(self._jobs.items()):
            if not only or name == only:
                del self._jobs[name]
                self.received.emit(
                    Failed(
                        name,
                        job.last_seen + 1,
                        "server-lost",
                        sentence,
                        f"{remedy}\n{details}".strip(),
                    )
                )

    def _link(self, link: Link) -> None:
        self.linked.emit(link)


def _live_through_broken_pipes() -> None:
    """Has a write to a broken connection raise its error.

    Here, and in the threads that this one starts. Where Python is embedded, as in Krita, nobody
    ignores SIGPIPE for it: the signal would end the whole program, at once and without a word. It
    goes to the thread that writes, so that holding it back there is enough, and leaves Krita's own
    dealing with it alone.
    """
    if hasattr(signal, "pthread_sigmask"):  # Windows has neither
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})


def _breathe(breathed: float) -> float:
    """Releases the GIL between two frames if this thread has run for long.

    Krita's main thread gets it then. Returns when it was last released.
    """
    if time.monotonic() - breathed < BUSY_SECONDS:
        return breathed
    time.sleep(BREATH_SECONDS)
    return time.monotonic()
