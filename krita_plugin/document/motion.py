"""How a layer has been moved: as a whole, by quarter turns, mirrored or scaled.

No Krita, no Qt; what has to be resampled is in pictures.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .geometry import Rect

QUARTERS = (
    (1, 0, 0, 1),  # as it was
    (-1, 0, 0, 1),  # mirrored left to right
    (1, 0, 0, -1),  # mirrored top to bottom
    (-1, 0, 0, -1),  # half a turn
    (0, -1, 1, 0),  # a quarter turn, clockwise
    (0, 1, -1, 0),  # a quarter turn, counter-clockwise
    (0, 1, 1, 0),  # mirrored at a diagonal
    (0, -1, -1, 0),  # mirrored at the other
)
"""The eight ways to lay a rectangle on a grid: a, b, c, d of `Motion`."""


@dataclass(frozen=True)
class Motion:
    """Where a point of a layer has gone.

    x' = a x + b y + right, y' = c x + d y + down. Each row and each column of the matrix has one
    entry that is not 0; where all are 1 or -1, pixels keep their values.
    """

    a: float
    b: float
    c: float
    d: float
    right: float
    down: float

    @classmethod
    def shift(cls, right: float, down: float) -> Motion:
        return cls(1, 0, 0, 1, right, down)

    @classmethod
    def between(cls, quarter: tuple[int, int, int, int], old: Rect, new: Rect) -> Motion:
        """The motion that lays one rectangle on another.

        Both have the same size, or one has the turned size.
        """
        a, b, c, d = quarter
        left, top = min(a * old.x, a * old.right), min(c * old.x, c * old.right)
        left, top = (
            left + min(b * old.y, b * old.bottom),
            top + min(d * old.y, d * old.bottom),
        )
        return cls(a, b, c, d, new.x - left, new.y - top)

    @classmethod
    def scaling(cls, old: Rect, new: Rect) -> Motion:
        """That which stretches one rectangle to another."""
        across, down = new.width / old.width, new.height / old.height
        return cls(across, 0, 0, down, new.x - old.x * across, new.y - old.y * down)

    def shifted(self, right: float, down: float) -> Motion:
        """This motion, and then a shift."""
        return replace(self, right=self.right + right, down=self.down + down)

    @property
    def exact(self) -> bool:
        """Whether pixels keep their values."""
        whole = all(abs(entry) in (0, 1) for entry in (self.a, self.b, self.c, self.d))
        return whole and self.right == round(self.right) and self.down == round(self.down)

    @property
    def plain(self) -> bool:
        """Whether it is a shift by whole pixels, or nothing at all."""
        return self.exact and (self.a, self.d) == (1, 1)

    def rect(self, old: Rect) -> Rect:
        """Where a rectangle has gone: the smallest of whole pixels around it."""
        corners = [(x, y) for x in (old.x, old.right) for y in (old.y, old.bottom)]
        xs = [self.a * x + self.b * y + self.right for x, y in corners]
        ys = [self.c * x + self.d * y + self.down for x, y in corners]
        left, top = math.floor(min(xs) + EPSILON), math.floor(min(ys) + EPSILON)
        return Rect(
            left, top, math.ceil(max(xs) - EPSILON) - left, math.ceil(max(ys) - EPSILON) - top
        )

    def lines(self, data: bytes, old: Rect, format: str) -> Iterator[bytes]:
        """A rectangle's pixels as they have to lie in `rect(old)`, row by row.

        Where the motion is exact. format: "bgra8", "bgra16" or "gray8", rows without padding.
        """
        sizes: dict[str, Literal["B", "I", "Q"]] = {"gray8": "B", "bgra8": "I", "bgra16": "Q"}
        all_pixels = memoryview(data).cast(sizes[format])
        wide = old.width
        for place in _order(wide, self.c) if self.b else _order(old.height, self.d):
            column, row = all_pixels[place::wide], all_pixels[place * wide : (place + 1) * wide]
            yield (column[:: int(self.b)] if self.b else row[:: int(self.a)]).tobytes()


EPSILON = 1e-6
"""Of a pixel: what rounding may add to an end that lies on a pixel's edge."""


def _order(count: int, sign: float) -> range:
    return range(count) if sign > 0 else range(count - 1, -1, -1)
