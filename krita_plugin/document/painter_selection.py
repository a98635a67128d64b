"""What is selected in a document.

And a mark that tells one selection from another.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from .geometry import Rect, meant, united

if TYPE_CHECKING:
    from krita import Document, Selection

Mark = tuple[int, int, int, int, int]
"""Bounds, and a checksum of some rows."""

MARK_ROWS = 64
"""Rows of a selection that are looked at to recognise it."""

SELECTED = bytes(level >= 128 for level in range(256))
"""From a selection's levels to whether that is selected."""

SAME_AREA, SAME_EDGE = 0.5, 0.25
"""From when on one selection is another that was corrected.

By the area that both share, of that of either; or by the share of its edge that is still one. Of a
star's mask, tips added by hand leave 0.8 and 0.7, broad strokes 0.3 and 0.8, half of it taken away
0.5 and 0.5, growing it by 3 pixels 0.7 and 0. A box drawn anew around the star has 0.2 and 0.
"""


def selection_of(document: Document | None) -> Selection | None:
    return None if document is None else document.selection()


def selection_mark(selection: Selection | None) -> Mark | None:
    """A mark that tells one selection from another; None for no selection.

    Its bounds and some of its rows.
    """
    if selection is None:
        return None
    x, y, width, height = selection.x(), selection.y(), selection.width(), selection.height()
    step = max(1, height // MARK_ROWS)
    rows = [selection.pixelData(x, row, width, 1).data() for row in range(y, y + height, step)]
    return x, y, width, height, zlib.crc32(b"".join(rows))


def is_corrected(found: Selection, now: Selection) -> bool:
    """Whether a selection is another one that was corrected, and not one made anew.

    Looked at in MARK_ROWS rows at the most.
    """
    bounds = [Rect(each.x(), each.y(), each.width(), each.height()) for each in (found, now)]
    if any(rect.empty for rect in bounds):
        return False
    area = united(bounds).grown(1, 0)
    both = either = edge = left = 0
    for y in range(area.y, area.bottom, max(1, area.height // MARK_ROWS)):
        rows = [each.pixelData(area.x, y, area.width, 1).data() for each in (found, now)]
        one, other = (int.from_bytes(row.translate(SELECTED), "big") for row in rows)
        both += (one & other).bit_count()
        either += (one | other).bit_count()
        ends, kept = one ^ one >> 8, other ^ other >> 8  # where a row's neighbours differ
        edge += ends.bit_count()
        left += (ends & kept & ~(one ^ other)).bit_count()
    return both >= SAME_AREA * either or left >= SAME_EDGE * max(1, edge)


def meant_bounds(selection: Selection) -> Rect:
    """The bounds of what is meant to be selected."""
    bounds = Rect(selection.x(), selection.y(), selection.width(), selection.height())

    def read(rect: Rect) -> bytes:
        data: bytes = selection.pixelData(rect.x, rect.y, rect.width, rect.height).data()
        return data

    return meant(bounds, read)
