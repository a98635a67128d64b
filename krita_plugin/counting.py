"""Counts changed pixels, strip by strip; Krita's Python has no numpy.

A strip's bytes become one large whole number with a 1 for each pixel that counts, so that
the counting is done by the processor and not by Python. No Krita, no Qt.
"""

from __future__ import annotations

from dataclasses import dataclass

from .document.geometry import Rect

DEPTH_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}
"""Bytes of a channel by Krita's names of depths."""

_ONES = bytes([0] + [1] * 255)


@dataclass(frozen=True)
class Counted:
    """What a new layer changes of a picture, in pixels.

    changed: those that it covers at all. outside: those of them that lie where the mask is 0.
    whole: of the picture.
    """

    changed: int
    outside: int
    whole: int

    @property
    def share(self) -> float:
        """Of the picture that is changed, 0..1."""
        return self.changed / self.whole if self.whole else 0.0


def covered(pixels: bytes, count: int, depth: str) -> int:
    """Which pixels are not wholly transparent: a number, a byte of 0 or 1 for each.

    pixels: as Krita has them, whatever the colour model: alpha is the last channel. count: how many
    pixels. depth: of DEPTH_BYTES; an alpha of 0 has only bytes of 0 in each of them.
    """
    step, size, found = len(pixels) // count, DEPTH_BYTES[depth], 0
    for part in range(size):
        alpha = pixels[step - size + part :: step]
        found |= int.from_bytes(alpha.translate(_ONES), "little")
    return found


def masked(mask: bytes, area: Rect, strip: Rect) -> int:
    """Which pixels of a strip the mask of an area covers, in the same form.

    mask: a byte a pixel of the area, rows without padding.
    """
    both = area.intersected(strip)
    rows = bytearray(strip.width * strip.height)
    for y in range(both.y, both.bottom):
        start = (y - area.y) * area.width + both.x - area.x
        to = (y - strip.y) * strip.width + both.x - strip.x
        rows[to : to + both.width] = mask[start : start + both.width]
    return int.from_bytes(rows.translate(_ONES), "little")


def counted(seen: int, allowed: int) -> tuple[int, int]:
    """Pixels that are covered, and those of them that are not masked."""
    everything = seen.bit_count()
    return everything, everything - (seen & allowed).bit_count()
