"""Layers as the painter sees them, in a real Krita.

Each case with what it must come to.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]

DONE = "done in"


@pytest.fixture(scope="module")
def layers(play_alone: Callable[[str], Outcome]) -> Outcome:
    return play_alone("layers.py")


@pytest.fixture(scope="module")
def interleaved(play_alone: Callable[[str], Outcome]) -> Outcome:
    return play_alone("interleaved.py")


def test_a_result_goes_where_it_would_be_had_it_been_there_before(layers: Outcome) -> None:
    told = layers.of("moved_meanwhile")
    assert len(told) == 11
    for name, one in told.items():
        assert one["said"].startswith(DONE), (name, one)
        assert one["untouched"] and one["layers"][-2].endswith("(seed 0)"), (name, one)
        alone = name.startswith("layer ")
        # where the layer alone was moved, a result that was there before stayed behind
        assert one["same"] or alone, (name, one)


def test_a_result_is_scaled_as_the_picture_is(layers: Outcome) -> None:
    for name, one in layers.of("scaled_meanwhile").items():
        assert one["said"].startswith(DONE) and one["untouched"], (name, one)
        there, found = one["bounds"]
        # Krita's own scaling and Qt's differ by the pixel at an edge
        assert max(abs(a - b) for a, b in zip(there, found, strict=True)) <= 2, (name, one)


def test_a_result_is_kept_where_its_place_is_unknown(layers: Outcome) -> None:
    told = layers.of("place_unknown")
    assert [one["kept"] for one in told.values()] == [1, 2, 3]
    for name, one in told.items():
        assert not one["in the picture"] and one["untouched"], (name, one)
        assert one["said"]["kind"] == "error" and "kept" in one["said"]["sentence"], (name, one)


def test_mask_only_and_again_follow_the_picture_too(layers: Outcome) -> None:
    told = layers.of("mask_only_and_again")
    assert told["mask"] and told["again"]


def test_what_a_transparency_mask_hides_is_not_sent(layers: Outcome) -> None:
    told = layers.of("masked")
    assert told["active"] == "transparencymask"
    assert told["as seen"] and not told["as painted"]


def test_a_result_lies_on_the_picture_as_its_layer_does(layers: Outcome) -> None:
    told = layers.of("lies_as_its_layer")
    assert told["result"] == told["layer"] == [128, "multiply", True]
    assert told["next sees"] == [[255, "normal", False], [255, "normal", False]]
    assert told["other mode"] == ["normal", "screen", "normal"]


def test_other_kinds_of_layers_are_edited_as_seen_if_that_is_wanted(layers: Outcome) -> None:
    told = layers.of("offers")
    assert set(told) == {"group", "clone", "vector", "fill"}
    for kind, one in told.items():
        assert one["refused"] and "again to edit what is seen" in one["offered"], (kind, one)
        assert one["as seen"] and one["above"], (kind, one)


def test_a_result_lasts_as_long_as_the_drawing_that_was_edited(layers: Outcome) -> None:
    told = layers.of("animated")
    assert told["frames"] == told["source frames"] == [0, 5, 9]
    assert told["said"]["sentence"].startswith(DONE), told["said"]
    assert {5, 9} <= set(told["of the result"])
    steps = told["undone and redone"]
    assert [len(names) for names in steps] == [4, 3, 4, 4], steps
    assert told["at"] == {"2": False, "6": True, "10": False}


def test_a_pixel_that_is_hardly_selected_does_not_widen_the_crop(layers: Outcome) -> None:
    told = layers.of("faint_selection")
    assert told["sent"][0] == told["sent"][1]


def test_a_picture_may_be_closed_while_its_mask_is_on_its_way(layers: Outcome) -> None:
    assert layers.of("closed_after_mask_only")["closed"] == 12


def test_whatever_the_painter_does_nothing_is_lost_and_nothing_wrong(interleaved: Outcome) -> None:
    runs = interleaved.of("random_actions")["runs"]
    assert len(runs) == 40
    placed = compared = 0
    for run in runs:
        if run["closed"]:
            assert run["kept"] == 1 or run["mask only"], run
            continue
        assert run["same as without"], run
        if run["mask only"] or not run["in the picture"]:
            assert run["mask only"] or (run["kept"] == 1 and run["kind"] == "error"), run
            continue
        placed += 1
        compared += run["agreement"] is not None
        # the painter's own strokes cover a part, and a changed colour all of it
        repainted = {"krita_filter_invert", "delete", "undo"} & set(run["actions"])
        assert run["agreement"] is None or repainted or run["agreement"] > 0.5, run
    print(f"random actions: {placed} of {len(runs)} results in the picture, in the right place")
    assert placed >= 20 and compared >= 15
    before, after, said = interleaved.of("random_actions")["one more"]
    assert after == min(before + 1, 8) and ("oldest" in said) == (before == 8), said


def test_a_cut_out_shape_is_sent_with_a_margin(layers: Outcome) -> None:
    assert layers.of("margin") == {"disc": [87, 67, 86, 86], "picture": [100, 80, 60, 60]}
