"""Results at unlucky moments: nothing of the painter's is lost, and Krita lives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def results(play_alone: Callable[[str], Outcome]) -> Outcome:
    return play_alone("results.py")


def test_a_picture_is_closed_right_after_its_result(results: Outcome) -> None:
    """Krita 5.1.5 crashed at the first of them; see document/closing.py."""
    told = results.of("closing")
    assert len(told) == 8 and all(told.values())


def test_two_pictures_are_closed_at_once(results: Outcome) -> None:
    told = results.of("close_all")
    assert told == {"gone": [True, True], "asked": True, "all stay": True}


def test_krita_asks_before_it_closes(results: Outcome) -> None:
    told = results.of("question")
    assert not told["asked at once"] and told["asked"]
    assert told["asked once"] and told["still open"]
    assert not told["another is held"] and told["another goes"]


def test_a_picture_without_layers_takes_a_result(results: Outcome) -> None:
    told = results.of("bottom")
    assert told["before"] == told["undone"] == []
    assert told["with it"] == told["redone"] == ["result"]
