"""What a program without the token can do to the server.

Nothing that its owner notices. Each attack goes to a real server over the loopback, as whoever runs
on this machine could make it.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from limn.server import door, log
from limn.server.app import STATUS_PATH
from limn.server.cli.client import connect

from .conftest import Running, Start, start, start_shared

HANDLES = 100
"""File handles of the server under attack: many times fewer than strangers."""


@pytest.fixture(scope="module", params=["plain", "tls"])
def few_handles(
    request: pytest.FixtureRequest,
    tiny_model: Path,
    server_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """A server with few file handles, for a whole file of attacks."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, hard))
    try:
        folder = tmp_path_factory.mktemp("few")
        running = (
            start_shared(tiny_model, server_environment, folder)
            if request.param == "tls"
            else start(["--model", str(tiny_model)], server_environment, folder)
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    yield running
    assert running.stop() == 0, running.log


async def knocked(
    server: Running, sent: bytes, raw: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has sent this and says nothing more. raw: without TLS, always."""
    reader, writer = await server.dial(raw)
    writer.write(sent)
    return reader, writer


async def is_served(server: Running) -> float:
    """Have the owner ask for the status.

    The seconds that it takes. Raises where it isn't served.
    """
    began = time.monotonic()
    reader, writer = await server.dial()
    writer.write(
        f"GET {STATUS_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {server.token}\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return time.monotonic() - began


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("sent", "raw"),
    [
        (b"", True),
        (b"\x16\x03\x01", True),
        (b"", False),
        (b"GET /limn/v1 HTTP/1.1\r\nHost: 127", False),
    ],
)
async def test_connections_that_say_nothing_do_not_shut_the_owner_out(
    few_handles: Running, sent: bytes, raw: bool
) -> None:
    connections = [await knocked(few_handles, sent, raw) for _ in range(300)]
    try:
        for _ in range(3):
            await is_served(few_handles)
        async with await connect(few_handles.address) as session:
            assert session.welcome.algorithms
    finally:
        for _, writer in connections:
            writer.close()
    assert "Too many open files" not in few_handles.log
    assert "Traceback" not in few_handles.log


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine there")
async def test_a_flood_from_one_address_puts_out_nobody_elsewhere() -> None:
    """Whoever needs seconds for a handshake, across a slow network, has them."""
    strangers = door.Door(most=8, seconds=30)
    served = await asyncio.get_running_loop().create_server(
        strangers.watched(asyncio.Protocol), "127.0.0.1", 0
    )
    port = served.sockets[0].getsockname()[1]
    slow, slow_writer = await asyncio.open_connection(
        "127.0.0.1", port, local_addr=("127.0.0.2", 0)
    )
    flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
    gone = await asyncio.wait_for(
        asyncio.gather(*(one.read() for one, _ in flood[:93]), return_exceptions=True), 30
    )  # 8 are left: the slow one, and the newest of the flood
    assert len(gone) == 93
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow.read(), 0.2)
    for writer in (slow_writer, *(one for _, one in flood)):
        writer.close()
    served.close()


async def test_headers_that_come_slowly_are_cut_off(attacked: Running) -> None:
    reader, writer = await knocked(attacked, b"GET /limn/v1 HTTP/1.1\r\n")

    async def drip() -> None:
        while True:
            writer.write(b"X-Slow: 1\r\n")
            await asyncio.sleep(0.2)

    dripping = asyncio.create_task(drip())
    began = time.monotonic()
    try:
        with pytest.raises(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 60) == b""
            raise ConnectionResetError
    finally:
        dripping.cancel()
        writer.close()
    assert time.monotonic() - began > door.HEADER_SECONDS / 2
    assert "no token in time" in attacked.log


async def test_a_compressed_body_is_neither_inflated_nor_waited_for(attacked: Running) -> None:
    body = gzip.compress(bytes(1_000_000_000 // 4), 1)  # 250 MB of zeros in a megabyte
    head = (
        f"POST /limn/v1 HTTP/1.1\r\nHost: 127.0.0.1:{attacked.port}\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    quiet = max([await is_served(attacked) for _ in range(3)])
    connections = [await knocked(attacked, head + body) for _ in range(8)]
    assert await is_served(attacked) < 1 + 20 * quiet  # inflating all of them takes many seconds
    for reader, writer in connections:
        with suppress(ConnectionError):  # what it had still to read is thrown away
            answer = await asyncio.wait_for(reader.read(4096), 30)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 401")
        writer.close()


async def test_a_body_that_never_ends_is_not_read(attacked: Running) -> None:
    """Chunk after chunk behind a request that is refused: the connection is closed."""
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{attacked.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    reader, writer = await knocked(attacked, head.encode())
    with pytest.raises((ConnectionError, TimeoutError)):
        async with asyncio.timeout(30):
            for _ in range(100_000):
                writer.write(b"400\r\n" + bytes(1024) + b"\r\n")
                await writer.drain()
                if reader.at_eof():
                    raise ConnectionResetError
                await asyncio.sleep(0)
    writer.close()
    await is_served(attacked)


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\n" + "X: 1\r\n" * 1000,
        "GET / HTTP/1.1\r\nAuthorization: Bearer secret" + "x" * 100_000,
        "GET /" + "x" * 100_000,
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n Folded: b\r\n\r\n",
        "\0" * 1000 + "\r\n\r\n",
    ],
)
async def test_headers_that_are_none_end_their_connection(attacked: Running, head: str) -> None:
    reader, writer = await knocked(attacked, head.encode())
    answer = b""
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer == b"" or re.match(rb"HTTP/1\.[01] 4\d\d", answer)
    assert "secret" not in attacked.log
    await is_served(attacked)


async def test_strangers_do_not_fill_the_log(start_server: Start) -> None:
    running = start_server()
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode()
    for _ in range(40):
        connections = [await knocked(running, head) for _ in range(10)]
        for reader, writer in connections:
            assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 401")
            writer.close()
    refusals = re.findall("request refused because=token", running.log)
    assert 0 < len(refusals) < 400
    await is_served(running)


def test_the_log_is_bounded_in_rate_and_says_what_it_leaves_out() -> None:
    now = [0.0]
    bounded = log.Bounded(lambda: now[0])

    def lines(count: int, name: str, text: str) -> int:
        record = [
            logging.LogRecord(name, logging.INFO, "", 0, text.replace("#", str(number)), (), None)
            for number in range(count)
        ]
        return sum(bool(bounded.filter(one)) for one in record)

    assert lines(1000, "a", "the same") == log.BURST
    assert lines(5000, "b", "number #") == log.MOST
    assert lines(1, "c", "another") == 1
    now[0] = log.PERIOD + 1
    record = logging.LogRecord("a", logging.INFO, "", 0, "the same", (), None)
    assert bounded.filter(record)
    left_out = 1000 - log.BURST + 5000 - log.MOST
    assert record.getMessage() == f"({left_out} lines like earlier ones left out) the same"
