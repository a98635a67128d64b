"""One edit: prepared, then carried out.

`prepare` reads the sentence and decides: which algorithm, with which settings, told what. `edit`
does that.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from . import auto, presence, transparency, visible, world
from .diffusion.finite import Widened, is_finite
from .diffusion.loading import Models
from .diffusion.memory import Demand
from .diffusion.model import Gather, Tally
from .diffusion.recolouring import Recolouring
from .errors import EditError, NotFinite
from .events import Crop, Done, Event, Mask, Note, Report, Stage, Step
from .frame import Frame, choose_frame
from .language.instruction import Instruction, parse
from .language.prompts import Captions
from .methods.table import ALGORITHMS, PAPERS
from .request import EditRequest, resolve
from .said import Said, say
from .store import EditCache, Store
from .task import LOADING, Algorithm, Outcome, Task

COARSE = 2.0  # a layer this many times larger than the working size comes back visibly softer


@dataclass(frozen=True)
class Prepared:
    """A request that was read, with every decision about it.

    It is all that `edit` needs beside the networks. instruction: the sentence as it was read.
    texts: the captions, for an algorithm that is told by them. settings: of the algorithm's own
    kind. reason: why this algorithm, where Auto has chosen it, for a painter ("TAS:
    changes a pose"), else "".
    """

    request: EditRequest
    instruction: Instruction
    algorithm: Algorithm
    settings: Any
    texts: Captions | None = None
    reason: str = ""


def runnable(models: Models) -> tuple[str, ...]:
    """The papers' algorithms for which the models have every variant.

    Auto chooses from these.
    """
    return tuple(a.name for a in PAPERS if set(a.needs) <= set(models.variants))


def prepare(models: Models, request: EditRequest) -> Prepared:
    """Read a request and settle everything about it, without loading a network.

    Raises EditError for a request that cannot be carried out. Where Auto had chosen by then, the
    error's `choice` tells it. The code "needs-caption" says that the algorithm must know what the
    picture shows, and that neither caption nor instruction tells it. An instruction that raises a
    question is refused with that question: nothing is painted then.
    """
    request.check()
    instruction = parse(request.instruction, request.caption)
    if question := instruction.question:
        raise EditError(question.code, question.sentence, proposal=question.proposal)
    name, reason, given = request.algorithm, "", request.parameters
    if name == auto.NAME:
        name, reason = auto.choose(instruction, runnable(models))
        given = auto.parameters_for(ALGORITHMS[name], given)
    if name not in ALGORITHMS:
        known = ", ".join((auto.NAME, *ALGORITHMS))
        raise EditError(
            "unknown-algorithm", f"There is no algorithm {name!r}.", f"Choose one of {known}."
        )
    algorithm = ALGORITHMS[name]
    try:
        defaults = models.defaults(algorithm.needs[0], name)
        settings = resolve(algorithm.settings, defaults, given)
        texts = algorithm.texts(instruction)
    except EditError as error:
        error.choice = (name, reason) if reason else None
        raise
    return Prepared(request, instruction, algorithm, settings, texts, reason)


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
    warnings: list[str] = []
    hint = (
        None
        if request.hint_mode == "off" or request.hint is None
        else request.hint.float().clamp(0, 1)
    )
    if hint is not None and not bool(hint.any()):
        hint = None
        warnings.append(say("The selection is empty and was ignored.", "empty-selection"))
    image = request.image.float()
    geometry = models.geometry(algorithm.needs[0])
    factor = geometry.factor
    frame = choose_frame(
        (image.shape[2], image.shape[3]),
        hint,
        geometry.native_size,
        geometry.multiple,
        request.opacity,
        request.background,
    )
    yield Crop(frame.box)
    if max(frame.shape[0] / frame.size[0], frame.shape[1] / frame.size[1]) > COARSE:
        top, left, bottom, right = frame.box
        height, width = bottom - top, right - left
        h = round(frame.size[0] * height / frame.shape[0])
        w = round(frame.size[1] * width / frame.shape[1])
        warnings.append(
            say(
                "{size} pixels were edited at {working}; select a smaller part for finer detail.",
                "coarse",
                size=f"{width} x {height}",
                working=f"{w} x {h}",
            )
        )
    warnings += prepared.instruction.notes
    early = []
    if (plan := models.plan_for(_demand(prepared, frame))) is not None:
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
    if hint is None and (unfound := _missing(models, prepared, frame.enter(image))):
        if request.ask:
            raise EditError("not-found", unfound, say("Name it otherwise, or select it."))
        early.append(Note(unfound))
        yield early[-1]
    tally, cache = Tally(), EditCache(store)
    while True:
        task = Task(
            request=request,
            instruction=prepared.instruction,
            texts=prepared.texts,
            image=frame.enter(image),
            hint=None if hint is None else frame.enter(hint),
            frame=frame,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            cache=cache,
            tally=tally,
            models=models,
            gather=gather,
        )
        try:
            outcome = yield from _carried_out(prepared, task)
        except Widened as widened:  # once for each of the model's variants at most
            warnings.append(widened.sentence)
            if models.plan.layers:  # its values lie where widening does not reach them
                models.unload()
            continue
        break
    if not is_finite(outcome.found.soft) or not (outcome.image is None or is_finite(outcome.image)):
        raise NotFinite("The edit ran into numbers that are not finite.")
    yield Stage("compositing")
    alpha = task.alpha(outcome.found, outcome.reach)
    edited = None if outcome.image is None else outcome.image.cpu()
    change = _change(task.image, outcome, factor)
    result = (
        request.image if edited is None else frame.composite(request.image, edited, alpha, change)
    )
    if outcome.image is not None and visible.nothing_changed(request.image, result, alpha):
        warnings.append(say("Nothing visible has changed.", "no-change"))
    report = Report(
        algorithm=algorithm.name,
        seed=request.seed,
        keywords=outcome.keywords,
        thresholds=outcome.thresholds,
        forwards=task.tally.forwards,
        rows=task.tally.rows,
        understood=outcome.understood,
        warnings=(*(note.sentence for note in early), *warnings, *outcome.warnings),
        reused=tuple(task.cache.reused),
        reason=prepared.reason,
    )
    # A quarter of a latent: farther no outline strayed where only a colour was to change.
    across = max(side / size for side, size in zip(frame.shape, frame.size, strict=True))
    paper = (
        None
        if outcome.image is None or request.opacity is None
        else transparency.paper(outcome.image.cpu(), task.image, frame.enter(request.opacity))
    )
    yield Done(
        result,
        alpha,
        task.mask(outcome.found),
        report,
        across * factor / 4,
        paper,
        frame.box,
        None if edited is None else lambda: frame.leave(request.image, edited, change),
        frame.trim(task.working_map(outcome.found)),
        outcome.found.threshold,
        all(item.operation == "remove" for item in prepared.instruction.items),
    )


def _change(before: Tensor, outcome: Outcome, factor: int) -> Recolouring | None:
    """What the layer's own pixels take on, where the edit only changed colours."""
    if outcome.image is None or outcome.recoloured is None:
        return None
    return Recolouring.between(before, outcome.image.cpu(), factor, outcome.recoloured.cpu())


def _missing(models: Models, prepared: Prepared, image: Tensor) -> Said | None:
    """That a thing is not found in the picture; None where all are, or nobody knows.

    It is the network for instructions that is asked, whatever the algorithm.
    """
    model = models.get(prepared.algorithm.needs[0])
    if model.world is None or model.world.presence is None or "instruction" not in models.variants:
        return None
    things = presence.missing(models.get("instruction"), prepared.instruction, image)
    return presence.not_found(things) if things else None


def _demand(prepared: Prepared, frame: Frame) -> Demand:
    """What the edit asks of the networks; for the mask alone only the first is used."""
    algorithm, items = prepared.algorithm, len(prepared.instruction.items)
    demand = algorithm.demand(prepared.settings, frame.size, items)
    if prepared.request.mask_only:
        demand = replace(demand, variants=demand.variants[:1], rounds=1)
    return demand


def _carried_out(prepared: Prepared, task: Task) -> Generator[Event, None, Outcome]:
    """The algorithm's outcome, with its picture decoded.

    Where only the mask is wanted, the outcome has the mask alone.
    """
    algorithm, mask_only = prepared.algorithm, prepared.request.mask_only
    if mask_only and not algorithm.has_mask(prepared.settings):
        texts = prepared.texts
        return Outcome(
            understood={} if texts is None else {"source": texts.source, "target": texts.target}
        )
    steps = algorithm.run(task, prepared.settings)
    is_shown = False
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            break
        is_shown = is_shown or isinstance(event, Mask | Outcome)
        if isinstance(event, Step):
            event = replace(event, preview=_trimmed(event.preview, task))
        yield task.mask(event.found) if isinstance(event, Outcome) else event
        if mask_only and isinstance(event, Outcome):
            steps.close()
            return event
    if algorithm.has_mask(prepared.settings) and not is_shown:
        yield task.mask(outcome.found)
    if mask_only:
        return replace(outcome, latents=None, image=None)
    if outcome.latents is None:
        return outcome
    yield Stage("decoding")
    return replace(outcome, image=task.model(algorithm.needs[0]).decode(outcome.latents))


def _trimmed(preview: Callable[[], Tensor], task: Task) -> Callable[[], Tensor]:
    """A preview of what lies in the layer."""
    return lambda: task.frame.trim(preview())
