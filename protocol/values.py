"""What messages are made of: bounds of their fields, pictures, places, sentences."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from . import limits


@dataclass(frozen=True)
class Range:
    """Bounds of a number or of a text's length, both included."""

    least: int
    most: int


@dataclass(frozen=True)
class Identifier:
    """A text for programs, safe in a log.

    ASCII letters, digits, and - _ . after the first; at most limits.MAX_ID of them.
    """


JobId = Annotated[str, Identifier()]
Name = Annotated[str, Identifier()]
Label = Annotated[str, Range(0, limits.MAX_LABEL)]
Text = Annotated[str, Range(0, limits.MAX_TEXT)]
Instruction = Annotated[str, Range(0, limits.MAX_INSTRUCTION)]
Count = Annotated[int, Range(0, limits.MAX_COUNT)]
Seed = Annotated[int, Range(0, limits.MAX_SEED)]
Percent = Annotated[int, Range(-limits.MAX_PERCENT, limits.MAX_PERCENT)]
Level = Annotated[int, Range(0, 255)]
Side = Annotated[int, Range(1, limits.MAX_SIDE)]
Place = Annotated[int, Range(0, limits.MAX_SIDE)]
Value = bool | int | float | str
"""A parameter's value; texts at most `limits.MAX_TEXT` long."""

PLACE = re.compile(r"\{(\w+)\}")
"""A value's place in a template of `Said`."""

Format = Literal["rgba8", "bgra8", "rgba16", "bgra16", "gray8", "jpeg"]
"""How a picture's pixels are laid out.

Raw, rows without padding, colour not multiplied by alpha, 16 bits little endian; or a JPEG file
(previews only).
"""

BYTES_PER_PIXEL: Mapping[str, int] = {"rgba8": 4, "bgra8": 4, "rgba16": 8, "bgra16": 8, "gray8": 1}


@dataclass(frozen=True)
class Pixels:
    """A picture.

    `sha256` (64 hexadecimal digits) names its content; it is computed if not given. `data` None
    means: the other side holds this content already (see `Queued.holds`), nothing is uploaded. A
    server has what arrived as a bytearray, for want of another copy; nobody writes to it.
    """

    width: Side
    height: Side
    format: Format
    data: bytes | None = field(repr=False)
    sha256: Name = ""

    def __post_init__(self) -> None:
        if not self.sha256 and self.data is not None:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())

    @property
    def raw_size(self) -> int:
        """Bytes that the raw formats take; 0 for a JPEG, whose size nothing tells."""
        return self.width * self.height * BYTES_PER_PIXEL.get(self.format, 0)

    def held(self) -> Pixels:
        """The same picture by its name only."""
        return Pixels(self.width, self.height, self.format, None, self.sha256)


@dataclass(frozen=True)
class Region:
    """A picture and where its upper left corner lies in the submitted picture."""

    x: Place
    y: Place
    pixels: Pixels


@dataclass(frozen=True)
class Box:
    """A rectangle in the submitted picture: its upper left corner and its size."""

    x: Place
    y: Place
    width: Side
    height: Side


@dataclass(frozen=True)
class Said:
    """A sentence for people that can be translated.

    template: in English. data: what its places, such as {thing}, are filled with. code: what it is
    about, for programs; may be empty.
    """

    template: Text
    data: Mapping[str, Value] = field(default_factory=dict)
    code: Label = ""

    def __str__(self) -> str:
        return filled(self.template, self.data)


NOTHING = Said("")
"""No sentence."""


def filled(template: str, data: Mapping[str, Value]) -> str:
    """A template with its values; a place without a value stays as it is.

    A place is a name in braces and nothing else: the template may come from a stranger.
    """
    return PLACE.sub(lambda m: str(data.get(m[1], m[0])), template)
