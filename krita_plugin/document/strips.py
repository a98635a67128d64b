"""A rectangle in strips: each is small enough for one turn on the main thread."""

from __future__ import annotations

from collections.abc import Iterator

from .geometry import Rect

STRIP_ROWS = 64
"""Krita's tiles are 64 x 64 pixels: strips of this height touch each tile once."""


STRIP_PIXELS = 64 * 2048
"""Read or written at a time: some 2 ms on a busy machine."""


CONVERTED_PIXELS = 32 * 1024
"""Converted at a time: floating point documents take up to 0.4 µs a pixel."""


def strips(rect: Rect, converted: bool, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """The rows of a rectangle in pieces: y and number of rows.

    Each is small enough for one turn. multiple: of rows in each piece but the last.
    """
    rows = min(STRIP_ROWS, (CONVERTED_PIXELS if converted else STRIP_PIXELS) // rect.width)
    rows = max(1, rows // multiple) * multiple
    for y in range(rect.y, rect.bottom, rows):
        yield y, min(rows, rect.bottom - y)
