"""One edit: a request in, a stream of events out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from . import auto, transparency
from .diffusion.finite import Widened, is_finite
from .diffusion.loading import Models
from .diffusion.model import Tally
from .errors import EditError, NotFinite
from .events import Chosen, Crop, Done, Event, Report, Stage
from .frame import choose_frame
from .language.instruction import parse
from .language.prompts import captions, lacks_caption
from .methods import adapedit, baselines, foi, instdiffedit, tas
from .request import EditRequest, resolve
from .store import Shelf, Store
from .task import Algorithm, Task

PAPERS = (foi.ALGORITHM, instdiffedit.ALGORITHM, adapedit.ALGORITHM, tas.ALGORITHM)
ALGORITHMS: dict[str, Algorithm] = {a.name: a for a in (*PAPERS, *baselines.ALGORITHMS)}

COARSE = 2.0  # a layer this many times larger than the working size comes back visibly softer


def runnable(models: Models) -> tuple[str, ...]:
    """The algorithms of the papers for which the models have all variants: what Auto may choose
    from.
    """
    return tuple(
        algorithm.name for algorithm in PAPERS if set(algorithm.needs) <= set(models.variants)
    )


def settle(models: Models, request: EditRequest) -> EditRequest:
    """The request with its algorithm settled, and the reason, where it is Auto's to choose; any
    other request itself.

    Raises EditError, also where the instruction raises a question: nothing is painted then.
    """
    if question := parse(request.instruction, request.caption).question:
        raise EditError(question.code, question.sentence, proposal=question.proposal)
    return auto.settled(request, runnable(models))


def asks_for_caption(request: EditRequest) -> bool:
    """Whether a settled request's algorithm needs to know what the picture shows, and neither
    caption nor instruction tells it.
    """
    algorithm = ALGORITHMS.get(request.algorithm)
    return (
        algorithm is not None
        and algorithm.caption == "needed"
        and lacks_caption(parse(request.instruction, request.caption))
    )


def plan(models: Models, request: EditRequest) -> tuple[Algorithm, Any]:
    """A settled request's algorithm and its settings.

    Raises EditError for whatever can be refused before a network is loaded.
    """
    if request.algorithm not in ALGORITHMS:
        known = ", ".join((auto.NAME, *ALGORITHMS))
        raise EditError(
            "unknown-algorithm",
            f"There is no algorithm {request.algorithm!r}.",
            f"Choose one of {known}.",
        )
    algorithm = ALGORITHMS[request.algorithm]
    settings = resolve(
        algorithm.settings, models.defaults(algorithm.needs[0], algorithm.name), request.parameters
    )
    if algorithm.caption == "needed":
        captions(parse(request.instruction, request.caption))
    return algorithm, settings


@torch.no_grad()
def edit(models: Models, request: EditRequest, store: Store | None = None) -> Iterator[Event]:
    """Carry out one edit. Yields Auto's choice first, the working crop, stages, steps and masks as
    they come, and Done as the last event.

    Closing the iterator cancels. The same models, request and device give the same bytes, but on
    CUDA for what goes backwards through the network (TAS, null-text inversion), whose kernels may
    add in any order. `store` may keep values (inversions, optimised embeddings) for later edits.
    Raises EditError for a request that cannot be carried out, MissingVariant if the model lacks a
    network.
    """
    request.check()
    settled = settle(models, request)
    if settled is not request:
        request = settled
        yield Chosen(request.algorithm, request.reason)
    algorithm, settings = plan(models, request)
    yield Stage("preparing")
    model = models.get(algorithm.needs[0])
    warnings = []
    hint = (
        None
        if request.hint_mode == "off" or request.hint is None
        else request.hint.float().clamp(0, 1)
    )
    if hint is not None and not bool(hint.any()):
        hint = None
        warnings.append("The selection is empty and was ignored.")
    image = request.image.float()
    frame = choose_frame((image.shape[2], image.shape[3]), hint, model.native_size, model.multiple)
    yield Crop(frame.box)
    if max(frame.shape[0] / frame.size[0], frame.shape[1] / frame.size[1]) > COARSE:
        (height, width), (h, w) = frame.shape, frame.size
        warnings.append(
            f"{width} x {height} pixels were edited at {w} x {h}; select a smaller part for finer detail."
        )
    instruction = parse(request.instruction, request.caption)
    warnings += instruction.notes
    tally, shelf = Tally(), Shelf(store)
    while True:
        task = Task(
            request=request,
            instruction=instruction,
            image=frame.enter(image),
            hint=None if hint is None else frame.enter(hint),
            frame=frame,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            shelf=shelf,
            tally=tally,
            models=models,
        )
        try:
            outcome = yield from algorithm.run(task, settings)
        except Widened as widened:  # once for each of the model's variants at most
            warnings.append(widened.sentence)
            continue
        break
    if not is_finite(outcome.found.soft) or not (outcome.image is None or is_finite(outcome.image)):
        raise NotFinite("The edit ran into numbers that are not finite.")
    yield Stage("compositing")
    alpha = task.alpha(outcome.found, outcome.reach)
    result = (
        request.image
        if outcome.image is None
        else frame.composite(request.image, outcome.image.cpu(), alpha)
    )
    report = Report(
        algorithm=algorithm.name,
        seed=request.seed,
        keywords=outcome.keywords,
        thresholds=outcome.thresholds,
        forwards=task.tally.forwards,
        rows=task.tally.rows,
        understood=outcome.understood,
        warnings=(*warnings, *outcome.warnings),
        reused=tuple(task.shelf.reused),
        reason=request.reason,
    )
    # A quarter of a latent: farther no outline strayed where only a colour was to change.
    across = max(side / size for side, size in zip(frame.shape, frame.size, strict=True))
    paper = (
        None
        if outcome.image is None or request.opacity is None
        else transparency.paper(outcome.image.cpu(), task.image, frame.enter(request.opacity))
    )
    yield Done(result, alpha, task.mask(outcome.found), report, across * model.factor / 4, paper)
