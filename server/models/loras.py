"""LoRA files on the server's machine: where they lie, and which are used.

In the folder `loras` beside Limn's models, and where other programs keep theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from limn.editing import UnreadableModel
from limn.editing.diffusion.lora_file import MAX_FILES, MAX_WEIGHT, Lora, check

from .found import known_folders
from .store import Store, StoreError

FOLDER = "loras"
USED = "loras.json"

OF_OTHERS = ("models/loras", "models/Lora", "ComfyUI/models/loras")
"""Where other programs keep them, below their own folders."""

MAX_LISTED = 64
MAX_LOOKED_AT = 1000
"""Entries of one folder that are looked at."""


@dataclass(frozen=True)
class Listed:
    """A file.

    percent: of its changes that are used; 0: none. trouble: why it can't be, or "".
    """

    name: str
    place: Path
    percent: int = 0
    trouble: str = ""


def listed(store: Store) -> list[Listed]:
    """What is there, in the order of names; of files of one name the first."""
    used = _used(store)
    found: dict[str, Listed] = {}
    for place in _files(store):
        if len(found) == MAX_LISTED:
            break
        if place.stem in found:
            continue
        try:
            check(place)
            trouble = ""
        except UnreadableModel as error:
            trouble = error.sentence
        found[place.stem] = Listed(place.stem, place, used.get(str(place), 0), trouble)
    return [found[name] for name in sorted(found)]


def use(store: Store, names: Sequence[str], percents: Sequence[int]) -> None:
    """Use these from now on, and no others. Raises StoreError, UnreadableModel."""
    known = {one.name: one for one in listed(store)}
    chosen: dict[str, int] = {}
    if len(names) != len(percents) or len(names) > MAX_FILES:
        raise StoreError(
            "bad-loras", f"At most {MAX_FILES} LoRA files, each with a weight.", "Choose fewer."
        )
    for name, percent in zip(names, percents, strict=True):
        if name not in known:
            raise StoreError(
                "unknown-lora",
                f"There is no LoRA {name!r} on the server's machine.",
                f"Put its file into {store.folder.parent / FOLDER}.",
            )
        if abs(percent) > 100 * MAX_WEIGHT:
            raise StoreError(
                "bad-loras", f"{percent}% of {name} is too much.", "40% to 100% are usual."
            )
        check(known[name].place)
        if percent:
            chosen[str(known[name].place)] = percent
    store.write(USED, chosen)


def chosen(store: Store) -> tuple[Lora, ...]:
    """Those in use; one that was taken away since is none."""
    return tuple(
        Lora(Path(place), percent / 100)
        for place, percent in _used(store).items()
        if Path(place).is_file()
    )


def _files(store: Store) -> Iterator[Path]:
    """Every file that may be one, Limn's own folder first."""
    own = store.folder.parent / FOLDER
    others = (place / below for _, place in known_folders() for below in OF_OTHERS)
    for folder in (own, *others):
        if folder.is_dir():
            for place in sorted(islice(folder.iterdir(), MAX_LOOKED_AT)):
                if place.suffix.lower() == ".safetensors":
                    yield place


def _used(store: Store) -> dict[str, int]:
    """Percents by place; a list that can't be read counts as empty."""
    try:
        told = json.loads((store.folder / USED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    most = int(100 * MAX_WEIGHT)
    return {
        str(place): percent
        for place, percent in islice(told.items(), MAX_FILES)
        if isinstance(percent, int) and -most <= percent <= most
    }
