"""Jobs in a folder.

Those that wait, and results that nobody has fetched, survive a restart.

One file a job, in the wire's own messages: a line about the job, then each message as its JSON text
and the bytes of its pictures; at the end the SHA-256 of all that. It is written beside, and moved
into place when it is whole. So what was half written, or has changed since,
is never served. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import platformdirs
from filelock import FileLock, Timeout

from limn.protocol import ProtocolError, limits
from limn.protocol.codec import decode, encode
from limn.protocol.messages import Message

from .settings import Settings, SettingsError

log = logging.getLogger("limn.jobs")

ENDING, UNFINISHED = ".job", ".new"
MAX_HEAD = 4096
"""Bytes of the line about a job: names and three numbers."""

MAX_MESSAGES = 1024
"""Messages of one job: of its kinds that are kept, few have more than one."""


@dataclass(frozen=True)
class StoredJob:
    """What a file says.

    ended: the time of its end, in seconds since 1970; None: it waits.
    """

    user: str
    id: str
    number: int
    ended: float | None
    messages: tuple[Message, ...]


def folder_of(settings: Settings, port: int) -> Path | None:
    """Where a server keeps its jobs; None: nowhere.

    Named by the settings; else a server for other machines has one for each port, and one that
    serves this machine alone has none: it ends with Krita, and its pictures with it.
    """
    if settings.jobs_folder is not None:
        return settings.jobs_folder
    if settings.port and (settings.tls_cert is not None or not settings.on_loopback):
        return platformdirs.user_state_path("limn") / "jobs" / str(port)
    return None


class JobStore:
    """The folder, held by one server at a time.

    Files are written in a thread, in their order.
    """

    def __init__(self, folder: Path) -> None:
        """Raises SettingsError where the folder can't be used, or another server has it."""
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            facts = folder.stat()
            if os.name == "posix" and (facts.st_uid != os.getuid() or facts.st_mode & 0o077):
                raise SettingsError(f"{folder} is open to other users. chmod 700 {folder}")
            self._lock = FileLock(folder / "lock", timeout=0, mode=0o600)
            self._lock.acquire()
        except Timeout as error:
            raise SettingsError(f"Another server keeps its jobs in {folder}.") from error
        except OSError as error:
            raise SettingsError(f"{folder} can't be used: {error.strerror}.") from error
        self._writer = ThreadPoolExecutor(1, "limn jobs")
        self._number = 0

    def keep(self, user: str, job: str, ended: bool, messages: Sequence[Message]) -> None:
        """Write a job, in the place of what was written of it; returns at once."""
        self._number += 1
        stored = StoredJob(user, job, self._number, time.time() if ended else None, tuple(messages))
        self._writer.submit(self._write, stored)

    def forget(self, user: str, job: str) -> None:
        """Remove a job's file, if it is there; returns at once."""
        self._writer.submit(self._file(user, job).unlink, missing_ok=True)

    def load(self, most_bytes: int) -> list[StoredJob]:
        """The jobs that were kept, in the order in which they were written.

        Files beyond `most_bytes` together, the newest first, and damaged ones are removed.
        """
        found = []
        files = [entry for entry in self._folder.iterdir() if entry.suffix == ENDING]
        for left in self._folder.glob(f"*{UNFINISHED}"):
            left.unlink(missing_ok=True)
        for file in sorted(files, key=lambda entry: entry.stat().st_mtime_ns):
            most_bytes -= file.stat().st_size
            try:
                if most_bytes < 0:
                    raise ValueError("there are too many")
                with file.open("rb") as stream:
                    found.append(_read(stream))
            except (OSError, ValueError, KeyError, TypeError, ProtocolError) as error:
                log.error("kept job dropped because=%r", type(error).__name__)
                with suppress(OSError):
                    file.unlink(missing_ok=True)
        found.sort(key=lambda stored: stored.number)
        self._number = found[-1].number if found else 0
        return found

    def close(self) -> None:
        """Write what is still to be written, and let others have the folder."""
        self._writer.shutdown()
        self._lock.release()

    def _file(self, user: str, job: str) -> Path:
        name = hashlib.sha256(f"{user}/{job}".encode()).hexdigest()
        return self._folder / f"{name[:32]}{ENDING}"

    def _write(self, stored: StoredJob) -> None:
        file = self._file(stored.user, stored.id)
        new = file.with_suffix(UNFINISHED)
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "wb") as stream:
                digest = hashlib.sha256()
                for piece in _pieces(stored):
                    stream.write(piece)
                    digest.update(piece)
                stream.write(digest.digest())
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
        except OSError as error:  # the job goes on, and will not survive a restart
            log.error("job not kept because=%r", error.strerror)
            with suppress(OSError):
                new.unlink(missing_ok=True)


def _pieces(stored: StoredJob) -> Iterator[bytes | bytearray]:
    head = {"user": stored.user, "job": stored.id, "number": stored.number, "ended": stored.ended}
    yield json.dumps(head | {"messages": len(stored.messages)}).encode() + b"\n"
    for message in stored.messages:
        text, transfers = encode(message)
        yield text.encode() + b"\n"
        for transfer in transfers:
            yield transfer.pixels.data or b""


def _read(stream: BinaryIO) -> StoredJob:
    """What a file says.

    Raises ValueError, KeyError, TypeError or ProtocolError where it is not whole.
    """
    digest = hashlib.sha256()

    def noted(data: bytes) -> bytes:
        digest.update(data)
        return data

    head = json.loads(noted(stream.readline(MAX_HEAD)))
    if not 0 < head["messages"] <= MAX_MESSAGES:
        raise ValueError("a job has some messages")
    messages = []
    for _ in range(head["messages"]):
        text = noted(stream.readline(limits.MAX_TEXT_BYTES + 1)).decode()
        message, transfers = decode(text)
        for transfer in transfers:
            transfer.complete(noted(stream.read(transfer.size)))
        messages.append(message)
    if stream.read() != digest.digest():
        raise ValueError("it is not as it was written")
    ended = None if head["ended"] is None else float(head["ended"])
    names = str(head["user"]), str(head["job"])
    return StoredJob(*names, int(head["number"]), ended, tuple(messages))
