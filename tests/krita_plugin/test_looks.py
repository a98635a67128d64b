"""What the two small pictures show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(width=st.integers(1, 900), height=st.integers(1, 900), data=st.data())
def test_a_shrunk_mask_keeps_every_nth_row_and_column(
    width: int, height: int, data: st.DataObject
) -> None:
    from limn.krita_plugin.preview_data import PICTURE_SIDE, shrink
    from limn.protocol.messages import Pixels, Region

    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    wide, high = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    whole = np.zeros((height, width), np.uint8)
    whole[y : y + high, x : x + wide] = 1 + np.arange(high * wide).reshape(high, wide) % 255
    area = Region(x, y, Pixels(wide, high, "gray8", whole[y : y + high, x : x + wide].tobytes()))
    small = shrink(area, width, height)
    step = -(-max(width, height) // PICTURE_SIDE)
    assert max(small.width, small.height) <= PICTURE_SIDE
    got = np.frombuffer(small.data, np.uint8).reshape(small.height, small.width)
    assert np.array_equal(got, whole[::step, ::step])


def test_no_mask_is_a_black_picture(looks: Any) -> None:
    assert looks.shrink(None, 1000, 500).data == bytes(250 * 125)


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    rows=st.integers(1, 64),
    deep=st.booleans(),
)
def test_a_small_layer_keeps_every_nth_row_and_column(
    width: int, height: int, rows: int, deep: bool
) -> None:
    from limn.krita_plugin.preview_data import PICTURE_SIDE, small

    channels = np.random.default_rng(width).integers(0, 256, (height, width, 4), np.uint8)
    sent = channels.astype("<u2") * 256 + 7 if deep else channels
    picture = small(
        [sent[y : y + rows].tobytes() for y in range(0, height, rows)],
        width,
        height,
        deep,
        (255, 255, 255),
    )
    step = -(-max(width, height) // PICTURE_SIDE)
    got = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, 4)
    assert np.array_equal(got, channels[::step, ::step])


@pytest.mark.parametrize(
    "box, view",
    [
        ((0, 0, 400, 200), (0, 0, 1, 1)),
        ((100, 50, 200, 100), (0.125, 0.125, 0.75, 0.75)),
        ((300, 0, 100, 200), (0.6875, 0, 0.3125, 1)),
        ((0, 100, 40, 20), (0, 0.475, 0.125, 0.15)),
    ],
)
def test_both_pictures_show_what_is_worked_on_and_a_little_around_it(
    state: Any, looks: Any, messages: Any, box: tuple[int, ...], view: tuple[float, ...]
) -> None:
    panel = state.Panel()
    assert panel.view() == looks.WHOLE
    panel.previewed(looks.Look(b"jpeg", looks.shares(messages.Box(*box), 400, 200)))
    got = panel.view()
    assert (got.x, got.y, got.width, got.height) == pytest.approx(view)
