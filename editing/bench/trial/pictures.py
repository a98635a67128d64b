"""Three drawn pictures, of which it is known where each thing is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...sketchbook.drawing import COLOURS, paint

WALL, FLOOR = (0.86, 0.79, 0.64), (0.66, 0.58, 0.46)
"""The background: an upper and a lower colour, from one to the other."""

RADIUS = 0.19
"""Of a thing, as a share of the picture's side."""

PLACES = ((0.28, 0.42), (0.72, 0.56))
"""Of the two things: shares of the picture's side, to the right and down."""


@dataclass(frozen=True)
class Picture:
    """A picture (1, 3, n, n) in 0..1, and its caption.

    masks: (n, n), boolean, by noun.
    """

    image: Tensor
    caption: str
    masks: dict[str, Tensor]


THINGS = (
    (("star", "red"), ("tree", "green")),
    (("cat", "black"), ("cup", "yellow")),
    (("house", "orange"), ("heart", "purple")),
)


def pictures(side: int) -> list[Picture]:
    """All three, drawn at this many pixels on each side."""
    return [_drawn(things, side) for things in THINGS]


def _drawn(things: tuple[tuple[str, str], ...], side: int) -> Picture:
    down = np.linspace(0, 1, side)[:, None, None] * np.ones((1, side, 1))
    canvas = np.array(WALL) * (1 - down) + np.array(FLOOR) * down
    masks = {}
    for (kind, colour), (x, y) in zip(things, PLACES, strict=True):
        state = "standing" if kind == "cat" else ""
        tone = np.array(COLOURS[colour])
        cover = paint(canvas, kind, state, tone, "plain", x * side, y * side, RADIUS * side)
        masks[kind] = torch.from_numpy(cover > 0.5)
    words = " and ".join(f"a {colour} {kind}" for kind, colour in things)
    image = torch.from_numpy(canvas.clip(0, 1)).permute(2, 0, 1)[None].float()
    return Picture(image, words.replace("a orange", "an orange"), masks)
