"""A thousand painters who go on while an edit runs.

Its result goes where it would be, had it been there from the beginning. Krita's part is played by
arrays; the same is done with 40 in a real Krita, in tests/krita.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limn.krita_plugin.document.geometry import Rect
from limn.krita_plugin.document.trace import State, found, traced

PLANE, WIDE, HIGH = 260, 64, 48
AREA = Rect(20, 12, 14, 11)
"""Where the edit changes something, in the picture as it was."""


@dataclass
class Picture:
    """A layer, and what a result would be that had been there all along.

    Both on one plane on which the canvas lies.
    """

    layer: np.ndarray
    result: np.ndarray
    left: int
    top: int
    wide: int
    high: int
    place: tuple[int, int] = (0, 0)

    @classmethod
    def drawn(cls, seed: int) -> Picture:
        random = np.random.default_rng(seed)
        left = top = (PLANE - WIDE) // 2
        layer = np.zeros((PLANE, PLANE, 4), np.uint8)
        result = layer.copy()
        blocks = random.integers(0, 256, (6, 8, 4), dtype=np.uint8)
        blocks[..., 3] = 255
        content = blocks.repeat(6, 0).repeat(6, 1)
        layer[top + 6 : top + 42, left + 8 : left + 56] = content
        edited = random.integers(1, 256, (AREA.height, AREA.width, 4), dtype=np.uint8)
        result[top + AREA.y : top + AREA.bottom, left + AREA.x : left + AREA.right] = edited
        return cls(layer, result, left, top, WIDE, HIGH)

    def mirror(self) -> None:
        self.layer, self.result = self.layer[:, ::-1], self.result[:, ::-1]
        self.left = PLANE - self.left - self.wide

    def turn(self) -> None:
        """A quarter turn, clockwise. Krita's position of a turned layer says nothing."""
        self.layer, self.result = np.rot90(self.layer, -1), np.rot90(self.result, -1)
        self.left, self.top = PLANE - self.top - self.high, self.left
        self.wide, self.high = self.high, self.wide
        self.place = (self.place[0] + 131, self.place[1] + 57)

    def move(self, right: int, down: int) -> None:
        self.layer = np.roll(self.layer, (down, right), (0, 1))
        self.result = np.roll(self.result, (down, right), (0, 1))
        self.place = (self.place[0] + right, self.place[1] + down)

    def crop(self, right: int, down: int) -> None:
        """Less at the left and at the top, and more at the other sides."""
        self.left, self.top = self.left + right, self.top + down
        self.place = (self.place[0] - right, self.place[1] - down)
        self.wide, self.high = self.wide + 3, self.high + 5

    def paint(self, x: int, y: int) -> None:
        layer = self.layer.copy()
        layer[self.top + y : self.top + y + 9, self.left + x : self.left + x + 9] = (5, 6, 7, 255)
        self.layer = layer

    def read(self, rect: Rect) -> bytes:
        y, x = self.top + rect.y, self.left + rect.x
        return self.layer[y : y + rect.height, x : x + rect.width].tobytes()

    def state(self) -> State:
        rows, columns = (
            np.flatnonzero(self.layer.any((1, 2))),
            np.flatnonzero(self.layer.any((0, 2))),
        )
        bounds = Rect(
            int(columns[0]) - self.left,
            int(rows[0]) - self.top,
            int(columns[-1] - columns[0]) + 1,
            int(rows[-1] - rows[0]) + 1,
        )
        return State((self.wide, self.high), bounds, self.place)


near = st.integers(-12, 12)
actions = st.one_of(
    st.tuples(st.just("mirror")),
    st.tuples(st.just("turn")),
    st.tuples(st.just("move"), near, near),
    st.tuples(st.just("crop"), near, near),
    st.tuples(st.just("paint"), st.integers(0, 40), st.integers(0, 30)),
)


@settings(
    max_examples=1000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(st.integers(0, 2**32 - 1), st.lists(actions, max_size=5))
def test_a_result_goes_where_it_would_be(seed: int, done: list[tuple[str, int]]) -> None:
    picture = Picture.drawn(seed)
    trace = traced(picture.state(), "U8", picture.read)
    top, left = picture.top + AREA.y, picture.left + AREA.x
    edited = picture.result[top : top + AREA.height, left : left + AREA.width].tobytes()
    for name, *values in done:
        getattr(picture, name)(*values)
    motion = found(trace, picture.state(), picture.read)
    if motion is None:  # mirrored or turned, then moved, and painted beyond the old bounds
        names = [name for name, *_ in done]
        assert "paint" in names and ({"mirror", "turn"} & set(names)) and len(names) > 2
        return
    there = motion.rect(AREA)
    pixels = np.frombuffer(b"".join(motion.lines(edited, AREA, "bgra8")), np.uint8)
    expected = np.zeros_like(picture.result)
    y, x = picture.top + there.y, picture.left + there.x
    expected[y : y + there.height, x : x + there.width] = pixels.reshape(
        there.height, there.width, 4
    )
    assert np.array_equal(expected, picture.result)
