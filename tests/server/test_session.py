"""One session beside others: what it must leave them, and when it must end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

from aiohttp import WSMessage, WSMsgType

from limn.protocol import PROTOCOL_VERSION, limits
from limn.protocol.codec import encode
from limn.protocol.messages import Hello, Pixels, Region, Result
from limn.server.engine import Description
from limn.server.session import ServerSession

SIDE = 2048
"""16 MiB: 64 frames."""


class Greedy:
    """A client that says hello, and takes each frame before the next one is made.

    So fast is no real one for sure, and the slower ones are no danger.
    """

    def __init__(self) -> None:
        self.hello = asyncio.Queue[WSMessage]()
        self.hello.put_nowait(
            WSMessage(WSMsgType.TEXT, encode(Hello(PROTOCOL_VERSION, "greedy"))[0], None)
        )
        self.frames = 0
        self.greeted = asyncio.Event()

    async def receive(self, _: float | None) -> WSMessage:
        return await self.hello.get()

    async def send_str(self, _: str) -> None:
        self.frames += 1
        self.greeted.set()

    async def send_bytes(self, _: bytes) -> None:
        self.frames += 1

    async def close(self, code: int) -> None:
        """Takes that, too."""


def parts(description: Awaitable[Description]) -> Any:
    """What a session uses of its server. description: of the engine, when it is ready."""

    async def describe() -> Description:
        return await description

    return SimpleNamespace(
        engine=SimpleNamespace(describe=describe),
        jobs=SimpleNamespace(leave=print, arriving=print),
        desk=SimpleNamespace(leave=print),
        settings=SimpleNamespace(max_pixels=1, max_jobs=1, hello_seconds=1.0, upload_seconds=1.0),
    )


async def test_who_is_gone_while_a_worker_starts_takes_no_place() -> None:
    ready: asyncio.Future[Description] = asyncio.get_running_loop().create_future()
    client = Greedy()
    session = ServerSession(client, parts(ready), gone=lambda: True)  # type: ignore[arg-type]
    await asyncio.wait_for(session.run(), 30)
    assert not client.frames
    ready.cancel()


async def test_others_have_a_turn_between_two_frames() -> None:
    client, turns = Greedy(), 0
    ready: asyncio.Future[Description] = asyncio.get_running_loop().create_future()
    ready.set_result(Description("CPU", "tiny", (), 1))
    session = ServerSession(client, parts(ready))  # type: ignore[arg-type]  # what it uses of a socket
    running = asyncio.create_task(session.run())
    await client.greeted.wait()
    large = Pixels(SIDE, SIDE, "rgba8", bytes(SIDE * SIDE * 4))
    session.tell(Result("a", 1, Region(0, 0, large)))
    before = client.frames
    while client.frames - before < 1 + large.raw_size // limits.CHUNK_BYTES:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= large.raw_size // limits.CHUNK_BYTES
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
