"""Places of a layer that is too large to be sent: which of them fit."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.protocol.messages import Box, Done, FoundPlace, Mask, PartMask, Pixels, Region, Said

MOST = 1000 * 1000


@pytest.fixture(scope="module")
def course() -> Any:
    return importlib.import_module("limn.krita_plugin.course")


@pytest.fixture(scope="module")
def rect() -> Any:
    return importlib.import_module("limn.krita_plugin.document.geometry").Rect


def region(x: int, y: int, width: int, height: int) -> Region:
    return Region(x, y, Pixels(width, height, "gray8", bytes(width * height)))


def place(x: int, y: int, side: int, context: int) -> FoundPlace:
    crop = Box(max(0, x - context), max(0, y - context), side + 2 * context, side + 2 * context)
    return FoundPlace(crop, region(x, y, side, side), "exactly")


def test_a_box_of_what_was_sent_reaches_to_the_layers_ends(course: Any, rect: Any) -> None:
    scale = course.Scale.of(rect(7, 9, 2003, 1502), MOST)
    assert scale.times == 3 and scale.small == (667, 500)
    assert scale.box(Box(0, 0, 667, 500)) == rect(0, 0, 2003, 1502)
    assert scale.box(Box(10, 20, 30, 40)) == rect(30, 60, 90, 120)


@given(st.integers(1, 16384), st.integers(1, 16384), st.integers(64, 67_108_864))
def test_what_is_sent_is_never_too_large(course: Any, rect: Any, w: int, h: int, most: int) -> None:
    scale = course.Scale.of(rect(0, 0, w, h), most)
    wide, high = scale.small
    assert max(wide, high) <= 4096 and wide * high <= most
    assert scale.box(Box(0, 0, wide, high)) == rect(0, 0, w, h)


def test_a_crop_that_is_too_large_loses_context_and_not_its_place(course: Any, rect: Any) -> None:
    scale = course.Scale.of(rect(0, 0, 4000, 4000), MOST)
    found = course.fitting([place(300, 300, 100, 300)], scale, MOST)
    (one,), crop = found.fit, scale.box(found.fit[0].crop)
    assert not found.unfit and crop.width * crop.height <= MOST
    assert one.crop.x <= 300 and one.crop.x + one.crop.width >= 400
    assert crop.width > 900, "no more is lost than has to be"


def test_a_place_that_is_too_large_by_itself_is_left_out(course: Any, rect: Any) -> None:
    scale = course.Scale.of(rect(0, 0, 4000, 4000), MOST)
    found = course.fitting([place(0, 0, 260, 10), place(500, 500, 50, 50)], scale, MOST)
    assert [one.hint.x for one in found.fit] == [500]
    assert course.extent(found.unfit, scale) == rect(0, 0, 1040, 1040)


def test_all_that_is_kept_of_several_places_is_bounded(course: Any, rect: Any) -> None:
    scale = course.Scale.of(rect(0, 0, 4000, 4000), MOST)
    places = [place(x, y, 100, 50) for x in (100, 400, 700) for y in (100, 400, 700)]
    for count, margin, fits in ((2, 0.25, 2), (3, 0.0, 3), (9, 0.0, 3)):
        found = course.fitting(places[:count], scale, MOST)
        assert (found.margin, len(found.fit)) == (margin, fits)
        boxes = [
            course.kept_of(
                scale.box(Box(one.hint.x, one.hint.y, 100, 100)), scale.box(one.crop), margin
            )
            for one in found.fit
        ]
        assert sum(one.width * one.height for one in boxes) <= MOST


def test_without_places_the_masks_of_the_instructions_are_the_places(course: Any) -> None:
    parts = tuple(
        PartMask(words, "k", region(x, 0, 5, 5)) for x, words in ((0, "make a"), (9, "make b"))
    )
    whole = region(0, 0, 14, 5)
    found = course.places_of(Mask("j", 1, whole, parts))
    assert [one.instruction for one in found] == ["make a", "make b"]
    (only,) = course.places_of(Mask("j", 1, whole, parts[:1]))
    assert only.instruction == "" and only.crop == Box(0, 0, 14, 5)
    assert course.places_of(Mask("j", 1, None)) == ()


def test_the_end_tells_what_all_of_it_has_used(course: Any, rect: Any) -> None:
    at, same = Said("{count} at {size}", {"count": 1, "size": "a"}), Said("the same")
    reports = [
        Done("a", 5, "foi", 7, seconds={"find": 2.0}, notes=(same, Said("x", {}, "places"))),
        Done("b", 6, "foi", 7, seconds={"find": 1.0, "paint": 3.0}, notes=(same, at), passes=2),
        Done("c", 4, "foi", 7, seconds={"paint": 5.0}, notes=(same,), forwards=3),
    ]
    asked = object()
    one = course.Course(rect(0, 0, 9, 9), None, asked, finding=False, reports=reports)
    done = one.done("c")
    assert done.passes == 4 and done.forwards == 3 and done.seconds == {"find": 3.0, "paint": 8.0}
    assert [str(note) for note in done.notes] == [
        "the same",
        "1 at a",
        "Places edited at full resolution: 2. Passes in all: 4.",
    ]
    one.left, one.count = [place(0, 0, 5, 1)] * 3, 5
    assert one.number == 3 and one.seconds_left(1.0) == pytest.approx(1.0 + 2 * 4.5)
