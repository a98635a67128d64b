"""What the commands of `limn` have in common: where they speak, how they end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from limn.protocol import ProtocolError

from ..settings import SettingsError

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and errors. Standard output is for results: paths, tables, the server's line of JSON."""

DONE, FAILED, USAGE, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses: done; the edit or the check failed; the command line or a file named in it is
wrong; no server; Ctrl+C.
"""


class Trouble(Exception):
    """Ends a command in words: what is wrong, what to do, and the exit status."""

    status = FAILED

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.sentence = sentence
        self.remedy = remedy


class UsageError(Trouble):
    """The command line, or a file that it names, can't be used."""

    status = USAGE


class NoServer(Trouble):
    """No server could be reached or started."""

    status = NO_SERVER


@contextmanager
def in_words() -> Iterator[None]:
    """Runs a command: trouble ends it in one or two sentences on standard error, and with its exit
    status.
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
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end(sentence: str, remedy: str, status: int) -> None:
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
