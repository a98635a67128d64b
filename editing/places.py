"""A layer much larger than the model's size: found on the whole, edited place by place.

One pass over the whole layer, at the working size, finds where the edit happens. Each connected
place of that is then edited by itself, in a square crop with context: at the model's native size
where the place fits into that, else at the scale at which it does. The results are composed at the
layer's own size, inside the mask only.

It stands above the methods, and knows none of them. A method that finds its mask before it paints
is given the place's mask as a selection that is the mask exactly: the found map, enlarged, its
edges drawn to the edges of the crop's own pixels. A method whose mask is what it has changed
(`Algorithm.keeps_to_mask` is false: poses, states) looks for it anew in each crop, limited to the
place and half of its context: a pose found in one crop is not the one that comes in another, and
would be cut by the first one's outline.

Where a sentence has several parts with a mask each, each part is edited in its own places, one
after another, on what the parts before have left.

That the crop is resampled once and painted at the model's size is what "inpaint at full resolution"
means in other programs. What is ours is that the places come from the instruction.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from . import visible
from .diffusion import masks
from .diffusion.edges import follow, with_outline
from .diffusion.loading import Geometry
from .events import Crop, Done, Event, Mask, Note, PartMask, Report, Stage, Step
from .frame import CONTEXT, Frame, around, threshold, working_size
from .language.instruction import Instruction, Item
from .language.outline import keeps_outline
from .passes import Means, Pass, carried_out
from .preparing import Prepared
from .request import MAX_SEED
from .said import say

COARSE = 1.5
"""Layer pixels of a working pixel from which an edit comes back visibly softer."""

GAIN = 1.25
"""A place that would be seen less than this many times larger than in the whole is left there."""

ROOMIER = 1.25
"""Two places are one where the square around both is at most so much larger than the larger's.

Their squares overlap then, and one pass serves both at no loss that is seen.
"""

MOST = 12
"""Places that are edited by themselves; further ones, the smallest, are left at the working size."""

CELLS = 128
"""Along a side of the grid on which places are told apart: what lies nearer is one."""

EDGE = 2.0
"""Working pixels of the whole within which a place's own edges are looked for."""

SOFT = (0.25, 0.5, 0.25)
"""Blur of a mask that was drawn to edges, in layer pixels: it ends without stairs."""


@dataclass(frozen=True)
class Place:
    """A part of the mask that is edited by itself.

    part: the index of the sentence's part, None for all of them. box: (top, left, bottom, right) of
    its crop in the layer. cells: (1, 1, a, b) of 0 and 1 over the working picture, where its mask
    is. area: layer pixels of that.
    """

    part: int | None
    box: tuple[int, int, int, int]
    cells: Tensor
    area: float
    spans: tuple[tuple[int, int], tuple[int, int]]


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
        for place in _merged(_connected(_alpha(found, part), part, frame, geometry), frame, geometry):
            if frame.scale / _scale(place.box, geometry) >= GAIN:
                every.append(place)
            else:
                _leave(left, place)
    every.sort(key=lambda place: -place.area)
    for place in every[MOST:]:
        _leave(left, place)
    order = sorted(every[:MOST], key=lambda place: (-1 if place.part is None else place.part))
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


def _alpha(found: Pass, part: int | None) -> Tensor:
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


def _connected(
    alpha: Tensor, part: int | None, frame: Frame, geometry: Geometry
) -> list[Place]:
    """The connected places of a mask (1, 1, h, w) at the working size."""
    grid = tuple(min(CELLS, side) for side in alpha.shape[2:])
    cells = F.adaptive_max_pool2d((alpha > 0).float(), grid)[0, 0] > 0
    found = []
    for one in _labelled(cells):
        there = torch.zeros(1, 1, *grid)
        rows, columns = zip(*one, strict=True)
        there[0, 0, list(rows), list(columns)] = 1
        spans = tuple(
            _span(min(places), max(places) + 1, of, axis, frame)
            for axis, (places, of) in enumerate(zip((rows, columns), grid, strict=True))
        )
        if all(start < end for start, end in spans):
            share = float((alpha * F.interpolate(there, alpha.shape[2:], mode="nearest")).sum())
            area = share / alpha.numel() * frame.shape[0] * frame.shape[1]
            box = around(spans, geometry.native_size, frame.layer, 1.0)
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
    spans = tuple(
        (min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one.spans, other.spans, strict=True)
    )
    box = around(spans, geometry.native_size, frame.layer, 1.0)
    cells = torch.maximum(one.cells, other.cells)
    return Place(one.part, box, cells, one.area + other.area, spans)


def _side(box: tuple[int, int, int, int]) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def _scale(box: tuple[int, int, int, int], geometry: Geometry) -> float:
    """Layer pixels of a working pixel's side where this box is worked on."""
    return _frame(box, geometry).scale


def _frame(box: tuple[int, int, int, int], geometry: Geometry) -> Frame:
    """All of a crop as a layer of its own."""
    height, width = box[2] - box[0], box[3] - box[1]
    size = working_size(height, width, geometry.native_size, geometry.multiple)
    return Frame((height, width), (0, 0, height, width), size)


# The passes


@dataclass
class Canvas:
    """What has come of an edit so far, at the layer's size.

    image: (1, 3, H, W), as it will be seen. edited: the same without masks, where shown (1, 1, H,
    W) is 1. alpha: (1, 1, H, W). pieces: the masks by part, each with its crop's box.
    """

    image: Tensor
    edited: Tensor
    shown: Tensor
    alpha: Tensor
    pieces: dict[int | None, list[tuple[tuple[int, int, int, int], Tensor]]]
    paper: tuple[float, float, float] | None = None
    edge: float = 0.0

    @classmethod
    def of(cls, image: Tensor) -> Canvas:
        blank = image.new_zeros(1, 1, *image.shape[2:])
        return cls(image.clone(), image.clone(), blank, blank.clone(), {})

    def take(self, box: tuple[int, int, int, int], made: Pass | None, alpha: Tensor, part: Any) -> None:
        """A pass is done over a crop; alpha: of the crop. Without a pass: its mask alone."""
        self.pieces.setdefault(part, []).append((box, alpha))
        before = _cut(self.alpha, box)
        if made is not None:
            whole = made.whole()
            ours = (alpha >= before).expand_as(whole)
            edited = _cut(self.edited, box)
            edited.copy_(torch.where(ours, whole, edited))
            image = _cut(self.image, box)
            image.copy_(masks.blend(whole, image, alpha))
            _cut(self.shown, box).fill_(1)
            self.edge = max(self.edge, made.edge)
            self.paper = self.paper or made.paper
        before.copy_(torch.maximum(before, alpha))


def edit(
    prepared: Prepared,
    found: Pass,
    chosen: Chosen,
    means: Means,
    said: list[str],
) -> Generator[Event, None, None]:
    """Edit each place, and compose them. The last event is Done.

    said: what is to be told at the end, besides what is found here.
    """
    request, frame = prepared.request, found.task.frame
    geometry = means.models.geometry(prepared.algorithm.needs[0])
    notes = [_foretold(chosen, frame, request.mask_only)]
    for note in notes:
        yield Note(note)
    canvas = Canvas.of(request.image)
    passes: list[Pass] = [found]
    jobs: list[tuple[int | None, tuple[int, int, int, int], Tensor, Frame]] = [
        (part, frame.box, cells, _frame(frame.box, geometry)) for part, cells in chosen.left.items()
    ]
    jobs += [
        (place.part, place.box, place.cells, _frame(place.box, geometry)) for place in chosen.places
    ]
    for number, (part, box, cells, inside) in enumerate(jobs, start=1):
        mask = place_mask(prepared, found, part, box, cells, inside)
        if request.mask_only:
            canvas.take(box, None, mask, part)
            continue
        yield Crop(box)
        mode, hint = ("exactly", mask)
        if not prepared.algorithm.holds_mask(prepared.settings):
            mode, hint = ("limit", _surroundings(mask, inside))
        asked = replace(
            request,
            image=_cut(canvas.image, box).clone(),
            hint=hint,
            hint_mode=mode,
            seed=seed_of(request.seed, box),
            opacity=None if request.opacity is None else _cut(request.opacity, box),
        )
        own = replace(prepared, request=asked, instruction=_only(prepared.instruction, part))
        events = carried_out(own, inside, hint, means)
        made = yield from _numbered(events, number, len(jobs))
        canvas.take(box, made, made.alpha(), part)
        passes.append(made)
    yield Stage("compositing")
    yield _done(prepared, found, canvas, passes, means, [*said, *notes])


def _foretold(chosen: Chosen, frame: Frame, mask_only: bool) -> str:
    count = len(chosen.places)
    if mask_only:
        return say("Places at full resolution: {count}.", "places", count=count)
    if chosen.left:
        height, width = frame.size
        return say(
            "Places edited at full resolution: {count}. The rest is edited at {working}. "
            "Passes in all: {passes}.",
            "places",
            count=count,
            working=f"{width} x {height}",
            passes=chosen.passes,
        )
    return say(
        "Places edited at full resolution: {count}. Passes in all: {passes}.",
        "places",
        count=count,
        passes=chosen.passes,
    )


def place_mask(
    prepared: Prepared,
    found: Pass,
    part: int | None,
    box: tuple[int, int, int, int],
    cells: Tensor,
    inside: Frame,
) -> Tensor:
    """The mask of a place at the layer's size, (1, 1, h, w) of its crop, soft at its edges."""
    task, request = found.task, prepared.request
    own = task.frame.sampled(cells, box, "nearest")
    if task.exactly is not None:
        assert request.hint is not None
        return _cut(request.hint.float().clamp(0, 1), box) * own
    alpha = task.frame.sampled(_alpha(found, part), box)
    if _follows(prepared, part):
        drawn = _drawn(found, part, box, _cut(request.image.float(), box))
        if bool((drawn * own).any()):
            reach = found.outcome.found.parts[part or 0].reach if found.outcome.found.parts else None
            by = found.outcome.reach if reach is None else reach
            grown = inside.feathered(threshold(drawn, inside.size, 0.5), by)
            alpha = torch.maximum(drawn, inside.alpha(grown)) if by else drawn
    if task.limit is not None:
        assert request.hint is not None
        alpha = alpha * _cut(request.hint.float().clamp(0, 1), box)
    return alpha * own


def _follows(prepared: Prepared, part: int | None) -> bool:
    """Whether a mask is to end at the picture's own edges."""
    edges = getattr(prepared.settings, "edges", "grid")
    items = prepared.instruction.items
    meant = items if part is None else (items[part],)
    return edges == "picture" or (edges == "auto" and all(map(_stays, meant)))


def _stays(item: Item) -> bool:
    return keeps_outline(item) and not item.outside


def _drawn(found: Pass, part: int | None, box: tuple[int, int, int, int], crop: Tensor) -> Tensor:
    """A part's map with its edges drawn to those of a crop, cut and softened."""
    outcome, frame = found.outcome.found, found.task.frame
    soft = outcome.soft if part is None else outcome.parts[part].soft
    cell = EDGE * frame.scale
    sharp = follow(frame.sampled(soft.cpu(), box), crop, cell)
    mask = with_outline(sharp >= outcome.threshold, crop, cell)
    return masks.blur(mask.float(), SOFT)


def _surroundings(mask: Tensor, inside: Frame) -> Tensor:
    """A place and half of its context, (1, 1, h, w), where a mask is looked for anew."""
    rows, columns = (mask[0, 0] > 0).any(1).nonzero(), (mask[0, 0] > 0).any(0).nonzero()
    limit = torch.zeros_like(mask)
    margin = round(CONTEXT / 2 * max(inside.layer))
    top, left = max(0, int(rows.min()) - margin), max(0, int(columns.min()) - margin)
    limit[..., top : int(rows.max()) + margin + 1, left : int(columns.max()) + margin + 1] = 1
    return limit


def seed_of(seed: int, box: tuple[int, int, int, int]) -> int:
    """A place's own seed: the same edit of the same picture has the same again."""
    return (seed + zlib.crc32(repr(box).encode())) % (MAX_SEED + 1)


def _only(instruction: Instruction, part: int | None) -> Instruction:
    return instruction if part is None else replace(instruction, items=(instruction.items[part],))


def _numbered(
    events: Generator[Event, None, Pass], number: int, count: int
) -> Generator[Event, None, Pass]:
    """A pass's stages and steps, with its number; its masks are its crop's alone."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            made: Pass = end.value
            return made
        if isinstance(event, Stage | Step):
            yield replace(event, number=number, passes=count)
        elif not isinstance(event, Mask):
            yield event


def _cut(x: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    top, left, bottom, right = box
    return x[..., top:bottom, left:right]


def _done(
    prepared: Prepared,
    found: Pass,
    canvas: Canvas,
    passes: Sequence[Pass],
    means: Means,
    said: list[str],
) -> Done:
    request, outcome = prepared.request, found.outcome
    told = [*said, *(w for made in passes for w in (*made.warnings, *made.outcome.warnings))]
    if not request.mask_only and visible.nothing_changed(request.image, canvas.image, canvas.alpha):
        told.append(say("Nothing visible has changed.", "no-change"))
    report = Report(
        algorithm=prepared.algorithm.name,
        seed=request.seed,
        keywords=outcome.keywords,
        thresholds=outcome.thresholds,
        forwards=means.tally.forwards,
        rows=means.tally.rows,
        understood=outcome.understood,
        warnings=tuple(dict.fromkeys(told)),
        reused=tuple(means.cache.reused),
        reason=prepared.reason,
        passes=len(passes),
    )
    box, shown = found.task.frame.box, None
    if not request.mask_only:
        boxes = [box for pieces in canvas.pieces.values() for box, _ in pieces]
        tops, lefts, bottoms, rights = zip(*boxes, strict=True)
        box = min(tops), min(lefts), max(bottoms), max(rights)
        shown = _cut(canvas.shown, box)
    return Done(
        canvas.image,
        canvas.alpha,
        _masks(prepared, canvas),
        report,
        canvas.edge,
        canvas.paper,
        box,
        None if request.mask_only else lambda: _cut(canvas.edited, box),
        found.task.frame.trim(found.task.working_map(outcome.found)),
        outcome.found.threshold,
        all(item.operation == "remove" for item in prepared.instruction.items),
        found.task.frame.box,
        shown,
    )


def _masks(prepared: Prepared, canvas: Canvas) -> Mask:
    """The masks of a composed edit, made when they are looked at."""

    def soft(pieces: Sequence[tuple[tuple[int, int, int, int], Tensor]]) -> Tensor:
        whole = torch.zeros_like(canvas.alpha)
        for box, alpha in pieces:
            there = _cut(whole, box)
            there.copy_(torch.maximum(there, alpha))
        return whole

    def binary(make: Callable[[], Tensor]) -> Tensor:
        return (make() >= 0.5).float()

    items = prepared.instruction.items
    parts = []
    for number, item in enumerate(items):
        key = number if number in canvas.pieces else None
        made = partial(soft, canvas.pieces.get(key, []))
        parts.append(PartMask(made, partial(binary, made), item.text, item.keyword))
    return Mask(lambda: canvas.alpha, lambda: binary(lambda: canvas.alpha), tuple(parts))
