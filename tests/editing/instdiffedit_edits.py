"""One edit by InstDiffEdit with the tiny model, and random attention maps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from limn.editing import EditRequest, Models, edit
from limn.editing.diffusion.model import Model
from limn.editing.events import Done

from .conftest import picture

FEW = {"steps": 8, "inpainting_steps": 4}  # 4 steps to find the mask, 4 to paint it


def run(models: Models, instruction: str = "a red star", **request: Any) -> tuple[list[Any], Done]:
    """All events of an edit, and the last."""
    parameters = FEW | request.pop("parameters", {})
    events = list(
        edit(
            models,
            EditRequest(
                "instdiffedit",
                instruction,
                request.pop("image", picture()),
                parameters=parameters,
                **request,
            ),
        )
    )
    assert isinstance(events[-1], Done)
    return events, events[-1]


def maps_of(model: Model, text: str, size: tuple[int, int] = (8, 8), seed: int = 0) -> Tensor:
    """Random attention maps (77, h, w) whose tokens sum to 1 in every place."""
    logits = torch.randn(77, *size, generator=torch.Generator().manual_seed(seed))
    return torch.softmax(torch.nn.functional.avg_pool2d(logits[None], 3, 1, 1)[0] * 4, 0)
