"""The files of an edit on their way into the user's folder.

They are written beside it, and moved in when all are there. What lies in the folder already stays,
but for files that the report of an earlier edit names and that have not been changed since.
Whatever fails or is interrupted before the last file is written leaves the folder as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from .exits import UsageError

REPORT = "report.json"

NAMES = re.compile(
    r"(?:variants/[0-9]{1,10}-)?(?:result|layer|mask)\.png"
    r"|masks/[0-9]{1,4}\.png|previews/[0-9]{1,6}\.jpg"
)
"""What an edit writes besides its report.

A report that names anything else is not believed in it.
"""

FOLDERS = ("masks", "previews", "variants")

REPORT_BYTES = 4 * 1024 * 1024
"""Bytes of a report.

A larger one is none of ours: the longest instruction and 100,000 previews take less.
"""


PREFIX = ".limn-"

STALE_SECONDS = 24 * 3600
"""Seconds after which an unfinished delivery counts as abandoned.

No edit runs for longer without a file written: what is older was left by one that was killed.
"""


class Delivery:
    """A folder next to the final places, inside the same folder.

    So each move is one rename. Use it as a context manager: without `commit` nothing is left of it.
    Raises UsageError where `folder` can't be written, or holds files that an edit would have to
    replace and may not.
    """

    def __init__(self, folder: Path, reads: Iterable[Path] = ()) -> None:
        """Begins a delivery.

        reads: the files that the edit reads; they are never replaced, whatever names them.
        """
        self.folder = folder
        self._reads = tuple(reads)
        self._staged: dict[str, str] = {}
        self._made = _make(folder)
        try:
            self.again = bool(self._earlier())
            """Whether an earlier edit's files lie here."""
            _clear_stale(folder)
            self._staging = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        except OSError as error:
            self._unmake()
            raise UsageError(
                f"Nothing can be written into {folder}: {error.strerror}.",
                "Name another folder with --out.",
            ) from error
        except UsageError:
            self._unmake()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        self._unmake()

    def place(self, name: str) -> Path:
        """Where to write the file that will be `name` in the folder.

        `name` is of the form of NAMES.
        """
        assert NAMES.fullmatch(name), name
        file = self._staging / name
        file.parent.mkdir(exist_ok=True)
        self._staged[name] = ""
        return file

    def commit(self, report: Mapping[str, object]) -> None:
        """Writes the report and moves everything in.

        The report has the names and SHA-256 of all files. The earlier edit's files go. Raises
        OSError or UsageError, and then they are still there.
        """
        for name in self._staged:
            self._staged[name] = _digest(self._staging / name, sync=True)
        text = json.dumps({**report, "files": self._staged}, indent=1, ensure_ascii=False)
        with (self._staging / REPORT).open("w", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        moved: list[tuple[Path, Path]] = []
        theirs = {name for name in FOLDERS if _is_empty(self.folder / name)}
        try:
            for name in self._earlier():
                _move(self.folder / name, self._staging / "earlier" / name, moved)
            for name in (*self._staged, REPORT):
                _move(self._staging / name, self.folder / name, moved)
        except BaseException:
            for source, target in reversed(moved):
                with suppress(OSError):
                    target.rename(source)
            raise
        finally:
            for name in FOLDERS:  # what the earlier edit had and this one has not
                if name not in theirs:
                    with suppress(OSError):
                        (self.folder / name).rmdir()

    def _earlier(self) -> list[str]:
        """The files that the new ones may replace.

        Raises UsageError if others are in the way.
        """
        known = _named_by_report(self.folder)
        found = [name for name in _present(self.folder) if name != REPORT]
        for name in found:
            place = self.folder / name
            if known is None or name not in known:
                raise self._in_the_way(place, "is not of an earlier edit")
            if place.is_symlink() or not place.is_file():
                raise self._in_the_way(place, "is no longer the file of an earlier edit")
            if _digest(place) != known[name]:
                raise self._in_the_way(place, "was changed after the edit that made it")
        if known is None and os.path.lexists(self.folder / REPORT):
            raise self._in_the_way(self.folder / REPORT, "is not of an earlier edit")
        if known is not None:
            found.append(REPORT)
        for name in found:
            for read in self._reads:
                if _same(self.folder / name, read):
                    raise self._in_the_way(self.folder / name, "is what this edit reads")
        return found

    def _in_the_way(self, place: Path, why: str) -> UsageError:
        return UsageError(
            f"{place} {why}, and would be replaced.",
            f"Name another folder, for example --out {_free(self.folder)}.",
        )

    def _unmake(self) -> None:
        """Take away the folders that were made for this and hold nothing."""
        for folder in reversed(self._made):
            with suppress(OSError):
                folder.rmdir()


def _clear_stale(folder: Path) -> None:
    """Remove what killed edits (SIGKILL, a power cut) have left here.

    Those are hidden folders of this user's, older than STALE_SECONDS, with nothing inside but files
    that an edit makes. One with an earlier edit's files in it stays: they may be the only ones.
    """
    for place in folder.glob(f"{PREFIX}????????"):
        with suppress(OSError):
            about = place.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != _user(about.st_uid):
                continue
            inside = [Path(at, name) for at, _, names in os.walk(place) for name in names]
            known = all(
                NAMES.fullmatch(name) or name == REPORT
                for name in (file.relative_to(place).as_posix() for file in inside)
            )
            newest = max(file.lstat().st_mtime for file in (place, *inside))
            if known and newest < time.time() - STALE_SECONDS:
                shutil.rmtree(place)


def _user(instead: int) -> int:
    """The number of the user who runs this; `instead` where the system has none."""
    return os.geteuid() if hasattr(os, "geteuid") else instead


def _make(folder: Path) -> list[Path]:
    """Make a folder, and give those that were made for it. Raises UsageError."""
    missing = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{folder} can't be made: {error.strerror}."
        if os.path.islink(folder):
            what = f"{folder} is a link to {os.readlink(folder)}, and no folder."
        elif os.path.lexists(folder):
            what = f"{folder} is no folder."
        raise UsageError(what, "Name another folder with --out.") from error
    return missing[::-1]


def _present(folder: Path) -> list[str]:
    """What lies at the places of an edit's files, as names relative to the folder."""
    names = [*("result.png", "layer.png", "mask.png", REPORT)]
    for parent in FOLDERS:
        place = folder / parent
        if place.is_dir() and not place.is_symlink():
            inside = (f"{parent}/{name}" for name in os.listdir(place))
            names += sorted(name for name in inside if NAMES.fullmatch(name))
        else:
            names.append(parent)
    return [name for name in names if os.path.lexists(folder / name)]


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not os.listdir(folder)


def _named_by_report(folder: Path) -> dict[str, str] | None:
    """What the folder's report says of its files: name -> SHA-256.

    None if it is no edit's report.
    """
    file = folder / REPORT
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > REPORT_BYTES:
            return None
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or not {"algorithm", "instruction", "seed"} <= set(report):
        return None
    files = report.get("files")
    if not isinstance(files, dict):
        return None
    return {name: str(digest) for name, digest in files.items() if NAMES.fullmatch(name)}


def _digest(file: Path, sync: bool = False) -> str:
    """A file's SHA-256.

    With `sync` it is on the disk afterwards, or OSError says that it isn't.
    """
    with file.open("r+b") if sync else file.open("rb") as stream:
        if sync:
            os.fsync(stream.fileno())
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _move(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    """Renames, and writes it down.

    Raises FileExistsError rather than replace what has appeared.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        raise FileExistsError(17, "It appeared while the edit was running", str(target))
    source.rename(target)
    moved.append((source, target))


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _free(folder: Path) -> Path:
    """A name like the folder's that nothing has."""
    base = folder if folder.name not in ("", "..") else folder / "edit"
    candidates = (base.with_name(f"{base.name}-{n}") for n in range(2, 99))
    return next((one for one in candidates if not os.path.lexists(one)), base / "edit")
