"""Another machine, for a server: a network namespace, or else loopback.

A namespace has an address of its own behind a cable of its own, which can be pulled out. Without
the right to make one, a relay on loopback stands between: it passes nothing on while it is cut.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import threading
import time
from contextlib import suppress

CUT_SECONDS = 0.1
"""Between two looks of the relay at whether it is cut."""


class Namespace:
    """A network namespace, and the cable to it.

    Raises OSError or CalledProcessError where it can't be made.
    """

    def __init__(self) -> None:
        self._name = f"limn{os.getpid()}"
        self._cable = f"{self._name}a"
        third = os.getpid() % 250
        self.address, here = f"10.213.{third}.2", f"10.213.{third}.1"
        self.host = self.address
        self.inside = ["ip", "netns", "exec", self._name]
        _ip("netns", "add", self._name)
        try:
            other = ("type", "veth", "peer", "name", "there", "netns", self._name)
            _ip("link", "add", self._cable, *other)
            _ip("addr", "add", f"{here}/30", "dev", self._cable)
            _ip("link", "set", self._cable, "up")
            for words in (
                ("addr", "add", f"{self.address}/30", "dev", "there"),
                ("link", "set", "there", "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", self._name, *words)
        except BaseException:
            self.close()
            raise

    def reach(self, port: int) -> None:
        """A server listens at this port of `host`.

        It is reached at the same port of `address`.
        """

    def cut(self) -> None:
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        _ip("link", "set", self._cable, "up")

    def close(self) -> None:
        _ip("netns", "del", self._name)


class Relay:
    """Loopback, with somebody in the middle."""

    address, host = "127.0.0.1", "127.0.0.2"
    inside: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._cut = threading.Event()
        self._port = 0
        self._door: socket.socket | None = None

    def reach(self, port: int) -> None:
        if self._door is None:
            self._port, self._door = port, socket.create_server((self.address, port))
            threading.Thread(target=self._open, args=(self._door,), daemon=True).start()

    def cut(self) -> None:
        self._cut.set()

    def mend(self) -> None:
        self._cut.clear()

    def close(self) -> None:
        if self._door is not None:
            self._door.close()

    def _open(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                one, _ = door.accept()
                threading.Thread(target=self._pass, args=(one,), daemon=True).start()

    def _pass(self, one: socket.socket) -> None:
        """Pass bytes on between two ends, until one of them closes."""
        with one, suppress(OSError), socket.create_connection((self.host, self._port)) as two:
            to = {one: two, two: one}
            while True:
                for end in select.select(list(to), [], [], CUT_SECONDS)[0]:
                    while self._cut.is_set():
                        time.sleep(CUT_SECONDS)
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    to[end].sendall(data)


def other_machine() -> Namespace | Relay:
    """The nearest thing to another machine that can be had here."""
    if not os.environ.get("LIMN_TEST_LOOPBACK"):
        with suppress(OSError, subprocess.CalledProcessError):
            return Namespace()
    return Relay()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stderr=subprocess.PIPE)
