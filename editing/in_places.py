"""A large layer: found on the whole, edited place by place.

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

That a crop is painted at the model's size and put back is what other programs call inpainting at
full resolution. What is ours is that the places come from the instruction.

A place that is larger than the native size is seen whole, and not cut into tiles. On six held-out
edits of the sketchbook, drawn four times larger (two recolourings, two retextures, two
replacements; 16 steps; squared error against the exact answer, the picture before is 1, medians) a
crop with a place's side of context around it left 0.21, the whole layer at once 0.30. Tiles of the
native size, begun from the coarse edit, left 0.63: they are as sharp as the exact answer, but a
tile shows no thing. A crop with a quarter of the side around it left 0.86: the bundled model has
seen no thing so large. So a model says itself how much context it wants (`Notes.context`); where it
does not, the crop is the one that a painter's selection of the place would get.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from .canvas import Canvas, cut
from .diffusion import masks
from .diffusion.edges import follow, with_outline
from .events import Crop, Done, Event, Mask, Note, Place, Report, Stage, Step
from .frame import CONTEXT, Box, Frame
from .language.instruction import Instruction, Item
from .language.outline import keeps_outline
from .passes import Means, Pass, carried_out
from .places import Chosen, frame_of, soft_mask
from .preparing import Prepared
from .request import MAX_SEED, HintMode
from .resizing import threshold
from .said import Said, say

EDGE = 4.0
"""Working pixels of the whole within which a place's own edges are looked for.

Six things of 18 to 33 working pixels across, on layers eight times larger, IoU with the exact
mask, medians: 0.97; 0.86 enlarged only. Two stars: 0.79 and 0.90 at two, 0.87 and 0.97 at four,
0.89 and 0.97 at six, where dots in the first were lost.
"""

SOFT = (0.25, 0.5, 0.25)
"""Blur of a mask that was drawn to edges, in layer pixels: it ends without stairs."""


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
    told: list[Place] = []
    jobs: list[tuple[int | None, Box, Tensor, Frame]] = [
        (part, frame.box, cells, frame_of(frame.box, geometry))
        for part, cells in chosen.left.items()
    ]
    jobs += [
        (place.part, place.box, place.cells, frame_of(place.box, geometry))
        for place in chosen.places
    ]
    for number, (part, box, cells, inside) in enumerate(jobs, start=1):
        mask = place_mask(prepared, found, part, box, cells, inside)
        if not bool(mask.any()):
            canvas.take(box, None, mask, part)
            continue
        mode, hint = _asked_for(prepared, found, box, mask, inside)
        if request.mask_only:
            canvas.take(box, None, mask, part)
            words = "" if part is None else prepared.instruction.items[part].text
            told.append(Place(box, hint, mode, words))
            continue
        yield Crop(box)
        asked = replace(
            request,
            image=cut(canvas.image, box).clone(),
            hint=hint,
            hint_mode=mode,
            named={},
            seed=seed_of(request.seed, box),
            opacity=None if request.opacity is None else cut(request.opacity, box),
        )
        own = replace(prepared, request=asked, instruction=_only(prepared.instruction, part))
        events = carried_out(own, inside, hint, means)
        made = yield from _numbered(events, number, len(jobs))
        canvas.take(box, made, made.alpha(), part)
        passes.append(made)
    yield Stage("compositing")
    done = _done(prepared, found, canvas, passes, means, [*said, *notes])
    yield replace(done, places=tuple(told))


def _asked_for(
    prepared: Prepared, found: Pass, box: Box, mask: Tensor, inside: Frame
) -> tuple[HintMode, Tensor]:
    """What a selection means to a place's edit, and itself.

    It is (1, 1, h, w) over the crop.
    """
    request = prepared.request
    if found.task.exactly is not None or prepared.algorithm.holds_mask(prepared.settings):
        return "exactly", mask
    hint = _surroundings(mask, inside)
    if found.task.limit is not None and request.hint is not None:
        hint = hint * cut(request.hint.float().clamp(0, 1), box)
    return "limit", hint


def _foretold(chosen: Chosen, frame: Frame, mask_only: bool) -> Said:
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
    box: Box,
    cells: Tensor,
    inside: Frame,
) -> Tensor:
    """The mask of a place at the layer's size.

    It is (1, 1, h, w) over its crop, soft at its edges.
    """
    task, request = found.task, prepared.request
    own = task.frame.sampled(cells, box, "nearest")
    if task.exactly is not None:
        assert request.hint is not None
        return cut(request.hint.float().clamp(0, 1), box) * own
    alpha = task.frame.sampled(soft_mask(found, part), box)
    if (given := _given(found, part)) is not None:
        alpha = cut(given, box)
    elif _follows(prepared, part):
        drawn = _drawn(found, part, box, cut(request.image.float(), box))
        if bool((drawn * own).any()):
            reach = (
                found.outcome.found.parts[part or 0].reach if found.outcome.found.parts else None
            )
            by = found.outcome.reach if reach is None else reach
            grown = inside.feathered(threshold(drawn, inside.size, 0.5), by)
            alpha = torch.maximum(drawn, inside.alpha(grown)) if by else drawn
    if task.limit is not None:
        assert request.hint is not None
        alpha = alpha * cut(request.hint.float().clamp(0, 1), box)
    return alpha * own


def _given(found: Pass, part: int | None) -> Tensor | None:
    """The painter's own mask of a part, or of the only one."""
    parts = found.outcome.found.parts
    if part is None and len(parts) != 1:
        return None
    return parts[part or 0].given


def _follows(prepared: Prepared, part: int | None) -> bool:
    """Whether a mask is to end at the picture's own edges."""
    edges = getattr(prepared.settings, "edges", "grid")
    items = prepared.instruction.items
    meant = items if part is None else (items[part],)
    return edges == "picture" or (edges == "auto" and all(map(_stays, meant)))


def _stays(item: Item) -> bool:
    return keeps_outline(item) and not item.outside


def _drawn(found: Pass, part: int | None, box: Box, crop: Tensor) -> Tensor:
    """A part's map with its edges drawn to those of a crop, cut and softened.

    What lies farther within the mask on the whole, or beyond it, than edges are looked for stays.
    """
    outcome, frame = found.outcome.found, found.task.frame
    soft = (outcome.soft if part is None else outcome.parts[part].soft).cpu()
    cell, reach = EDGE * frame.scale, round(EDGE)
    sharp = follow(frame.sampled(soft, box), crop, cell)
    mask = with_outline(sharp >= outcome.threshold, crop, cell)
    coarse = threshold(soft, frame.size, outcome.threshold)
    core, most = 1 - masks.grow(1 - coarse, reach), masks.grow(coarse, reach)
    mask = (mask | (frame.sampled(core, box) >= 0.5)) & (frame.sampled(most, box) >= 0.5)
    return masks.blur(mask.float(), SOFT)


def _surroundings(mask: Tensor, inside: Frame) -> Tensor:
    """A place and half of its context, (1, 1, h, w), where a mask is looked for anew."""
    rows, columns = (mask[0, 0] > 0).any(1).nonzero(), (mask[0, 0] > 0).any(0).nonzero()
    limit = torch.zeros_like(mask)
    margin = round(CONTEXT / 2 * max(inside.layer))
    top, left = max(0, int(rows.min()) - margin), max(0, int(columns.min()) - margin)
    limit[..., top : int(rows.max()) + margin + 1, left : int(columns.max()) + margin + 1] = 1
    return limit


def seed_of(seed: int, box: Box) -> int:
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
    if not request.mask_only and not canvas.is_seen:
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
        shown = cut(canvas.shown, box)
    return Done(
        canvas.image,
        canvas.alpha,
        canvas.masks(prepared.instruction.items, found),
        report,
        canvas.edge,
        canvas.paper,
        box,
        None if request.mask_only else lambda: cut(canvas.edited, box),
        found.task.frame.trim(found.task.working_map(outcome.found)),
        outcome.found.threshold,
        all(item.operation == "remove" for item in prepared.instruction.items),
        found.task.frame.box,
        shown,
    )
