"""Prompt-to-prompt (Hertz et al., ICLR 2023) on a picture.

By direct inversion (Ju et al., ICLR 2024). It is AdapEdit without its two parts. Two branches share
their attention: while a token's window lasts, the target's cross-attention comes from the source's,
re-indexed to the target's tokens; while the self window lasts, so does its self-attention at the
semantic level and deeper.

Differences:
 1  the windows are PIE-Bench's for pictures (cross 0.4, self 0.6); the paper's, for generated
    images, are 0.8 and 0.4.
 2  the source branch is the stored trajectory itself, so it needs no unconditional row: three rows
    a step. A generated picture's is made anew from its seed (origin "seed"), two rows a step.
 3  local blend is the paper's, off by default.
 4  re-weighting multiplies the columns of the words that differ, or of the marked ones ("a
    [fluffy:3] cat"), as the authors' AttentionReweight: rows then no longer sum to 1.
 5  self-attention is held at the semantic level and deeper; own_from "finer" begins one level
    finer, 32 x 32 of 64 x 64 latents, as the null-text code and PIE-Bench do.
 6  the preset "pie-bench" is PnPInversion's: 5, blended words and their weight of 2.
 7  inversion "null-text" is Mokady et al.'s (CVPR 2023), NTI + P2P in the papers' tables: the
    target's unconditional row takes the optimised null_t of its step.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...diffusion import tokens
from ...diffusion.attention import Attention, Site, Tap
from ...diffusion.masks import blend
from ...diffusion.model import Branch, Model
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import Timestep
from ...errors import EditError
from ...events import Event
from ...language import alignment
from ...request import parameter
from ...task import Algorithm, Found, Outcome, Task
from ..common import null_embeddings, origin
from ..prompt_pair import held_sites, refinement
from ..source_attention import of_source, self_tap
from .common import ground

BLEND_AT = 0.3  # a place belongs to the edit where its normalised map is above this
BLEND_FROM = 0.2  # share of the steps after which the maps are settled enough to blend by

Window = tuple[float, float]  # shares of the steps, from..to


@dataclass(frozen=True)
class Settings:
    """Prompt-to-prompt's parameters."""

    mode: str = parameter(
        "refinement",
        "How the two texts are paired: by alignment, or word by word.",
        choices=("refinement", "replacement"),
        front=True,
        title="texts paired by",
    )
    cross: float = parameter(
        0.4,
        "Share of the steps in which the layout follows the original.",
        minimum=0.0,
        maximum=1.0,
        front=True,
        title="layout kept",
    )
    own: float = parameter(
        0.6,
        "Share of the steps in which shapes follow the original.",
        minimum=0.0,
        maximum=1.0,
        front=True,
        title="shapes kept",
    )
    local_blend: bool = parameter(
        False, "Change only where the differing words look.", front=True, title="only new words"
    )
    own_from: str = parameter(
        "semantic",
        "Where shapes follow: at the level at which nouns localise best and coarser ones, or from "
        "one finer on.",
        choices=("semantic", "finer"),
        title="shapes from level",
    )
    weight: float = parameter(
        1.0,
        "How much the words that differ count in every layout (re-weighting); 1: as they are.",
        minimum=0.0,
        maximum=20.0,
        title="weight of words",
    )
    inversion: str = parameter(
        "direct",
        "How the picture is held: direct, or null-text, which learns empty words for it (slow).",
        choices=("direct", "null-text"),
        title="picture held by",
    )
    origin: str = origin()
    guidance: float = parameter(7.5, "How much the target text counts.", minimum=0.0, maximum=30.0)
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)


# ---------------------------------------------------------------- plain arrays


def windows(
    steps: int,
    default: Window,
    by_place: Mapping[int, Window] | None = None,
    places: int = tokens.MAX_TOKENS,
) -> np.ndarray:
    """When each token takes the source's map: (steps + 1, places) of 0 and 1.

    A window's ends are shares of steps + 1, rounded down.
    """
    alpha = np.zeros((steps + 1, places), dtype=np.float32)
    for place in range(places):
        first, last = (int(share * (steps + 1)) for share in (by_place or {}).get(place, default))
        alpha[first:last, place] = 1
    return alpha


def replacement(source: tokens.Prompt, target: tokens.Prompt) -> np.ndarray:
    """The mapper (places, places) of word replacement.

    It hands each replaced word's columns to the word in its place; evenly, where their tokens
    differ in number. Raises EditError("word-counts") unless both texts have the same number of
    words.
    """
    before, after = source.words, target.words
    if len(before) != len(after):
        raise EditError(
            "word-counts",
            f"Replacement pairs word by word, but the texts have {len(before)} and {len(after)} "
            "words.",
            "Use refinement, or write both with the same number of words.",
        )
    places = len(source.ids)
    mapper = np.zeros((places, places), dtype=np.float32)
    swaps = [
        (a.positions, b.positions) for a, b in zip(before, after, strict=True) if a.text != b.text
    ]
    i = j = 0
    for old, new in swaps:
        while i < old[0]:
            mapper[i, j] = 1
            i, j = i + 1, j + 1
        if len(old) == len(new):
            mapper[list(old), list(new)] = 1
        else:
            mapper[np.ix_(old, new)] = 1 / len(new)
        i, j = i + len(old), j + len(new)
    rest = np.arange(
        j, places - max(0, i - j)
    )  # behind the last swap each place keeps its own column, as the authors' code has it
    mapper[rest, rest] = 1
    return mapper


def injected(
    source: Tensor, target: Tensor, mapper: Tensor, alphas: Tensor, window: Tensor
) -> Tensor:
    """The target's map while windows last.

    For tokens with a partner it is the source's, re-indexed; for the others it is the target's own.
    source, target: (..., position, token). mapper: (token, token). alphas, window: (token).
    """
    given = (source @ mapper) * alphas + target * (1 - alphas)
    return given * window + target * (1 - window)


def weights(task: Task, target: tokens.Prompt, fresh: Sequence[int], weight: float) -> Tensor:
    """How much each of the target's tokens counts, (token).

    The marked words' own strengths, times the weight; without marks the words that differ have it.
    """
    found = torch.ones(len(target.ids))
    marks = [mark for item in task.instruction.items for mark in item.marks]
    for mark in marks:
        if span := alignment.span_of(mark.text, target.text):
            found[list(target.positions(span))] = weight * (mark.strength or 1.0)
    if not marks:
        found[list(fresh)] = weight
    return found


def local_blend(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Where the differing words look, (h', w') in 0..1.

    Each map (h, w) is widened by one cell, brought to the latents' size and divided by its largest
    value; the larger of all counts.
    """
    found = []
    for x in maps:
        wide = F.interpolate(F.max_pool2d(x[None, None], 3, stride=1, padding=1), size=size)[0, 0]
        found.append(wide / wide.max().clamp(min=torch.finfo(wide.dtype).tiny))
    return torch.stack(found).amax(0)


# ---------------------------------------------------------------- on the network


def pairing(model: Model, source: str, target: str, mode: str) -> tuple[Tensor, Tensor]:
    """The mapper (token, token) and the alphas (token) of a mode."""
    a, b = (tokens.read(model.tokenizer, text, model.max_tokens) for text in (source, target))
    if mode == "replacement":
        return torch.from_numpy(replacement(a, b)), torch.ones(model.max_tokens)
    return refinement(a, b, model.max_tokens)


def changed(model: Model, source: str, target: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places of the words that differ, in the source and in the target."""
    a, b = (tokens.read(model.tokenizer, text, model.max_tokens) for text in (source, target))
    found = alignment.blocks(alignment.align(a.used, b.used))
    return tuple(i for block in found for i in block.source), tuple(
        j for block in found for j in block.target
    )


class Watched:
    """Maps of the differing words at the semantic level.

    They are summed over heads, sites and steps.
    """

    def __init__(self, source: tuple[int, ...], target: tuple[int, ...]) -> None:
        self._places = {"source": list(source), "target": list(target)}
        self._sums: dict[str, Tensor] = {}

    def add(self, branch: str, probabilities: Tensor, grid: tuple[int, int]) -> None:
        """probabilities: (1, head, position, token)."""
        if self._places[branch]:
            seen = probabilities[..., self._places[branch]].mean(dim=(0, 1, 3)).unflatten(0, grid)
            self._sums[branch] = self._sums.get(branch, torch.zeros_like(seen)) + seen

    def where(self, size: tuple[int, int]) -> Tensor:
        """(h, w) in 0..1 at the latents' size."""
        return local_blend(tuple(self._sums.values()), size)


def cross_tap(
    mapper: Tensor,
    alphas: Tensor,
    window: Tensor,
    watched: Watched | None,
    semantic: Sequence[Site],
    weight: Tensor | float = 1.0,
) -> Tap:
    """Cross-attention of one step. weight: (token), of re-weighting."""

    def tap(a: Attention) -> Tensor:
        source, target = a.probabilities("source"), a.probabilities("target")
        edited = injected(source, target, mapper, alphas, window) * weight
        if watched is not None and a.site in semantic:
            watched.add("source", source, a.grid)
            watched.add("target", edited, a.grid)
        return a.attend(target=edited)

    return tap


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """50 rows of inversion, then three a step: 200 in all."""
    start = ground(task, settings.steps)
    model = start.model
    device = start.z0.device
    mapper, alphas = (
        x.to(device) for x in pairing(model, start.texts.source, start.texts.target, settings.mode)
    )
    cross = torch.from_numpy(
        windows(settings.steps, (0.0, settings.cross), places=model.max_tokens)
    ).to(device)
    differing = changed(model, start.texts.source, start.texts.target)
    watched = Watched(*differing) if settings.local_blend else None
    read = tokens.read(model.tokenizer, start.texts.target, model.max_tokens)
    weight = weights(task, read, differing[1], settings.weight).to(device)
    finer = model.semantic_level - 1 if settings.own_from == "finer" else None
    semantic = model.sites.at("cross", model.semantic_level)
    size = (start.z0.shape[2], start.z0.shape[3])
    trajectory = yield from start.pinned(start.source, settings.origin, settings.guidance)

    nulls = None
    if settings.inversion == "null-text":
        nulls = yield from null_embeddings(
            task,
            model,
            trajectory,
            start.source.text,
            start.null.text,
            start.timesteps,
            settings.guidance,
        )

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        tap = cross_tap(mapper, alphas, cross[now.index], watched, semantic, weight)
        own = now.index < int(settings.own * settings.steps)
        taps = held_sites(model, tap, self_tap(of_source) if own else None, finer)
        latents = {"null": z, "source": trajectory.at(now), "target": z}
        null = start.null if nulls is None else Branch("null", nulls[now.index][None])
        noise = model.predict(latents, now.t, [null, start.source, start.target], taps)
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    def compose(z: Tensor, now: Timestep) -> Tensor:
        if watched is None or now.index <= BLEND_FROM * settings.steps:
            return z
        return blend(z, trajectory.at(now), (watched.where(size) > BLEND_AT).to(z))

    z = yield from start.sampled(trajectory.noisiest, start.timesteps, predict, compose)
    if watched is None:
        return start.finished(z)
    return start.finished(z, Found(watched.where(size)[None, None], BLEND_AT))


ALGORITHM = Algorithm(
    name="p2p",
    title="Prompt-to-prompt",
    summary="Keeps the layout of the words that stay and changes the others; AdapEdit without "
    "its guidance in time and space.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    goes_back=lambda settings: settings.inversion == "null-text",
    told_by="captions",
    finds_mask=lambda settings: settings.local_blend,
    keeps_to_mask=False,
    baseline=True,
    order=13,
    seeded=False,
    presets={
        "paper": {"cross": 0.8, "own": 0.4, "guidance": 7.5, "steps": 50},
        "fast": {"steps": 20},
        "quick": {"steps": 10},
        "pie-bench": {"own_from": "finer", "local_blend": True, "weight": 2.0},
    },
)
