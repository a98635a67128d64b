"""Auto in a real Krita.

The docker tells what was chosen and why, and asks where a caption is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def auto(play: Callable[[str], Outcome]) -> Outcome:
    return play("auto.py")


def test_the_docker_tells_the_choice_and_the_reason(auto: Outcome) -> None:
    told = auto.of("the_choice_is_told")
    assert told["entries"][0] == told["default"] == "Auto"
    assert any(entry.endswith("· FoI") for entry in told["entries"])
    assert told["before"] == ["", False], "nothing was chosen yet, and nobody needs a caption"
    assert told["while it works"] == told["afterwards"] == "FoI: replaces an object"
    assert told["box"] == "Auto" and "ran: foi (FoI: replaces an object)" in told["details"]
    assert told["as the next begins"] in ("", "FoI: a local change of colour"), (
        "the last choice stands no longer"
    )
    assert told["the next"] == "FoI: a local change of colour"


def test_the_painter_overrides_the_choice(auto: Outcome) -> None:
    told = auto.of("the_painter_overrides")
    assert (
        told["without more"][0] == "auto"
        and "ip2p" not in told["without more"]
        and told["still there"] == "ip2p"
    )
    assert told["at once"] == told["choice"] == ""
    assert "ran: ip2p (as chosen in the docker)" in told["details"]


@pytest.mark.parametrize("name", ["a_caption_is_asked_for", "the_same_edit_goes_on"])
def test_a_caption_is_asked_for_and_then_given(auto: Outcome, name: str) -> None:
    told = auto.of(name)
    assert told["kind"] == "quiet" and "what the picture shows" in told["note"]
    assert (
        told["question"].endswith("press Enter.")
        and told["line"]
        and told["cursor"] == "limn_caption"
    )
    assert not told["dialog"] and told["untouched"] and told["an empty answer begins nothing"]
    assert told["question while it works"] == ""
    assert (
        "ran: adapedit" in told["details"]
        and "understood source: a red star on a gray background" in told["details"]
    )
    assert told["instruction"] == "make the star striped"
    assert told["cursor afterwards"] == "limn_instruction" and told["undone"]


def test_the_answer_carries_on_the_same_edit(auto: Outcome) -> None:
    """The first was to make a layer, the second to find the mask."""
    edit, mask = auto.of("a_caption_is_asked_for"), auto.of("the_same_edit_goes_on")
    assert edit["answer"].startswith(("done in", "Nothing was found")), edit["answer"]
    assert mask["answer"].startswith(("mask found", "Nothing was found")), mask["answer"]
    assert mask["new layers"] == [] and mask["the caption stays in sight"]


def test_a_slip_is_asked_about_and_enter_takes_the_proposal(auto: Outcome) -> None:
    told = auto.of("a_slip_is_asked_about")
    assert "Did you mean: make the star blue?" in told["note"] and told["kind"] == "quiet"
    assert told["proposal"] == "make the star blue" and told["untouched"]
    assert told["afterwards"].startswith("done in") and len(told["new layers"]) == 1
