"""Where a server listens, and how it says so.

Its socket, its token's file, and its ready line.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limn.protocol import announcement, remote

from . import __version__
from .settings import EVERYWHERE, Settings, SettingsError, runtime_folder

log = logging.getLogger("limn.app")

TOKEN_BYTES = 32
"""256 bits: nobody guesses that, however often they try."""

ANSWER_SECONDS = 1.0
"""For a server on this machine to take a connection."""

SHORT_BYTES = 256
"""A token's file has 64 bytes.

A longer one is something else, and is not replaced.
"""


def listen(settings: Settings) -> socket.socket:
    """A bound socket.

    Raises OSError if the port is taken, or SettingsError for an address that this machine does
    not have.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise SettingsError(f"host {settings.host!r} is unknown here: {error.strerror}.") from error
    family, kind, number, _, address = found[0]
    listener = socket.socket(family, kind, number)
    try:
        if os.name == "posix":  # a restart takes the port of the last one at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def told(settings: Settings, port: int, fingerprint: str) -> Iterator[None]:
    """The ready line of a server that other machines reach.

    No file, since each user has a token.
    """
    host = settings.names[0] if settings.host in EVERYWHERE else settings.host
    line: dict[str, object] = {
        "ready": True,
        "url": f"wss://{remote.bracketed(host)}:{port}{remote.PATH}",
        "fingerprint": remote.shown(fingerprint),
        "version": __version__,
        "pid": os.getpid(),
    }
    print(json.dumps(line), flush=True)
    log.info("ready port=%d", port)
    yield


@contextmanager
def announced(settings: Settings, port: int, token: str) -> Iterator[None]:
    """Writes the token file and the ready line.

    On standard output and into the runtime folder. Takes the files away at the end, and first those
    that killed servers have left.
    """
    folder = runtime_folder()
    announcement.sweep(_answers)
    token_file = settings.token_file or folder / f"{port}{announcement.TOKEN}"
    kind = announcement.PRIVATE if settings.private else announcement.PUBLIC
    address_file = folder / f"{port}{kind}"
    host = "[::1]" if settings.host == "::1" else settings.host
    url = f"ws://{host}:{port}{remote.PATH}"
    ready: dict[str, object] = {
        "ready": True,
        "url": url,
        "token_file": str(token_file.absolute()),
        "version": __version__,
        "pid": os.getpid(),
    }
    line = json.dumps(ready)
    files = [address_file, token_file]
    if settings.keep_token:
        files.remove(token_file)
    if settings.token_file is not None and not _may_go(settings.token_file):
        raise SettingsError(
            f"token_file {str(settings.token_file)!r} is a file of yours, and would be replaced. "
            "Name one that is not there."
        )
    try:
        token_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        announcement.write_private(token_file, token)
        announcement.write_private(address_file, line)
        for shared in () if settings.private else announcement.shared_folders():
            try:
                files += announcement.announced(shared, port, token, ready)
            except OSError as error:  # that Krita has to start a server of its own
                log.warning("not announced to Krita: %s", type(error).__name__)
        print(line, flush=True)
        log.info("ready port=%d", port)
        yield
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def token_of(settings: Settings) -> str:
    """A new token, or the one that is kept.

    Raises SettingsError where others could know that.
    """
    new = secrets.token_hex(TOKEN_BYTES)
    if not settings.keep_token or settings.token_file is None or not settings.token_file.exists():
        return new
    try:
        kept = announcement.read_token(settings.token_file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"The token can't be kept: {error} Remove the file.") from error
    if not re.fullmatch(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}", kept):
        raise SettingsError(f"{settings.token_file} holds no token of Limn's. Remove the file.")
    return kept


def _answers(host: str, port: int) -> bool:
    """Whether something takes a connection there."""
    try:
        socket.create_connection((host, port), ANSWER_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def _may_go(file: Path) -> bool:
    """Whether a token may be put in a file's place.

    A link is, or nothing larger than a token.
    """
    if file.is_symlink() or not os.path.lexists(file):
        return True
    return file.is_file() and file.stat().st_size <= SHORT_BYTES
