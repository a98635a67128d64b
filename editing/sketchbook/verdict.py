"""Was the edit made, and was all else left alone?

The judge's answer, change by change, against what the scene says.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .edits import Change, Edit, RenderedEdit
from .judge import Judge
from .scenes import Thing

ASKED = {
    "recolour": ("colour",),
    "retexture": ("texture",),
    "replace": ("kind",),
    "add": ("kind", "colour"),
    "pose": ("state",),
}
NEARER = 0.6
"""How much nearer to the exact answer than to the picture before counts.

A removed, resized or counted thing is right when the picture is this much nearer.
"""

STANDS_OUT = 0.1
"""From which difference on a pixel of a hole stands out.

From the exact answer, in one channel, 0..1.
"""

LEFT = 0.1
"""Share of a removed thing's pixels that may stand out.

From what should be there. Another thing in the hole, in whatever colour, stands out in most of
them, though it may lie nearer to the answer than the old one did.
"""


def to_tensor(array: np.ndarray) -> Tensor:
    """A rendered picture or mask as a tensor in 0..1.

    Picture: (128, 128, 3) uint8 -> (1, 3, 128, 128). Mask: (128, 128) -> (1, 1, 128, 128).
    """
    if array.ndim == 2:
        return torch.from_numpy(array).float()[None, None]
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255


def _truth(thing: Thing) -> dict[str, str]:
    return {
        "kind": thing.kind,
        "colour": thing.colour,
        "texture": thing.texture,
        "state": thing.state,
        "count": str(thing.count),
    }


def successors(edit: Edit) -> dict[int, int]:
    """Index of each thing before -> its index after; removed ones are missing."""
    removed = {change.index for change in edit.changes if change.type == "remove"}
    staying = [index for index in range(len(edit.before.things)) if index not in removed]
    return {index: position for position, index in enumerate(staying)}


def frame_of(mask: np.ndarray) -> np.ndarray:
    """The rectangle around a mask, (128, 128).

    It is a place to look at that does not tell the shape of what should be there.
    """
    rows, columns = np.nonzero(mask.max(axis=1) > 0.3)[0], np.nonzero(mask.max(axis=0) > 0.3)[0]
    out = np.zeros_like(mask)
    out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    return out


def change_made(judge: Judge, edit: Edit, shown: RenderedEdit, number: int, image: Tensor) -> bool:
    """Is change ``number`` of the edit visible in ``image`` (1, 3, 128, 128; 0..1)?"""
    change: Change = edit.changes[number]
    if change.type == "background":
        return judge.background(image) == change.background
    if change.type in ("remove", "resize", "count"):
        part = to_tensor(shown.parts[number])
        before, after = (
            (image - to_tensor(side.image)).abs().mul(part).mean()
            for side in (shown.before, shown.after)
        )
        nearer = bool(after < NEARER * before)
        return nearer and (change.type != "remove" or hole_is_empty(shown, number, image))
    assert change.thing is not None
    after_index = (
        len(edit.after.things) - 1 if change.type == "add" else successors(edit)[change.index or 0]
    )
    place = shown.after.masks[after_index]
    if change.type != "add":
        place = np.maximum(place, shown.before.masks[change.index or 0])
    seen = judge.look(image, to_tensor(frame_of(place)))
    return all(seen[name] == _truth(change.thing)[name] for name in ASKED[change.type])


def hole_is_empty(shown: RenderedEdit, number: int, image: Tensor) -> bool:
    """Whether hardly anything stands out in an emptied place.

    The place is the one that change ``number`` has emptied.
    """
    hole = to_tensor(shown.parts[number]) > 0.5
    apart = (image - to_tensor(shown.after.image)).abs().amax(1, keepdim=True)
    return float((apart > STANDS_OUT)[hole].float().mean()) <= LEFT


def changes_made(judge: Judge, edit: Edit, shown: RenderedEdit, image: Tensor) -> list[bool]:
    return [change_made(judge, edit, shown, number, image) for number in range(len(edit.changes))]


def rest_kept(judge: Judge, edit: Edit, shown: RenderedEdit, image: Tensor) -> bool:
    """Whether the judge sees all else as it was.

    Everything that no instruction named: the other things, and the background.
    """
    touched = {change.index for change in edit.changes}
    for index, position in successors(edit).items():
        if index in touched:
            continue
        seen, truth = (
            judge.look(image, to_tensor(frame_of(shown.after.masks[position]))),
            _truth(edit.before.things[index]),
        )
        if any(seen[name] != truth[name] for name in ("kind", "colour", "texture", "state")):
            return False
    return (
        any(change.background for change in edit.changes)
        or judge.background(image) == edit.before.background
    )
