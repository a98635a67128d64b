"""Layers that are deleted while they are edited, and rare kinds of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(900)]

DONE = "done in"
BLUE, GREEN, RED = 200, 120, 10
"""The colour that the result is of."""


@pytest.fixture(scope="module")
def odd(play_alone: Callable[[str], Outcome]) -> Outcome:
    return play_alone("odd_layers.py")


def test_a_result_of_a_deleted_layer_goes_where_the_others_say(odd: Outcome) -> None:
    told = odd.of("deleted_meanwhile")
    assert len(told) == 6
    for name, one in told.items():
        if name.startswith("cropped"):  # which cuts off the only other layer: nobody can tell
            assert one["said"].endswith("The result is kept."), (name, one)
        else:
            assert one["said"].startswith(DONE) and one["same"], (name, one)
    moved = odd.of("moved_and_deleted")
    assert moved["said"].startswith(DONE) and moved["off"] == [13, -7]


def test_a_layer_that_multiplies_counts_until_it_is_cleared(odd: Outcome) -> None:
    told = odd.of("multiply")
    assert "is blended with what lies below it" in told["said"]
    wanted = [
        round(a * b / 255) for a, b in zip((BLUE, GREEN, RED), told["below"][:3], strict=True)
    ]
    off = [abs(a - b) for a, b in zip(told["replaced"][:3], wanted, strict=True)]
    assert max(off) <= 2 and told["both"] != told["replaced"], told


def test_rare_kinds_of_layers(odd: Outcome) -> None:
    clone = odd.of("clone_of_a_clone")["sent"]
    assert clone["as seen"] and clone["anything"] and clone["above"]
    gone = odd.of("file_that_is_gone")
    assert gone["sent"] == 1 or "nothing on the layer" in gone["said"], gone
    point = odd.of("one_pixel")
    assert point["rect"] == [0, 0, 1, 1] and point["said"].startswith(DONE)
    assert len(point["layers"]) == 3
    channels = odd.of("channels")
    assert channels["result"] == channels["layer"] and False in channels["layer"]


@pytest.mark.parametrize("space", ["LABA U16", "RGBA F16", "GRAYA U16"])
def test_a_result_in_another_colour_space(odd: Outcome, space: str) -> None:
    told = odd.of("lab")[space]
    model, depth = space.split()
    assert told["said"].startswith(DONE) and told["space"] == [model, depth]
    # Krita's way from CIELAB to RGB shifts a dark channel by about 17 of 255 by itself.
    off = [abs(a - b) for a, b in zip(told["seen"], told["own"], strict=True)]
    assert max(off) <= 2, told
    if model == "RGBA":
        assert max(abs(a - b) for a, b in zip(told["seen"], (BLUE, GREEN, RED), strict=False)) <= 2
