"""What the docker tells, in a real Krita."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from . import harness
from .harness import Outcome, Stage

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def docker(play: Callable[[str], Outcome]) -> Outcome:
    return play("docker.py")


def test_the_docker_speaks_kritas_language(stage: Stage) -> None:
    german = replace(
        stage, output=stage.output / "german", server=None, variables={"LANGUAGE": "de"}
    )
    told = harness.run("german.py", german).of("german")
    assert list(told["said"].values())[:3] == ["Bearbeiten", "Maske suchen", "mehr"]
    note = told["said"]["limn_note"]  # of the words that lack, or of the server that does
    assert note.startswith(("Schreiben Sie zuerst, was", "Limns Server ist noch nicht installiert"))
    assert told["tip"].startswith("Auswählen, was die Anweisung")
    assert told["action"] == "Limn: Noch einmal mit neuem Startwert"


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


def test_what_matters_is_in_view_at_kritas_default_size(docker: Outcome) -> None:
    told = docker.of("small")
    assert told["size"] == [262, 227]
    assert all(share == 1 for share in told["in view"].values()), told
    done = told["in view when done"]
    assert min(done["instruction"], done["sliders"]) >= 0.9 and done["preview"] >= 0.7, told
    assert told["heights"]["preview"] >= 50
    assert told["tall"] > 2 * told["heights"]["preview"], "the pictures do not grow"


def test_the_preview_shows_what_reaches_the_canvas(docker: Outcome) -> None:
    told = docker.of("masked_preview")
    assert told["has alpha"] and told["corner"] == 0 and told["most"] > 200


def test_words_note_and_pictures_belong_to_a_picture(docker: Outcome) -> None:
    told = docker.of("pages")
    assert told["second"] == ["", "", True]
    assert told["again in the second"].startswith("make the circle yellow")
    assert told["first again"] == ["make the star blue", True]
    assert told["again with other words"].startswith("make the star green")


def test_what_is_not_there_is_asked_about(docker: Outcome) -> None:
    told = docker.of("not_found")
    assert "could not find 'elephant'" in told["asked"] and "Enter" in told["asked"]
    assert told["layers"] and told["new"] == 1
    assert "could not find 'elephant'" in told["all the same"]


def test_with_a_selection_mask_active_its_layer_is_edited(docker: Outcome) -> None:
    told = docker.of("selection_mask")
    assert told["note"].startswith("done in") and told["new"] == 1


def test_controls_have_names_and_errors_can_be_read(docker: Outcome) -> None:
    told = docker.of("named")
    assert told["controls"] > 10 and not told["nameless"], told
    assert told["kind"] == "error" and told["contrast"] >= 4.5
