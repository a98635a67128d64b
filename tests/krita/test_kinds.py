"""Every kind of layer, mask and flag in a real Krita.

What is sent of it, or what is said.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def kinds(play_alone: Callable[[str], Outcome]) -> Outcome:
    return play_alone("kinds.py")


def test_a_layer_is_sent_with_its_masks(kinds: Outcome) -> None:
    told = kinds.of("masks")
    assert set(told) == {"filter", "hidden filter", "transform", "colorize"}
    for kind, one in told.items():
        assert one["children"], kind
        assert one["as seen"] and one["anything"] and one["above"], (kind, one)
    assert not told["filter"]["as painted"] and told["hidden filter"]["as painted"]


def test_a_layer_style_is_refused_and_then_left_out(kinds: Outcome) -> None:
    told = kinds.of("style")
    assert told["style"] and "layer style" in told["sent"]["offered"][0]
    assert told["sent"]["as painted"] and told["sent"]["above"]


def test_of_a_file_layer_what_is_seen_is_edited(kinds: Outcome) -> None:
    told = kinds.of("file_layer")
    assert told["exported"] and "is a file layer" in told["sent"]["offered"][0]
    assert told["sent"]["as seen"] and told["sent"]["anything"] and told["sent"]["above"]


@pytest.mark.parametrize("flag", ["locked", "alpha locked", "labelled", "isolated"])
def test_flags_of_a_layer_hinder_no_edit(kinds: Outcome, flag: str) -> None:
    told = kinds.of("flags")[flag]
    assert told["as seen"] and told["above"] and not told["locked"]


def test_pass_through_groups(kinds: Outcome) -> None:
    told = kinds.of("pass_through")
    assert told["inner"]["as seen"] and told["inner"]["above"]
    assert "is a group" in told["group"][0][0] and told["group sent"]


def test_what_lies_beside_the_canvas_is_not_sent(kinds: Outcome) -> None:
    told = kinds.of("beyond_the_canvas")
    assert told["partly"]["rect"] == [0, 0, 14, 10] and told["right"]["rect"] == [191, 143, 9, 7]
    assert told["partly"]["as seen"] and told["right"]["as seen"]
    drafts, sentence = told["off"]
    assert drafts == 0 and "lies beside the canvas" in sentence


def test_a_half_transparent_layer_is_seen_below_its_result_until_it_is_cleared(
    kinds: Outcome,
) -> None:
    """As the docker says: then the picture is as if the layer itself had been edited."""
    told = kinds.of("half_transparent")
    assert "press Delete" in told["said"]["remedy"], told["said"]
    wanted = [
        round(0.6 * new + 0.4 * below)
        for new, below in zip((200, 120, 10), told["below"][:3], strict=True)
    ]
    off = [abs(a - b) for a, b in zip(told["replaced"][:3], wanted, strict=True)]
    assert max(off) <= 2, (told["replaced"], wanted)
    assert told["piled up"] != told["replaced"] and told["undone"]


def test_what_was_removed_from_a_shape_is_selected_to_be_cleared(kinds: Outcome) -> None:
    told = kinds.of("cleared")
    assert "press Delete" in told["said"]["remedy"].replace("Press", "press"), told["said"]
    assert told["layers"] == 0 and told["active"] == "painting" and told["acknowledged"] == 1
    assert told["alpha"] == [0, 255]
