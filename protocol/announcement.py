"""How a server on this machine is found.

By files in a folder that belongs to its user alone.

    RUNTIME FOLDER/limn/PORT.json      the server's ready line; PORT.private: of one that only its
                                       parent may use
    RUNTIME FOLDER/limn/PORT.token     its token, unless a place of the user's own was named
    KRITA'S RESOURCES/limn/servers/    the same two files again: a Krita in a Flatpak or Snap sees
                                       another runtime folder, and no process of the machine's

Whoever can put a file there is believed: the painter's picture goes where it says. So the folder
and each file are opened first, and what is open is looked at: its owner, its mode, that it is no
link. A look before opening could be outrun. Our own and not platformdirs, because the plugin, which
has the standard library only, must look where the server writes.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

MAX_BYTES = 64 * 1024
"""Of a ready line, and of a token's file."""

MAX_SERVERS = 64
"""Announcements that are looked at: a user has one server, or some."""

Answers = Callable[[str, int], bool]
"""Whether something takes a connection at a host and port of this machine."""

PUBLIC, PRIVATE, TOKEN = ".json", ".private", ".token"
SHARED = Path("limn", "servers")
"""Below Krita's folder for resources."""

LOOPBACK = re.compile(
    r"ws://(127\.0\.0\.1|\[::1\]|localhost):[0-9]{1,5}(/[A-Za-z0-9._/-]*)?", re.ASCII
)
"""Addresses that lead to this machine and nowhere else."""


class NotPrivate(OSError):
    """A folder or file that others could have made or can change.

    str() says which, and why.
    """


@dataclass(frozen=True)
class Announcement:
    """Where a server listens, and its token (never shown, never logged).

    pid 0: not told.
    """

    url: str
    token: str = field(repr=False)
    pid: int = 0


def runtime_folder() -> Path:
    """Where servers announce themselves. It may not be there yet."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()), "Temp", "limn", "limn")
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/TemporaryItems/limn"
    given = os.environ.get("XDG_RUNTIME_DIR", "").strip()
    for place in (given, f"/run/user/{os.getuid()}"):
        if os.path.isabs(place):
            with suppress(OSError), _opened_folder(Path(place)):
                return Path(place, "limn")
    return Path(tempfile.gettempdir(), f"runtime-{os.getuid()}", "limn")


def shared_folders() -> list[Path]:
    """Where a server announces itself to the Kritas of this user.

    A Krita may be shut off from the runtime folder; there is a folder for each that has been here.
    They may not be there yet.
    """
    home = Path.home()
    if sys.platform == "win32":
        own = Path(os.environ.get("LOCALAPPDATA", ""))
        store = own.glob("Packages/*.Krita_*/LocalCache/Roaming/krita")
        kritas = [Path(os.environ.get("APPDATA", ""), "krita"), *store]
    elif sys.platform == "darwin":
        kritas = [home / "Library/Application Support/krita"]
    else:
        data = os.environ.get("XDG_DATA_HOME", "").strip()
        kritas = [
            Path(data if os.path.isabs(data) else home / ".local/share", "krita"),
            home / ".var/app/org.kde.krita/data/krita",
            home / "snap/krita/current/.local/share/krita",
        ]
    return [krita / SHARED for krita in kritas if krita.is_absolute() and krita.is_dir()]


def make_folder() -> Path:
    """Makes the runtime folder, with mode 0700, if it is not there.

    Raises OSError; NotPrivate where it is not this user's alone.
    """
    folder = runtime_folder()
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened_folder(folder):
        return folder


def read(line: str | bytes) -> Announcement:
    """What a ready line says; its token's file is read.

    Raises ValueError if it is none, or OSError; NotPrivate where the token's file is not this
    user's alone.
    """
    try:
        ready = json.loads(line)
    except RecursionError as error:
        raise ValueError("this is not a server's ready line") from error
    if not isinstance(ready, dict):
        raise ValueError("this is not a server's ready line")
    url, file, pid = ready.get("url"), ready.get("token_file"), ready.get("pid")
    if not isinstance(url, str) or not isinstance(file, str):
        raise ValueError("this is not a server's ready line")
    if not LOOPBACK.fullmatch(url):
        raise ValueError("the server does not listen on this machine only")
    return Announcement(url, read_token(_named(file)), pid if isinstance(pid, int) else 0)


def _named(file: str) -> Path:
    """A file by the name that a server told, in UTF-8.

    This program's locale may have another encoding: a Krita that was started with LANG=C, say.
    """
    if sys.platform == "win32":
        return Path(file)
    return Path(os.fsdecode(file.encode("utf-8", "surrogateescape")))


def read_token(file: Path) -> str:
    """The token in a file.

    Raises OSError; NotPrivate where it is not this user's alone; or ValueError where it holds none.
    """
    token = read_private(file).decode("ascii").strip()
    if not token or not token.isprintable() or " " in token:
        raise ValueError("the file holds no token")
    return token


def read_private(file: Path) -> bytes:
    """A file's content, up to MAX_BYTES.

    Raises OSError; NotPrivate where it is not this user's alone.
    """
    return _read_private(file)[0]


def running() -> Iterator[Announcement]:
    """The servers of this user that announce themselves, newest first.

    Only those whose process lives. Nothing is believed of a folder or file that is not this user's
    alone.
    """
    try:
        with _opened_folder(runtime_folder()) as handle:
            lines = [line for _, line in _lines(runtime_folder(), handle, PUBLIC)]
    except OSError:
        return
    for line in lines:
        with suppress(OSError, ValueError):
            announcement = read(line)
            if _alive(announcement.pid):
                yield announcement


def reachable(shared: Iterable[Path], answers: Answers) -> Iterator[Announcement]:
    """The servers of this user that take a connection.

    From the runtime folder and from others. For a program that may not see their processes: whether
    a number is that of a process here says nothing then. Nothing is believed of a folder or file
    that is not this user's alone.
    """
    for place in (runtime_folder(), *shared):
        lines: list[tuple[str, bytes]] = []
        with suppress(OSError), _opened_folder(place) as handle:
            lines = _lines(place, handle, PUBLIC)
        for _, line in lines:
            with suppress(OSError, ValueError):
                announcement = read(line)
                if _takes(announcement.url, answers):
                    yield announcement


def announced(folder: Path, port: int, token: str, line: dict[str, object]) -> tuple[Path, Path]:
    """Writes a server's two files into a folder; returns them.

    The folder is made if it is not there. Raises OSError; NotPrivate where the folder is not this
    user's alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened_folder(folder):
        key, address = folder / f"{port}{TOKEN}", folder / f"{port}{PUBLIC}"
        write_private(key, token)
        write_private(address, json.dumps(line | {"token_file": str(key.absolute())}))
    return key, address


def write_private(file: Path, text: str) -> None:
    """Writes a file that only this user can read, from its first byte on.

    Never through a link that somebody has put there. Raises OSError.
    """
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as stream:
        stream.write(text)


def sweep(answers: Answers) -> None:
    """Takes away what servers have left that were killed.

    Announcements, and tokens beside them. Raises OSError. One that takes a connection lives, even
    where its process is none that can be seen from here.
    """
    _sweep(runtime_folder(), answers)
    for folder in shared_folders():
        with suppress(OSError):
            _sweep(folder, answers)


def _sweep(folder: Path, answers: Answers) -> None:
    with _opened_folder(folder) as handle:
        for suffix in (PUBLIC, PRIVATE):
            for name, line in _lines(folder, handle, suffix):
                if not _alive(_pid(line)) and not _takes(_url(line), answers):
                    for left in (name, name.removesuffix(suffix) + TOKEN):
                        (folder / left).unlink(missing_ok=True)


def _url(line: bytes) -> str:
    """The address that a ready line tells of.

    Empty if it tells of none on this machine.
    """
    with suppress(ValueError, RecursionError):
        ready = json.loads(line)
        url = ready.get("url") if isinstance(ready, dict) else None
        if isinstance(url, str) and LOOPBACK.fullmatch(url):
            return url
    return ""


def _takes(url: str, answers: Answers) -> bool:
    found = re.match(r"ws://\[?([^\]/]+?)\]?:(\d+)", url)
    return found is not None and answers(found[1], int(found[2]))


def _pid(line: bytes) -> int:
    """The process that a ready line tells of; 0 if it tells of none."""
    with suppress(ValueError, RecursionError):
        ready = json.loads(line)
        if isinstance(ready, dict) and isinstance(ready.get("pid"), int):
            return int(ready["pid"])
    return 0


@contextmanager
def _opened_folder(folder: Path) -> Iterator[int | None]:
    """A handle of a folder that was looked at through it.

    None on Windows, which has none. Raises OSError; NotPrivate where the folder is not this user's
    alone.
    """
    if sys.platform == "win32":
        os.listdir(folder)  # the user's own AppData: Windows itself keeps others out
        yield None
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(os.fstat(handle), folder)
        yield handle
    finally:
        os.close(handle)


def _lines(folder: Path, handle: int | None, suffix: str) -> list[tuple[str, bytes]]:
    """Names and contents of an opened folder's files of this suffix.

    The newest first; those that are not this user's alone are left out.
    """
    found: list[tuple[bytes, float, str]] = []
    for name in os.listdir(folder if handle is None else handle):
        if name.endswith(suffix) and len(found) < MAX_SERVERS:
            with suppress(OSError):
                found.append((*_read_private(Path(name), handle, folder), name))
    return [(name, line) for line, _, name in sorted(found, key=lambda entry: -entry[1])]


def _read_private(
    file: Path, folder: int | None = None, where: Path = Path()
) -> tuple[bytes, float]:
    """A file's content and the time of its last change.

    In an opened folder or by its own path; `where` is the folder for what is said.
    """
    flags = os.O_RDONLY
    if sys.platform == "win32":
        file = where / file
    else:
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(file, flags, dir_fd=folder), "rb") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise NotPrivate(f"{where / file} is not a file.")
        if sys.platform != "win32":
            _check(facts, where / file)
        return stream.read(MAX_BYTES), facts.st_mtime


def _check(facts: os.stat_result, place: Path) -> None:
    if facts.st_uid != os.getuid():
        raise NotPrivate(f"{place} belongs to another user.")
    if facts.st_mode & 0o077:
        raise NotPrivate(f"{place} is open to other users.")


def _alive(pid: int) -> bool:
    """Whether a process of this number runs.

    On Windows nobody can ask without harm: connecting will tell.
    """
    if pid <= 0 or sys.platform == "win32":
        return pid > 0
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
