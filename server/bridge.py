"""One edit, from the wire's Submit to the wire's messages.

Of what runs in the server, only this knows both protocol and editing. Runs in the worker.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import torch

from limn import editing
from limn.editing import events
from limn.editing.said import say
from limn.protocol import limits
from limn.protocol.messages import (
    Algorithm,
    Box,
    Cancelled,
    Chosen,
    Done,
    Failed,
    JobMessage,
    Mask,
    Note,
    Parameter,
    PartMask,
    Preview,
    Progress,
    Region,
    Result,
    Submit,
)

from . import images
from .cache import ByteCache
from .estimate import Estimate
from .sayings import on_wire

log = logging.getLogger("limn.edits")

PREVIEW_SECONDS = 0.15
"""Seconds between previews.

The eye sees no more than this as a picture that grows clearer.
"""

PREVIEW_SHARE = 0.2
"""Share of the time that may go into previews.

Where decoding is slow, they come less often.
"""

STORE_BYTES = 1024 * 1024 * 1024
"""Of values kept between edits: some dozens of inversions of a 512 x 512 picture."""

DESCRIBING = "looking at the picture"

CLOSE_OTHERS = (
    "Close other programs that use the graphics card, or edit on the CPU: "
    "`limn serve --device cpu`. On a CPU, close other programs."
)


class Editor:
    """The loaded models, and what is worth remembering between edits."""

    def __init__(
        self,
        models: editing.Models,
        clock: Callable[[], float] = time.monotonic,
        captioner: editing.Captioner | None = None,
    ) -> None:
        self._models = models
        self._captioner = captioner
        self._clock = clock
        self._earlier: dict[tuple[str, bool], dict[str, float]] = {}
        self._store = ByteCache(STORE_BYTES)
        models.measure(clock)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._models.name

    def algorithms(self) -> tuple[Algorithm, ...]:
        """Auto, then every algorithm with its parameters.

        Defaults are the model's own where it has some. Raises EditError for bad ones.
        """
        return (
            self._announce_auto(),
            *(self._announce(algorithm) for algorithm in editing.ALGORITHMS.values()),
        )

    def run(self, submit: Submit, cancelled: Callable[[], bool]) -> Iterator[JobMessage]:
        """Carry out one edit.

        `cancelled` is asked after every step. The last message is Done, Failed or Cancelled.
        """
        told = False
        try:
            while True:
                try:
                    for message in self._edit(submit, cancelled):
                        if not (told and isinstance(message, Chosen)):
                            yield message
                    return
                except Exception as error:
                    if not editing.is_shortage(error):
                        raise
                    log.warning(
                        "out of memory job=%s %s plan=%s", submit.job, type(error).__name__,
                        self._models.plan.code,
                    )  # fmt: skip
                    self._release(error)
                    if not self._models.smaller_plan():
                        raise
                told = True  # and again with less
        except editing.EditError as error:
            if error.choice is not None:
                yield Chosen(submit.job, 0, *error.choice)
            log.info("edit refused job=%s code=%s", submit.job, error.code)
            yield Failed(
                submit.job,
                0,
                error.code,
                error.sentence[: limits.MAX_TEXT],
                error.remedy[: limits.MAX_TEXT],
                error.proposal[: limits.MAX_INSTRUCTION],
                (on_wire(error.sentence), on_wire(error.remedy)),
            )
        except Exception as error:  # whatever happens in an algorithm ends this job only
            if editing.is_shortage(error):
                yield Failed(submit.job, 0, "out-of-memory", self._models.shortage(), CLOSE_OTHERS)
                return
            place = "".join(
                traceback.format_tb(error.__traceback__)
            )  # without the message: it may quote the instruction
            log.error("edit failed job=%s %s\n%s", submit.job, type(error).__name__, place)
            log.debug("edit failed job=%s %s", submit.job, error)
            sentence = f"Something went wrong inside Limn ({type(error).__name__})."
            yield Failed(
                submit.job,
                0,
                "internal",
                sentence,
                "Try another wording or algorithm, and please report it; the log has the details.",
            )

    def _release(self, error: BaseException) -> None:
        """Let go of everything that takes memory."""
        self._store = ByteCache(STORE_BYTES)
        traceback.clear_frames(error.__traceback__)  # they hold the edit's tensors and networks
        self._models.unload()

    def _announce_auto(self) -> Algorithm:
        auto = editing.auto
        why = (
            ""
            if editing.runnable(self._models)
            else f"The model {self._models.name} has the variants for none of its algorithms."
        )
        return Algorithm(
            auto.NAME,
            auto.TITLE,
            auto.SUMMARY,
            tuple(map(_announced, auto.parameters())),
            why,
            caption="useful",
        )

    def _announce(self, algorithm: editing.Algorithm) -> Algorithm:
        missing = [variant for variant in algorithm.needs if variant not in self._models.variants]
        own = self._defaults(algorithm)
        parameters = tuple(
            _announced(replace(p, default=own.get(p.name, p.default))) for p in algorithm.parameters
        )
        why = (
            f"The model {self._models.name} has no {' and no '.join(missing)} variant, which "
            "this algorithm needs."
            if missing
            else ""
        )
        return Algorithm(
            algorithm.name,
            algorithm.title,
            algorithm.summary,
            parameters,
            why,
            algorithm.baseline,
            algorithm.caption,
            algorithm.seeded,
            algorithm.purpose,
        )

    def _defaults(self, algorithm: editing.Algorithm) -> dict[str, editing.request.Value]:
        """The model's own defaults for an algorithm, checked.

        Raises EditError that names its notes.
        """
        try:
            own = dict(self._models.defaults(algorithm.needs[0], algorithm.name))
            declared = {parameter.name: parameter for parameter in algorithm.parameters}
            return {name: declared[name].check(value) for name, value in own.items()}
        except editing.EditError as error:
            why, remedy = error.sentence, error.remedy
        except KeyError as error:
            why, remedy = (
                f"There is no parameter {error.args[0]!r}.",
                f"Known are: {', '.join(declared)}.",
            )
        except (AttributeError, TypeError, ValueError):
            why, remedy = "They are no table.", 'Write them as {"steps": 40}.'
        where = (
            f"The defaults of {algorithm.name} in the limn.json of the model "
            f"{self._models.name} can't be used."
        )
        raise editing.EditError("bad-defaults", f"{where} {why}", remedy)

    def _edit(self, submit: Submit, cancelled: Callable[[], bool]) -> Iterator[JobMessage]:
        covered = images.opacity(submit.pixels) if submit.keep_transparency else None
        background = images.background(submit.pixels, covered, submit.background)
        asked = editing.EditRequest(
            algorithm=submit.algorithm,
            instruction=submit.instruction,
            image=images.picture(submit.pixels, background),
            hint=None if submit.hint is None else images.selection(submit.hint),
            hint_mode=submit.hint_mode,
            seed=submit.seed,
            parameters=submit.parameters,
            caption=submit.caption,
            mask_only=submit.mask_only,
            ask=submit.ask,
            opacity=covered,
            background=(background[0] / 255, background[1] / 255, background[2] / 255),
        )
        began = self._clock()
        notes: tuple[str, ...] = ()
        # before anything is loaded for it: nobody waits for a network to be asked for a caption
        try:
            prepared = editing.prepare(self._models, asked)
        except editing.EditError as error:
            if self._captioner is None or error.code != "needs-caption":
                raise
            yield Progress(submit.job, 0, DESCRIBING, 0, 0)
            asked = replace(asked, caption=self._captioner.describe(asked.image))
            notes = (say("The captioner says: {caption}.", caption=asked.caption),)
            prepared = editing.prepare(self._models, asked)
        algorithm = prepared.algorithm
        if prepared.reason:
            log.info("chose job=%s algorithm=%s", submit.job, algorithm.name)
            yield Chosen(submit.job, 0, algorithm.name, prepared.reason)
        estimate = Estimate(self._earlier.setdefault((algorithm.name, submit.mask_only), {}))
        if notes:
            estimate.begin(DESCRIBING, began)
        previews = _Previews(submit, self._clock)
        with closing(
            cast(Generator[events.Event], editing.edit(self._models, prepared, self._store))
        ) as steps:
            for event in steps:
                if cancelled():
                    yield Cancelled(submit.job, 0)
                    return
                now = self._clock()
                if isinstance(event, events.Crop):
                    previews.shows = _box(event)
                elif isinstance(event, events.Note):
                    yield Note(submit.job, 0, on_wire(event.sentence))
                elif isinstance(event, events.Stage):
                    estimate.begin(event.name, now)
                    yield Progress(
                        submit.job,
                        0,
                        event.name,
                        0,
                        event.steps,
                        estimate.left(0, event.steps, now),
                    )
                elif isinstance(event, events.Step):
                    left = estimate.left(event.index, event.count, now)
                    yield Progress(submit.job, 0, event.stage, event.index, event.count, left)
                    yield from previews.of(event)
                elif isinstance(event, events.Mask):
                    parts = tuple(
                        _part(part, part.soft) for part in event.parts[: limits.MAX_ITEMS]
                    )
                    yield Mask(submit.job, 0, images.mask(event.soft), parts, final=False)
                elif isinstance(event, events.Done):
                    notes = (*notes, *self._models.notes)
                    seconds = estimate.finish(now)
                    yield from _finish(submit, asked, background, event, seconds, notes)


class _Previews:
    """Makes previews as often as they are worth their time.

    `shows`: the part of the picture that is worked on.
    """

    def __init__(self, submit: Submit, clock: Callable[[], float]) -> None:
        self._submit = submit
        self._clock = clock
        self._next = clock()
        self.shows = Box(0, 0, submit.pixels.width, submit.pixels.height)

    def of(self, step: events.Step) -> Iterator[Preview]:
        """The preview of this step, or nothing."""
        began = self._clock()
        if not self._submit.previews or began < self._next:
            return
        try:
            picture = images.jpeg(step.preview(), self._submit.previews)
        except editing.NotFinite:  # it is only looked at; the edit's own numbers are checked apart
            return
        ended = self._clock()
        self._next = ended + max(PREVIEW_SECONDS, (ended - began) * (1 / PREVIEW_SHARE - 1))
        yield Preview(self._submit.job, 0, step.index, picture, self.shows)


def _box(crop: events.Crop) -> Box:
    top, left, bottom, right = crop.box
    return Box(left, top, right - left, bottom - top)


def _finish(
    submit: Submit,
    request: editing.EditRequest,
    background: tuple[int, int, int],
    done: events.Done,
    seconds: Mapping[str, float],
    notes: tuple[str, ...],
) -> Iterator[JobMessage]:
    """Final masks, the changed rectangle, and the report with further notes."""
    parts = tuple(_part(part, part.binary) for part in done.mask.parts[: limits.MAX_ITEMS])
    where = images.mask(done.alpha)
    soft = None
    if where is not None and done.map is not None:
        soft = images.soft_map(done.map, done.box, done.cut)
    yield Mask(submit.job, 0, where, parts, map=soft)
    area = None if submit.mask_only else _result(submit, request, background, done)
    if area is not None and where is not None:
        yield Result(submit.job, 0, area)
    report = done.report
    yield Done(
        job=submit.job,
        seq=0,
        algorithm=report.algorithm,
        seed=report.seed,
        keywords=_cut(report.keywords, limits.MAX_LABEL),
        thresholds=_floats(report.thresholds),
        seconds=dict(seconds),
        forwards=report.forwards,
        rows=report.rows,
        understood=dict(
            zip(report.understood, _cut(report.understood.values(), limits.MAX_TEXT), strict=False)
        ),
        notes=tuple(map(on_wire, (*notes, *report.warnings)))[: limits.MAX_ITEMS],
        reused=_cut(report.reused, limits.MAX_LABEL),
        reason=report.reason,
        clears=done.clears and request.opacity is not None,
    )


def _result(
    submit: Submit,
    request: editing.EditRequest,
    background: tuple[int, int, int],
    done: events.Done,
) -> Region | None:
    """The layer, with the mask in its alpha or without it; None where nothing changes."""
    how = submit.pixels.format, request.opacity, background, done.paper, done.edge, done.clears
    if submit.whole and done.whole is not None:
        return images.whole(done.whole(), done.box, *how)
    return images.layer(done.image, request.image, done.alpha, *how)


def _part(part: events.PartMask, mask: torch.Tensor) -> PartMask:
    """One instruction's share of the mask; mask: (1, 1, height, width)."""
    return PartMask(
        part.instruction[: limits.MAX_INSTRUCTION],
        part.keyword[: limits.MAX_LABEL],
        images.mask(mask),
    )


def _cut(texts: Iterable[str], most: int) -> tuple[str, ...]:
    """As many of the texts as a message takes.

    Each has at most `most` characters: an edit does not fail for what it tells of itself.
    """
    return tuple(text[:most] for text in texts)[: limits.MAX_ITEMS]


def _announced(p: editing.Parameter) -> Parameter:
    return Parameter(
        p.name, p.kind, p.default, p.minimum, p.maximum, p.choices, p.help, p.front, p.title
    )


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
