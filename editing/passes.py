"""One pass of an algorithm over one part of the layer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from . import transparency, visible
from .diffusion.budget import Demand
from .diffusion.evening import evened
from .diffusion.finite import Widened, is_finite
from .diffusion.loading import Models
from .diffusion.model import Gather, Tally
from .diffusion.recolouring import Recolouring
from .diffusion.unchanged import Unchanged
from .errors import NotFinite
from .events import Event, Mask, Stage, Step
from .frame import Change, Frame
from .preparing import Prepared
from .store import EditCache
from .task import Outcome, Task


@dataclass(frozen=True)
class Means:
    """What every pass of an edit works with.

    gather: shares its forwards with other edits (variants.py).
    """

    models: Models
    cache: EditCache
    tally: Tally
    gather: Gather | None = None


@dataclass(frozen=True)
class Pass:
    """What a pass has come to.

    decoder: the variant of the model whose autoencoder has made the picture. warnings: of the
    networks, to be told besides the outcome's.
    """

    task: Task
    outcome: Outcome
    factor: int
    decoder: str
    warnings: tuple[str, ...] = ()

    @property
    def is_painted(self) -> bool:
        """Whether there is a picture, and not the mask alone."""
        return self.outcome.image is not None

    def alpha(self) -> Tensor:
        """The composite's alpha at the layer's size, (1, 1, H, W)."""
        return self.task.alpha(self.outcome.found, self.outcome.reach)

    def whole(self) -> Tensor:
        """All of the crop as it was edited, (1, 3, h, w) at the layer's own size."""
        return self.task.frame.leave(self.task.request.image, self._image, self._changes())

    def composite(self, alpha: Tensor) -> Tensor:
        """The layer (1, 3, H, W) with the edit over it; untouched where alpha is 0."""
        image = self.task.request.image
        if not self.is_painted:
            return image
        return self.task.frame.composite(image, self._image, alpha, self._changes())

    def is_unseen(self, result: Tensor, alpha: Tensor) -> bool:
        """Whether nobody sees what the edit did to the layer.

        result: what `composite` gives with this alpha. Nothing that the autoencoder alone would
        have done counts.
        """
        image, frame = self.task.request.image, self.task.frame
        return visible.nothing_changed(
            image, result, alpha, lambda: frame.composite(image, self._round_trip(), alpha)
        )

    def _round_trip(self) -> Tensor:
        """The working picture, encoded and decoded as the edit was."""
        known = self.outcome.decoded
        if known is None:
            known = self.task.model(self.decoder).round_trip(self.task.image)
        return known.cpu()

    @property
    def edge(self) -> float:
        """Pixels of the layer by which the network may have moved an outline.

        It is a quarter of a latent: farther none strayed where only a colour was to change.
        """
        frame = self.task.frame
        across = max(side / size for side, size in zip(frame.shape, frame.size, strict=True))
        return across * self.factor / 4

    @property
    def paper(self) -> tuple[float, float, float] | None:
        """What the network has made of the background; None where nothing is empty."""
        opacity = self.task.request.opacity
        if not self.is_painted or opacity is None:
            return None
        return transparency.paper(self._image, self.task.image, self.task.frame.enter(opacity))

    @cached_property
    def _image(self) -> Tensor:
        image, gone = self.outcome.image, self.outcome.gone
        assert image is not None
        if gone is None:
            return image.cpu()
        wide = F.interpolate(gone.cpu(), size=self.task.frame.size, mode="nearest")
        return evened(self.task.image, image.cpu(), wide, self.factor)

    def _changes(self) -> list[Change]:
        """Where the layer's own pixels stay, or take on colours.

        That is where nothing else changed.
        """
        where, decoded = self.outcome.recoloured, self.outcome.decoded
        found: list[Change] = []
        if decoded is not None:
            found.append(Unchanged.between(decoded.cpu(), self._image))
        if where is not None:
            recoloured = Recolouring.between(self.task.image, self._image, self.factor, where.cpu())
            found.append(recoloured)
        return found


def demand(prepared: Prepared, frame: Frame) -> Demand:
    """What an edit asks of the networks; for the mask alone only the first is used."""
    algorithm, items = prepared.algorithm, len(prepared.instruction.items)
    asked = algorithm.demand(prepared.settings, frame.size, items)
    if prepared.request.mask_only:
        asked = replace(asked, variants=asked.variants[:1], rounds=1)
    return asked


def carried_out(
    prepared: Prepared, frame: Frame, hint: Tensor | None, means: Means, locate: bool = False
) -> Generator[Event, None, Pass]:
    """The algorithm over a frame of `prepared.request.image`.

    hint: (1, 1, H, W), or None where it plays no part. locate: end as soon as the place is known;
    an algorithm that knows it at its end only has its picture by then. Raises NotFinite.
    """
    request, models = prepared.request, means.models
    warnings: list[str] = []
    while True:
        task = Task(
            request=request,
            instruction=prepared.instruction,
            texts=prepared.texts,
            image=frame.enter(request.image.float()),
            hint=None if hint is None else frame.enter(hint),
            frame=frame,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            cache=means.cache,
            tally=means.tally,
            models=models,
            gather=means.gather,
        )
        try:
            outcome = yield from _outcome(prepared, task, locate)
        except Widened as widened:  # once for each of the model's variants at most
            warnings.append(widened.sentence)
            if models.plan.layers:  # its values lie where widening does not reach them
                models.unload()
            continue
        break
    if not is_finite(outcome.found.soft) or not (outcome.image is None or is_finite(outcome.image)):
        raise NotFinite("The edit ran into numbers that are not finite.")
    needs = prepared.algorithm.needs
    decoder = needs[-1] if outcome.latents is None else needs[0]
    return Pass(task, outcome, models.geometry(needs[0]).factor, decoder, tuple(warnings))


def _outcome(prepared: Prepared, task: Task, locate: bool) -> Generator[Event, None, Outcome]:
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
        if (mask_only or locate) and isinstance(event, Outcome):
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
