"""Fetches a model.

Only on the user's word, at a pinned revision, resumed, and checked. huggingface_hub does the work.
What it leaves open is decided here: every call has a time-out (its own client has none), no stored
token is sent unasked, and each file's sha256 is compared.
"""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from filelock import FileLock, Timeout

from .catalogue import Entry, Source
from .store import RECEIPT, StoreError, check_file, check_room

CALL_SECONDS = 20.0
"""Without a byte, until a call is given up. A slow line that still sends goes on."""

TRIES = 5
"""Of a file whose download breaks. Each goes on where the one before it stopped."""

Told = Callable[[int, int], None]
"""Is told how many bytes are there, and of how many; may raise to stop."""

AGAIN = "Run the same command again: it goes on where it stopped."


@dataclass(frozen=True)
class Wanted:
    """A file of a repository.

    sha256 is "" for a small one, which the hub keeps as text.
    """

    path: str
    size: int
    sha256: str


def fetch(
    entry: Entry,
    source: Source,
    folder: Path,
    told: Told,
    token: str = "",
    seconds: float = CALL_SECONDS,
) -> Path:
    """Fetch an entry's files into `folder`/NAME, and return that. Raises StoreError.

    What has arrived of an interrupted one is kept in `folder`/.NAME and used the next time. Only
    one program fetches an entry at a time.
    """
    api = _api(token, seconds)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{entry.name}.lock", timeout=0):
            return _fetched(api, entry, source, folder, told, seconds)
    except Timeout as error:
        raise StoreError(
            "busy", f"{entry.name} is being fetched by another program.", "Wait until it is there."
        ) from error
    except OSError as error:
        raise _explained(error, entry, source) from error


def _fetched(
    api: Any, entry: Entry, source: Source, folder: Path, told: Told, seconds: float
) -> Path:
    partial, place = folder / f".{entry.name}", folder / entry.name
    try:
        commit, files = _list(api, source, seconds)
        partial.mkdir(parents=True, exist_ok=True)
        there = sum(f.stat().st_size for f in partial.rglob("*") if f.is_file())
        check_room(partial, max(0, _total(files) - there))
        arrived, whole = 0, _total(files)
        for file in files:
            before = arrived

            def more(n: int, before: int = before) -> None:
                told(before + n, whole)

            _get(api, source, commit, file, partial, more, seconds)
            arrived += file.size
            told(arrived, whole)
    except (OSError, httpx2.HTTPError) as error:
        raise _explained(error, entry, source) from error
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    receipt = {
        "name": entry.name,
        "kind": entry.kind,
        "repository": source.repository,
        "revision": commit,
        "licence": entry.licence,
        "page": entry.page,
        "files": {file.path: {"size": file.size, "sha256": file.sha256} for file in files},
    }
    (partial / RECEIPT).write_text(json.dumps(receipt, indent=1), encoding="utf-8")
    if place.exists():
        shutil.rmtree(place)
    os.replace(partial, place)
    return place


def _api(token: str, seconds: float) -> Any:
    """The hub's client with our time-outs. Its settings are read when it is imported."""
    os.environ["HF_HUB_DOWNLOAD_TIMEOUT"] = os.environ["HF_HUB_ETAG_TIMEOUT"] = str(
        int(max(seconds, 1))
    )
    os.environ["HF_HUB_DISABLE_XET"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    import huggingface_hub
    from huggingface_hub import constants, logging
    from huggingface_hub.utils import _http

    # what goes wrong is told once, at the end
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    constants.HF_HUB_DOWNLOAD_TIMEOUT = constants.HF_HUB_ETAG_TIMEOUT = max(1, int(seconds))

    def client() -> Any:
        made = _http.default_client_factory()
        made.timeout = seconds
        return made

    huggingface_hub.set_client_factory(client)
    return huggingface_hub.HfApi(
        endpoint=os.environ.get("HF_ENDPOINT"), token=token or False, library_name="limn"
    )


def _list(api: Any, source: Source, seconds: float) -> tuple[str, list[Wanted]]:
    """The commit and the wanted files, as the hub tells them.

    With their sizes and hashes.
    """
    info = api.model_info(
        source.repository, revision=source.revision, files_metadata=True, timeout=seconds
    )
    files = []
    for sibling in info.siblings or ():
        path = str(sibling.rfilename)
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in source.patterns):
            own = sibling.lfs.sha256 if sibling.lfs else ""
            known = source.sha256.get(path, own)
            if own and known != own:
                raise _moved(source, f"{path} has another sha256 there than the catalogue")
            files.append(Wanted(path, int(sibling.size or 0), known))
    lacking = [p for p in source.patterns if not fnmatch.filter([f.path for f in files], p)]
    lacking = [
        pattern for pattern in lacking if "*" not in pattern and not pattern.endswith(".txt")
    ]
    if lacking:
        raise _moved(source, f"it has no {lacking[0]}")
    return str(info.sha), files


def _moved(source: Source, why: str) -> StoreError:
    return StoreError(
        "moved",
        f"The repository {source.repository} has changed: {why}.",
        "Fetch the model from its page and add it with `limn models add`, or wait for a new "
        "version of Limn.",
    )


def _total(files: list[Wanted]) -> int:
    return sum(file.size for file in files)


def _get(
    api: Any,
    source: Source,
    commit: str,
    file: Wanted,
    folder: Path,
    told: Callable[[int], None],
    seconds: float,
) -> None:
    """One file, whole and right. Raises what the hub's client raises, or StoreError."""
    place = folder / file.path
    if check_file(place, file.size, file.sha256) == "":
        return
    for attempt in range(1, TRIES + 1):
        try:
            api.hf_hub_download(
                source.repository,
                file.path,
                revision=commit,
                local_dir=folder,
                etag_timeout=seconds,
                tqdm_class=_bar(told),
            )
            break
        except (OSError, httpx2.HTTPError) as error:
            if attempt == TRIES or not _may_pass(error):
                raise
    if wrong := check_file(place, file.size, file.sha256):
        place.unlink(missing_ok=True)
        raise StoreError(
            "wrong-bytes",
            f"{file.path} of {source.repository} {wrong}: it was damaged on its way or is not "
            "what was meant.",
            "Run the same command again; if it stays so, don't use the file.",
        )


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help: the line broke; not that the hub has said no."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
        return False
    status = getattr(getattr(error, "response", None), "status_code", 500)
    return int(status) >= 500


def _bar(told: Callable[[int], None]) -> Any:
    """tqdm's face with which huggingface_hub tells its progress."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *rest: Any, **options: Any) -> None:
            super().__init__(*rest, **(options | {"disable": True}))  # type: ignore[no-untyped-call]
            self.arrived = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self.arrived += int(n or 0)
            told(self.arrived)

    return Bar


def _explained(error: Exception, entry: Entry, source: Source) -> StoreError:
    """What went wrong, and what to do."""
    from huggingface_hub import errors

    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("disk-full", "The disk is full.", f"Make room. {AGAIN}")
    if isinstance(error, PermissionError | NotADirectoryError | FileExistsError) or (
        getattr(error, "errno", None) == errno.EROFS
    ):
        return StoreError(
            "not-writable",
            f"{getattr(error, 'filename', '')} can't be written: {getattr(error, 'strerror', '')}.",
            "Set XDG_DATA_HOME to a folder that you may write to.",
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError) or status in (401, 403):
        return StoreError(
            "gated",
            f"{entry.title} is given only to people who have accepted its licence.",
            f"Accept it at {entry.page}, make a token there, and give it with --token.",
        )
    if status in (404, 410) or isinstance(error, errors.EntryNotFoundError):
        return _moved(source, "what is wanted is not there any more")
    if status is not None:
        return StoreError(
            "hub", f"The hub answers with an error ({status}).", f"Try later. {AGAIN}"
        )
    if isinstance(error, ConnectionError | TimeoutError | httpx2.HTTPError):
        return StoreError("no-network", "The hub can't be reached.", f"See to the network. {AGAIN}")
    return StoreError("download", f"The download failed: {error}.", AGAIN)
