"""The painter's whole loop by keys, in pictures of 8 bits, of 16, and in CMYK."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from . import harness
from .conftest import SECONDS
from .harness import Outcome, Stage

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]

PICTURES = ("rgba_u8", "rgba_u16", "cmyka_u8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A painter's, over two days."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def loop(stage: Stage, home: Path) -> Outcome:
    there = replace(stage, output=stage.output / "by_keyboard", home=home)
    return harness.run("by_keyboard.py", there, seconds=SECONDS)


@pytest.fixture(scope="module")
def next_day(stage: Stage, home: Path, loop: Outcome) -> Outcome:
    there = replace(stage, output=stage.output / "by_keyboard_again", home=home)
    return harness.run("by_keyboard_again.py", there, seconds=SECONDS)


@pytest.mark.parametrize("name", PICTURES)
def test_a_mask_is_found_and_corrected(loop: Outcome, name: str) -> None:
    told = loop.of(name)
    assert told["found"] > 300 and told["found note"].startswith("mask found")
    assert told["active"] == "selectionmask" and told["added"] > 100
    assert told["mode"] == "exactly" and "counts exactly" in told["said"]
    assert "exactly" in told["foreseen"]


@pytest.mark.parametrize("name", PICTURES)
def test_four_seeds_are_edited_exactly_there(loop: Outcome, name: str) -> None:
    told = loop.of(name)
    assert told["hints"] == [True] and told["exactly"]  # one request for all
    assert len(told["made"]) == 4 == told["in the strip"] and len(told["seen"]) == 1
    assert "0 pixels outside the mask" in told["edited note"]
    assert told["mode after it"] == "limit"


@pytest.mark.parametrize("name", PICTURES)
def test_one_is_compared_and_kept(loop: Outcome, name: str) -> None:
    told = loop.of(name)
    assert told["before differs"] and told["as it was"]
    assert told["walked to"] and told["kept"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_second_edit_goes_on_with_it(loop: Outcome, name: str) -> None:
    told = loop.of(name)
    assert told["second"] == [128, 128, False] and told["two seen"] == 2
    came, before, after, selected = told["slid"]
    assert came and before > after > 0 and selected
    assert told["untouched"] and told["saved"] and told["strip"] == 2


@pytest.mark.parametrize("name", PICTURES)
def test_another_krita_goes_on(loop: Outcome, next_day: Outcome, name: str) -> None:
    told = next_day.of(name)
    assert told["names"] == loop.of(name)["names"] and told["in the strip"]
    assert "make the star blue" in told["words"][0] and told["still seen"] == 2
    assert told["sent"] == [128, 128, False] and told["note"].startswith("done in")
    came, _, _, before, after = told["smaller"]
    assert came and before > after > 0
    came, before, after, *_ = told["the first one softer"]
    assert came and after > before


def test_krita_was_killed_in_between(loop: Outcome) -> None:
    assert "killed" not in loop.checks and "status -9" in loop.log
