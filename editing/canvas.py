"""What has come of an edit in places so far, composed at the layer's size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .diffusion import masks
from .events import Mask, PartMask
from .frame import Box
from .language.instruction import Item
from .passes import Pass


@dataclass
class Canvas:
    """What has come of an edit so far, at the layer's size.

    image: (1, 3, H, W), as it will be seen. edited: the same without masks, where shown (1, 1, H,
    W) is 1. alpha: (1, 1, H, W). pieces: the masks by part, each with its crop's box. is_seen:
    whether any pass has changed what is seen.
    """

    image: Tensor
    edited: Tensor
    shown: Tensor
    alpha: Tensor
    pieces: dict[int | None, list[tuple[Box, Tensor]]]
    paper: tuple[float, float, float] | None = None
    edge: float = 0.0
    is_seen: bool = False

    @classmethod
    def of(cls, image: Tensor) -> Canvas:
        blank = image.new_zeros(1, 1, *image.shape[2:])
        return cls(image.clone(), image.clone(), blank, blank.clone(), {})

    def take(self, box: Box, made: Pass | None, alpha: Tensor, part: int | None) -> None:
        """A pass is done over a crop; alpha: of the crop. Without a pass: its mask alone."""
        self.pieces.setdefault(part, []).append((box, alpha))
        before = cut(self.alpha, box)
        if made is not None:
            whole = made.whole()
            ours = (alpha >= before).expand_as(whole)
            edited = cut(self.edited, box)
            edited.copy_(torch.where(ours, whole, edited))
            image = cut(self.image, box)
            image.copy_(masks.blend(whole, image, alpha))
            cut(self.shown, box).fill_(1)
            result = masks.blend(whole, made.task.request.image, alpha)
            self.is_seen = self.is_seen or not made.is_unseen(result, alpha)
            self.edge = max(self.edge, made.edge)
            self.paper = self.paper or made.paper
        before.copy_(torch.maximum(before, alpha))

    def masks(self, items: Sequence[Item], found: Pass) -> Mask:
        """The masks of the composed edit, made when they are looked at.

        items: of the sentence. found: the pass over the whole, with its map of each of them.
        """
        maps, task = found.outcome.found.parts, found.task
        parts = []
        for number, item in enumerate(items):
            made = partial(self._soft, self.pieces.get(number if number in self.pieces else None))
            soft = None
            if len(maps) == len(items):
                soft = task.part_map(found.outcome.found, maps[number])
            binary = partial(_binary, made)
            parts.append(PartMask(made, binary, item.text, item.keyword, made, soft))
        return Mask(lambda: self.alpha, lambda: _binary(lambda: self.alpha), tuple(parts))

    def _soft(self, pieces: Sequence[tuple[Box, Tensor]] | None) -> Tensor:
        whole = torch.zeros_like(self.alpha)
        for box, alpha in pieces or ():
            there = cut(whole, box)
            there.copy_(torch.maximum(there, alpha))
        return whole


def cut(x: Tensor, box: Box) -> Tensor:
    """A part of a layer-sized tensor."""
    top, left, bottom, right = box
    return x[..., top:bottom, left:right]


def _binary(make: Callable[[], Tensor]) -> Tensor:
    return (make() >= 0.5).float()
