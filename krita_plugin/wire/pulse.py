"""Whether the other end still answers.

A network that is gone ends no connection for half a minute, on some systems for many. So the writer
asks when it has nothing to write (a ping of the websocket), and a thread of its own looks whether
anything came back: the writer itself may hang in a frame that the network does not take.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from ...vendor.websockets.exceptions import WebSocketException
from ...vendor.websockets.sync.connection import Connection

ASK_SECONDS = 2.0
"""Between two questions, while there is nothing else to write."""

LOOK_SECONDS = 0.5
"""Between two looks whether an answer has come."""

SILENT_SECONDS = 4.0
"""Without an answer for so long, the painter is told.

A server that is busy answers within a second.
"""

DEAD_SECONDS = 30.0
"""Without an answer for so long, the connection is given up for another."""


class Pulse(threading.Thread):
    """Watches one connection, from the server's first words to its end."""

    def __init__(self, connection: Connection, tell: Callable[[bool], None]) -> None:
        """tell: is called when that changes, in this thread: whether the server answers."""
        super().__init__(name="limn pulse", daemon=True)
        self._connection = connection
        self._tell = tell
        self._heard: float | None = None
        self._asked: tuple[float, threading.Event] | None = None
        self._sending: float | None = None
        self._over = threading.Event()

    def heard(self) -> None:
        """Something has come from the server."""
        self._heard = time.monotonic()

    def ask(self) -> None:
        """Ask the server whether it is there, unless an answer is still to come.

        Not before its first words: while it looks at its model it answers nothing.
        """
        if self._heard is None or (self._asked is not None and not self._asked[1].is_set()):
            return
        with suppress(WebSocketException, OSError):  # the reader notices the end as well
            self._asked = time.monotonic(), self._connection.ping()

    @contextmanager
    def sending(self) -> Generator[None, None, None]:
        """Within the block a frame is written."""
        self._sending = time.monotonic()
        try:
            yield
        finally:
            self._sending = None

    def silence(self) -> float:
        """For how many seconds an answer has been due, or a frame has not been taken."""
        sending, asked, heard = self._sending, self._asked, self._heard
        due = [sending] if sending is not None else []
        if asked is not None and not asked[1].is_set():
            due.append(asked[0] if heard is None else max(asked[0], heard))
        return time.monotonic() - min(due) if due else 0.0

    def run(self) -> None:
        """Look, and tell the painter, until the end."""
        told = False
        while not self._over.wait(LOOK_SECONDS):
            silence = self.silence()
            if (silence > SILENT_SECONDS) != told:
                told = not told
                self._tell(not told)
            if silence > DEAD_SECONDS:
                with suppress(OSError):  # it has ended meanwhile
                    self._connection.socket.shutdown(socket.SHUT_RDWR)
                return

    def end(self) -> None:
        """Look no more. Nothing is told after this returns."""
        self._over.set()
        if self.is_alive():
            self.join()
