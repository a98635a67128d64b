"""Situations in which an edit can't be done, or only just.

A clear message or a right result, never a traceback.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def bad(play: Callable[[str], Outcome]) -> Outcome:
    return play("bad.py")


MESSAGES = {
    "no_document": "no picture open",
    "no_layer": "No layer is active",
    "empty_layer": "nothing on the layer",
    "group_layer": "is a group",
    "vector_layer": "is a vector layer",
    "hidden_layer": "is hidden",
    "empty_instruction": "Write first",
    "selection_elsewhere": "The selection lies",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_clear_message(bad: Outcome, name: str) -> None:
    told = bad.of(name)
    print(f"{name}: {told['note']}")
    assert MESSAGES[name] in told["note"] and told["kind"] == "error" and not told["working"]


def test_an_instruction_that_is_not_understood(bad: Outcome) -> None:
    told = bad.of("unreadable_instruction")
    print(told["note"])
    assert (
        told["kind"] == "error"
        and told["code"] == "empty-instruction"
        and told["layers"] == told["before"]
    )


def test_a_locked_layer_is_edited_without_being_touched(bad: Outcome) -> None:
    told = bad.of("locked_layer")
    assert told["kind"] == "good" and len(told["layers"]) == 3 and told["untouched"]


def test_another_language_is_told_what_to_write(bad: Outcome) -> None:
    told = bad.of("not_english")
    for said in (told["under the box"], told["note"]):
        assert "this is not English: mach" in said and "make the star blue" in said
    assert told["code"] == "not-english" and told["layers"] == ["Background", "painting"]


def test_a_layer_of_one_colour_is_asked_about_before_anything_is_painted(bad: Outcome) -> None:
    told = bad.of("one_colour")
    print(told["note"], "/", told["all the same"])
    assert told["code"] == "not-found" and told["kind"] == "quiet"
    assert "Press Enter to edit all the same" in told["note"]
    assert told["layers"] == ["Background", "painting"] and not told["working"]
    assert told["all the same"] and told["all the same"] != told["note"]


def test_one_pixel(bad: Outcome) -> None:
    told = bad.of("one_pixel")
    print(told["note"])
    assert (
        told["note"]
        and told["code"] != "internal"
        and (told["kind"] == "error") == (len(told["layers"]) == 2)
    )


def test_a_closed_document_keeps_the_result(bad: Outcome) -> None:
    told = bad.of("document_closed")
    assert "closed" in told["note"] and told["kind"] == "error" and told["button"]
    assert told["documents after"] == told["documents"] + 1
    assert any("make the star blue" in name for name in told["opened layers"])


def test_two_closed_documents_keep_both_results(bad: Outcome) -> None:
    told = bad.of("documents_closed")
    assert "kept" in told["note"] and "(2)" in told["words"] == told["words later"]
    assert sum("make the star blue" in name for name in told["opened"]) == 2 and not told["button"]


@pytest.mark.parametrize("name", ["document_switched", "document_switched_selection"])
def test_another_document_in_front(bad: Outcome, name: str) -> None:
    told = bad.of(name)
    assert "“first”" in told["note"] and told["kind"] == "good" and not told["working"]
    assert len(told["first"]) == 3 and told["second"] == ["Background", "painting"]
    assert (
        told["selected meanwhile"] == [False, False]
        and told["second after"] == told["second before"]
    )
    back = told["upon return"]
    assert back["kind"] == "good" and "“first”" not in back["note"], (
        "the note still promises what is done"
    )
    assert (
        back["layers"] == told["first"]
        and back["selection"] == told["alpha"] != told["selection before"]
    )
    assert told["after one undo"] == {
        "layers": told["first"],
        "selection": told["selection before"],
    }
    assert told["after two undos"] == {
        "fingerprints": told["first before"],
        "selection": told["selection before"],
    }


def test_a_mask_is_found_for_another_document_than_that_in_front(bad: Outcome) -> None:
    told = bad.of("document_switched_mask")
    assert "“first”" in told["note"] and told["kind"] == "good" and not told["working"]
    assert told["first"] == told["second"] == ["Background", "painting"]
    assert (
        told["selected meanwhile"] == [False, False]
        and told["second after"] == told["second before"]
    )
    back = told["upon return"]
    assert back["kind"] == "good" and "“first”" not in back["note"]
    assert back["layers"] == told["first"] and back["selection"] != told["selection before"]


def test_painting_on(bad: Outcome) -> None:
    told = bad.of("painting_on")
    assert told["kind"] == "good" and told["new paint"] == [0, 255, 0, 255]
    left, top, right, bottom = told["bounds"]
    moved_x, moved_y = 237 + 10, 151 + 5
    assert (
        moved_x <= left and moved_y <= top and right < moved_x + 128 and bottom < moved_y + 128
    ), told["bounds"]
