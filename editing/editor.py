"""One edit, carried out.

A layer that is much larger than the model's size is edited place by place, where that is wanted
(in_places.py); any other in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from . import in_places, named_colours, naming, places, presence, world
from .diffusion.loading import Models
from .diffusion.model import Gather, Tally
from .errors import EditError
from .events import Crop, Done, Event, Note, Report, Stage
from .frame import Frame, choose_frame
from .passes import Means, Pass, carried_out, demand
from .preparing import Prepared, prepare
from .request import EditRequest
from .said import Said, say
from .store import EditCache, Store
from .task import LOADING


@torch.no_grad()
def edit(
    models: Models,
    wanted: Prepared | EditRequest,
    store: Store | None = None,
    gather: Gather | None = None,
) -> Iterator[Event]:
    """Carry out one edit; a request is prepared first.

    Yields the working crop, stages, steps and masks as they come, and Done as the last event.
    Closing the iterator cancels. The same models, request and device give the same bytes, but on
    CUDA for what goes backwards through the network (TAS, null-text inversion), whose kernels may
    add in any order. `store` may keep values (inversions, optimised embeddings) for later edits.
    gather: shares its forwards with other edits (variants.py).
    Raises EditError for a request that cannot be carried out, MissingVariant if the model lacks a
    network.
    """
    prepared = prepare(models, wanted) if isinstance(wanted, EditRequest) else wanted
    request, algorithm = prepared.request, prepared.algorithm
    said: list[str] = []
    hint = _hint(request)
    if hint is not None and not bool(hint.any()):
        hint = None
        said.append(say("The selection is empty and was ignored.", "empty-selection"))
    image = request.image.float()
    models.compute_in(algorithm.precise)
    geometry = models.geometry(algorithm.needs[0])
    frame = choose_frame(
        (image.shape[2], image.shape[3]),
        hint,
        geometry.native_size,
        geometry.multiple,
        request.opacity,
        request.background,
        geometry.context,
    )
    yield Crop(frame.box)
    said += prepared.instruction.notes
    early = []
    if (plan := models.plan_for(demand(prepared, frame))) is not None:
        early.append(Note(plan))
        yield early[-1]
    if not models.is_loaded(algorithm.needs[0]):
        yield Stage(LOADING)
    models.get(algorithm.needs[0])
    yield Stage("preparing")
    for note in world.notes(
        models.get(algorithm.needs[0]), prepared.instruction, frame.enter(image)
    ):
        early.append(note)
        yield note
    if request.named and not algorithm.takes_named:
        said.append(
            say(
                "{algorithm} takes no masks by name; not used: {names}.",
                "named-unused",
                algorithm=algorithm.title,
                names=", ".join(request.named),
            )
        )
    if hint is None and (unfound := _missing(models, prepared, frame.enter(image))):
        if request.ask:
            remedy = say("Name it otherwise, or select it.")
            if presence.is_blank(frame.enter(image)):
                remedy = say("Choose the layer that shows it.")
            raise EditError("not-found", unfound, remedy)
        early.append(Note(unfound))
        yield early[-1]
    means = Means(models, EditCache(store), Tally(), gather)
    said = [*(note.sentence for note in early), *said]
    found: Pass | None = None
    if places.are_wanted(prepared, frame):
        found = yield from carried_out(prepared, frame, hint, means, locate=True)
        chosen = places.choose(prepared, found, geometry)
        if chosen.places:
            said += _other_colours(prepared, found)
            yield from in_places.edit(prepared, found, chosen, means, said)
            return
    if found is None or not (found.is_painted or request.mask_only):
        found = yield from carried_out(prepared, frame, hint, means)
    said += _other_colours(prepared, found)
    if frame.scale > places.COARSE:
        said.append(_coarse(frame))
    yield Stage("compositing")
    yield _done(prepared, found, means, said)


def _hint(request: EditRequest) -> Tensor | None:
    """The selection, where it plays a part."""
    if request.hint_mode == "off" or request.hint is None:
        return None
    return request.hint.float().clamp(0, 1)


def _other_colours(prepared: Prepared, found: Pass) -> list[Said]:
    """That what was found has another colour than the sentence says.

    Nothing of masks that are the painter's own.
    """
    items, parts, task = prepared.instruction.items, found.outcome.found.parts, found.task
    if task.exactly is not None or not prepared.algorithm.has_mask(prepared.settings):
        return []
    if len(items) == 1:
        masks = [places.soft_mask(found, None)]
    elif len(parts) == len(items):
        masks = [places.soft_mask(found, number) for number in range(len(items))]
    else:
        return []
    given = [part.given is not None for part in parts] or [False] * len(items)
    asked = [
        pair for pair, own in zip(zip(items, masks, strict=True), given, strict=False) if not own
    ]
    return named_colours.others(asked, task.image)


def _coarse(frame: Frame) -> Said:
    """That a part of the layer was edited at a smaller size."""
    top, left, bottom, right = frame.box
    height, width = bottom - top, right - left
    h = round(frame.size[0] * height / frame.shape[0])
    w = round(frame.size[1] * width / frame.shape[1])
    return say(
        "{size} pixels were edited at {working}; select a smaller part for finer detail.",
        "coarse",
        size=f"{width} x {height}",
        working=f"{w} x {h}",
    )


def _done(prepared: Prepared, made: Pass, means: Means, said: list[str]) -> Done:
    """The end of an edit in one pass."""
    request, outcome, frame = prepared.request, made.outcome, made.task.frame
    alpha = made.alpha()
    result = made.composite(alpha)
    said = [*said, *made.warnings]
    if made.is_painted and made.is_unseen(result, alpha):
        said.append(say("Nothing visible has changed.", "no-change"))
    report = Report(
        algorithm=prepared.algorithm.name,
        seed=request.seed,
        keywords=outcome.keywords,
        thresholds=outcome.thresholds,
        forwards=means.tally.forwards,
        rows=means.tally.rows,
        understood=outcome.understood,
        warnings=(*said, *outcome.warnings),
        reused=tuple(means.cache.reused),
        reason=prepared.reason,
    )
    return Done(
        result,
        alpha,
        made.task.mask(outcome.found, outcome.reach),
        report,
        made.edge,
        made.paper,
        frame.box,
        made.whole if made.is_painted else None,
        frame.trim(made.task.working_map(outcome.found)),
        outcome.found.threshold,
        all(item.operation == "remove" for item in prepared.instruction.items),
    )


def _missing(models: Models, prepared: Prepared, image: Tensor) -> Said | None:
    """That a thing is not found in the picture; None where all are, or nobody knows.

    In a layer of one colour none is. Otherwise it is the network for instructions that is asked,
    whatever the algorithm.
    """
    if presence.is_blank(image):
        words = presence.things(prepared.instruction)
        return presence.nothing_there(words) if words else None
    model = models.get(prepared.algorithm.needs[0])
    if model.world is None or model.world.presence is None or "instruction" not in models.variants:
        return None
    items = prepared.instruction.items
    if prepared.algorithm.takes_named:  # where the painter has shown a thing, it is there
        named = prepared.request.named
        items = tuple(one for one in items if naming.mask_of(one, named) is None)
    looked_for = replace(prepared.instruction, items=items)
    things = presence.missing(models.get("instruction"), looked_for, image)
    return presence.not_found(things) if things else None
