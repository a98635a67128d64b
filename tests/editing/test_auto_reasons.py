"""What Auto chooses for a sentence, and the reason that it gives."""

from __future__ import annotations

import pytest

from limn.editing.auto import choose
from limn.editing.language.instruction import parse


@pytest.mark.parametrize(
    ("text", "caption", "name", "reason"),
    [
        ("make the star blue, remove the cup", "", "foi", "FoI: two local edits"),
        ("make the star blue", "", "foi", "FoI: a local change of colour"),
        ("put [sunglasses:2] on her", "", "foi", "FoI: adds something"),
        ("replace the apple with an orange", "", "foi", "FoI: replaces an object"),
        ("cat -> dog", "", "foi", "FoI: replaces an object"),
        ("a raccoon", "", "instdiffedit", "InstDiffEdit: shows what the phrase names"),
        ("two apples => three apples", "", "adapedit", "AdapEdit: changes a number"),
        ("add another star", "a star", "adapedit", "AdapEdit: changes a number"),
        ("add another star", "", "adapedit", "AdapEdit: changes a number"),
        (
            "make the star striped",
            "a striped star",
            "foi",
            "FoI: changes an adjective; the caption says so already",
        ),
        ("open the box", "a closed box", "adapedit", "AdapEdit: changes a state"),
        ("make the star striped", "a red star", "adapedit", "AdapEdit: changes an adjective"),
        ("make the dog sit", "", "tas", "TAS: changes a pose"),
        ("make the person raise the arms", "", "tas", "TAS: changes a pose"),
        ("a standing dog => a sitting dog", "", "tas", "TAS: changes a pose"),
        ("make it sunset", "", "foi", "FoI: changes the whole picture"),
        ("change the background to a meadow", "", "foi", "FoI: changes the whole picture"),
        ("move the star to the left", "", "foi", "FoI: follows the sentence as written"),
    ],
)
def test_auto_chooses_and_says_why(text: str, caption: str, name: str, reason: str) -> None:
    assert choose(parse(text, caption)) == (name, reason)


def test_auto_stays_with_what_is_there() -> None:
    assert choose(parse("cat -> dog"), available=("instdiffedit",)) == (
        "instdiffedit",
        "InstDiffEdit: replaces an object; FoI is not there",
    )


@pytest.mark.parametrize(
    ("text", "caption", "available", "choice"),
    [
        (
            "make the star blue",
            "",
            ("adapedit", "tas"),
            ("adapedit", "AdapEdit: a local change of colour; FoI is not there"),
        ),
        (
            "make the star blue, remove the cup",
            "",
            ("instdiffedit",),
            ("instdiffedit", "InstDiffEdit: two local edits; FoI is not there"),
        ),
        ("open the box", "", ("adapedit", "tas"), ("adapedit", "AdapEdit: changes a state")),
        (
            "open the box",
            "",
            ("instdiffedit", "adapedit"),
            ("adapedit", "AdapEdit: changes a state"),
        ),
        (
            "open the box",
            "a cat",
            ("instdiffedit", "adapedit"),
            ("instdiffedit", "InstDiffEdit: changes a state; the caption does not tell the rest"),
        ),
        (
            "make the dog sit",
            "a cat",
            ("foi", "tas"),
            ("foi", "FoI: changes a pose; the caption does not tell the rest"),
        ),
        ("make the dog sit", "a cat", ("tas",), ("tas", "TAS: changes a pose")),
        (
            "make the dog sit",
            "",
            ("instdiffedit",),
            ("instdiffedit", "InstDiffEdit: changes a pose; TAS is not there"),
        ),
        ("make the dog sit", "", (), ("tas", "TAS: changes a pose")),
    ],
)
def test_auto_without_foi_takes_the_next(
    text: str, caption: str, available: tuple[str, ...], choice: tuple[str, str]
) -> None:
    """A caption that is missing is no reason to take another: it is asked for."""
    assert choose(parse(text, caption), available) == choice
