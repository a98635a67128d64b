"""What goes wrong between honest programs.

Cancels that cross, uploads that never end, values in the pipe. Nobody else's edit notices.
"""

from __future__ import annotations

import asyncio
import io
import os
import threading
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limn.protocol import PROTOCOL_VERSION, Connection
from limn.protocol.messages import Cancel, Cancelled, Done, Failed, Hello, Message, Pixels, Queued
from limn.server import pipe
from limn.server.cli.client import ClientSession, connect

from .conftest import SLOW, Running, Start, run, submit

LARGE = Pixels(1024, 1024, "rgba8", os.urandom(4 * 2**20))
"""4 MiB."""


async def test_two_cancels_of_an_unknown_job_leave_the_connection_as_it_was(
    session: ClientSession,
) -> None:
    for _ in range(3):
        await session.cancel("nobody")
    assert isinstance((await run(session, submit("after-two-cancels")))[-1], Done)
    await session.cancel("nobody")
    assert isinstance((await run(session, submit("after-another")))[-1], Done)


async def test_a_job_that_another_client_cancels_ends_for_both(server: Running) -> None:
    async with await connect(server.address) as owner, await connect(server.address) as other:
        heard: list[Message] = []
        async with asyncio.timeout(120):
            async for message in owner.submit(submit("theirs", parameters=SLOW)):
                if not heard:
                    await other.cancel("theirs")
                heard.append(message)
        assert isinstance(heard[-1], Cancelled)
        await other.cancel("theirs")  # it has been acknowledged, and is unknown now
        assert isinstance((await run(other, submit("mine")))[-1], Done)


class Upload:
    """A client that submits a picture of 4 MiB and stops before its last frame."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.connection = Connection("client")

    async def send(self, but: int = 0) -> None:
        """What there is to send, but for the last so many frames."""
        frames = []
        while (frame := self.connection.next_frame()) is not None:
            frames.append(frame)
        for frame in frames[: len(frames) - but]:
            await (
                self.socket.send_str(frame)
                if isinstance(frame, str)
                else self.socket.send_bytes(frame)
            )

    async def begin(self, job: str) -> None:
        self.connection.send(Hello(PROTOCOL_VERSION, "a test"))
        await self.send()
        assert await self.hear()
        self.connection.send(submit(job, pixels=LARGE))
        await self.send(but=1)

    async def hear(self, seconds: float = 120) -> list[Message]:
        message = await self.socket.receive(seconds)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            raise ConnectionError
        return self.connection.receive(message.data)


async def test_uploads_that_never_end_take_no_more_memory_than_the_queue(
    start_server: Start, tmp_path: Path
) -> None:
    file = tmp_path / "limn.toml"
    file.write_text(f"queue_bytes = {10 * 2**20}\nupload_seconds = 6\n")
    running = start_server("--settings", str(file))
    await (await connect(running.address)).close()  # its worker is there
    headers = {"Authorization": f"Bearer {running.token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        uploads = []
        for number in range(6):
            uploads.append(Upload(await http.ws_connect(running.ready["url"])))
            await uploads[-1].begin(f"unfinished-{number}")
        for upload in uploads[2:]:  # there is room for two
            (refused,) = await upload.hear()
            assert isinstance(refused, Failed) and refused.code == "busy"
            await upload.send()  # all of it was sent in vain; the connection is as good as before
        for upload in uploads[:2]:
            with pytest.raises(ConnectionError):
                await upload.hear()
        late = Upload(await http.ws_connect(running.ready["url"]))
        await late.begin("after")
        late.connection.send(Cancel("after"))
        await late.send()
        (ended,) = await late.hear()
        assert isinstance(ended, Cancelled)  # it was taken, and its memory is free again
    running.stop()
    assert "Traceback" not in running.log


async def hello(server: Running) -> None:
    await (await connect(server.address)).close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks into /proc")
def test_libraries_in_the_worker_have_no_standard_input_and_no_hub(server: Running) -> None:
    """Whoever asks whether a stranger's code may run gets no answer.

    And takes no order.
    """
    asyncio.run(hello(server))
    assert os.readlink(f"/proc/{server.worker()}/fd/0") == os.devnull
    environment = Path(f"/proc/{server.worker()}/environ").read_bytes().split(b"\0")
    assert b"HF_HUB_OFFLINE=1" in environment


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(max_size=100),
        lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner),
        max_leaves=10,
    ),
    st.lists(st.integers(pipe.LARGE - 2, pipe.LARGE + 2), max_size=3),
)
def test_a_value_comes_out_of_the_pipe_as_it_went_in(value: object, sizes: list[int]) -> None:
    whole = (value, [os.urandom(size) for size in sizes], Queued("a", 1, 0))
    stream = io.BytesIO()
    pipe.write(stream, whole)
    assert len(stream.getvalue()) > sum(sizes)
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as target:
            target.write(stream.getvalue())

    feeder = threading.Thread(target=feed)
    feeder.start()
    with io.FileIO(reader) as source:
        assert pipe.read(source) == whole
        with pytest.raises(EOFError):
            pipe.read(source)
    feeder.join()


async def test_a_large_picture_crosses_the_pipe_in_pieces_and_without_a_copy() -> None:
    """Both of asyncio's ends; nothing but the pickle's own few bytes is copied."""
    pieces = list(pipe._pieces(submit("large", pixels=LARGE)))
    assert max(map(len, pieces)) <= pipe.PIECE
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) < 100
    views = [piece for piece in pieces if isinstance(piece, memoryview) and piece.obj is LARGE.data]
    assert sum(map(len, views)) == len(LARGE.data or b"")
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(bytes(piece))
    reader.feed_eof()
    assert await pipe.receive(reader) == submit("large", pixels=LARGE)
    with pytest.raises(EOFError):
        await pipe.receive(reader)
