"""Values through the pipe between the server and its worker.

Pictures go through without a copy. A value is its pickle, then the pictures in it, each with its
length before it. Pickle would copy a picture of 512 MiB, and the event loop would stand still
meanwhile; so bytes from LARGE on go beside it. Both ends are ours; nothing from the wire is ever
unpickled.
"""

from __future__ import annotations

import asyncio
import io
import pickle
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

LARGE = 64 * 1024
"""Bytes from which on a picture goes beside the pickle."""

PIECE = 1024 * 1024
"""Bytes that are written or read at a time."""

READ_AHEAD = 4 * PIECE
"""Bytes of the worker's output that asyncio reads ahead.

More means fewer stops and starts while a large result comes.
"""

_HEAD = struct.Struct(">QQ")
"""Bytes of the pickle, and the number of pictures beside it."""

_LENGTH = struct.Struct(">Q")


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.aside: list[bytes | bytearray] = []

    def persistent_id(self, value: object) -> int | None:
        if isinstance(value, (bytes, bytearray)) and len(value) >= LARGE:
            self.aside.append(value)
            return len(self.aside) - 1
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, body: bytearray, aside: Sequence[bytearray]) -> None:
        super().__init__(io.BytesIO(body))
        self._aside = aside

    def persistent_load(self, number: object) -> bytearray:
        return self._aside[cast(int, number)]


def _pieces(value: object) -> Iterator[bytes | memoryview]:
    """What to write for a value."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(value)
    body = file.getbuffer()
    yield _HEAD.pack(len(body), len(pickler.aside))
    for part in (body, *(memoryview(picture) for picture in pickler.aside)):
        if part is not body:
            yield _LENGTH.pack(len(part))
        for start in range(0, len(part), PIECE):
            yield part[start : start + PIECE]


async def send(stream: asyncio.StreamWriter, value: object) -> None:
    """Write a value; other tasks run meanwhile.

    Raises ConnectionError if nobody reads any more.
    """
    for piece in _pieces(value):
        stream.write(piece)
        await stream.drain()


async def receive(stream: asyncio.StreamReader) -> object:
    """Read a value. Raises EOFError at the end."""

    async def exactly(size: int) -> bytearray:
        data = bytearray(size)
        done = 0
        while done < size:
            piece = await stream.read(min(PIECE, size - done))
            if not piece:
                raise EOFError
            data[done : done + len(piece)] = piece
            done += len(piece)
        return data

    size, count = _HEAD.unpack(await exactly(_HEAD.size))
    body = await exactly(size)
    aside = []
    for _ in range(count):
        aside.append(await exactly(_LENGTH.unpack(await exactly(_LENGTH.size))[0]))
    return _Unpickler(body, aside).load()


def write(stream: BinaryIO, value: object) -> None:
    """The same as `send`, for the worker."""
    for piece in _pieces(value):
        stream.write(piece)
    stream.flush()


def read(stream: io.FileIO) -> object:
    """The same as `receive`, for the worker. Raises EOFError at the end."""
    size, count = _HEAD.unpack(_exactly(stream, _HEAD.size))
    body = _exactly(stream, size)
    aside = []
    for _ in range(count):
        aside.append(_exactly(stream, _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]))
    return _Unpickler(body, aside).load()


def _exactly(stream: io.FileIO, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = stream.readinto(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
