"""Pictures -> PNG files.

Pillow writes 8 bits, libvips 16; what else the file has to say is put in between by one function
for both.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

from limn.protocol.messages import Region

from .facts import AFTER_HEADER, Chunk, packed
from .picture import Picture, layer_array, place

Array = NDArray[Any]

KEPT = {"L": [0], "LA": [0, 3], "RGB": [0, 1, 2], "RGBA": [0, 1, 2, 3]}
"""Which channels of the four a mode has."""

DEEP = {1: "grey16", 2: "grey16", 3: "rgb16", 4: "rgb16"}


def write(picture: Picture, file: Path) -> None:
    """Writes a picture as PNG.

    In the picture's own mode, depth and colours, with what its file said.
    """
    facts = picture.facts
    chunks = [*facts.colour, *facts.density, *facts.texts]
    if picture.image is None:
        _save(picture.own[..., KEPT[picture.mode]], file, chunks)
    else:
        _save_image(picture.image, file, chunks)


def write_layer(layer: Region | None, picture: Picture, file: Path) -> None:
    """Writes the layer at the whole picture's size and in its colours.

    RGBA, transparent where it has no pixels.
    """
    kind = np.uint16 if picture.deep else np.uint8
    canvas = np.zeros((*picture.own.shape[:2], 4), kind)
    grey = picture.colour.channels == 1  # RGBA can't have a profile of grey
    if layer is not None:
        over = layer_array(layer)
        if not grey:
            over = np.concatenate([picture.from_srgb(over[..., :3]), over[..., 3:]], axis=2)
            over[over[..., 3] == 0] = 0
        canvas[layer.y : layer.y + over.shape[0], layer.x : layer.x + over.shape[1]] = over
    colour = [(b"sRGB", b"\0")] if grey else picture.facts.colour
    _save(canvas, file, [*colour, *picture.facts.density])


def write_mask(area: Region | None, picture: Picture, file: Path) -> None:
    """Write a mask at the whole picture's size, 8-bit grey."""
    canvas = np.zeros(picture.own.shape[:2], np.uint8)
    if area is not None:
        place(area, canvas)
    _save(canvas[..., None], file, picture.facts.density)


def write_array(levels: Array, file: Path) -> None:
    """Write (height, width) as 8-bit grey or (height, width, 3) as RGB; uint8."""
    _save(levels if levels.ndim == 3 else levels[..., None], file, ())


def _save(channels: Array, file: Path, chunks: Sequence[Chunk]) -> None:
    """(height, width, 1 to 4), uint8 or uint16."""
    if channels.dtype == np.uint8:
        squeezed = channels[..., 0] if channels.shape[2] == 1 else channels
        _save_image(Image.fromarray(np.ascontiguousarray(squeezed)), file, chunks)
        return
    height, width, bands = channels.shape
    image = pyvips.Image.new_from_memory(
        np.ascontiguousarray(channels).tobytes(), width, height, bands, "ushort"
    ).copy(interpretation=DEEP[bands])
    png = image.pngsave_buffer(compression=6, filter="up", keep="none")
    pixels = png.index(b"IDAT", AFTER_HEADER) - 4  # before them libvips has a density of its own
    _put(png[:AFTER_HEADER] + png[pixels:], file, chunks)


def _save_image(image: Image.Image, file: Path, chunks: Sequence[Chunk]) -> None:
    bare = image.copy()
    bare.info = {name: value for name, value in image.info.items() if name == "transparency"}
    stream = io.BytesIO()
    bare.save(stream, "PNG")
    _put(stream.getbuffer(), file, chunks)


def _put(png: bytes | memoryview, file: Path, chunks: Sequence[Chunk]) -> None:
    """Writes a PNG with further chunks behind its header.

    That suits all that are used here.
    """
    with file.open("wb") as stream:
        stream.write(png[:AFTER_HEADER])
        stream.write(packed(list(chunks)))
        stream.write(png[AFTER_HEADER:])
