"""One edit by TAS with the tiny model."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from limn.editing import EditRequest, Models, edit
from limn.editing.events import Done

from .conftest import Memory, picture

FEW = {"steps": 10, "optimisation_steps": 5}


CAPTION = "a red star on a blue background"


def run(
    models: Models,
    instruction: str = "make the star yellow",
    store: Memory | None = None,
    **request: Any,
) -> tuple[list[Any], Done]:
    """All events of an edit, and the last."""
    parameters = FEW | request.pop("parameters", {})
    caption = request.pop("caption", CAPTION)
    image = request.pop("image", picture())
    events = list(
        edit(
            models,
            EditRequest(
                "tas", instruction, image, caption=caption, parameters=parameters, **request
            ),
            store,
        )
    )
    assert isinstance(events[-1], Done)
    return events, events[-1]


def rms(x: Tensor) -> float:
    return float(x.square().mean() ** 0.5)
