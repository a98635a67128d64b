"""One edit, from the wire's Submit to the wire's messages.

Of what runs in the server, only this knows both protocol and editing. Runs in the worker.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace

from limn import editing
from limn.editing import events
from limn.editing.said import say
from limn.protocol import limits
from limn.protocol.messages import (
    Algorithm,
    Box,
    Cancelled,
    Chosen,
    Failed,
    JobMessage,
    Mask,
    Note,
    Progress,
    Submit,
    Variant,
)

from . import images
from .announcing import announce
from .cache import ByteCache
from .estimate import Estimate
from .final_messages import finish, part_mask
from .previews import Previews
from .sayings import on_wire

log = logging.getLogger("limn.edits")

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
        trouble: editing.EditError | None = None,
        model: str = "",
    ) -> None:
        """trouble: why no edit can be made with the model of the name `model`.

        The models stand in for it then, so that algorithms and their parameters can be told.
        """
        self._trouble, self._name = trouble, model or models.name
        self._models = models
        self._captioner = captioner
        self._clock = clock
        self._earlier: dict[tuple[str, bool, int], dict[str, float]] = {}
        self._store = ByteCache(STORE_BYTES)
        models.measure(clock)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._name

    @property
    def native_size(self) -> int:
        """Pixels of the shorter side that the model works at.

        It is that of the smallest of its variants.
        """
        models = self._models
        return min((models.geometry(one).native_size for one in models.variants), default=0)

    def algorithms(self) -> tuple[Algorithm, ...]:
        """Auto, then every algorithm with its parameters.

        Raises EditError for bad defaults of the model.
        """
        told = announce(self._models)
        if self._trouble is None:
            return told
        return tuple(
            replace(one, unavailable=str(self._trouble)[: limits.MAX_TEXT]) for one in told
        )

    def run(self, submit: Submit, cancelled: Callable[[], bool]) -> Iterator[JobMessage]:
        """Carry out one edit.

        `cancelled` is asked after every step. The last message is Done, Failed or Cancelled.
        """
        told = False
        seeds = [submit.seed, *submit.seeds]
        try:
            if self._trouble is not None:
                raise self._trouble
            while True:
                try:
                    for message in self._edit(submit, tuple(seeds), cancelled):
                        if not (told and isinstance(message, Chosen)):
                            yield message
                        if isinstance(message, Variant):
                            seeds.remove(message.seed)  # what has been sent is not made again
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
                yield Chosen(submit.job, 0, *error.choice, on_wire(error.choice[1]))
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

    def _edit(
        self, submit: Submit, seeds: tuple[int, ...], cancelled: Callable[[], bool]
    ) -> Iterator[JobMessage]:
        """The edit with each of these seeds."""
        covered = images.opacity(submit.pixels) if submit.keep_transparency else None
        background = images.background(submit.pixels, covered, submit.background)
        asked = editing.EditRequest(
            algorithm=submit.algorithm,
            instruction=submit.instruction,
            image=images.picture(submit.pixels, background),
            hint=None if submit.hint is None else images.selection(submit.hint),
            hint_mode=submit.hint_mode,
            named=images.named(submit),
            seed=seeds[0],
            parameters=submit.parameters,
            caption=submit.caption,
            mask_only=submit.mask_only,
            ask=submit.ask,
            full_resolution=submit.full_resolution,
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
        if len(seeds) > 1 and not algorithm.seeded:
            seeds, title = seeds[:1], algorithm.title
            template = "{algorithm} draws no random numbers: one picture stands for all seeds."
            notes = (*notes, say(template, algorithm=title))
        if prepared.reason:
            log.info("chose job=%s algorithm=%s", submit.job, algorithm.name)
            yield Chosen(submit.job, 0, algorithm.name, prepared.reason, on_wire(prepared.reason))
        kind = algorithm.name, submit.mask_only, len(seeds)
        estimate = Estimate(self._earlier.setdefault(kind, {}))
        if asked.caption != submit.caption:
            estimate.begin(DESCRIBING, began)
        previews = Previews(submit, self._clock)
        waiting = set(range(len(seeds)))
        with closing(self._events(prepared, seeds)) as steps:
            for place, event in steps:
                if cancelled():
                    yield Cancelled(submit.job, 0)
                    return
                now = self._clock()
                if isinstance(event, events.Done):
                    waiting.discard(place)
                    said = (*notes, *self._models.notes)
                    seconds = dict(estimate.seconds) if waiting else estimate.finish(now)
                    yield from previews.finished(event)
                    yield from finish(submit, asked, background, event, seconds, said, not waiting)
                elif place != min(waiting) or (place and isinstance(event, events.Note)):
                    continue  # one seed is followed, and what is to be said of it is said once
                elif isinstance(event, events.Crop):
                    previews.shows = _box(event)
                elif isinstance(event, events.Note):
                    yield Note(submit.job, 0, on_wire(event.sentence))
                elif isinstance(event, events.Stage):
                    estimate.begin(event.name, now, event.number, event.passes)
                    left, at = estimate.left(0, event.steps, now), (event.number, event.passes)
                    yield Progress(submit.job, 0, event.name, 0, event.steps, left, *at)
                elif isinstance(event, events.Step):
                    left = estimate.left(event.index, event.count, now)
                    at = event.number, event.passes
                    yield Progress(submit.job, 0, event.stage, event.index, event.count, left, *at)
                    yield from previews.of(event)
                elif isinstance(event, events.Mask):
                    parts = tuple(
                        part_mask(part, part.soft) for part in event.parts[: limits.MAX_ITEMS]
                    )
                    yield Mask(submit.job, 0, images.mask(event.soft), parts, final=False)

    def _events(
        self, prepared: editing.Prepared, seeds: tuple[int, ...]
    ) -> Generator[tuple[int, events.Event]]:
        """What happens, and to which of the seeds."""
        if len(seeds) == 1:
            for event in editing.edit(self._models, prepared, self._store):
                yield 0, event
            return
        yield from editing.edit_variants(self._models, prepared, seeds, self._store)


def _box(crop: events.Crop) -> Box:
    top, left, bottom, right = crop.box
    return Box(left, top, right - left, bottom - top)
