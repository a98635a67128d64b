"""A result arrives while the painter is in the middle of something.

Nothing of that is lost.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def busy(play: Callable[[str], Outcome]) -> Outcome:
    return play("busy.py")


WAITED_FOR = {
    "brush": {"stroke stays": True, "then goes": True},
    "transform": {"transformed": True},
    "move": {"moved": True},
    "filter": {"filtered": True},
    "blur": {"preview": True, "as it was": True},
    "crop": {"size as before meanwhile": True, "cropped": [300, 200]},
    "polygon": {},
    "path": {},
    "rectangle": {},
    "sampler": {},
    "dialog": {"modal": True},
    "menu": {"menu": True},
}
"""What must have come of that which the painter had begun."""


@pytest.mark.parametrize("name", WAITED_FOR)
def test_a_result_waits_and_then_goes_in(busy: Outcome, name: str) -> None:
    told = busy.of(name)
    assert told["waits"] and told["as before meanwhile"], "it did not wait"
    assert "waits for" in told["stage"], "the docker does not say so"
    assert told["note"].startswith("done in") and "make the star blue" in told["layers"][-1]
    assert told["selected"]
    assert {key: told[key] for key in WAITED_FOR[name]} == WAITED_FOR[name]


@pytest.mark.parametrize("name", ["polygon", "path", "rectangle"])
def test_a_selection_in_the_making_becomes_what_was_drawn(busy: Outcome, name: str) -> None:
    x, y, width, height = busy.of(name)["own selection"]
    right, bottom = (140, 140) if name == "rectangle" else (140, 180)
    edges = ((x, 40), (y, 40), (x + width, right), (y + height, bottom))
    assert all(abs(found - drawn) <= 3 for found, drawn in edges), (x, y, width, height)


def test_a_text_is_written_to_its_end(busy: Outcome) -> None:
    told = busy.of("text")
    assert told["waits"] and told["as before meanwhile"] and told["note"].startswith("done in")
    assert told["text"], "the text is gone"


def test_a_waiting_result_can_be_cancelled(busy: Outcome) -> None:
    told = busy.of("cancel")
    assert told["waits"] and "Cancelled" in told["note"] and told["layers"][-1] == "painting"


def test_undo_is_held_down(busy: Outcome) -> None:
    told = busy.of("undo_held")
    print(f"undo held down: {told}")
    assert told["came"] and told["note"]


@pytest.mark.parametrize("name", ["playing", "saving"])
def test_krita_lives(busy: Outcome, name: str) -> None:
    told = busy.of(name)
    print(f"{name}: {told}")
    assert told["note"].startswith("done in")
    assert any(name.startswith("make ") for name in told["layers"])


def test_a_picture_closed_at_any_moment(busy: Outcome) -> None:
    told = busy.of("closing")
    print(f"closed so many seconds after its result came: {told}")
    assert set(told.values()) <= {"Node", "CanvasProblem"} and "CanvasProblem" in told.values()


def test_krita_quits_while_a_result_goes_in(busy: Outcome) -> None:
    assert "quitting" not in busy.checks, "Krita did not quit"
    assert "Krita ended with status 0." in busy.log
