"""A thing of another colour than the sentence says is told, by its pixels."""

from __future__ import annotations

import pytest
import torch

from limn.editing import EditRequest, Models, edit, load_models, named_colours
from limn.editing.events import Done
from limn.editing.language.instruction import parse
from limn.editing.sketchbook import folder, scenes
from limn.editing.sketchbook.drawing import COLOURS
from limn.editing.sketchbook.verdict import to_tensor


@pytest.fixture(scope="module")
def bundled() -> Models:
    return load_models(folder())


@pytest.mark.parametrize(
    ("sentence", "colours"),
    [
        ("make the blue star red", ("blue",)),
        ("remove the small golden cup", ("golden",)),
        ("replace the red and white lighthouse with a tower", ("red", "white")),
        ("make the star blue", ()),
        ("make the woman in the red dress smile", ()),
        ("make the orange bigger", ()),
        ("make everything except the red star blue", ()),
        ("add a red star", ()),
    ],
)
def test_colours_that_are_said_of_a_thing(sentence: str, colours: tuple[str, ...]) -> None:
    assert named_colours.said_of(parse(sentence).items[0]) == colours


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_lies_in_its_own_range_in_light_and_shade(colour: str) -> None:
    for shade in (1.0, 0.8):
        image = (torch.tensor(COLOURS[colour]) * shade).view(1, 3, 1, 1).expand(1, 3, 4, 4)
        assert named_colours.share(image, torch.ones(1, 1, 4, 4), colour) == 1


def test_a_thing_of_another_colour_is_told_and_only_that(bundled: Models) -> None:
    drawn = scenes.scene(54_300_003, things=1, kinds=("star",))
    image, own = to_tensor(scenes.render(drawn).image), drawn.things[0].colour

    def told(words: str, **options: object) -> list[str]:
        request = EditRequest(
            "foi",
            words,
            image,
            parameters={"steps": 4},
            mask_only=True,
            **options,  # type: ignore[arg-type]
        )
        done = list(edit(bundled, request))[-1]
        assert isinstance(done, Done)
        return [
            str(one) for one in done.report.warnings if getattr(one, "code", "") == "other-colour"
        ]

    other = {"red": "blue", "blue": "red"}.get(
        own, "blue" if own in ("yellow", "orange") else "red"
    )
    (said,) = told(f"make the {other} star striped")
    assert f"is not {other}" in said and f"the {other} star" in said
    assert told(f"make the {own} star striped") == []
    assert told("make the star striped") == []
    whole = torch.ones(1, 1, *image.shape[2:])
    assert told(f"make the {other} star striped", hint=whole, hint_mode="exactly") == []
