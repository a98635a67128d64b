"""How a layer has been moved, by its own pixels.

Found where it can be known, None elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limn.krita_plugin.document.geometry import Rect
from limn.krita_plugin.document.motion import QUARTERS, Motion
from limn.krita_plugin.document.trace import Read, State, Trace, recognised, traced, unmoved


def found(trace: Trace, now: State, read: Read) -> Motion | None:
    """What a picture of one layer tells of it."""
    return recognised(trace, now, read) or unmoved(trace, now, read)


WIDE, HIGH = 90, 70


class Layer:
    """Pixels of 8 bits (height, width, 4), on a plane that is empty around.

    The size is the canvas's.
    """

    def __init__(self, pixels: np.ndarray, place: tuple[int, int] = (0, 0)) -> None:
        self.pixels, self.place = pixels, place

    def read(self, rect: Rect) -> bytes:
        out = np.zeros((rect.height, rect.width, 4), np.uint8)
        high, wide = self.pixels.shape[:2]
        part = rect.intersected(Rect(0, 0, wide, high))
        if not part.empty:
            out[part.y - rect.y : part.bottom - rect.y, part.x - rect.x : part.right - rect.x] = (
                self.pixels[part.y : part.bottom, part.x : part.right]
            )
        return out.tobytes()

    def state(self) -> State:
        high, wide = self.pixels.shape[:2]
        rows, columns = (
            np.flatnonzero(self.pixels.any((1, 2))),
            np.flatnonzero(self.pixels.any((0, 2))),
        )
        bounds = (
            Rect(columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0])
            if len(rows)
            else Rect(0, 0, 0, 0)
        )
        return State((wide, high), bounds, self.place)

    def traced(self) -> Trace:
        return traced(self.state(), "U8", self.read)


def drawn(seed: int) -> np.ndarray:
    """A few shapes in flat colours, somewhere on the canvas."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((HIGH, WIDE, 4), np.uint8)
    for _ in range(int(random.integers(2, 5))):
        x, y = int(random.integers(2, WIDE - 30)), int(random.integers(2, HIGH - 25))
        high, wide = int(random.integers(6, 22)), int(random.integers(6, 27))
        pixels[y : y + high, x : x + wide] = (*random.integers(0, 256, 3), 255)
    return pixels


TURNED = {
    (1, 0, 0, 1): lambda p: p,
    (-1, 0, 0, 1): lambda p: p[:, ::-1],
    (1, 0, 0, -1): lambda p: p[::-1],
    (-1, 0, 0, -1): lambda p: p[::-1, ::-1],
    (0, -1, 1, 0): lambda p: np.rot90(p, -1),
    (0, 1, -1, 0): np.rot90,
    (0, 1, 1, 0): lambda p: p.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda p: np.rot90(p, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("format", ["gray8", "bgra8", "bgra16"])
def test_pixels_are_laid_as_the_layer_is(quarter: tuple[int, int, int, int], format: str) -> None:
    size = {"gray8": 1, "bgra8": 4, "bgra16": 8}[format]
    pixels = np.random.default_rng(3).integers(0, 256, (5, 7, size), dtype=np.uint8)
    old = Rect(11, 13, 7, 5)
    motion = Motion.between(
        quarter, Rect(0, 0, 50, 40), Rect(0, 0, *((50, 40) if quarter[0] else (40, 50)))
    )
    assert (
        b"".join(motion.lines(pixels.tobytes(), old, format)) == TURNED[quarter](pixels).tobytes()
    )
    whole = np.zeros((40, 50, size), np.uint8)
    whole[13:18, 11:18] = pixels
    new = motion.rect(old)
    there = TURNED[quarter](whole)[new.y : new.bottom, new.x : new.right]
    assert there.tobytes() == TURNED[quarter](pixels).tobytes()


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(QUARTERS))
def test_a_turned_picture_is_recognised(seed: int, quarter: tuple[int, int, int, int]) -> None:
    pixels = drawn(seed)
    after = np.ascontiguousarray(TURNED[quarter](pixels))
    layer, now = Layer(pixels), Layer(after)
    motion = found(layer.traced(), now.state(), now.read)
    assert motion is not None
    # symmetric drawings allow several: what counts is that the pixels lie where they do now
    old = layer.state().bounds
    data = b"".join(motion.lines(layer.read(old), old, "bgra8"))
    assert data == now.read(motion.rect(old))


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(QUARTERS),
    st.integers(0, 60),
    st.integers(0, 40),
)
def test_a_layer_that_was_painted_on_meanwhile_is_recognised(
    seed: int, quarter: tuple[int, int, int, int], x: int, y: int
) -> None:
    pixels = np.random.default_rng(seed).integers(1, 256, (HIGH, WIDE, 4), dtype=np.uint8)
    after = np.ascontiguousarray(TURNED[quarter](pixels))
    after[y : y + 30, x : x + 40] = (1, 2, 3, 255)
    now = Layer(after)
    motion = found(Layer(pixels).traced(), now.state(), now.read)
    whole = Rect(0, 0, WIDE, HIGH)
    assert motion == Motion.between(quarter, whole, Rect(0, 0, after.shape[1], after.shape[0]))


@given(st.integers(0, 10_000), st.integers(-9, 9), st.integers(-9, 9))
def test_a_moved_layer_is_recognised_with_and_without_its_position(
    seed: int, x: int, y: int
) -> None:
    pixels = np.zeros((HIGH + 40, WIDE + 40, 4), np.uint8)
    pixels[20 : 20 + HIGH, 20 : 20 + WIDE] = drawn(seed)
    after = np.roll(pixels, (y, x), (0, 1))
    for place in ((x, y), (0, 0)):
        now = Layer(after, place)
        assert found(Layer(pixels).traced(), now.state(), now.read) == Motion.shift(x, y)


@pytest.mark.parametrize(("across", "down"), [(2, 2), (3, 2), (0.5, 0.5), (1.5, 1.25)])
def test_a_scaled_picture_is_recognised(across: float, down: float) -> None:
    from PIL import Image

    pixels = np.zeros((200, 240, 4), np.uint8)
    pixels[40:170, 60:200] = np.array(
        Image.fromarray(np.random.default_rng(4).integers(0, 256, (6, 7, 3), dtype=np.uint8))
        .resize((140, 130), Image.Resampling.BICUBIC)
        .convert("RGBA")
    )
    size = round(240 * across), round(200 * down)
    after = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    now = Layer(after)
    motion = found(Layer(pixels).traced(), now.state(), now.read)
    assert motion == Motion.scaling(Rect(0, 0, 240, 200), Rect(0, 0, *size))


def test_a_layer_that_was_turned_a_little_is_not_guessed_at() -> None:
    for pixels in (drawn(12), drawn(13)):
        _turned_a_little(pixels)
    square = np.zeros((HIGH, WIDE, 4), np.uint8)
    square[20:50, 30:60] = (9, 90, 200, 255)
    _turned_a_little(square)


def _turned_a_little(pixels: np.ndarray) -> None:
    from PIL import Image

    after = np.array(Image.fromarray(pixels).rotate(25, Image.Resampling.BICUBIC, expand=True))
    now = Layer(after)
    assert found(Layer(pixels).traced(), now.state(), now.read) is None
    same_size = np.array(Image.fromarray(pixels).rotate(25, Image.Resampling.BICUBIC))
    now = Layer(same_size)
    assert found(Layer(pixels).traced(), now.state(), now.read) is None


@pytest.mark.parametrize("colour", [(0, 0, 0, 0), (10, 200, 30, 255)])
def test_a_layer_that_was_emptied_or_filled_stays_where_it_is(colour: tuple[int, ...]) -> None:
    after = np.broadcast_to(np.array(colour, np.uint8), (HIGH, WIDE, 4)).copy()
    now = Layer(after)
    assert found(Layer(drawn(3)).traced(), now.state(), now.read) == Motion.shift(0, 0)


def test_other_colours_in_the_same_shape_stay_where_they_are() -> None:
    pixels: Any = drawn(8)
    after = pixels.copy()
    after[..., :3] = 255 - after[..., :3]
    after[pixels[..., 3] == 0] = 0
    now = Layer(after)
    assert found(Layer(pixels).traced(), now.state(), now.read) == Motion.shift(0, 0)
