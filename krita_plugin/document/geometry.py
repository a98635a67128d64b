"""Rectangles in document pixels, and which part of a layer is sent.

What the model sees of it is decided by limn.editing.frame alone. It chooses the same part whether
the whole layer is sent or this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MARGIN = 0.25
"""Share of a cut-out shape's longer side that is sent around it.

On each side where the canvas goes on: something may be added beside the shape. It is as much as the
server would take of the whole layer.
"""

FILLED = 0.5
"""Share of its bounds' edges that a picture covers at least.

A shape touches them in some places.
"""

FAINT = 26
"""Of 255: what is selected less counts as not selected.

It is changed by a tenth at most, which is hardly seen.
"""

_MEANT = bytes(int(level >= FAINT) for level in range(256))

CONTEXT_SIDE = 512
"""Least side in pixels of what is sent with a selection.

It is what SD 1.x was trained on.
"""

CONTEXT = 0.5
"""Share of a selection's side that is sent beyond it, on each side.

A model that tells nothing else sees half of that; the preview shows a little more around what it
sees. The bundled one would see twice as much, at more than twice the pixels to send, and leave 0.06
of the error instead of 0.09 (`limn.editing.frame.choose_frame`).
"""

LONGEST = 1.5
"""How long and narrow the sent part may be: longer side over shorter one.

Where the layer has room for that.
"""


@dataclass(frozen=True)
class Rect:
    """x, y of the upper left corner, width and height, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def intersected(self, other: Rect) -> Rect:
        """What both cover; empty (0 x 0) if nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width, height = min(self.right, other.right) - x, min(self.bottom, other.bottom) - y
        return Rect(x, y, width, height) if width > 0 and height > 0 else Rect(x, y, 0, 0)

    def grown(self, horizontally: int, vertically: int) -> Rect:
        """Moved outwards on all four sides."""
        return Rect(
            self.x - horizontally,
            self.y - vertically,
            self.width + 2 * horizontally,
            self.height + 2 * vertically,
        )

    def moved(self, x: int, y: int) -> Rect:
        return Rect(self.x + x, self.y + y, self.width, self.height)


def united(rects: Sequence[Rect]) -> Rect:
    """The smallest rectangle around all that are not empty; empty (0 x 0) if all are."""
    full = [rect for rect in rects if not rect.empty]
    if not full:
        return Rect(0, 0, 0, 0)
    x, y = min(rect.x for rect in full), min(rect.y for rect in full)
    return Rect(x, y, max(rect.right for rect in full) - x, max(rect.bottom for rect in full) - y)


def crop(content: Rect, canvas: Rect, selection: Rect | None, cut_out: bool = False) -> Rect:
    """The part of a layer that matters: its content on the canvas.

    With a selection, that and CONTEXT around it. cut_out: the content is a shape, not a picture
    with surroundings of its own; it gets a margin.
    """
    seen = content.intersected(canvas)
    if seen.empty:
        return seen
    if cut_out:
        margin = round(max(seen.width, seen.height) * MARGIN)
        seen = seen.grown(margin, margin).intersected(canvas)
    if selection is None:
        return seen
    chosen = selection.intersected(seen)
    if chosen.empty:
        wanted = selection.grown(_margin(selection.width), _margin(selection.height))
        return seen.intersected(wanted)
    sides = [side + 2 * _margin(side) for side in (chosen.width, chosen.height)]
    width, height = (max(side, math.ceil(max(sides) / LONGEST)) for side in sides)
    x, width = _widened(chosen.x, chosen.right, width, seen.x, seen.right)
    y, height = _widened(chosen.y, chosen.bottom, height, seen.y, seen.bottom)
    return Rect(x, y, width, height)


def meant(rect: Rect, read: Callable[[Rect], bytes]) -> Rect:
    """The part of a selection that is meant.

    Where it is at least FAINT. All of it, if nowhere. A feathered selection ends in pixels that
    hardly count, and a stray one may lie far away; their bounds would make the whole picture the
    crop. rect: bounds of what is above 0. read: its bytes, 0..255, rows without padding.
    """
    top, left, right, bottom = rect.bottom, rect.right, rect.x, rect.y
    for y in range(rect.y, rect.bottom):
        row = read(Rect(rect.x, y, rect.width, 1)).translate(_MEANT)
        begin = row.find(1)
        if begin >= 0:
            top, bottom = min(top, y), y + 1
            left, right = min(left, rect.x + begin), max(right, rect.x + row.rfind(1) + 1)
        if (left, right) == (rect.x, rect.right):  # as of all of a picture: only its end is unknown
            break
    for y in range(rect.bottom - 1, bottom - 1, -1) if top < bottom else ():
        if 1 in read(Rect(rect.x, y, rect.width, 1)).translate(_MEANT):
            bottom = y + 1
            break
    return Rect(left, top, right - left, bottom - top) if top < bottom else rect


def _margin(side: int) -> int:
    return max(math.ceil(side * CONTEXT), (CONTEXT_SIDE - side + 1) // 2)


def _widened(start: int, end: int, side: int, first: int, last: int) -> tuple[int, int]:
    """Begin and length of `side` pixels around start..end.

    Moved to lie within first..last.
    """
    side = min(side, last - first)
    return min(max(first, (start + end - side) // 2), last - side), side
