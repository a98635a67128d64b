"""Which part of a layer an edit needs to see."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def geometry() -> Any:
    from limn.krita_plugin.document import geometry

    return geometry


def test_without_a_selection_the_content_on_the_canvas(geometry: Any) -> None:
    canvas, content = geometry.Rect(0, 0, 512, 384), geometry.Rect(-20, 100, 200, 900)
    assert geometry.crop(content, canvas, None) == geometry.Rect(0, 100, 180, 284)


def test_a_cut_out_shape_is_given_a_margin_where_the_canvas_goes_on(geometry: Any) -> None:
    canvas, content = geometry.Rect(0, 0, 512, 384), geometry.Rect(-20, 100, 200, 900)
    assert geometry.crop(content, canvas, None, cut_out=True) == geometry.Rect(0, 29, 251, 355)
    assert geometry.crop(canvas, canvas, None, cut_out=True) == canvas


def test_pixels_that_are_hardly_selected_do_not_stretch_a_selection(geometry: Any) -> None:
    wide = 40
    levels = bytearray(wide * 30)
    levels[12 * wide + 10 : 12 * wide + 20] = bytes([255]) * 10
    levels[15 * wide + 8] = geometry.FAINT
    levels[0] = levels[-1] = geometry.FAINT - 1

    def read(rect: Any) -> bytes:
        start = (rect.y - 5) * wide + rect.x - 3
        return bytes(levels[start : start + rect.width])

    bounds = geometry.Rect(3, 5, wide, 30)
    assert geometry.meant(bounds, read) == geometry.Rect(11, 17, 12, 4)
    levels[:] = bytes([1]) * len(levels)
    assert geometry.meant(bounds, read) == bounds


@given(st.lists(st.sampled_from((0, 3, 200)), min_size=35, max_size=35))
def test_what_is_meant_lies_within_its_bounds_and_touches_them(
    geometry: Any, levels: list[int]
) -> None:
    def read(rect: Any) -> bytes:
        return bytes(levels[7 * (rect.y - 2) + rect.x : 7 * (rect.y - 2) + rect.right])

    there = [divmod(at, 7) for at, level in enumerate(levels) if level >= geometry.FAINT]
    found = geometry.meant(geometry.Rect(0, 2, 7, 5), read)
    if not there:
        assert found == geometry.Rect(0, 2, 7, 5)
        return
    rows, columns = zip(*there, strict=True)
    assert (found.y, found.bottom) == (2 + min(rows), 3 + max(rows))
    assert (found.x, found.right) == (min(columns), 1 + max(columns))


def test_all_of_a_picture_is_known_by_its_first_row_and_its_last(geometry: Any) -> None:
    looked = []

    def read(rect: Any) -> bytes:
        looked.append(rect.y)
        return b"\xff" * rect.width

    whole = geometry.Rect(0, 0, 16384, 16384)
    assert geometry.meant(whole, read) == whole and looked == [0, 16383]


def test_a_small_selection_is_given_context(geometry: Any) -> None:
    canvas = geometry.Rect(0, 0, 4096, 4096)
    assert geometry.crop(canvas, canvas, geometry.Rect(2000, 2000, 100, 60)) == geometry.Rect(
        1794, 1774, 512, 512
    )


def test_a_large_selection_is_given_half_its_size_and_is_never_a_strip(geometry: Any) -> None:
    canvas = geometry.Rect(0, 0, 4096, 4096)
    assert geometry.crop(canvas, canvas, geometry.Rect(1000, 1000, 1000, 2000)) == geometry.Rect(
        166, 0, 2667, 4000
    )


_SIDE = st.integers(1, 9000)
_PLACE = st.integers(-3000, 9000)


@given(x=_PLACE, y=_PLACE, width=_SIDE, height=_SIDE, sx=_PLACE, sy=_PLACE, sw=_SIDE, sh=_SIDE)
def test_a_crop_lies_on_canvas_and_near_content_and_holds_the_selection(
    x: int, y: int, width: int, height: int, sx: int, sy: int, sw: int, sh: int
) -> None:
    from limn.krita_plugin.document.geometry import MARGIN, Rect, crop

    canvas, content, selection = (
        Rect(0, 0, 4000, 3000),
        Rect(x, y, width, height),
        Rect(sx, sy, sw, sh),
    )
    seen = content.intersected(canvas)
    got = crop(content, canvas, selection, cut_out=True)
    margin = round(max(seen.width, seen.height) * MARGIN)
    most = seen.grown(margin, margin).intersected(canvas)
    assert got.intersected(most) == got or got.empty
    chosen = selection.intersected(seen)
    assert chosen.empty or got.intersected(chosen) == chosen


def test_united_leaves_out_what_is_empty(geometry: Any) -> None:
    assert geometry.united([geometry.Rect(5, 5, 0, 0)]).empty
    assert geometry.united(
        [geometry.Rect(9, 2, 4, 4), geometry.Rect(-500, 0, 0, 0), geometry.Rect(3, 4, 2, 20)]
    ) == geometry.Rect(3, 2, 10, 22)
