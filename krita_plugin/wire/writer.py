"""The thread that owns the connection's life, and writes.

It finds or starts a server, connects, connects again, and carries out orders from a queue.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from ...protocol import ProtocolError
from ...protocol.announcement import Announcement
from ...protocol.messages import (
    Acknowledge,
    Cancel,
    Failed,
    Resume,
)
from ...vendor.websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from ..panel_values import Link, ServerList
from ..translations import tr
from . import remote_server, server_process
from .installation import packaged_wheel
from .pulse import ASK_SECONDS, Pulse
from .reader import Reader
from .remote_server import RemoteServer, RemoteServers, UnknownCertificate
from .server_process import NotInstalled, Server, ServerTrouble
from .session import Session, breathe, live_through_broken_pipes
from .signals import Order, Signals
from .submitted import Draft, SubmittedJob, SubmittedJobs

RETRY_SECONDS = (0.1, 0.3, 1.0, 2.0, 4.0)
"""Waits between attempts to reach a server that is still running.

After the last it is given up.
"""

REMOTE_RETRY_SECONDS = (0.1, 0.3, 1.0, 2.0, 4.0, *(8.0,) * 8)
"""The same for another machine: a network that is gone for a minute is waited for."""

STEADY_SECONDS = 10.0
"""A connection that lasted so long was a good one: the attempts are counted anew."""


class Writer:
    """The connection's life, and what is written on it.

    orders: what the main thread or the reader wants. servers: those on other machines. asked: the
    one whose certificate the painter has to say something of. own: the server that this Krita has
    started.
    """

    def __init__(self, resources: Sequence[Path], name: str, signals: Signals) -> None:
        self._resources = tuple(resources)
        self._name = name
        self._signals = signals
        self.orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._jobs = SubmittedJobs()
        self.own: Server | None = None
        self.servers = RemoteServers(resources[0])
        self.asked: RemoteServer | None = None
        self.closing = False
        self.stop_wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin the thread, if it does not run."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="limn writer", daemon=True)
            self._thread.start()

    def show_servers(self) -> None:
        """Tell which servers there are."""
        used, asked = self.servers.used, self.asked
        self._signals.servers.emit(
            ServerList(
                tuple(self.servers.known),
                "" if used is None else used.url,
                "" if asked is None else asked.fingerprint,
            )
        )

    # --- one connection after the other -----------------------------------------------------------

    def _run(self) -> None:
        live_through_broken_pipes()
        while not self.closing:
            order = self.orders.get()
            try:
                if order.kind == "stop":  # there is nothing left to stop
                    self.stop_wanted.clear()
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
                self.trouble(
                    "Something went wrong on the way to the Limn server.",
                    "Click here to connect again.",
                    details,
                )

    def _stay_connected(self) -> None:
        """Hold a connection until it is told to stop, or there is no server to be had."""
        attempt = 0
        address: Announcement | RemoteServer | None = None
        while not self.closing:
            begun = time.monotonic()
            waits = RETRY_SECONDS if self.servers.used is None else REMOTE_RETRY_SECONDS
            try:
                if address is None:
                    address = self.servers.used or self._find_or_start(look=attempt == 0)
                    begun = time.monotonic()
                if self._serve(address):
                    return
                reason = "The connection to the Limn server broke off."
            except UnknownCertificate as unknown:
                self.asked = unknown.server
                self.trouble(unknown.sentence, unknown.remedy, unknown.details)
                self.show_servers()
                return
            except ServerTrouble as trouble:
                if self.stop_wanted.is_set():
                    self._give_up("The Limn server was stopped.", "Press Edit to start it again.")
                    self._link(Link("off", "stopped"))
                    return
                missing = isinstance(trouble, NotInstalled)
                self.trouble(trouble.sentence, trouble.remedy, trouble.details, missing)
                return
            except ProtocolError as error:
                self.trouble(error.sentence, error.remedy, f"{error.code}: {dict(error.data)}")
                return
            except InvalidStatus as error:
                status = error.response.status_code
                if self.servers.used is not None and status in remote_server.NOT_LET_IN:
                    self.trouble(*remote_server.not_let_in(status))
                    return
                reason = f"The Limn server refused the connection ({error})."
            except InvalidHandshake as error:
                reason = tr("The Limn server refused the connection ({error}).", error=str(error))
            except (OSError, WebSocketException) as error:
                reason = tr("The Limn server can't be reached ({error}).", error=str(error))
            if time.monotonic() - begun > STEADY_SECONDS:
                attempt = 0
            if self.own is not None and not self.own.running:
                details = self.own.last_words()
                self.own = None
                sentence = "The Limn server stopped while it worked on this edit."
                self._give_up(
                    sentence, "Your picture is as it was. Press Edit to try again.", details
                )
                address, attempt = None, 0
            elif attempt >= len(waits):
                again = (
                    "Click here to start it again."
                    if self.servers.used is None
                    else tr("Look at the network, then click here to connect again.")
                )
                self.trouble(reason, again, reason)
                return
            else:
                if self.servers.used is None and self.own is None and attempt:
                    # a server that somebody else had started, and that does not answer: start our
                    # own
                    address = None
                self._link(Link("starting", "connecting again"))
                if self.stop_wanted.wait(waits[attempt]):
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
        command = server_process.noted_command(self._resources, packaged_wheel())
        self._link(Link("starting", "starting the server"))
        self._jobs.holds.clear()
        self.own, address = server_process.start(
            command, self._resources[0] / "limn" / "server.log", self._is_wanted
        )
        return address

    def _is_wanted(self) -> bool:
        return not self.stop_wanted.is_set()

    def _serve(self, address: Announcement | RemoteServer) -> bool:
        """One connection, from its handshake to its end.

        Returns whether the end was wanted.
        """
        with Session(address, self._name) as session:
            for name, job in tuple(self._jobs.items()):
                self._send_job(session, name, job)
            self._link(Link("starting", "connected; the server looks at its model"))
            pulse = Pulse(session.socket, self._signals.answers.emit)
            Reader(session, pulse, self._jobs, self._signals, self.orders).start()
            pulse.start()
            try:
                return self._write(session, pulse)
            finally:
                pulse.end()

    def _write(self, session: Session, pulse: Pulse) -> bool:
        """Writes what there is to write, and carries out orders.

        Until the reader reports the end (raises its error) or a stop comes.
        """
        breathed = time.monotonic()
        while True:
            frame = session.next_frame()
            if frame is not None:
                with pulse.sending():
                    session.socket.send(frame)
                breathed = breathe(breathed)
            try:
                order = self.orders.get(frame is None, ASK_SECONDS)
            except queue.Empty:
                if frame is None:
                    pulse.ask()
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

    def _carry_out(self, order: Order, session: Session) -> None:
        if order.kind == "submit":
            if (job := self._take(order.value)) is not None:
                self._send_job(session, order.value.job, job)
        elif order.kind == "resubmit" and order.value in self._jobs:
            session.send(self._jobs[order.value].message)
        elif order.kind == "cancel" and order.value in self._jobs:
            session.send(Cancel(order.value))
        elif order.kind in ("read", "models"):
            session.send(order.value)
        elif order.kind == "acknowledge":
            session.send(Acknowledge(order.value))

    def _send_job(self, session: Session, name: str, job: SubmittedJob) -> None:
        """Submits an edit, or goes on with one of which the server has spoken.

        One that it may never have had whole is submitted again.
        """
        try:
            session.send(
                Resume(name, job.last_seen)
                if job.last_seen
                else self._jobs.without_held(job.message)
            )
        except ProtocolError as error:
            # beyond a limit: nothing was queued, the connection is as good as before
            self._give_up(
                error.sentence, error.remedy, f"{error.code}: {dict(error.data)}", only=name
            )

    def _take(self, draft: Draft) -> SubmittedJob | None:
        """Joins and hashes a draft's pixels, and keeps it until its end.

        None where there is no memory for that; the edit's end is then told.
        """
        try:
            return self._jobs.take(draft)
        except MemoryError:
            remedy = "Close other pictures, or select a smaller part."
            self._signals.received.emit(
                Failed(
                    draft.job,
                    1,
                    "out-of-memory",
                    "There is not enough memory to send this layer.",
                    remedy,
                )
            )
            return None

    def _stop(self, session: Session) -> None:
        self.stop_wanted.clear()
        self._jobs.holds.clear()
        session.socket.close()
        if self.own is not None:
            self.own.stop()
            self.own = None
        self._give_up("The Limn server was stopped.", "Press Edit to start it again.")
        self._link(Link("off", "stopped"))

    # --- ends -------------------------------------------------------------------------------------

    def trouble(self, sentence: str, remedy: str, details: str, installable: bool = False) -> None:
        """There is no connection to be had; all edits end."""
        self._link(Link("trouble", sentence, details, remedy, installable))
        self._give_up(sentence, remedy, details)

    def _give_up(self, sentence: str, remedy: str, details: str = "", only: str = "") -> None:
        """All jobs (or only one) end here, and the painter is told why."""
        for failed in self._jobs.given_up(sentence, remedy, details, only):
            self._signals.received.emit(failed)

    def _link(self, link: Link) -> None:
        self._signals.linked.emit(link)
