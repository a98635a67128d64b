"""What an algorithm is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from . import events
from .diffusion.budget import Demand
from .diffusion.loading import Models
from .diffusion.masks import area, within
from .diffusion.model import Gather, Model, Tally
from .diffusion.preview import Preview
from .diffusion.sampling import Progress
from .facts import Facts
from .frame import Frame
from .language.instruction import Instruction
from .language.prompts import Captions
from .request import EditRequest, Parameter, parameters_of
from .request import Value as Setting
from .resizing import threshold
from .store import EditCache

Value = TypeVar("Value")

LOADING = "loading the model"
"""The stage in which a network comes from the disk."""


@dataclass(frozen=True)
class Part:
    """The mask of one sub-instruction.

    It is a map (1, 1, a, b) in 0..1 over the working picture, of any grid. reach: working pixels by
    which it grows in the composite; None for the outcome's. given: (1, 1, H, W) in 0..1, the
    painter's own mask of its thing, which is the composite's; None where it was found.
    """

    instruction: str
    keyword: str
    soft: Tensor
    reach: float | None = None
    given: Tensor | None = None


@dataclass(frozen=True)
class Found:
    """Where the edit happens.

    A map (1, 1, a, b) in 0..1 over the working picture, its threshold, and the sub-instructions'
    maps.
    """

    soft: Tensor
    threshold: float
    parts: tuple[Part, ...] = ()


WHOLE = Found(torch.ones(1, 1, 1, 1), 0.5)
"""The mask of a method that has none: the whole picture may change."""


@dataclass(frozen=True)
class Outcome:
    """An algorithm's answer at working size.

    latents: (1, 4, h, w), scaled, still to be decoded by the first network that the algorithm
    needs; or image: (1, 3, h, w) in 0..1, where it has decoded them itself; neither where only the
    mask is known. reach: working pixels by which the mask grows in the composite. recoloured:
    (1, 1, a, b) over the working picture, 1 where only colours have changed, so that the layer's
    own pixels take them on; None for nowhere. decoded: (1, 3, h, w), the picture before as the
    autoencoder shows it, where the layer's own pixels shall stay in what the edit left alike. gone:
    (1, 1, a, b) over the working picture, 1 where a thing has gone, so that the ground there takes
    its tone from what is around it; None for nowhere. The rest goes into the report.
    """

    found: Found = WHOLE
    reach: float = 0.0
    latents: Tensor | None = None
    image: Tensor | None = None
    recoloured: Tensor | None = None
    decoded: Tensor | None = None
    gone: Tensor | None = None
    keywords: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    understood: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One edit, ready for an algorithm.

    Pictures and hint are at working size, on the CPU. texts: what the picture shows and shall show,
    for an algorithm that is told by captions. image: (1, 3, h, w) in 0..1. hint: (1, 1, h, w) in
    0..1, or None where there is none or it is off. generator: the request's only source of random
    numbers. cache: values kept from earlier edits. gather: where the forwards of several edits are
    shared.
    """

    request: EditRequest
    instruction: Instruction
    texts: Captions | None
    image: Tensor
    hint: Tensor | None
    frame: Frame
    generator: torch.Generator
    cache: EditCache
    tally: Tally
    models: Models
    gather: Gather | None = None

    @property
    def captions(self) -> Captions:
        """The texts of an algorithm that is told by captions."""
        assert self.texts is not None, 'declare told_by="captions"'
        return self.texts

    def model(self, variant: str) -> Model:
        """A variant of the model, counting into this edit's tally. Raises MissingVariant."""
        return self.models.get(variant).counting(self.tally, self.gather)

    def brought(self, variant: str) -> Generator[events.Event, None, Model]:
        """A variant of the model, with its loading told as a stage.

        It is for a network that is wanted late, so that a card need not hold it together with
        another.
        """
        if not self.models.is_loaded(variant):
            yield events.Stage(LOADING)
        return self.model(variant)

    @property
    def guide(self) -> Tensor | None:
        """The hint where it is a prior, else None."""
        return self.hint if self.request.hint_mode == "guide" else None

    @property
    def limit(self) -> Tensor | None:
        """The hint where it is a hard limit, else None."""
        return self.hint if self.request.hint_mode == "limit" else None

    @property
    def exactly(self) -> Tensor | None:
        """The hint where it is the mask itself, and none is looked for, else None."""
        return self.hint if self.request.hint_mode == "exactly" else None

    @property
    def bounds(self) -> Tensor | None:
        """The hint where nothing may change outside of it: a limit, or the mask itself."""
        return self.exactly if self.limit is None else self.limit

    def mask(self, found: Found, reach: float | None = None) -> events.Mask:
        """The masks as the painter sees them.

        They are at image size, clipped by a limit, and made when they are looked at. reach: of the
        composite, once the edit is done; then the parts have their shares.
        """

        def made(soft: Tensor) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
            return partial(self._soft, soft), partial(self._binary, soft, found.threshold)

        def done(part: Part) -> events.PartMask:
            named = events.PartMask(*made(part.soft), part.instruction, part.keyword)
            if reach is None:
                return named
            share = partial(self.alpha, replace(found, soft=part.soft, parts=(part,)), reach)
            return replace(named, make_share=share, map=self.part_map(found, part))

        return events.Mask(*made(found.soft), tuple(done(part) for part in found.parts))

    def alpha(self, found: Found, reach: float) -> Tensor:
        """The composite's alpha (1, 1, H, W); a selection's soft edge stays soft."""
        if self.exactly is not None:
            return self._selection()
        given = [part.given for part in found.parts if part.given is not None]
        looked_for = [part for part in found.parts if part.given is None]
        pieces = [(part.soft, part.reach) for part in looked_for if part.reach is not None]
        if len(pieces) < len(looked_for) or not (pieces or given):
            pieces = [(found.soft, reach)]
        feathered = [
            self.frame.feathered(threshold(soft.cpu(), self.frame.size, found.threshold), by or 0.0)
            for soft, by in pieces
        ]
        if feathered:
            given.append(self.frame.alpha(torch.stack(feathered).amax(0)))
        return (
            torch.stack(given).amax(0) * self._clip() if len(given) > 1 else given[0] * self._clip()
        )

    def working_map(self, found: Found) -> Tensor:
        """The soft map at the working size, (1, 1, h, w) in 0..1.

        It is 0 where nothing may change.
        """
        if self.exactly is not None:
            return self.exactly
        soft = F.interpolate(found.soft.float().cpu(), size=self.frame.size, mode="bilinear")
        return soft.clamp(0, 1) if self.limit is None else soft.clamp(0, 1) * within(self.limit)

    def part_map(self, found: Found, part: Part) -> Tensor:
        """The same of one sub-instruction, over what lies in the layer."""
        return self.frame.trim(self.working_map(replace(found, soft=part.soft)))

    def _soft(self, soft: Tensor) -> Tensor:
        if self.exactly is not None:
            return self._selection()
        return self.frame.soft(soft.cpu()) * self._clip()

    def _binary(self, soft: Tensor, at: float) -> Tensor:
        if self.exactly is not None:
            return (self._selection() > 0).float()
        return self.frame.place(threshold(soft.cpu(), self.frame.shape, at)) * within(self._clip())

    def _selection(self) -> Tensor:
        """The painter's selection at layer size, (1, 1, H, W)."""
        assert self.request.hint is not None
        return self.request.hint.float().clamp(0, 1)

    def _clip(self) -> Tensor:
        """The limit at layer size, or 1."""
        return torch.ones(()) if self.limit is None else self._selection()


def on_grid(hint: Tensor, size: tuple[int, int]) -> Tensor:
    """A hint (1, 1, h, w) on another grid, as (a, b)."""
    return area(hint, size)[0, 0]


Run = Callable[[Task, Any], Generator[events.Event | Outcome, None, Outcome]]
"""Carries out a task with its settings.

Yields stages, steps and masks, returns the outcome. An outcome that it yields on the way says where
the edit will happen, before that is painted: its mask is shown, and an edit that wants no more ends
there.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Algorithm(Facts):
    """All that is known of an algorithm outside its own file.

    It is declared at the end of that file. Docker, command line, Auto and the benchmarks take it
    from here.

    settings: a frozen dataclass whose fields are declared with `request.parameter`.
    finds_mask: whether it looks for a mask, or else may change the whole picture; where that
    depends on its settings, a function of them.
    takes_named: whether it takes the painter's masks of single things (EditRequest.named).
    keeps_to_mask: whether what is painted stays within the mask that is found before; not where
    the mask is what has changed, of a pose say.
    rows, inseparable, goes_back: what budget.Demand says of an edit with given settings. Without
    `inseparable` no branch goes through the UNet without the others.
    presets: settings for benchmarks, by "paper" (the paper's own, each named), "fast" (half to a
    third of its network rows) and "quick" (about 50 rows). What is absent keeps its default.
    """

    settings: type[Any]
    run: Run
    finds_mask: bool | Callable[[Any], bool] = True
    keeps_to_mask: bool | Callable[[Any], bool] = True
    takes_named: bool = False
    rows: Callable[[Any], int] = lambda _: 4
    inseparable: Callable[[Any], int] | None = None
    goes_back: Callable[[Any], bool] = lambda _: False
    presets: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The declared parameters, in order."""
        return parameters_of(self.settings)

    def demand(self, settings: Any, size: tuple[int, int], items: int) -> Demand:
        """What an edit asks of the networks.

        size: (height, width), the working size. items: of the instruction.
        """
        rows = self.rows(settings)
        alone = rows if self.inseparable is None else self.inseparable(settings)
        back = self.goes_back(settings)
        return Demand(self.needs, size, rows, alone, back, items if len(self.needs) > 1 else 1)

    def has_mask(self, settings: Any) -> bool:
        """Whether it looks for a mask with these settings."""
        return self.finds_mask if isinstance(self.finds_mask, bool) else self.finds_mask(settings)

    def holds_mask(self, settings: Any) -> bool:
        """Whether it stays within the mask that it finds before it paints."""
        holds = self.keeps_to_mask
        return holds if isinstance(holds, bool) else holds(settings)


MASK_EVERY = 5  # steps between two masks shown on the way


def shown(
    stage: str,
    count: int,
    steps: Generator[Progress, None, Value],
    preview: Preview,
    mask: Callable[[], events.Mask | None] = lambda: None,
) -> Generator[events.Event, None, Value]:
    """Tells a loop's progress as events of a stage.

    What the loop returns is handed back. mask: the mask so far, if there is one to show.
    """
    yield events.Stage(stage, count)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        yield events.Step(stage, progress.index, progress.count, partial(preview, progress.clean))
        if progress.index % MASK_EVERY == 1 and (so_far := mask()) is not None:
            yield so_far
