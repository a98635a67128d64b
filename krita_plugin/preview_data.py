"""What the two small pictures of the panel show, as plain values.

The layer, the edit as it forms, its mask. No Krita, no Qt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..protocol.messages import Box, Region

PICTURE_SIDE = 256
"""Longer side of the layer's and the mask's picture, in pixels.

The panel shows them at half of that.
"""

PREVIEW_SIDE = 256
"""Longer side of the previews that the server is asked for.

The docker shows them at some 110 pixels, or twice that on a fine display.
"""

AROUND = 0.25
"""How much of the layer is shown around the part that is worked on.

On each side, as a share of its side.
"""


MOST = 100
"""Of a mask's sliders, either way."""


@dataclass(frozen=True)
class GreyPicture:
    """A small mask for the panel, one byte a pixel, rows without padding."""

    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class LayerPicture:
    """A small picture of what was sent of the layer.

    B, G, R, A a pixel, rows without padding; and the colour that shows through it.
    """

    width: int
    height: int
    data: bytes = field(repr=False)
    background: tuple[int, int, int]


@dataclass(frozen=True)
class View:
    """A part of what was sent of the layer.

    left, top, width and height are shares of the whole.
    """

    x: float
    y: float
    width: float
    height: float


WHOLE = View(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Look:
    """The edit as it forms: a JPEG, and the part that it shows."""

    jpeg: bytes = field(repr=False)
    shows: View


@dataclass(frozen=True)
class ResultLook:
    """A result for the panel's strip.

    Its layer's id, what its tooltip says, and a JPEG. seen: whether it is visible. variants: the
    set that it is one of.
    """

    id: str
    words: str
    jpeg: bytes = field(repr=False)
    seen: bool
    variants: str


def around(shows: View) -> View:
    """A part that is worked on and a little around it.

    So that it is large enough to be seen.
    """
    across, down = shows.width * AROUND, shows.height * AROUND
    x, y = max(0.0, shows.x - across), max(0.0, shows.y - down)
    right, bottom = (
        min(1.0, shows.x + shows.width + across),
        min(1.0, shows.y + shows.height + down),
    )
    return View(x, y, right - x, bottom - y)


def shares(box: Box, width: int, height: int) -> View:
    """A rectangle of a picture of width x height pixels as shares of it."""
    return View(box.x / width, box.y / height, box.width / width, box.height / height)


def small(
    strips: Sequence[bytes], width: int, height: int, deep: bool, background: tuple[int, int, int]
) -> LayerPicture:
    """The sent layer made small, as masks are.

    Its rows are in strips as they were read (B, G, R, A; `deep`: 16 bits each).
    """
    step = _step(width, height)
    picture, y = bytearray(), 0
    for strip in strips:
        pixels = memoryview(strip).cast("Q" if deep else "I")
        rows = len(pixels) // width
        for row in range(-y % step, rows, step):
            kept = pixels[row * width : (row + 1) * width : step].tobytes()
            picture += kept[1::2] if deep else kept
        y += rows
    return LayerPicture(-(-width // step), -(-height // step), bytes(picture), background)


def every(strips: Sequence[bytes], width: int, most: int) -> tuple[int, int, bytes]:
    """A mask made at most `most` large by leaving out rows and columns.

    strips: its rows from top to bottom, one byte a pixel. Returns its new width, height and bytes.
    """
    height = sum(len(strip) for strip in strips) // max(1, width)
    step = max(1, -(-max(width, height) // most))
    kept, y = [], 0
    for strip in strips:
        rows = len(strip) // width
        for row in range(-y % step, rows, step):
            kept.append(strip[row * width : (row + 1) * width : step])
        y += rows
    return -(-width // step), len(kept), b"".join(kept)


def _step(width: int, height: int) -> int:
    """Every how many pixels one is kept."""
    return max(1, -(-max(width, height) // PICTURE_SIDE))


def shrink(area: Region | None, width: int, height: int) -> GreyPicture:
    """A mask of a picture of width x height, made small.

    At most PICTURE_SIDE large, by leaving out rows and columns: cheap at any size.
    """
    step = _step(width, height)
    columns, rows = -(-width // step), -(-height // step)
    picture = bytearray(columns * rows)
    if area is not None and area.pixels.data is not None:
        data, wide = memoryview(area.pixels.data), area.pixels.width
        first = -(-area.x // step)  # the first kept column inside the area
        for row in range(-(-area.y // step), -(-(area.y + area.pixels.height) // step)):
            start = (row * step - area.y) * wide
            kept = data[start + first * step - area.x : start + wide : step]
            picture[row * columns + first : row * columns + first + len(kept)] = kept
    return GreyPicture(columns, rows, bytes(picture))
