"""Whether a selection is a found mask that was corrected, or one made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from limn.editing.sketchbook import scenes
from limn.editing.sketchbook.scenes import Scene, Thing

Bits = NDArray[np.bool_]


class Bytes(bytes):
    """As Krita hands over pixels."""

    def data(self) -> bytes:
        return bytes(self)


@dataclass(frozen=True)
class Selection:
    """What Krita's says of itself: its bounds, and the pixels of a rectangle."""

    bits: Bits

    def _bounds(self) -> tuple[int, int, int, int]:
        rows, columns = np.flatnonzero(self.bits.any(1)), np.flatnonzero(self.bits.any(0))
        if not len(rows):
            return 0, 0, 0, 0
        x, y = int(columns[0]), int(rows[0])
        return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y

    def x(self) -> int:
        return self._bounds()[0]

    def y(self) -> int:
        return self._bounds()[1]

    def width(self) -> int:
        return self._bounds()[2]

    def height(self) -> int:
        return self._bounds()[3]

    def pixelData(self, x: int, y: int, width: int, height: int) -> Bytes:
        wide = np.pad(self.bits, 8)[y + 8 : y + 8 + height, x + 8 : x + 8 + width]
        return Bytes((255 * wide).astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def star() -> Bits:
    thing = Thing("star", "red", "plain", "", "", ((60.0, 66.0, 25.0),), (0.0, 0.0, 0.0))
    return scenes.render(Scene(1_000_003, (thing,), (), "gray", (0.0, 0.55))).masks[0] > 0.5


def box(star: Bits, margin: int) -> Bits:
    rows, columns = np.nonzero(star)
    wide = np.zeros_like(star)
    wide[
        rows.min() - margin : rows.max() + margin + 1,
        columns.min() - margin : columns.max() + margin + 1,
    ] = True
    return wide


def stroke(star: Bits, x: int, y: int, radius: int) -> Bits:
    ys, xs = np.mgrid[: star.shape[0], : star.shape[1]]
    return (xs - x) ** 2 + (ys - y) ** 2 <= radius**2


def without_tips(star: Bits) -> Bits:
    return ndimage.binary_opening(star, iterations=4)


CORRECTED: dict[str, Callable[[Bits], Bits]] = {
    "the tips added": lambda star: star,
    "painted over generously": lambda star: (
        without_tips(star) | stroke(star, 60, 40, 18) | stroke(star, 40, 52, 12)
    ),
    "a half taken away": lambda star: without_tips(star) & (np.arange(star.shape[1]) < 60),
    "grown": lambda star: ndimage.binary_dilation(without_tips(star), iterations=3),
    "shrunk": lambda star: ndimage.binary_erosion(without_tips(star), iterations=2),
}

ANEW: dict[str, Callable[[Bits], Bits]] = {
    "a box around it": lambda star: box(star, 8),
    "another place": lambda star: stroke(star, 20, 20, 14),
    "nearly all": np.ones_like,
    "nothing": np.zeros_like,
}


def told(star: Bits, now: Bits) -> bool:
    from limn.krita_plugin.document import painter_selection

    return painter_selection.is_corrected(Selection(without_tips(star)), Selection(now))


@pytest.mark.parametrize("name", CORRECTED)
def test_what_a_hand_does_to_a_mask_is_a_correction(star: Bits, name: str) -> None:
    assert told(star, CORRECTED[name](star))


@pytest.mark.parametrize("name", ANEW)
def test_a_selection_made_anew_is_none(star: Bits, name: str) -> None:
    assert not told(star, ANEW[name](star))
