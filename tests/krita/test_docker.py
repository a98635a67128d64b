"""What the docker tells, in a real Krita."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def docker(play: Callable[[str], Outcome]) -> Outcome:
    return play("docker.py")


def plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html.replace("<br>", "\n"))


def test_a_sentence_is_read_as_one_types(docker: Outcome) -> None:
    told = docker.of("reading")
    assert told["empty"] == ""
    assert plain(told["plain"]).startswith("recolour · the box → red · FoI")
    assert re.search(r"underline;\">box<", told["plain"])
    assert not re.search(r"underline;\">red<", told["plain"])
    assert told["marked"] == "make the box [red]"
    assert re.search(r"underline;\">red<", told["after the mark"])
    assert "not English" in plain(told["german"])
    assert told["taken"] == "change the star to a circle" and told["began nothing"]


def test_changed_pixels_are_counted(docker: Outcome) -> None:
    told = docker.of("counted")
    assert told["counted"] == {"changed": told["covered"], "outside": 0, "whole": told["whole"]}
    assert 0 < told["covered"] < told["whole"]
    assert "of the picture changed, 0 pixels outside the mask" in told["note"]
    stained = told["with a stain"]
    assert stained["changed"] == told["covered"] + 60 and stained["outside"] == 60
