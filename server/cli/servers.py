"""Servers: where one listens, which ones run, how one is started."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from limn.protocol import announcement

from ..settings import runtime_folder
from .client_errors import ClientError

READY_SECONDS = 60.0
"""How long a server may take until it is ready.

It imports no torch for that, so this is for a very slow disk.
"""


@dataclass(frozen=True)
class Address:
    """Where a server listens, and its token.

    `process`: the server, if we have started it; it ends when its standard input is closed.
    `fingerprint`: of its certificate, 64 hexadecimal digits; without one an authority that this
    machine knows must have signed it.
    """

    url: str
    token: str = field(repr=False)
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    fingerprint: str = ""

    async def stop(self) -> None:
        """End a server that we have started; others are left alone."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            await self.process.wait()


def find() -> Address | None:
    """A server of this user that runs already.

    The newest if there are several; None if there is none.
    """
    return next(iter(running()), None)


def running() -> list[Address]:
    """The servers of this user that announce themselves, the newest first.

    One that was killed may be among them: connecting tells.
    """
    runtime_folder()  # one that is not this user's alone is told in an error's sentence
    return [Address(found.url, found.token) for found in announcement.running()]


async def launch(arguments: Sequence[str] = ()) -> Address:
    """Start `limn serve` with these arguments, as a child that ends with us.

    Raises ClientError if it does not become ready.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "limn.server.cli", "serve", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONUTF8": "1"},  # whatever the locale: file names are UTF-8
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        ready = announcement.read(line)
        return Address(ready.url, ready.token, process)
    except (ValueError, KeyError, OSError, TimeoutError, asyncio.CancelledError) as error:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise
        raise ClientError(
            "The server does not start.",
            "The lines above say why; `limn doctor` tells what is missing.",
        ) from error
