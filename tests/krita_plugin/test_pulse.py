"""The plugin notices that its server answers no more, and that it does again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from ..krita.other_machine import Relay

PATIENCE = 20.0


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, ten times as quick as for a painter."""
    from limn.krita_plugin.wire import pulse

    for name in ("LOOK_SECONDS", "SILENT_SECONDS", "DEAD_SECONDS"):
        monkeypatch.setattr(pulse, name, getattr(pulse, name) / 10)
    return pulse


@pytest.fixture
def far() -> Iterator[tuple[Relay, str]]:
    """A server that says one word, behind a network that can be cut; its address."""
    relay = Relay()

    def welcome(socket: ServerConnection) -> None:
        socket.send("welcome")
        with suppress(ConnectionClosed):
            socket.recv()

    with serve(welcome, relay.host, 0) as server:
        port = server.socket.getsockname()[1]
        relay.reach(port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield relay, f"ws://{relay.address}:{port}"
        relay.mend()
        server.shutdown()
        thread.join()
    relay.close()


def until(true: Callable[[], bool], each: Callable[[], None] = lambda: None) -> bool:
    end = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < end:
        each()
        time.sleep(0.02)
    return true()


def test_a_cut_is_told_and_so_is_its_end(pulse: Any, far: tuple[Relay, str]) -> None:
    relay, url = far
    said: list[bool] = []
    with connect(url, ping_interval=None, close_timeout=0.1, proxy=None) as socket:
        watched = pulse.Pulse(socket, said.append)
        watched.start()
        watched.ask()
        assert watched.silence() == 0, "asked before the server has said anything"
        assert socket.recv() == "welcome"
        watched.heard()
        watched.ask()
        assert until(lambda: watched.silence() == 0) and not said
        relay.cut()
        assert until(lambda: said == [False], watched.ask)
        relay.mend()
        assert until(lambda: said == [False, True], watched.ask)
        relay.cut()
        with watched.sending():  # a frame that the network does not take counts as well
            assert until(lambda: not watched.is_alive())
        assert said == [False, True, False]
        with pytest.raises(ConnectionClosed):
            socket.recv()
