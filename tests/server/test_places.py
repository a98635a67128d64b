"""A large layer, edited place by place: what is said of it, and what comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from limn import editing
from limn.protocol.codec import encode
from limn.protocol.messages import Box, Done, Mask, Note, Pixels, Preview, Progress, Result, Submit
from limn.server.bridge import Editor
from limn.server.estimate import Durations, Estimate

from .conftest import FAST, picture, submit

SIDE = 320
PLACES = ((30, 40, 30), (220, 250, 40))  # x, y, side


def selected(x: int, y: int) -> bool:
    return any(a <= x < a + s and b <= y < b + s for a, b, s in PLACES)


def previews(came: list[object]) -> list[Preview]:
    return [one for one in came if isinstance(one, Preview)]


def of_two_places(job: str, **options: object) -> Submit:
    """An edit of two places, which are selected exactly."""
    levels = bytes(255 * selected(x, y) for y in range(SIDE) for x in range(SIDE))
    return submit(
        job,
        pixels=picture(SIDE, SIDE),
        hint=Pixels(SIDE, SIDE, "gray8", levels),
        hint_mode="exactly",
        parameters=FAST,
        full_resolution=True,
        **options,
    )


@pytest.fixture(scope="module")
def came(tiny_model: Path) -> list[object]:
    """All that is said of an edit of two places, to be seen through a mask."""
    asked = of_two_places("places", previews=64, whole=True)
    editor = Editor(editing.load_models(tiny_model))
    assert editor.native_size == 64
    return list(editor.run(asked, lambda: False))


def test_places_are_told_where_a_client_asks_for_them(tiny_model: Path) -> None:
    asked = of_two_places("told", mask_only=True, places=True)
    editor = Editor(editing.load_models(tiny_model))
    (mask,) = (
        one for one in editor.run(asked, lambda: False) if isinstance(one, Mask) and one.final
    )
    encode(mask)  # what the protocol would refuse
    assert len(mask.places) == 2 and mask.parts == ()
    for one, (x, y, side) in zip(mask.places, sorted(PLACES, key=lambda p: -p[2]), strict=True):
        assert (one.hint.x, one.hint.y) == (x, y) and one.hint_mode == "exactly"
        assert one.hint.pixels.data == b"\xff" * side * side
        assert one.crop.x <= x and x + side <= one.crop.x + one.crop.width
    untold = list(editor.run(replace(asked, places=False), lambda: False))
    assert all(one.places == () for one in untold if isinstance(one, Mask))


def test_the_number_of_passes_is_said_before_the_first(came: list[object]) -> None:
    (note,) = (one for one in came if isinstance(one, Note))
    assert note.said.code == "places" and note.said.data == {"count": 2, "passes": 3}
    first = next(one for one in came if isinstance(one, Progress) and one.number)
    assert came.index(note) < came.index(first)
    done = came[-1]
    assert isinstance(done, Done) and done.passes == 3


def test_progress_and_previews_are_of_the_place(came: list[object]) -> None:
    steps = [one for one in came if isinstance(one, Progress) and one.stage == "denoising"]
    assert {(one.number, one.passes) for one in steps} == {(1, 2), (2, 2)}
    shown = {one.shows for one in previews(came)[:-1]}
    assert shown and all(one.width < SIDE and one.height < SIDE for one in shown)


def test_the_last_preview_shows_all_places(came: list[object]) -> None:
    (result,) = (one for one in came if isinstance(one, Result))
    last, area = previews(came)[-1], result.area
    assert last.shows == Box(area.x, area.y, area.pixels.width, area.pixels.height)
    assert max(last.picture.width, last.picture.height) <= 64
    assert last.step == previews(came)[-2].step


def test_the_layer_holds_the_places_and_nothing_else(came: list[object]) -> None:
    (result,) = (one for one in came if isinstance(one, Result))
    mask = next(one for one in came if isinstance(one, Mask) and one.final)
    area, data = result.area, result.area.pixels.data
    assert data is not None and mask.area is not None and mask.area.pixels.data is not None
    width = area.pixels.width
    alpha = [data[4 * k + 3] for k in range(width * area.pixels.height)]
    assert set(alpha) == {0, 255} and 0.1 < sum(alpha) / 255 / len(alpha) < 0.7
    for y in range(mask.area.pixels.height):
        for x in range(mask.area.pixels.width):
            seen = mask.area.pixels.data[y * mask.area.pixels.width + x]
            at = (mask.area.y + y - area.y) * width + mask.area.x + x - area.x
            assert (seen > 0) == selected(mask.area.x + x, mask.area.y + y)
            assert not seen or alpha[at] == 255
    assert mask.map is not None and mask.map.shows == Box(0, 0, SIDE, SIDE)


def test_an_estimate_counts_the_passes_that_are_left() -> None:
    earlier: dict[str, float] = {}
    estimate = Estimate(earlier)
    estimate.begin("finding the mask", 0)
    estimate.begin("denoising", 1, 1, 3)
    assert estimate.left(5, 10, 6) == pytest.approx(5 + 2 * 10)
    estimate.begin("denoising", 13, 2, 3)
    assert estimate.left(5, 10, 18) == pytest.approx(5 + 12)
    estimate.finish(23)
    assert earlier == {}


def test_an_edit_in_places_tells_how_long_a_pass_takes() -> None:
    durations, asked = Durations(), submit("a")
    durations.note(asked, Done("a", 0, "foi", 0, passes=4), 40.0)
    assert durations.expected(asked) == pytest.approx(10.0)
