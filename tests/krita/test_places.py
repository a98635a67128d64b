"""Large layers in a real Krita: place by place, and what is too large to be sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from . import harness
from .harness import Outcome, Stage

pytestmark = [pytest.mark.krita, pytest.mark.timeout(1800)]

MOST = 2048 * 2048
"""Pixels of one edit on the server that these tests start.

It is a 16th of a usual one's.
"""


@pytest.fixture(scope="module")
def large(stage: Stage) -> Outcome:
    folder = stage.output / "places"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "limn.toml"
    settings.write_text(f"max_pixels = {MOST}\n")
    assert stage.server is not None
    server = [*stage.server, "--settings", str(settings)]
    return harness.run("places.py", replace(stage, output=folder, server=server), seconds=1200)


def test_a_large_layer_is_edited_place_by_place(large: Outcome) -> None:
    told = large.of("places")
    assert "place by place, each at 128 x 128" in told["foretold"]
    assert told["sent"] == [2048, 2048] and told["layer"][2] == 1
    assert "Passes in all:" in told["note"] and told["untouched"]


def test_both_places_of_a_large_layer_are_found(large: Outcome) -> None:
    assert large.of("places")["found"] == [True, True]


def test_what_is_too_large_is_found_small_and_edited_in_its_own_size(large: Outcome) -> None:
    told = large.of("too_large")
    assert "place by place, each at 128 x 128" in told["foretold"]
    assert "Passes in all: 3" in told["said before"]
    found, *places = told["sent"]
    assert found == [1536, 1536]
    assert len(places) == 2 and all(min(one) > 720 and max(one) <= 2048 for one in places)


def test_its_places_are_one_layer_one_mask_and_one_step(large: Outcome) -> None:
    told = large.of("too_large")
    assert told["note"].startswith("done in") and ", 0 pixels outside the mask" in told["note"]
    assert told["masks"] == 1 and told["found"] == [True, True] and told["results"] == 1
    assert told["untouched"] and told["changed beside the mask"] == 0
    assert told["undone"] == [True, True]


def test_it_can_be_cancelled_between_two_places(large: Outcome) -> None:
    told = large.of("too_large_cancelled")
    assert told["at"] == [2, 2]
    assert told["said"] == "Cancelled. Your picture is as it was." and told["left"]


def test_a_selection_that_is_too_large_is_said_before_anything_is_done(large: Outcome) -> None:
    told = large.of("too_large_selected")
    assert "too large for one edit" in told["foretold"]
    assert "too many for one edit" in told["said"] and not told["running"]


def test_a_part_of_what_is_too_large_is_edited(large: Outcome) -> None:
    told = large.of("too_large_selected")
    assert max(told["part sent"]) <= 1536 and told["edited"][1:] == [1, True]


def test_a_layer_is_made_smaller_by_means(large: Outcome) -> None:
    assert all(one <= 1.5 for one in large.of("reduced")["farthest"])


def test_a_found_mask_is_enlarged_smoothly_to_the_layers_own_size(large: Outcome) -> None:
    told = large.of("enlarged")
    assert told["box"] == [8, 12, 63, 59] and told["whole"] == 63 * 59 and told["same"]
    inside, edge, outside = told["inside, edge, outside"]
    assert inside == 255 and 0 < edge < 255 and outside == 0


def test_pieces_that_overlap_keep_what_is_more_theirs(large: Outcome) -> None:
    assert large.of("joined")["wrong"] == [0, 0]
