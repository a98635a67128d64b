"""Large layers in a real Krita: place by place, and what is too large."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def large(play: Callable[[str], Outcome]) -> Outcome:
    return play("places.py")


def test_a_large_layer_is_edited_place_by_place(large: Outcome) -> None:
    told = large.of("places")
    assert "place by place, each at 128 x 128" in told["foretold"]
    assert told["sent"] == [4096, 4096] and told["layer"][2] == 1
    assert "Passes in all:" in told["note"] and told["untouched"]


def test_both_places_of_a_large_layer_are_found(large: Outcome) -> None:
    assert large.of("places")["found"] == [True, True]


def test_what_is_too_large_is_said_before_anything_is_done(large: Outcome) -> None:
    told = large.of("too_large")
    assert "too large for one edit" in told["foretold"]
    assert "too many for one edit" in told["said"] and not told["running"]


def test_a_part_of_what_is_too_large_is_edited(large: Outcome) -> None:
    told = large.of("too_large")
    assert max(told["part sent"]) <= 1024 and told["edited"][1:] == [1, True]
