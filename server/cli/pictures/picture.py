"""A picture as it was in its file and as the server sees it.

And the two after an edit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from limn.protocol.messages import Pixels, Region

from .colour import Colour, Plain
from .facts import Facts
from .palette import in_mode

Array = NDArray[Any]

CHANNELS = {"1": 1, "L": 1, "LA": 1, "P": 3, "RGB": 3, "RGBA": 3}
"""Mode -> channels of colour."""


@dataclass(frozen=True)
class Picture:
    """A picture of a file.

    mode: "1", "L", "LA", "P", "RGB" or "RGBA"; deep: 16 bits a channel. own: (height, width, 4),
    uint8 or uint16, the file's own numbers, colour not multiplied by alpha, grey spread over three
    channels. image: the file's own pixels where they have 8 bits, for modes that RGBA does not
    tell.
    """

    mode: str
    deep: bool
    own: Array
    image: Image.Image | None = None
    facts: Facts = field(default_factory=Facts)
    colour: Colour = field(default_factory=lambda: Plain(3))
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.own.shape[1], self.own.shape[0]

    @property
    def rgba(self) -> Array:
        """The picture in sRGB, (height, width, 4)."""
        if isinstance(self.colour, Plain):
            return self.own
        colour = self.colour.to_srgb(self.own[..., : self.colour.channels])
        return np.concatenate([colour, self.own[..., 3:]], axis=2)

    def pixels(self) -> Pixels:
        """The picture for the wire."""
        kind = "<u2" if self.deep else "u1"
        return Pixels(
            *self.size,
            "rgba16" if self.deep else "rgba8",
            self.rgba.astype(kind, copy=False).tobytes(),
        )

    def from_srgb(self, colour: Array) -> Array:
        """Colours (h, w, 3) in the file's own numbers, grey spread over three channels."""
        own = self.colour.from_srgb(colour)
        return own if own.shape[2] == 3 else np.repeat(own, 3, axis=2)


def composed(picture: Picture, layer: Region | None, mask: Region | None = None) -> Picture:
    """The picture with an edit's layer in place.

    In the picture's own mode and colours. Pixels where the layer is transparent stay exactly as
    they were. mask: the share of the edit; where the layer is opaque below, its alpha is that
    share, elsewhere share x opacity, so that the opacity of what was there stays: P = (1 - m) P + A
    F, the colours multiplied by their alpha. None: the layer lies over the picture, as layers do.
    """
    if layer is None:
        return picture
    over = layer_array(layer)
    height, width = over.shape[:2]
    box = (slice(layer.y, layer.y + height), slice(layer.x, layer.x + width))
    most = 65535 if picture.deep else 255
    below = picture.own[box].astype(np.float32) / most
    colour = picture.from_srgb(over[..., :3]).astype(np.float32) / most
    alpha = over[..., 3:].astype(np.float32) / most
    share = alpha
    if mask is not None:
        levels = np.zeros(picture.own.shape[:2], np.uint8)
        place(mask, levels)
        given = levels[box][..., None].astype(np.float32) / 255
        share = np.where(below[..., 3:] == 1, alpha, np.maximum(given, alpha))
    rest = below[..., 3:] * (1 - share)
    cover = alpha + rest
    blended = (colour * alpha + below[..., :3] * rest) / np.maximum(cover, 1e-6)
    edited = (np.concatenate([blended, cover], axis=2) * most + 0.5).astype(picture.own.dtype)
    shown = over[..., 3] > 0
    own = picture.own.copy()
    own[box][shown] = edited[shown]
    changed = np.zeros(own.shape[:2], bool)
    changed[box] = shown
    if picture.image is None:
        return replace(picture, own=own)
    image = in_mode(picture.image, own, changed)
    warnings = picture.warnings
    if image.mode != picture.mode:
        warnings += (
            f"The file is {picture.mode}, which can't hold the edit's transparency; "
            f"the result is {image.mode}.",
        )
    return replace(picture, mode=image.mode, own=own, image=image, warnings=warnings)


def layer_array(layer: Region) -> Array:
    """The pixels of an rgba8 or rgba16 region as (height, width, 4)."""
    assert layer.pixels.data is not None and layer.pixels.format in ("rgba8", "rgba16")
    kind = "<u2" if layer.pixels.format == "rgba16" else "u1"
    return np.frombuffer(layer.pixels.data, kind).reshape(
        layer.pixels.height, layer.pixels.width, 4
    )


def place(area: Region, canvas: Array) -> None:
    """Write a gray8 region into (height, width) levels."""
    assert area.pixels.data is not None
    shape = (area.pixels.height, area.pixels.width)
    levels = np.frombuffer(area.pixels.data, np.uint8).reshape(shape)
    canvas[area.y : area.y + shape[0], area.x : area.x + shape[1]] = levels
