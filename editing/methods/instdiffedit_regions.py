"""Where InstDiffEdit's target texts act, beyond the paper's masks.

What is looked for and painted, the picture's edges, holes, and how all of it is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import masks
from ..diffusion.edges import follow, with_outline
from ..diffusion.masks import within
from ..diffusion.model import Model
from ..language.instruction import Instruction, Item
from ..language.outline import is_carried, keeps_outline, setting
from ..language.prompts import Replacement, replacements
from ..language.wording import bare, joined
from ..task import Found, Part, Task
from .instdiffedit_settings import Settings


@dataclass(frozen=True)
class Region:
    """Where one target text acts.

    The blurred map in 0..1 and the mask, (h, w) at the latents' size; the word that P was measured
    by. known: False where the map had no shape, and the selection or the whole picture stands for
    it.
    """

    soft: Tensor
    mask: Tensor
    keyword: str
    known: bool = True


def wanted(instruction: Instruction, settings: Settings) -> list[Replacement]:
    """What each item looks for, and what it paints (differences 14, 17)."""
    found = []
    for item, asked in zip(instruction.items, replacements(instruction), strict=True):
        if (
            item.operation == "remove"
            and instruction.caption
            and not is_carried(instruction.caption, item.subject)
        ):
            asked = replace(asked, paint=setting(instruction.caption, item.subject))
        elif settings.find == "source" and item.subject and item.operation in ("replace", "modify"):
            asked = replace(asked, find=joined(bare(item.subject)))
        found.append(asked)
    return found


def finished(
    task: Task, model: Model, image: Tensor, item: Item, where: Region, settings: Settings
) -> Region:
    """The last mask, finished (differences 15, 16).

    Its edges are the picture's where asked, its holes filled.
    """
    if settings.edges == "picture" or (settings.edges == "auto" and keeps_outline(item)):
        cell = model.factor * 2**model.semantic_level
        soft = follow(where.soft.cpu()[None, None], image, cell)
        soft = soft if task.limit is None else soft * within(task.limit)
        mask = with_outline(soft > settings.phi, image, cell)
        mask = mask if task.limit is None else mask & within(task.limit)
        soft = torch.where(mask, soft.clamp(min=settings.phi), soft)
        if where.known and bool(mask.any()):
            where = replace(where, soft=soft[0, 0], mask=mask[0, 0])
    if settings.holes == "filled" and where.known:
        mask = masks.filled(where.mask)
        soft = torch.where(mask & ~where.mask, torch.ones_like(where.soft), where.soft)
        where = replace(where, soft=soft, mask=mask)
    return where


def part(item: Item, where: Region) -> Part:
    """One item's share of the mask."""
    return Part(item.text, where.keyword, where.soft[None, None].cpu())


def found(parts: tuple[Part, ...], phi: float) -> Found:
    """All items' masks together."""
    size = max((tuple(p.soft.shape[2:]) for p in parts), key=math.prod)
    soft = [F.interpolate(p.soft.float(), size=size, mode="bilinear") for p in parts]
    return Found(torch.cat(soft).amax(0, keepdim=True), phi, parts)


def understood(texts: list[tuple[str, str]]) -> dict[str, str]:
    """What is looked for, and what is painted there, by item."""
    if len(texts) == 1:
        return dict(zip(("find", "paint"), texts[0], strict=True))
    return {
        f"{what} {i}": text
        for i, pair in enumerate(texts, start=1)
        for what, text in zip(("find", "paint"), pair, strict=True)
    }
