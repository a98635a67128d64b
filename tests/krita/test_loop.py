"""The painter's loop in a real Krita: correct, compare, keep, come back tomorrow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def loop(play: Callable[[str], Outcome]) -> Outcome:
    return play("loop.py")


@pytest.fixture(scope="module")
def next_day(loop: Outcome, play: Callable[[str], Outcome]) -> Outcome:
    assert loop.of("saved")["saved"]
    return play("loop_again.py")


def test_a_result_is_all_that_was_worked_on_behind_a_mask(loop: Outcome) -> None:
    told = loop.of("mask")
    assert told["raw alpha in the crop"] == [255] and told["raw pixels beside it"] == 0
    assert told["the mask is the one found"] and told["seen through it"] and told["selected"]
    assert told["changed beside the mask"] == 0


def test_layer_and_mask_are_one_step_and_the_selection_another(loop: Outcome) -> None:
    told = loop.of("mask")
    before = [name for name in told["layers"] if "seed" not in name]
    assert told["after one undo"] == [told["layers"], True]
    assert told["after two undos"] == [before, True]
    assert told["after two redos"] == [told["layers"], True, 1, True]


def test_painting_on_the_mask_shows_and_hides_the_edit(loop: Outcome) -> None:
    told = loop.of("mask")
    assert told["shown"] and told["hidden"] and told["was changed there"]


def test_find_mask_leaves_a_result_s_own_mask_alone(loop: Outcome) -> None:
    assert loop.of("mask")["its own mask after Find mask"] == [1, True, True]


def test_a_flat_layer_has_no_mask(loop: Outcome) -> None:
    told = loop.of("flat")
    assert told["masks"] == 0 and told["alpha"]


def test_a_reopened_picture_is_gone_on_with(next_day: Outcome) -> None:
    """It sent 38 x 41 pixels, a fifth of them transparent.

    Within the selection that was left.
    """
    told = next_day.of("reopened")
    assert told["selected"] and not told["hint"]
    assert told["sent"] == [128, 128] and told["transparent"] == 0


def test_again_knows_the_edit_of_a_reopened_picture(next_day: Outcome) -> None:
    told = next_day.of("again")
    assert len(told["layers"]) == 1 and "make the star blue" in told["layers"][0]
    assert told["size"] == [128, 128]


@pytest.fixture(scope="module")
def strip(play: Callable[[str], Outcome]) -> Outcome:
    return play("strip.py")


def test_of_four_seeds_one_is_seen(strip: Outcome) -> None:
    """They were four visible layers."""
    told = strip.of("variants")
    assert len(told["made"]) == 4 and told["seen"] == [told["made"][-1]]
    assert told["in the strip"] == 4 and told["jpegs"] == 4
    assert "make the star blue" in told["tooltip"] and "seed" in told["tooltip"]


def test_keys_go_from_one_result_to_the_other(strip: Outcome) -> None:
    told = strip.of("variants")
    assert told["walked"] == [[told["made"][at]] for at in (2, 1, 2)]
    assert told["another is seen"]


def test_comparing_is_no_step_to_undo(strip: Outcome) -> None:
    told = strip.of("variants")
    assert told["held"] == {"as before": True, "undo": True, "layers": True}
    assert told["let go"] == {"as it was": True, "undo": True}


def test_discard_takes_one_out_and_keep_the_others(strip: Outcome) -> None:
    told = strip.of("variants")
    assert told["discarded"]
    left, kept = told["kept"]
    assert left == kept and len(left) == 1
    assert told["an undo brings one back"]


def test_more_of_the_same_is_of_the_same_set(strip: Outcome) -> None:
    told = strip.of("more")
    assert [told[key][0] for key in ("ctrl+shift+F2", "ctrl+shift+F4")] == [2, 3]
    assert all(told[key][1] == 1 for key in ("ctrl+shift+F2", "ctrl+shift+F4", "ctrl+shift+F3"))
    assert told["sets"] == 1 and len(set(told["ran"])) >= 2


def test_the_mask_follows_its_slider_without_a_step_to_undo(strip: Outcome) -> None:
    told = strip.of("slider")
    print(f"\nthe mask followed its slider after {told['ms']} ms")
    assert all(told["followed"]) and told["seen live"] and told["no step yet"]
    small, large = told["larger"]
    assert large > small and told["contains what was found"]


def test_a_slider_let_go_is_one_step_to_undo(strip: Outcome) -> None:
    told = strip.of("slider")
    layers = told["let go"].pop("layers")
    assert len(layers) == 3
    assert told["let go"] == {"mask": True, "masks": 1, "selected": True}
    assert told["undone"] == {"mask": True, "masks": 1, "selected": True, "seen": True}
    assert told["redone"] == {"mask": True, "masks": 1, "selected": True, "seen": True}
    assert told["all undone"]


def test_keys_make_the_mask_smaller_and_softer(strip: Outcome) -> None:
    told = strip.of("slider")
    first, second, third, _ = told["by keys"]
    assert first > second > third and told["soft levels"] > 20


def test_the_strip_of_a_reopened_picture_goes_on(next_day: Outcome) -> None:
    told = next_day.of("strip")
    assert told["in the strip"] and told["jpeg"] and "make the star blue" in told["words"]
    found, larger = told["larger"]
    assert larger > found > 0 and told["stands"] == [60, 0]
