"""A found mask made larger, smaller or softer, without the model.

That is done from the map it was cut from. The map tells how sure every place is; the cut lies at
128 (see `SoftMap` in the protocol). Larger takes in what is less sure, smaller leaves it out; where
nothing is moved, the mask is as found. Where the map ends at the mask's own edge, as that of a mask
that was given does, it grows and shrinks by some pixels all the same. Krita's Python has no numpy:
the levels go through a table, the rest is Qt's.
"""

from __future__ import annotations

from ..preview_data import MOST
from ..qt import QImage, QPainter, Qt, sure
from .geometry import Rect
from .pictures import scaled

CUT = 128
"""The level at which the map was cut."""

RAMP = 12
"""Levels over which the edge of a mask that is cut anew rises from 0 to 255."""

FAR = 24
"""The level of a blurred mask at which its edge is taken to be."""

BLUR = 16
"""Pixels of softness at the most, as a share: one of so many of the longer side."""


class Shape:
    """What a mask can be made into.

    `area`: the rectangle of all of it, in document pixels.
    """

    def __init__(
        self, area: Rect, found: bytes, place: Rect, levels: bytes, size: tuple[int, int]
    ) -> None:
        """A found mask and its map.

        found: the mask, one byte a pixel, of `place`, which lies in `area`; nothing beside it.
        levels: the map of `area`, (width, height) = size, one byte a cell.
        """
        self.area = area
        self._levels = scaled(levels, Rect(0, 0, *size), area, "gray8")
        wide = bytearray(area.width * area.height)
        part = place.intersected(area)
        for y in range(part.y, part.bottom):
            start = (y - place.y) * place.width + part.x - place.x
            to = (y - area.y) * area.width + part.x - area.x
            wide[to : to + part.width] = found[start : start + part.width]
        self._found = bytes(wide)

    def made(self, growth: int, softness: int) -> bytes:
        """The mask for two sliders, one byte a pixel of `area`.

        growth: -MOST..MOST, 0 is as found. softness: 0..MOST, 0 is as found.
        """
        mask = self._found
        if growth:
            cut = CUT - growth * (CUT if growth > 0 else 255 - CUT) / MOST
            table = bytes(
                max(0, min(255, round(255 * ((level - cut) / RAMP + 0.5)))) if level else 0
                for level in range(256)
            )
            moved = _moved(mask, self.area, growth / MOST)
            mask = _either(mask, self._levels.translate(table), self.area, growth > 0)
            mask = _either(mask, moved, self.area, growth > 0)
        if softness:
            mask = _blurred(mask, self.area, softness / MOST)
        return mask


def _moved(mask: bytes, area: Rect, by: float) -> bytes:
    """A mask whose edge lies farther out, or in for a negative share.

    It is blurred, and cut where its edge then lies: near the end of the blur's ramp.
    """
    cut = FAR if by > 0 else 255 - FAR
    table = bytes(max(0, min(255, round(255 * ((x - cut) / RAMP + 0.5)))) for x in range(256))
    return _either(mask, _blurred(mask, area, abs(by)).translate(table), area, by > 0)


def _either(one: bytes, other: bytes, area: Rect, larger: bool) -> bytes:
    """The larger or the smaller of two masks, pixel by pixel."""
    image = _image(one, area).convertToFormat(QImage.Format.Format_RGB32)
    modes = QPainter.CompositionMode
    painter = QPainter(image)
    painter.setCompositionMode(
        modes.CompositionMode_Lighten if larger else modes.CompositionMode_Darken
    )
    painter.drawImage(0, 0, _image(other, area))
    painter.end()
    return _bytes(image.convertToFormat(QImage.Format.Format_Grayscale8), area)


def _blurred(mask: bytes, area: Rect, share: float) -> bytes:
    """A mask made small and large again, smoothly."""
    by = 1 + share * max(area.width, area.height) / BLUR
    size = max(1, round(area.width / by)), max(1, round(area.height / by))
    smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    image = _image(mask, area).scaled(*size, *smooth).scaled(area.width, area.height, *smooth)
    return _bytes(image.convertToFormat(QImage.Format.Format_Grayscale8), area)


def _image(data: bytes, area: Rect) -> QImage:
    return QImage(data, area.width, area.height, area.width, QImage.Format.Format_Grayscale8)


def _bytes(image: QImage, area: Rect) -> bytes:
    step = image.bytesPerLine()
    raw = sure(image.constBits()).asstring(step * area.height)
    return b"".join(raw[row * step : row * step + area.width] for row in range(area.height))
