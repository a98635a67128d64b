"""Limn's own folder of models: what was fetched, what was added, which are used.

models/NAME/            a fetched model, with receipt.json: where each file comes from, its
                        size and its sha256
models/added.json       models that lie elsewhere: {"NAME": "PLACE"}; linked, never copied
models/used.json        the models in use: {"VARIANT": "PLACE"}, as `--model` takes it
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from limn.editing.diffusion.model_locations import locate
from limn.editing.diffusion.recognition import VARIANTS, Checkpoint, recognise
from limn.editing.errors import UnreadableModel
from limn.protocol.errors import LimnError

RECEIPT, ADDED, USED = "receipt.json", "added.json", "used.json"
CHUNK = 4 * 1024 * 1024

SPARE = 256 * 1024 * 1024
"""Bytes that stay free on the disk when a model is fetched or converted."""


class StoreError(LimnError):
    """Something about a model that can't be done."""

    def __init__(self, code: str, sentence: str, remedy: str) -> None:
        super().__init__(sentence, remedy, code)


@dataclass(frozen=True)
class Installed:
    """A model of Limn's own folder.

    fetched: it lies there; otherwise it was added by name.
    """

    name: str
    place: Path
    fetched: bool

    @property
    def previews(self) -> bool:
        """Whether it is a small decoder for previews, and no model by itself."""
        return self.fetched and _object(self.place / RECEIPT).get("kind") == "previews"

    @property
    def checkpoint(self) -> Checkpoint:
        """What it is. A fetched single file is the one in its folder."""
        files = [] if self.place.is_file() else sorted(self.place.glob("*.safetensors"))
        whole = (self.place / "model_index.json").is_file()
        return recognise(files[0] if self.fetched and files and not whole else self.place)


class Store:
    """The folder; made when something is put into it."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: another than this user's own."""
        self.folder = folder or platformdirs.user_data_path("limn") / "models"

    @property
    def selection(self) -> Path | None:
        """The selection in use, as a place for `--model`; None if there is none."""
        file = self.folder / USED
        return file if file.is_file() else None

    def selected(self) -> Mapping[str, object]:
        """The places in use, by variant; empty where there is no selection."""
        return _object(self.folder / USED)

    def called(self) -> str:
        """The names of the models in use; empty where there is no selection."""
        used = self.selected()
        names = [Path(str(place)).stem for kind, place in used.items() if kind in VARIANTS.values()]
        return ", ".join(dict.fromkeys(names))

    def installed(self) -> list[Installed]:
        """What is there, in the order of names."""
        found = {n: Installed(n, Path(p), False) for n, p in _object(self.folder / ADDED).items()}
        if self.folder.is_dir():
            for place in self.folder.iterdir():
                if not place.name.startswith(".") and (place / RECEIPT).is_file():
                    found[place.name] = Installed(place.name, place, True)
        return [found[name] for name in sorted(found)]

    def find(self, name: str) -> Installed:
        """By name. Raises StoreError."""
        known = {model.name: model for model in self.installed()}
        if name not in known:
            there = ", ".join(known) or "none"
            raise StoreError(
                "unknown-model",
                f"There is no model {name!r} in {self.folder} (there: {there}).",
                "Get one with `limn models get`, or add one of your own with `limn models add`.",
            )
        return known[name]

    def add(self, place: Path, name: str = "") -> Installed:
        """Take a model that lies elsewhere into the list.

        Raises StoreError, UnreadableModel.
        """
        place = place.expanduser().absolute()
        checkpoint = recognise(place).checked()
        name = self._name(name or _plain(checkpoint.name), place)
        self.write(ADDED, _object(self.folder / ADDED) | {name: str(place)})
        return Installed(name, place, False)

    def convert(self, place: Path, name: str = "") -> Installed:
        """Put a .safetensors copy of pickled weights into this folder.

        Raises StoreError, UnreadableModel.
        """
        from .convert import convert

        place = place.expanduser().absolute()
        name = self._name(name or _plain(place.stem), None)
        model = Installed(name, convert(place, self.folder / name), True)
        try:
            model.checkpoint.checked()
        except UnreadableModel:
            shutil.rmtree(model.place)
            raise
        return model

    def _name(self, name: str, place: Path | None) -> str:
        """A name for a new model, checked. Raises StoreError."""
        if not re.fullmatch(r"[\w][\w.-]{0,63}", name):
            raise StoreError("bad-name", f"{name!r} can't be a name.", "Give letters and digits.")
        if any(m.name == name and m.place != place for m in self.installed()):
            raise StoreError(
                "taken", f"There is a model {name!r} already.", "Choose another name with --name."
            )
        return name

    def remove(self, name: str) -> int:
        """Take a model out; a fetched one is deleted. Returns the bytes that were freed."""
        model = self.find(name)
        self.write(USED, self._used_without(model))
        if not model.fetched:
            self.write(ADDED, {n: p for n, p in _object(self.folder / ADDED).items() if n != name})
            return 0
        size = sum(f.stat().st_size for f in model.place.rglob("*") if f.is_file())
        going = self.folder / f".{name}.removed"  # what is half deleted is no model any more
        with writing(model.place):
            shutil.rmtree(going, ignore_errors=True)
            os.replace(model.place, going)
            shutil.rmtree(going)
        return size

    def use(self, names: list[str]) -> dict[str, Path]:
        """Uses these models, each for its variant.

        Others stay in use for the rest, as long as they can be used. Returns what is in use. Raises
        StoreError, UnreadableModel.
        """
        chosen: dict[str, str] = {}
        for name in names:
            model = self.find(name)
            if model.previews:
                chosen["vae_tiny"] = str(model.place)
                continue
            checkpoint = model.checkpoint.checked()
            if checkpoint.missing:  # somebody else must have it
                locate(checkpoint.place, self.donors())
            if checkpoint.variant in chosen:
                raise StoreError(
                    "twice",
                    f"{name} and another of these are both {checkpoint.variant} models.",
                    "Name one for each variant.",
                )
            chosen[checkpoint.variant] = str(checkpoint.place)
        used = _object(self.folder / USED)
        used = {kind: place for kind, place in used.items() if _usable(kind, place)} | chosen
        self.write(USED, used)
        return {kind: Path(place) for kind, place in used.items()}

    def use_bundled(self) -> None:
        """Use the bundled model again. Raises StoreError."""
        self.write(USED, {})

    def donors(self) -> Iterator[Path]:
        """Models whose networks may stand in for missing ones."""
        for model in self.installed():
            if not model.previews:
                yield model.checkpoint.place

    def verify(self, name: str) -> Iterator[tuple[str, str]]:
        """Each file of a model, and what is wrong with it, or "".

        Reads all of a fetched one.
        """
        model = self.find(name)
        for path, facts in _object(model.place / RECEIPT).get("files", {}).items():
            yield path, check_file(model.place / path, facts["size"], facts["sha256"])
        trouble = None if model.previews else model.checkpoint.trouble
        yield str(model.checkpoint.place), trouble.sentence if trouble else ""

    def _used_without(self, model: Installed) -> dict[str, Any]:
        own = (str(model.place), str(model.checkpoint.place))
        used = _object(self.folder / USED)
        return {variant: place for variant, place in used.items() if place not in own}

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace one of the lists in one step; an empty one is taken away.

        Raises StoreError.
        """
        with writing(self.folder / name):
            if not content:
                (self.folder / name).unlink(missing_ok=True)
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = self.folder / f".{name}.new"
            try:
                fresh.write_text(json.dumps(content, indent=1), encoding="utf-8")
                os.replace(fresh, self.folder / name)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise


def _plain(name: str) -> str:
    """A file's name in letters that models' names take."""
    return re.sub(r"[^\w.-]+", "-", name)[:64]


def check_file(file: Path, size: int, sha256: str) -> str:
    """What is wrong with a file's bytes, or ""."""
    if not file.is_file():
        return "is missing"
    if file.stat().st_size != size:
        return f"has {file.stat().st_size:,} bytes instead of {size:,}"
    if sha256 and digest(file) != sha256:
        return "has other bytes than it should"
    return ""


def digest(file: Path) -> str:
    """A file's sha256."""
    sha = hashlib.sha256()
    with open(file, "rb") as stream:
        while chunk := stream.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


def _object(file: Path) -> dict[str, Any]:
    """A JSON file of ours.

    An unreadable one counts as empty: it is made anew when it is written.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def donors() -> Iterator[Path]:
    """The models of this user's folder, whose networks may stand in for missing ones."""
    yield from Store().donors()


def check_room(folder: Path, needed: int) -> None:
    """Raises StoreError where the disk has no room for so many bytes, and SPARE."""
    free, needed = shutil.disk_usage(folder).free, needed + SPARE
    if free < needed:
        raise StoreError(
            "disk-full",
            f"{needed / 1e9:.1f} GB are needed in {folder.parent}, and {free / 1e9:.1f} GB are "
            "free.",
            "Make room, or set XDG_DATA_HOME to a folder on another disk.",
        )


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Raises StoreError where something can't be written there, or the disk is full."""
    try:
        yield
    except OSError as error:
        raise unwritten(place, error) from error


def unwritten(place: Path, error: OSError) -> StoreError:
    """Why something could not be written, and what to do."""
    place = Path(error.filename or place)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        sentence = f"The disk is full: {place} could not be written."
        return StoreError("disk-full", sentence, "Make room, and try again.")
    return StoreError(
        "not-writable",
        f"{place} can't be written: {error.strerror or error}.",
        "See to its rights, or set XDG_DATA_HOME to a folder that you may write to.",
    )


def _usable(kind: str, place: object) -> bool:
    """Whether a place of a selection still has its model, or its decoder for previews."""
    if not isinstance(place, str):
        return False
    return recognise(place).trouble is None if kind in VARIANTS.values() else Path(place).is_dir()
