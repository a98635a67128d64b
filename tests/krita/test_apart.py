"""Several instructions in a real Krita: a layer each, in a group."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def apart(play: Callable[[str], Outcome]) -> Outcome:
    return play("apart.py")


def test_a_layer_and_a_mask_for_each_instruction(apart: Outcome) -> None:
    told = apart.of("group")
    assert told["one layer"] == "paintlayer" and told["group"][0] == "grouplayer"
    assert told["layers"] == ["make the star blue", "make the circle yellow"]
    assert told["masks"] == [1, 1] and told["in the strip"] == 1 and told["selected"]
    assert told["as one layer"] <= 1


def test_one_of_several_can_be_hidden(apart: Outcome) -> None:
    assert apart.of("group")["one hidden"] == [True, True]


def test_a_group_is_one_step_to_undo(apart: Outcome) -> None:
    told = apart.of("group")
    assert all("seed" not in name for name in told["two undos"][0]) and told["two undos"][1]
    assert told["two redos"] == [2, True] and told["untouched"]


def test_the_mask_of_one_is_changed_by_itself(apart: Outcome) -> None:
    told = apart.of("group")
    assert told["whose mask"] == "make the circle yellow" and told["larger"] == [True, True]
    assert told["active stays"] == "make the circle yellow" and told["selection grew"]
    assert told["one undo"] == [True, True]
    assert told["active after undo"] == "make the circle yellow"


def test_one_of_several_is_redone(apart: Outcome) -> None:
    told = apart.of("group")
    made, was_seen, other_seen, _ = told["redone"]
    assert made.startswith("make the circle yellow") and not was_seen and other_seen
    assert told["in the strip then"] == 2 and told["discarded"] == [1, True]


def test_the_whole_is_gone_on_with(apart: Outcome) -> None:
    told = apart.of("group")
    assert told["sent"] == [128, 128] and told["above"] == ["grouplayer", "paintlayer"]


def test_a_strength_for_each_instruction(apart: Outcome) -> None:
    told = apart.of("group")
    assert told["half"] == "make the [star:0.5] blue, make the circle yellow"
    assert told["both"] == "make the [star:0.5] blue, make the [circle:1.5] yellow"
    assert told["plain again"] == "make the star blue, make the circle yellow"


def test_a_reopened_group_is_one_result(apart: Outcome) -> None:
    told = apart.of("group")
    assert told["saved"] and told["reopened in the strip"] == 2 and told["smaller"][0]


def test_a_selection_mask_is_that_of_the_thing_it_is_named_like(apart: Outcome) -> None:
    told = apart.of("named")
    assert told["named"] == ["star"] and told["the star's"] and told["the circle's"]
    assert told["still there"] == ["star"]
