"""What the commands of `limn` have in common: where they speak, how they end."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and errors. Standard output is for results: paths, tables, the server's line of JSON."""

DONE, FAILED, USAGE, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses: done; the edit or the check failed; the command line or a file named in it is wrong; no server; Ctrl+C."""


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


def make_folder(folder: Path) -> None:
    """Make a folder for results. Raises UsageError where that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be made: {error.strerror}.", "Name another folder with --out.") from error
