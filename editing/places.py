"""Where a large layer's edit happens, place by place.

The mask that was found on the whole layer falls into connected places. Each has a square crop
around it, with context: of the model's native size where it fits into that. in_places.py edits
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from .diffusion.assembly import Geometry
from .frame import Box, Frame, Spans, around, working_size
from .passes import Pass
from .preparing import Prepared
from .resizing import threshold

COARSE = 1.5
"""Layer pixels of a working pixel from which an edit comes back visibly softer."""

GAIN = 1.25
"""Times larger that a place is seen by itself, or it is left on the whole."""

ROOMIER = 1.25
"""Of the larger square of two: as large may the one around both be.

Then one pass serves both places, at no loss that is seen.
"""

MOST = 12
"""Places that are edited by themselves.

Further ones, the smallest, are left at the working size.
"""

CELLS = 128
"""Along a side of the grid on which places are told apart.

What lies nearer is one place.
"""


@dataclass(frozen=True)
class Place:
    """A part of the mask that is edited by itself.

    part: the index of the sentence's part, None for all of them. box: (top, left, bottom, right) of
    its crop in the layer. cells: (1, 1, a, b) of 0 and 1 over the working picture, where its mask
    is. area: layer pixels of that.
    """

    part: int | None
    box: Box
    cells: Tensor
    area: float
    spans: Spans


@dataclass(frozen=True)
class Chosen:
    """The places of an edit in order, and what is left at the working size, by part."""

    places: tuple[Place, ...] = ()
    left: dict[int | None, Tensor] = field(default_factory=dict)

    @property
    def passes(self) -> int:
        """How often the algorithm runs, the search included."""
        return 1 + len(self.places) + len(self.left)


def are_wanted(prepared: Prepared, frame: Frame) -> bool:
    """Whether the edit is to look for places."""
    wanted = prepared.request.full_resolution and frame.scale > COARSE
    return wanted and prepared.algorithm.has_mask(prepared.settings)


def choose(prepared: Prepared, found: Pass, geometry: Geometry) -> Chosen:
    """The places of a mask that was found on the whole.

    None of them where the edit gains nothing by it: where its mask is about the whole layer.
    """
    frame = found.task.frame
    every: list[Place] = []
    left: dict[int | None, Tensor] = {}
    for part in _parts(prepared, found):
        mask = soft_mask(found, part)
        if found.task.limit is not None:
            mask = mask * (found.task.limit > 0)
        for place in _merged(_connected(mask, part, frame, geometry), frame, geometry):
            if frame.scale / _scale(place.box, geometry) >= GAIN:
                every.append(place)
            else:
                _leave(left, place)
    every.sort(key=lambda place: -place.area)
    for place in every[MOST:]:
        _leave(left, place)
    order = sorted(every[:MOST], key=lambda place: -1 if place.part is None else place.part)
    return Chosen(tuple(order), left)


def _leave(left: dict[int | None, Tensor], place: Place) -> None:
    there = left.get(place.part)
    left[place.part] = place.cells if there is None else torch.maximum(there, place.cells)


def _parts(prepared: Prepared, found: Pass) -> Sequence[int | None]:
    """The sentence's parts that have a mask each; None: all have one together."""
    parts, items = found.outcome.found.parts, prepared.instruction.items
    if found.task.exactly is not None or len(parts) != len(items) or len(items) == 1:
        return (None,)
    return range(len(items))


def soft_mask(found: Pass, part: int | None) -> Tensor:
    """Where a part's mask is, (1, 1, h, w) at the working size, soft at its edges."""
    task, outcome = found.task, found.outcome
    if task.exactly is not None:
        return task.exactly
    if part is None:
        pieces = [(one.soft, one.reach) for one in outcome.found.parts]
        if not pieces or any(reach is None for _, reach in pieces):
            pieces = [(outcome.found.soft, outcome.reach)]
    else:
        one = outcome.found.parts[part]
        pieces = [(one.soft, outcome.reach if one.reach is None else one.reach)]
    at, frame = outcome.found.threshold, task.frame
    return torch.stack(
        [frame.feathered(threshold(soft.cpu(), frame.size, at), by or 0.0) for soft, by in pieces]
    ).amax(0)


def _connected(alpha: Tensor, part: int | None, frame: Frame, geometry: Geometry) -> list[Place]:
    """The connected places of a mask (1, 1, h, w) at the working size."""
    grid = tuple(min(CELLS, side) for side in alpha.shape[2:])
    cells = F.adaptive_max_pool2d((alpha > 0).float(), grid)[0, 0] > 0
    found = []
    for one in _labelled(cells):
        there = torch.zeros(1, 1, *grid)
        rows, columns = zip(*one, strict=True)
        there[0, 0, list(rows), list(columns)] = 1
        spans = (
            _span(min(rows), max(rows) + 1, grid[0], 0, frame),
            _span(min(columns), max(columns) + 1, grid[1], 1, frame),
        )
        if all(start < end for start, end in spans):
            share = float((alpha * F.interpolate(there, alpha.shape[2:], mode="nearest")).sum())
            area = share / alpha.numel() * frame.shape[0] * frame.shape[1]
            box = _square(spans, frame, geometry)
            found.append(Place(part, box, there, area, spans))
    return found


def _labelled(cells: Tensor) -> list[list[tuple[int, int]]]:
    """Groups of cells that touch each other, corners included; cells: (a, b) bool.

    By filling; a grid has CELLS a side at most.
    """
    free = {(int(y), int(x)) for y, x in cells.nonzero()}
    groups = []
    while free:
        waiting, group = [min(free)], []
        free.discard(waiting[0])
        while waiting:
            y, x = waiting.pop()
            group.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & free
            free -= near
            waiting += sorted(near)
        groups.append(group)
    return groups


def _span(first: int, last: int, of: int, axis: int, frame: Frame) -> tuple[int, int]:
    """Cells first..last of `of` as pixels of the layer, within the frame's box."""
    origin, side = frame.box[axis] - frame.margins[axis], frame.shape[axis]
    start, end = origin + first * side // of, origin - (-last * side // of)
    return max(start, frame.box[axis]), min(end, frame.box[axis + 2])


def _merged(places: list[Place], frame: Frame, geometry: Geometry) -> list[Place]:
    """Places with those put together that one square serves as well."""
    todo = sorted(places, key=lambda place: -place.area)
    done: list[Place] = []
    while todo:
        one = todo.pop(0)
        for other in todo:
            both = _both(one, other, frame, geometry)
            largest = max(_side(one.box), _side(other.box), geometry.native_size)
            if _side(both.box) <= ROOMIER * largest:
                todo.remove(other)
                todo.insert(0, both)
                break
        else:
            done.append(one)
    return done


def _both(one: Place, other: Place, frame: Frame, geometry: Geometry) -> Place:
    (top, bottom), (left, right) = one.spans
    (above, below), (before, behind) = other.spans
    spans = (min(top, above), max(bottom, below)), (min(left, before), max(right, behind))
    box = _square(spans, frame, geometry)
    cells = torch.maximum(one.cells, other.cells)
    return Place(one.part, box, cells, one.area + other.area, spans)


def _square(spans: Spans, frame: Frame, geometry: Geometry) -> Box:
    """The crop around a place."""
    return around(spans, geometry.native_size, frame.layer, 1.0, geometry.context)


def _side(box: Box) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def _scale(box: Box, geometry: Geometry) -> float:
    """Layer pixels of a working pixel's side where this box is worked on."""
    return frame_of(box, geometry).scale


def frame_of(box: Box, geometry: Geometry) -> Frame:
    """All of a crop as a layer of its own."""
    height, width = box[2] - box[0], box[3] - box[1]
    size = working_size(height, width, geometry.native_size, geometry.multiple)
    return Frame((height, width), (0, 0, height, width), size)
