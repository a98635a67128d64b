"""Bytes to tensors and back.

Raw pixels of the wire, selections, masks, JPEG previews. Of what runs beside the command line, only
this uses Pillow. On the bytes' side: rows without padding, 8 or 16 bits little endian, colour not
multiplied by alpha. On the tensors' side: float32 RGB (1, 3, height, width) and masks (1, 1,
height, width), 0..1, on the CPU.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from limn.editing import NotFinite, transparency
from limn.editing.diffusion.finite import is_finite
from limn.editing.resizing import bands
from limn.protocol import limits
from limn.protocol.messages import Box, Pixels, Region, SoftMap, Submit

JPEG_QUALITY = 80
"""A preview's JPEG quality: 20 to 40 KiB for 512 x 512 pixels.

A preview shows where an edit goes, it is not looked at closely.
"""

_LAYOUTS = {
    "rgba8": ((0, 1, 2), "u1"),
    "bgra8": ((2, 1, 0), "u1"),
    "rgba16": ((0, 1, 2), "<u2"),
    "bgra16": ((2, 1, 0), "<u2"),
}
"""Where red, green and blue are, and the type of a channel.

Alpha is always the fourth.
"""


LEAST_CUT = 0.01
"""Of the soft map's range: nearer to an end a cut leaves no levels beyond it."""


@dataclass(frozen=True)
class Flattening:
    """How a layer was made opaque for its edit: its result gets its transparency back.

    covered: (1, 1, H, W), its own alpha before it was laid on `background` (sRGB 0..255); None: it
    was opaque, or the result is to be opaque all the same. paper, edge, clears: see
    `editing/transparency.py`; no paper is the background itself.
    """

    covered: Tensor | None = None
    background: tuple[int, int, int] = (255, 255, 255)
    paper: tuple[float, float, float] | None = None
    edge: float = 1.0
    clears: bool = False

    def undone(
        self, edited: Tensor, weight: Tensor, rows: slice, columns: slice
    ) -> tuple[Tensor, Tensor]:
        """Colour (1, 3, h, w) and alpha (1, 1, h, w) of an edited rectangle, both in 0..1.

        edited: (1, 3, h, w). weight: (1, 1, h, w), the mask. rows, columns: where it lies.
        """
        if self.covered is None:
            return edited, torch.ones_like(weight)
        red, green, blue = self.background
        blank = red / 255, green / 255, blue / 255
        return transparency.restored(
            edited,
            blank,
            self.paper or blank,
            self.covered[..., rows, columns],
            weight,
            self.edge,
            self.clears,
        )


OPAQUE = Flattening()
"""Of a layer that had no transparency, or is to have none."""


def picture(pixels: Pixels, background: tuple[int, int, int]) -> Tensor:
    """What the painter sees, as RGB (1, 3, height, width).

    Raw pixels, flattened onto `background` (sRGB 0..255).
    """
    channels, most = _channels(pixels)
    order = _LAYOUTS[pixels.format][0]
    rgb = np.empty((3, pixels.height, pixels.width), np.float32)
    for target, source in enumerate(order):
        np.multiply(channels[..., source], np.float32(1 / most), out=rgb[target], casting="unsafe")
    if channels[..., 3].min() < most:
        for rows in bands(pixels.height, pixels.width):
            opacity = channels[rows, :, 3].astype(np.float32) / np.float32(most)
            for target, level in enumerate(background):
                band = rgb[target, rows]
                band += (np.float32(level / 255) - band) * (opacity < 1) * (1 - opacity)
    return torch.from_numpy(rgb)[None]


def opacity(pixels: Pixels) -> Tensor | None:
    """The alpha of raw pixels as (1, 1, height, width).

    None where all of them are opaque.
    """
    channels, most = _channels(pixels)
    alpha = channels[..., 3]
    if alpha.min() == most:
        return None
    return torch.from_numpy(alpha.astype(np.float32) / np.float32(most))[None, None]


def background(
    pixels: Pixels, covered: Tensor | None, seen: tuple[int, int, int]
) -> tuple[int, int, int]:
    """The colour (sRGB 0..255) to flatten raw pixels onto, to edit them.

    covered: their alpha as by `opacity`. seen: what the painter sees through them.
    """
    if covered is None:
        return seen
    below = seen[0] / 255, seen[1] / 255, seen[2] / 255
    red, green, blue = transparency.background(picture(pixels, seen), covered, below)
    return round(255 * red), round(255 * green), round(255 * blue)


def selection(pixels: Pixels) -> Tensor:
    """A gray8 selection as (1, 1, height, width), 1 where it is selected."""
    assert pixels.data is not None
    levels = np.frombuffer(pixels.data, np.uint8).reshape(pixels.height, pixels.width)
    return torch.from_numpy(levels.astype(np.float32) / np.float32(255))[None, None]


def named(submit: Submit) -> dict[str, Tensor]:
    """The masks of single things, by name; none that is empty.

    Each is (1, 1, height, width), of the picture's size.
    """
    found: dict[str, Tensor] = {}
    for one in submit.named:
        whole = torch.zeros(1, 1, submit.pixels.height, submit.pixels.width)
        area = one.area
        rows = slice(area.y, area.y + area.pixels.height)
        whole[..., rows, area.x : area.x + area.pixels.width] = selection(area.pixels)
        if bool(whole.any()):
            before = found.get(one.name)
            found[one.name] = whole if before is None else torch.maximum(before, whole)
    return found


def layer(
    result: Tensor,
    original: Tensor,
    alpha: Tensor,
    wire_format: str,
    flattening: Flattening = OPAQUE,
) -> Region | None:
    """The rectangle where alpha is above 0, to put over the original.

    None if there is none. Where the 8 bits of its mask are 0, the layer is transparent at 16 bits,
    too: nothing changes outside the mask.

    result: (1, 3, H, W), already composited: original (1 - alpha) + edited alpha. The layer holds
    `edited`, so that putting it over
    the original gives the result, and not the result blended with the original a second time.
    Transparent pixels are all zero.

    Where the original was flattened, the layer has as much of its alpha as the mask shows.
    """
    most = np.iinfo(_LAYOUTS[wire_format][1]).max
    coverage = _levels(alpha[0, 0], most) * (_levels(alpha[0, 0], 255) > 0)
    box = _bounds(coverage)
    if box is None:
        return None
    top, bottom, left, right = box
    inside = (slice(top, bottom), slice(left, right))
    weight = alpha[0, 0][inside]  # (h, w)
    before, after = original[0][:, *inside], result[0][:, *inside]  # (3, h, w)
    coverage = coverage[inside]

    def edited(rows: slice) -> Tensor:
        change = (after[:, rows] - before[:, rows]).div_(weight[rows].clamp_min(1 / most))
        return change.add_(before[:, rows])

    if flattening.covered is None:
        return Region(left, top, _packed(edited, coverage, wire_format))
    colour, seen = flattening.undone(edited(slice(None))[None], weight[None, None], *inside)
    coverage = _levels(seen[0, 0], most) * (coverage > 0)
    box = _bounds(coverage)
    if box is None:
        return None
    inside = (slice(*box[:2]), slice(*box[2:]))
    shown = colour[0][:, *inside]
    pixels = _packed(lambda rows: shown[:, rows], coverage[inside], wire_format)
    return Region(left + box[2], top + box[0], pixels)


def whole(
    edited: Tensor,
    box: tuple[int, int, int, int],
    wire_format: str,
    flattening: Flattening = OPAQUE,
    shown: Tensor | None = None,
) -> Region:
    """All of an edited crop as a layer, to be seen through a mask.

    It is put over the original. edited: (1, 3, h, w), at the place `box` (top, left, bottom, right)
    of the submitted picture. shown: (1, 1, h, w), 0 where nothing was edited, and the layer is
    transparent. The rest as for `layer`.
    """
    top, left, bottom, right = box
    most = np.iinfo(_LAYOUTS[wire_format][1]).max
    coverage = np.full(edited.shape[2:], most, np.uint16)
    if flattening.covered is not None or shown is not None:
        everywhere = torch.ones_like(edited[:, :1])
        edited, seen = flattening.undone(edited, everywhere, slice(top, bottom), slice(left, right))
        seen = seen if shown is None else seen * shown
        coverage = _levels(seen[0, 0], most)
    return Region(left, top, _packed(lambda rows: edited[0][:, rows], coverage, wire_format))


def soft_map(soft: Tensor, box: tuple[int, int, int, int], cut: float) -> SoftMap:
    """The soft map of a crop, small, and scaled so that its cut lies at half.

    soft: (1, 1, h, w) in 0..1, of any size. box: (top, left, bottom, right) of the crop in the
    submitted picture. cut: from there on it is mask.
    """
    top, left, bottom, right = box
    height, width = soft.shape[2:]
    scale = min(1.0, limits.MAX_MAP_SIDE / max(height, width))
    if scale < 1:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        soft = torch.nn.functional.interpolate(soft, size, mode="area")
    cut = min(max(cut, LEAST_CUT), 1 - LEAST_CUT)
    halved = torch.where(soft < cut, soft / cut, 1 + (soft - cut) / (1 - cut)) / 2
    levels = _levels(halved[0, 0], 255).astype(np.uint8)
    height, width = levels.shape
    pixels = Pixels(width, height, "gray8", levels.tobytes())
    return SoftMap(Box(left, top, right - left, bottom - top), pixels)


def mask(soft: Tensor) -> Region | None:
    """A mask (1, 1, height, width) as gray8, cut to where it is above 0.

    None if it is nowhere.
    """
    levels = _levels(soft[0, 0], 255).astype(np.uint8)
    box = _bounds(levels)
    if box is None:
        return None
    top, bottom, left, right = box
    return Region(
        left,
        top,
        Pixels(right - left, bottom - top, "gray8", levels[top:bottom, left:right].tobytes()),
    )


def jpeg(shown: Tensor, longest: int) -> Pixels:
    """A picture (1, 3, height, width) as a JPEG file.

    Its longer side has at most `longest` pixels.
    """
    levels = _levels(shown[0], 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))
    image.thumbnail((longest, longest), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return Pixels(image.width, image.height, "jpeg", file.getvalue())


def _channels(pixels: Pixels) -> tuple[NDArray[np.unsignedinteger], int]:
    """The raw channels (height, width, 4) without a copy, and the number that means 1."""
    assert pixels.data is not None
    kind = np.dtype(_LAYOUTS[pixels.format][1])
    return np.frombuffer(pixels.data, kind).reshape(pixels.height, pixels.width, 4), int(
        np.iinfo(kind).max
    )


def _packed(
    edited: Callable[[slice], Tensor], coverage: NDArray[np.integer], wire_format: str
) -> Pixels:
    """Colour in 0..1 and alpha (h, w) in levels as pixels.

    edited: gives the colour (3, n, w) of some rows. What is transparent is all zero.
    """
    order, kind = _LAYOUTS[wire_format]
    height, width = coverage.shape
    data, most = bytearray(4 * height * width * np.dtype(kind).itemsize), np.iinfo(kind).max
    raw = np.frombuffer(data, np.dtype(kind)).reshape(height, width, 4)
    for rows in bands(height, width):
        colour, shown = _levels(edited(rows), most), coverage[rows] > 0
        for source, target in enumerate(order):
            np.multiply(colour[source], shown, out=raw[rows, :, target], casting="unsafe")
    raw[..., 3] = coverage
    # nobody writes to it any more
    return Pixels(width, height, wire_format, data)  # type: ignore[arg-type]


def _levels(values: Tensor, most: int) -> NDArray[np.uint16]:
    """0..1 to 0..most, rounded to the nearest; any shape (..., h, w).

    Raises NotFinite for what is no number.
    """
    if not is_finite(values):
        raise NotFinite("The edit ran into numbers that are not finite.")
    levels = np.empty(values.shape, np.uint16)
    for rows in bands(*values.shape[-2:]):
        band = values[..., rows, :].detach().float().cpu().clamp(0, 1).mul_(most).add_(0.5)
        levels[..., rows, :] = band.numpy()
    return levels


def _bounds(levels: NDArray[np.integer]) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right of what is above 0 (the second and fourth excluded)."""
    rows, columns = np.flatnonzero(levels.any(axis=1)), np.flatnonzero(levels.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
