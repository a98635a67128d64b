"""The verdict "not found" is measured on the picture, whatever the algorithm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limn import editing
from limn.editing import sketchbook
from limn.editing.sketchbook import scenes
from limn.protocol.messages import Failed, Note, Pixels, Progress
from limn.server.bridge import Editor

from .conftest import submit

FIRST = 54_100_000
PAIRS = (("star", "cup"), ("cat", "lamp"), ("tree", "heart"), ("house", "moon"), ("cup", "person"))
"""A thing that is in the picture alone, and one that is not there."""


@pytest.fixture(scope="module")
def bundled() -> Editor:
    return Editor(editing.load_models(sketchbook.folder()))


def verdict(editor: Editor, algorithm: str, seed: int, shown: str, named: str) -> str:
    """What an edit comes to before its first step: the code of its end, or "begun"."""
    drawn = scenes.render(scenes.scene(seed, things=1, kinds=(shown,))).image
    side = drawn.shape[0]
    opaque = np.concatenate([drawn, np.full((side, side, 1), 255, np.uint8)], axis=2)
    asked = submit(
        f"{algorithm}-{named}",
        f"make the {named} striped",
        parameters={},
        caption=f"a {named} on a plain background",
        pixels=Pixels(side, side, "rgba8", opaque.tobytes()),
        ask=True,
    )
    steps = editor.run(replace(asked, algorithm=algorithm), lambda: False)
    try:
        for message in steps:
            if isinstance(message, Failed):
                return message.code
            if isinstance(message, Note) and message.said.code == "not-found":
                return message.said.code
            if isinstance(message, Progress) and message.count:
                return "begun"
    finally:
        steps.close()  # type: ignore[attr-defined]
    return "no end"


@pytest.mark.parametrize("algorithm", ["tas", "adapedit"])
def test_an_absent_thing_is_not_found_by_any_algorithm(bundled: Editor, algorithm: str) -> None:
    """The caption says that the thing is there: the picture says that it is not."""
    for number, (shown, absent) in enumerate(PAIRS):
        seed = FIRST + number
        assert verdict(bundled, algorithm, seed, shown, absent) == "not-found", absent
        assert verdict(bundled, algorithm, seed, shown, shown) == "begun", shown
