"""Two prompts side by side.

They are aligned token by token, one of them is watched in a pass of its own, and both are sampled
together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import tokens
from ..diffusion.attention import Attention, AverageMap, Site, Sites, Tap, Taps
from ..diffusion.inversion import Trajectory
from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import classifier_free, denoise
from ..diffusion.schedule import DDIM, Timestep
from ..errors import EditError
from ..events import Event
from ..language import alignment, lexicon
from ..task import Task, shown

Spatial = Callable[[int], Tensor]
"""A weight of places by level: level -> (position)."""

# ---------------------------------------------------------------- the words


@dataclass(frozen=True)
class Pair:
    """The two prompts, token by token.

    reindex: (place, place), takes the source's map to the target's tokens. fresh: the target's
    places without a partner. key: places of its key tokens: those of fresh, less articles that only
    follow the next word ("a red apple", "an apple"); marked ones instead where the painter marked
    some. gone: source places of deleted words, where nothing else changed.
    """

    source: tokens.Prompt
    target: tokens.Prompt
    reindex: Tensor
    key: tuple[int, ...]
    fresh: tuple[int, ...]
    gone: tuple[int, ...]

    @property
    def keywords(self) -> tuple[str, ...]:
        """The words that the key tokens belong to, or the deleted words."""
        prompt, places = (self.target, self.key) if self.key else (self.source, self.gone)
        return tuple(
            word.text.strip(".,;:") for word in prompt.words if set(word.positions) & set(places)
        )


def pair(model: Model, source: str, target: str, marked: Sequence[str] = ()) -> Pair:
    """Align c and c*.

    marked: words of the target that the painter named as the key. Raises
    EditError("nothing-changes").
    """
    a, b = (tokens.read(model.tokenizer, text, model.max_tokens) for text in (source, target))
    pairs = alignment.align(a.used, b.used)
    fresh = alignment.key_places(pairs)
    blocks = alignment.blocks(pairs)
    if not blocks:
        raise EditError(
            "nothing-changes",
            f"Source and target are the same: {source!r}.",
            "Say what shall be different.",
        )
    key = tuple(place for place in fresh if place not in articles(b))
    gone = tuple(
        place
        for block in blocks
        for place in block.source
        if not block.target or place not in articles(a)
    )
    if not key and not gone:
        key = fresh  # an article is all that changes
    named = [
        place
        for mark in marked
        if (span := alignment.span_of(mark, target))
        for place in b.positions(span)
    ]
    if key and named:
        key = tuple(dict.fromkeys(named))
    return Pair(
        a,
        b,
        alignment.reindexing(a.used, b.used, model.max_tokens),
        key,
        fresh,
        () if key else gone,
    )


def refinement(source: tokens.Prompt, target: tokens.Prompt, places: int) -> tuple[Tensor, Tensor]:
    """Prompt-to-prompt's mapper (place, place) and alphas (place).

    Padding keeps its place. A token without a partner gets nothing, and alpha 0.
    """
    indices, alphas = alignment.refinement(source.used, target.used, places)
    mapper = torch.zeros(places, places)
    kept = np.flatnonzero(indices >= 0)
    mapper[indices[kept], kept] = 1
    return mapper, torch.from_numpy(alphas)


def as_refined(couple: Pair) -> Pair:
    """The pair, re-indexed as prompt-to-prompt does."""
    mapper, _ = refinement(couple.source, couple.target, len(couple.reindex))
    return replace(couple, reindex=mapper)


def articles(prompt: tokens.Prompt) -> frozenset[int]:
    """The places of a, an and the."""
    return frozenset(
        place
        for word in prompt.words
        if word.text.lower() in lexicon.ARTICLES
        for place in word.positions
    )


# ---------------------------------------------------------------- the pre-pass


@dataclass(frozen=True)
class Survey:
    """What the pre-pass saw: maps (token, h, w) and features (h w, d)."""

    maps: Tensor
    features: Tensor


class FeatureTap:
    """A reading tap that also keeps the site's input.

    It has a site's map through another tap, and the hidden states that came into it last,
    (position, d).
    """

    def __init__(self, branch: str, inner: Tap) -> None:
        self.branch = branch
        self._inner = inner
        self.value: Tensor | None = None

    def __call__(self, a: Attention) -> Tensor:
        self.value = a.hidden[a.rows.of(self.branch)][0].float()
        return self._inner(a)


def fine_sites(model: Model) -> tuple[Site, ...]:
    """The cross-attention sites one level finer than the semantic one.

    But never the finest, where words are not told apart.
    """
    return model.sites.at("cross", max(model.semantic_level - 1, min(1, model.semantic_level)))


def last_up(sites: Sequence[Site]) -> Site:
    """The last decoder site."""
    return [site for site in sites if site.place == "up"][-1]


def survey(
    task: Task,
    model: Model,
    z: Tensor,
    text: Branch,
    null: Branch,
    timesteps: Sequence[Timestep],
    sites: Sequence[Site],
    guidance: float,
) -> Generator[Event, None, Survey]:
    """Samples with one text from z*_T and watches it: two rows a step.

    From the cache where an earlier edit left it.
    """

    def make() -> Generator[Event, None, Survey]:
        average = AverageMap(text.name)
        features = FeatureTap(text.name, average)
        taps: Taps = dict.fromkeys(sites, average) | {last_up(sites): features}

        def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
            eps = model.predict(z, now.t, [null, text], taps)
            return classifier_free(eps[null.name], eps[text.name], guidance)

        steps = denoise(z, timesteps, DDIM(), predict)
        yield from shown(
            "finding words and places", len(timesteps) - 1, steps, previewer(model, z, task.image)
        )
        assert features.value is not None
        return Survey(average.value, features.value)

    ingredients = (
        model.identity,
        z,
        text.text,
        guidance,
        tuple(m.t for m in timesteps),
        tuple(s.name for s in sites),
    )
    return (yield from task.cache.memoize("words and places", Survey, ingredients, make))


def coarser(timesteps: Sequence[Timestep], steps: int) -> tuple[Timestep, ...]:
    """At most `steps` of a schedule's steps, evenly, with both its ends."""
    last = len(timesteps) - 1
    count = min(steps, last)
    return tuple(timesteps[round(i * last / count)] for i in range(count + 1))


# ---------------------------------------------------------------- both together


def by_level(s: Tensor, size: tuple[int, int]) -> Spatial:
    """S (h, w) at every level of latents (h', w'), bilinear."""
    kept: dict[int, Tensor] = {}

    def at(level: int) -> Tensor:
        if level not in kept:
            kept[level] = F.interpolate(
                s[None, None], Sites.grid(size, level), mode="bilinear", antialias=True
            )[0, 0].flatten()
        return kept[level]

    return at


ROUNDING = 1e-4  # of a step: more than float32 loses in a window of 500


def whole_steps(window: Tensor, count: int) -> Tensor:
    """How many of `count` steps a window lasts.

    The window is a share of them: floor(window count), where rounding alone costs no step.
    """
    return (window * count + ROUNDING).floor()


def held_sites(
    model: Model, cross: Tap, own: Tap | None, finest: int | None = None
) -> dict[Site, Tap]:
    """A tap at every cross-attention.

    And another at the self-attention of a level and deeper, while that is held: of `finest`, else
    of the semantic level.
    """
    least = model.semantic_level if finest is None else max(0, finest)
    held = dict.fromkeys(model.sites.at("cross"), cross)
    if own is not None:
        deep = [site for site in model.sites.at("self") if site.level >= least]
        held |= dict.fromkeys(deep, own)
    return held


def guided_pair(
    model: Model,
    z: Tensor,
    now: Timestep,
    branches: Mapping[str, Branch],
    held: Taps,
    guidance: float,
    trajectory: Trajectory,
    source_known: bool = False,
) -> Tensor:
    """The guided noise of one step, (1, 4, h, w); 3 rows.

    z is the target's latents, the source's are the trajectory's, so that only the target needs an
    unconditional row. source_known: what the taps want of the source is kept; 2 rows.
    """
    names = ("null", "target") if source_known else ("null", "source", "target")
    latents = {"null": z, "source": trajectory.at(now).to(z), "target": z}
    eps = model.predict(latents, now.t, [branches[name] for name in names], held)
    return classifier_free(eps["null"], eps["target"], guidance)
