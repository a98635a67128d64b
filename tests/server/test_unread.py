"""Users who read nothing of what they are told, or keep idle connections."""

from __future__ import annotations

import asyncio
import re
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from limn.protocol import PROTOCOL_VERSION
from limn.protocol.codec import encode
from limn.protocol.messages import Hello
from limn.server.app import SESSION_PATH, STATUS_PATH

from .conftest import Running, Start
from .test_guard import UPGRADE
from .test_strangers import is_served

PATIENCE = 60.0
TEXT, PING = 1, 9


def frame(kind: int, data: bytes) -> bytes:
    """A websocket's frame as a client sends it, masked with zeros."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack(">BH", 0xFE, len(data))
    return bytes([0x80 | kind]) + size + bytes(4) + data


def head(server: Running, path: str, more: str = "") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {server.token}\r\n{more}\r\n"
    ).encode()


async def test_who_pings_and_reads_nothing_is_put_out(start_server: Start, tmp_path: Path) -> None:
    settings = tmp_path / "limn.toml"
    settings.write_text("heartbeat_seconds = 1")
    server = start_server("--settings", str(settings))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2048)
    writer.write(head(server, SESSION_PATH, UPGRADE))
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")  # and nothing more
    writer.write(frame(TEXT, encode(Hello(PROTOCOL_VERSION, "deaf"))[0].encode()))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConnectionError):
            while True:
                writer.write(frame(PING, bytes(125)) * 1000)
                await writer.drain()
                await asyncio.sleep(0.01)
    for _ in range(300):
        if re.search(r"disconnected .*connections=0", server.log):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("its session goes on")


@pytest.mark.parametrize("path", [STATUS_PATH, "/no/such/path"])
async def test_a_connection_is_for_one_request(attacked: Running, path: str) -> None:
    reader, writer = await attacked.dial()
    writer.write(head(attacked, path) * 50)
    answers = await asyncio.wait_for(reader.read(1000), PATIENCE)
    with suppress(ConnectionError):  # what it had still to read is thrown away
        answers += await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    assert answers.count(b"HTTP/1.1") == 1 and b"Connection: close" in answers
    await is_served(attacked)
