"""A JSON file that comes with a model, as a type.

The rest of a file has no effect. A model comes from strangers. diffusers and transformers believe
its configuration: they import the classes that it names, ask for its own code, fetch attention
kernels and quantizers. So they never see it. `read` gives the keys that are declared for a kind of
file, checked against their ranges. A key that nobody here knows is passed over, as diffusers does.
One that would make another network of it must have the value that says so is not wanted.

    unet = read(UNet, folder / "unet" / "config.json")
    UNet2DConditionModel(**unet.arguments())
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import UnreadableModel

MAX_BYTES = 16 * 1024 * 1024
"""Of one file: a tokenizer's has some 3 MB, a network's configuration some 2 KB."""

MAX_QUOTED = 60
"""Characters of a wrong value in what is said about it."""

REMEDY = "Fetch the model again, or choose another."
OTHER_KIND = "A model of this kind can't be used; choose another."


Described = TypeVar("Described", bound=BaseModel)


def read(kind: type[Described], file: Path) -> Described:
    """The file's content. Raises UnreadableModel if it isn't there or can't be used."""
    return parse(kind, read_bytes(file), str(file))


def parse(kind: type[Described], text: bytes | str, where: str) -> Described:
    """The same as `read`, for JSON that was read from elsewhere.

    `where` names its place in an error.
    """
    if isinstance(text, bytes):
        text = text.removeprefix(b"\xef\xbb\xbf")  # as editors on Windows begin a file
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        # Where a value may be of several kinds, pydantic adds its own name of the kind to the
        # place.
        key = ".".join(str(step) for step in first["loc"] if not re.search(r"\W", str(step)))
        problem = first["msg"].removeprefix("Value error, ")
        if key:
            problem = f"{key} is {_cut(repr(first['input']))}: {problem}"
        remedy = OTHER_KIND if first["type"] in ("literal_error", "none_required") else REMEDY
        raise UnreadableModel(
            "unreadable-model", f"{where} can't be used: {_cut(problem, 400)}.", remedy
        ) from error


def read_bytes(file: Path, most: int = MAX_BYTES) -> bytes:
    """A whole file of at most `most` bytes.

    Raises UnreadableModel; also for what is no regular file: a pipe would be waited for for ever.
    """
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as stream:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise UnreadableModel("unreadable-model", f"{file} is not a file.", REMEDY)
            text = stream.read(most + 1)
    except OSError as error:
        raise UnreadableModel(
            "unreadable-model", f"{file} cannot be read: {error.strerror}.", REMEDY
        ) from error
    if len(text) > most:
        raise UnreadableModel(
            "unreadable-model", f"{file} has more than {most // 2**20} MiB.", REMEDY
        )
    return text


def _cut(text: str, most: int = MAX_QUOTED) -> str:
    return text if len(text) <= most else f"{text[:most]} ..."
