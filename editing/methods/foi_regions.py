"""Where FoI's sub-instructions act, beyond the paper's masks.

The picture's edges, a selection that is the mask, what is spared, what keeps its own detail, and
how all of it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion.edges import follow, with_outline, with_remains
from ..diffusion.masks import grow, to_grid, within
from ..errors import EditError
from ..task import Found, Outcome, Task, on_grid
from ..task import Part as FoundPart
from .foi_settings import GAMMA, Settings
from .foi_words import Part

ROOM = 0.5
"""Of a cell: how far a mask reaches where one thing gives way to another.

Eight held-out replacements in pictures of two or three things (20 steps): all right at a half and
at one cell, 5 on the grid alone; squared error 0.15, 0.15 and 0.24; outside 46.4, 44.2 and 47.4 dB.
"""

FALL = 0.25
"""Of a cell, in which a mask with room falls to nothing.

A hard edge in the open is seen. On three of these eight, seams and specks were gone; squared error
0.185 instead of 0.189, outside 49.2 instead of 51.1 dB.
"""

LEAST_SHARE = 0.25  # of the mask on its grid: one that follows the picture is no smaller


@dataclass(frozen=True)
class Region:
    """Where one sub-instruction acts.

    Its sharpened map and its mask, (h, w) at the semantic level, and the gamma that gave them; both
    at the picture's size where they follow its edges. fall: pixels beyond a fine mask in which the
    composite goes over into the picture. given: see task.Part.
    """

    soft: Tensor
    mask: Tensor
    gamma: int
    fine_soft: Tensor | None = None
    fine_mask: Tensor | None = None
    fall: float = 0.0
    given: Tensor | None = None

    def at(self, size: tuple[int, int]) -> Tensor:
        """The mask at a grid, (h, w) of 0 and 1.

        The fine one where the grid is finer than the map's.
        """
        finer = size[0] > self.mask.shape[0] or size[1] > self.mask.shape[1]
        return to_grid(self.mask if self.fine_mask is None or not finer else self.fine_mask, size)


def widened(soft: Tensor, by: int = 1) -> Tensor:
    """A map whose mask is a position wider all around.

    What is spared is spared with its edge, into which the composite's growth would reach.
    """
    return F.max_pool2d(soft[None, None], 2 * by + 1, stride=1, padding=by)[0, 0]


def complement(soft: Tensor, tau: float) -> Tensor:
    """A map in 0..1 turned over at tau.

    What was below is above, 0 becomes 1, tau stays.
    """
    below = 1 - soft * (1 - tau) / tau
    above = tau * (1 - soft) / (1 - tau)
    return torch.where(soft < tau, below, above.clamp(max=tau * (1 - 1e-6)))


def follow_picture(
    where: Region,
    picture: Tensor,
    tau: float,
    cell: float,
    limit: Tensor | None,
    goes: bool = False,
) -> Region:
    """The region with its edges drawn to the picture's (difference 19).

    picture: (1, 3, h, w). cell: its pixels in one of the map's cells. limit: (1, 1, h, w) or None.
    goes: whether the thing is to leave nothing behind.
    A map without shape, and one that finds hardly anything to follow, stay on their grid.
    """
    if where.gamma == 0:
        return where
    soft = follow(where.soft.cpu()[None, None], picture, cell)
    if limit is not None:
        soft = soft * within(limit)
    mask = with_outline(soft >= tau, picture, cell)
    if goes:
        mask = with_remains(mask, picture, cell)
    if limit is not None:
        mask &= within(limit)
    soft = torch.where(mask, soft.clamp(min=tau), soft)
    if mask.float().mean() < LEAST_SHARE * where.mask.float().mean():
        return where
    soft, mask = (x[0, 0].to(where.soft.device) for x in (soft, mask))
    return replace(where, fine_soft=soft, fine_mask=mask)


def with_room(
    where: Region, picture: Tensor, tau: float, cell: int, limit: Tensor | None
) -> Region:
    """The region of a thing that gives way to one of another outline (difference 19).

    The old thing to its own edges, so that nothing of it is left, and the cells of the map, grown
    by ROOM of a cell, so that the new one fits. Arguments as for follow_picture.
    """
    if where.gamma == 0:
        return where
    size = (picture.shape[2], picture.shape[3])
    cells = F.interpolate(where.mask[None, None].float().cpu(), size=size, mode="nearest")
    mask = grow(cells, round(ROOM * cell)) > 0
    if limit is not None:
        mask &= within(limit)
    old = follow_picture(where, picture, tau, cell, limit).fine_mask
    if old is not None:
        mask |= old.cpu()
    soft = F.interpolate(where.soft[None, None].float().cpu(), size=size, mode="bilinear")
    below = soft.clamp(max=tau * (1 - 1e-6))
    soft = torch.where(mask, soft.clamp(min=tau), below)
    soft, mask = (x[0, 0].to(where.soft.device) for x in (soft, mask))
    return replace(where, fine_soft=soft, fine_mask=mask, fall=FALL * cell)


def given(selection: Tensor, grid: tuple[int, int], gamma: int) -> Region:
    """A selection (1, 1, h, w) that is the mask itself (difference 20)."""
    mask = selection[0, 0] > 0
    return Region(on_grid(selection, grid), to_grid(mask, grid) > 0, gamma, selection[0, 0], mask)


def given_to(task: Task, named: Tensor | None, maps: Tensor, gamma: int) -> Region | None:
    """A sub-instruction's M_i that is not looked for (difference 20).

    It is the selection, where that is the mask itself, or the mask (1, 1, H, W) that the painter
    has named like its thing. maps: (token, h, w). None without either, or where nothing of it lies
    in what is worked on.
    """
    grid = (maps.shape[1], maps.shape[2])
    if task.exactly is not None:
        return given(task.exactly.to(maps), grid, gamma)
    if named is None:
        return None
    inside = task.frame.enter(named)
    if task.limit is not None:
        inside = inside * task.limit
    if not bool((inside > 0).any()):
        return None
    return replace(given(inside.to(maps), grid, gamma), given=named)


def shown_masks(
    parts: Sequence[Part],
    regions: Sequence[Region],
    size: tuple[int, int],
    tau: float,
    cell: int,
) -> Found:
    """The regions as the composite takes them.

    A mask on the grid grows by half a cell, one that follows the picture does not. One with room
    ends in the open, and softly.
    """
    found = tuple(
        FoundPart(
            part.text,
            part.keyword,
            (r.soft if r.fine_soft is None else r.fine_soft)[None, None],
            cell / 2 if r.fine_soft is None else r.fall,
            r.given,
        )
        for part, r in zip(parts, regions, strict=True)
    )
    soft = [F.interpolate(p.soft.float(), size=size, mode="bilinear") for p in found]
    return Found(torch.cat(soft).amax(0, keepdim=True), tau, found)


def recoloured(
    parts: Sequence[Part],
    regions: Sequence[Region],
    size: tuple[int, int],
    cell: int,
    settings: Settings,
) -> Tensor | None:
    """Where only colours change, (1, 1, h, w) of 0 and 1 (difference 22).

    None where nowhere. cell: positions of the grid in one of the masks' cells, by which the masks
    that are painted anew reach farther.
    """
    own = [
        settings.detail == "picture" or (settings.detail == "auto" and part.keeps_detail)
        for part in parts
    ]
    if not any(own):
        return None
    others = [r.at(size) for r, is_own in zip(regions, own, strict=True) if not is_own]
    painted = torch.stack(others).amax(0) if others else torch.zeros(size)
    return 1 - widened(painted, cell)[None, None]


def keeps_none(parts: Sequence[Part], colours: Tensor | None, settings: Settings) -> bool:
    """Whether no pixels of the layer stay inside the masks (difference 22).

    They stay where each part's thing does: of one that goes, a line too fine for the autoencoder
    would stay. colours: as `recoloured` gives them; where all are recoloured, none stays as it is.
    """
    things_stay = all(part.keeps_outline and not part.goes for part in parts)
    all_new = colours is not None and bool(colours.all())
    return settings.detail != "auto" or not things_stay or all_new


def left_empty(
    parts: Sequence[Part], regions: Sequence[Region], size: tuple[int, int], settings: Settings
) -> Tensor | None:
    """Where things go, (1, 1, h, w) of 0 and 1 (difference 22); None where none does."""
    empty = [r.at(size) for part, r in zip(parts, regions, strict=True) if part.goes]
    if not empty or settings.detail == "network":
        return None
    return torch.stack(empty).amax(0)[None, None]


def warnings(parts: Sequence[Part], regions: Sequence[Region], gamma: int) -> list[str]:
    found = []
    for part, where in zip(parts, regions, strict=True):
        if not part.sure and part.keyword:
            found.append(f"{part.keyword!r} was taken for the thing to change.")
        if where.gamma == 0:
            what = (
                f"{part.keyword!r} is; {part.text!r}"
                if part.keyword
                else f"{part.text!r} belongs; it"
            )
            found.append(
                f"The model does not see where {what} acts on the whole selection or picture."
            )
        elif where.gamma < gamma:
            found.append(
                f"The mask of {part.keyword or part.text!r} was too small at gamma {gamma}; "
                f"gamma {where.gamma} was used."
            )
    return found


def weighted(
    parts: Sequence[Part], regions: Sequence[Region], size: tuple[int, int], strength: float
) -> Tensor:
    """At each place the strength of the sub-instruction that acts there most, (h, w).

    It takes the place of M_union in Eq. 9 (difference 21).
    """
    of_each = [strength * p.strength * r.at(size) for p, r in zip(parts, regions, strict=True)]
    return torch.stack(of_each).amax(0)


def located(
    prompt: str,
    parts: Sequence[Part],
    regions: Sequence[Region],
    size: tuple[int, int],
    cell: int,
    settings: Settings,
) -> Outcome:
    """Where the edit will happen, as the painter is told.

    size: of the working picture. Raises EditError where the thing that is to be spared is not seen.
    """
    for part, where in zip(parts, regions, strict=True):
        if part.outside and where.gamma == 0:
            raise EditError(
                "exception",
                f"The model does not see where {part.keyword!r} is, and can't spare it.",
                "Select what shall change.",
            )
    keywords = tuple(part.keyword for part in parts)
    return Outcome(
        found=shown_masks(parts, regions, size, settings.tau, cell),
        reach=cell / 2,
        gone=left_empty(parts, regions, size, settings),
        keywords=keywords,
        thresholds={"tau": settings.tau}
        | {f"gamma {i}": float(r.gamma) for i, r in enumerate(regions, start=1)},
        understood={"instruction": prompt, "keywords": ", ".join(keywords)},
        warnings=tuple(warnings(parts, regions, GAMMA[settings.gamma])),
    )
