"""What is selected in a document.

And a mark that tells one selection from another.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from .geometry import Rect, meant

if TYPE_CHECKING:
    from krita import Document, Selection

Mark = tuple[int, int, int, int, int]
"""Bounds, and a checksum of some rows."""

MARK_ROWS = 64
"""Rows of a selection that are looked at to recognise it."""


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


def meant_bounds(selection: Selection) -> Rect:
    """The bounds of what is meant to be selected."""
    bounds = Rect(selection.x(), selection.y(), selection.width(), selection.height())

    def read(rect: Rect) -> bytes:
        data: bytes = selection.pixelData(rect.x, rect.y, rect.width, rect.height).data()
        return data

    return meant(bounds, read)
