"""One websocket, from its handshake to its end.

A thread that moves frames releases the GIL now and then, for Krita's main thread.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from types import TracebackType

from ...protocol import PROTOCOL_VERSION, Connection, limits
from ...protocol.announcement import Announcement
from ...protocol.messages import Hello, Message
from ...vendor.websockets.sync.client import connect
from . import remote_server
from .remote_server import RemoteServer

OPEN_SECONDS = 10.0
"""For the websocket's handshake on this machine."""

BUSY_SECONDS = 0.005
"""How long a thread moves frames before it sleeps for BREATH_SECONDS.

It releases the GIL at each frame, but too briefly for another thread to acquire it.
"""

BREATH_SECONDS = 0.001
"""How long it sleeps, so that Krita's main thread acquires the GIL."""


class Session:
    """One websocket and its protocol connection; a lock guards the latter.

    One thread writes, another reads.
    """

    def __init__(self, address: Announcement | RemoteServer, name: str) -> None:
        """Connects, and says hello as the program of this name.

        Raises OSError, websockets' errors, and those of `remote_server.connect`.
        """
        encrypted = None
        url = address.url
        if isinstance(address, RemoteServer):
            encrypted = remote_server.connect(address)
            url = url.replace("wss://", "ws://", 1)  # the socket given to it is encrypted already
        self.socket = connect(
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
        self._connection = Connection("client")
        self._lock = threading.Lock()
        self.send(Hello(PROTOCOL_VERSION, name))

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.socket.__exit__(kind, error, where)

    def send(self, message: Message) -> None:
        """Queues a message. Raises ProtocolError where it is beyond a limit."""
        with self._lock:
            self._connection.send(message)

    def next_frame(self) -> str | bytes | None:
        """What is to be written next; None for nothing."""
        with self._lock:
            return self._connection.next_frame() if self._connection.open else None

    def received(self) -> Iterator[list[Message]]:
        """The messages that each frame from the server completes.

        Raises ProtocolError where the server breaks the protocol, and websockets' errors.
        """
        for frame in self.socket:
            with self._lock:
                messages = self._connection.receive(frame)
            yield messages


def live_through_broken_pipes() -> None:
    """Has a write to a broken connection raise its error.

    Here, and in the threads that this one starts. Where Python is embedded, as in Krita, nobody
    ignores SIGPIPE for it: the signal would end the whole program, at once and without a word. It
    goes to the thread that writes, so that holding it back there is enough, and leaves Krita's own
    dealing with it alone.
    """
    if hasattr(signal, "pthread_sigmask"):  # Windows has neither
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})


def breathe(breathed: float) -> float:
    """Releases the GIL between two frames if this thread has run for long.

    Krita's main thread gets it then. Returns when it was last released.
    """
    if time.monotonic() - breathed < BUSY_SECONDS:
        return breathed
    time.sleep(BREATH_SECONDS)
    return time.monotonic()
