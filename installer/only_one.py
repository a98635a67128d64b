"""Only one installer writes at a time: a lock that a kill gives back."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .steps import StepFailed

LOCK = ".venv.lock"
"""In the checkout, where only those can hold it who can change Limn itself."""


WAIT_SECONDS, LOOK_SECONDS = 1800.0, 0.5
"""How long another installation is waited for, and between looks.

It may have gigabytes to fetch.
"""


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Let one installer write at a time. Raises StepFailed where another does not end.

    pip and apt hold the lock as well as we do, and so keep it if only we are killed. The file says
    who has it, and is taken away at the end.
    """
    if os.name == "nt":
        yield  # Windows ends with a sharing violation by itself where two write the same file
        return
    with _held(root / LOCK) as descriptor:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        os.set_inheritable(descriptor, True)
        try:
            yield
        finally:
            (root / LOCK).unlink(missing_ok=True)


@contextlib.contextmanager
def _held(file: Path) -> Iterator[int]:
    """The file's handle, locked. Raises StepFailed."""
    end, told = time.monotonic() + WAIT_SECONDS, False
    while True:
        try:
            descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StepFailed(
                f"{file} can't be made: {error.strerror}.", "Look at its folder."
            ) from error
        try:
            facts = os.fstat(descriptor)
            if facts.st_uid != os.geteuid() and os.geteuid() != 0:
                raise StepFailed(
                    f"{file} belongs to another user.", "Let that user install, or remove it."
                )
            if _locked(descriptor):
                if _is_still(file, facts):
                    yield descriptor
                    return
                continue  # the one before us has taken it away
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        finally:
            os.close(descriptor)
        who = f"process {holder}" if holder.isdigit() else "it"
        if time.monotonic() > end:
            raise StepFailed(
                f"Another installation has been at work here for {WAIT_SECONDS / 60:.0f} minutes.",
                f"End {who}, then run the same command again.",
            )
        if not told:
            print(f"Another installation is at work here ({who}); waiting for it.", flush=True)
            told = True
        time.sleep(LOOK_SECONDS)


def _locked(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(file: Path, facts: os.stat_result) -> bool:
    """Whether a name still means the file that was opened."""
    try:
        now = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (now.st_dev, now.st_ino) == (facts.st_dev, facts.st_ino)
