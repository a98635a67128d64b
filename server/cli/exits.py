"""What the commands of `limn` have in common: where they speak, how they end."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from limn.protocol import ProtocolError
from limn.protocol.errors import LimnError

from ..settings import SettingsError
from . import INTERRUPTED

err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)  # a fingerprint has :CD:
"""Progress and errors.

Standard output is for results: paths, tables, the server's line of JSON.
"""

DONE, FAILED, USAGE, NO_SERVER = 0, 1, 2, 3
"""Exit statuses.

Done; the edit or the check failed; the command line or a file named in it is wrong; no server.
Ctrl+C is INTERRUPTED.
"""


ENDINGS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
"""What ends a program besides Ctrl+C; SIGBREAK is a closed window on Windows."""


class Trouble(LimnError):
    """Ends a command: what is wrong, what to do, and the exit status."""

    code = "failed"
    status = FAILED


class UsageError(Trouble):
    """The command line, or a file that it names, can't be used."""

    status = USAGE


class NoServer(Trouble):
    """No server could be reached or started."""

    status = NO_SERVER


class Interrupted(Exception):
    """A signal has ended the command, after what it had begun was cancelled."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number
        """As shells count it."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Cancels the current task where the system ends the program.

    By SIGTERM, or SIGHUP where its terminal is closed, as asyncio itself does for Ctrl+C. Raises
    Interrupted then. A signal that is ignored, as nohup has it, stays ignored.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    caught: list[int] = []

    def end(number: int) -> None:
        caught.append(number)
        task.cancel()

    for number in ENDINGS:
        if signal.getsignal(number) == signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, end, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda got, _: loop.call_soon_threadsafe(end, got))
    try:
        yield
    except asyncio.CancelledError:
        if caught:
            raise Interrupted(caught[0]) from None
        raise


@contextmanager
def errors_told() -> Iterator[None]:
    """Runs a command whose trouble is told in one or two sentences.

    They go to standard error, and the command ends with the trouble's exit status.
    """
    try:
        yield
    except Trouble as trouble:
        _end(trouble.sentence, trouble.remedy, trouble.status)
    except SettingsError as error:
        _end(str(error), "", USAGE)
    except ProtocolError as error:
        _end(error.sentence, error.remedy, USAGE)
    except OSError as error:
        sentence = (
            f"{error.filename} can't be used: {error.strerror}."
            if error.filename
            else f"The system says: {error.strerror or error}."
        )
        _end(
            sentence,
            "See that it is there, that you may write it, and that the disk has room.",
            USAGE,
        )
    except Interrupted as interrupted:
        sys.exit(interrupted.status)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end(sentence: str, remedy: str, status: int) -> None:
    with suppress(OSError):  # the terminal was closed
        err.print(f"[bold red]{escape(sentence)}[/] {escape(remedy)}".rstrip())
    sys.exit(status)


def make_folder(folder: Path) -> None:
    """Make a folder for results. Raises UsageError where that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} can't be made: {error.strerror}.", "Name another folder with --out."
        ) from error
