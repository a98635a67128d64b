"""DiffEdit (Couairon et al., ICLR 2023).

The edit happens where two texts predict different noise. Differences. The mask is finished as in
the paper and diffusers (clamped at three times its mean, above 0.5); mask="blurred" is the version
that InstDiffEdit's authors compared with (min-max to 8 bits, one 5 x 5 blur, above 0.35). Both
sides of the difference are guided, as published; their unconditional rows cancel in it.
edges="picture" lets the mask follow the picture's edges (diffusion/edges.py), which the paper does
not. The inversion's text is the source text, as in diffusers. end="inpainting" paints the mask
with the inpainting network, as InstDiffEdit does, so that the two differ in their masks alone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...diffusion.edges import follow
from ...diffusion.inversion import invert
from ...diffusion.masks import area, blend, blur, guided, normalise, to_grid, within
from ...diffusion.model import Branch
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import DDIM, Timestep, randn
from ...events import Event, Stage
from ...request import parameter
from ...resizing import threshold
from ...task import Algorithm, Found, Outcome, Task, shown
from ..inpainting import inpaint
from .common import Ground, ground

CLAMP = 3.0  # outliers count as at most this many times the mean
CLAMPED_AT = 0.5
BLURRED_AT = 0.35
GAUSSIAN = (0.05448868, 0.24420134, 0.40261996, 0.24420134, 0.05448868)  # sigma 1, five taps


@dataclass(frozen=True)
class Settings:
    """DiffEdit's parameters, with its paper's defaults."""

    mask: str = parameter(
        "clamped", "How the mask is finished.", choices=("clamped", "blurred"), title="mask finish"
    )
    edges: str = parameter(
        "grid",
        "Where a mask ends: at the picture's own edges, or at its grid's cells (paper).",
        choices=("picture", "grid"),
        title="mask edges",
    )
    mask_strength: float = parameter(
        0.5,
        "Noise at which the two texts are compared.",
        minimum=0.02,
        maximum=1.0,
        front=True,
        title="noise for mask",
    )
    mask_samples: int = parameter(
        10, "Noises over which the difference is averaged.", minimum=1, maximum=64
    )
    strength: float = parameter(
        0.8,
        "How far the picture is noised before it is painted anew.",
        minimum=0.02,
        maximum=1.0,
        front=True,
    )
    end: str = parameter(
        "denoising",
        "How the mask is painted: from the picture's own noise (paper), or anew by the inpainting "
        "network.",
        choices=("denoising", "inpainting"),
        title="mask painted by",
    )
    guidance: float = parameter(7.5, "How much the target text counts.", minimum=0.0, maximum=30.0)
    steps: int = parameter(
        50, "Steps of the whole schedule; the share `strength` is run.", minimum=2, maximum=500
    )


# ---------------------------------------------------------------- plain arrays


def difference(first: Tensor, second: Tensor) -> Tensor:
    """|a - b|, averaged over noises and channels: (n, 4, h, w) twice -> (h, w)."""
    return (first - second).abs().mean(dim=(0, 1))


def clamped(x: Tensor) -> Tensor:
    """A difference (h, w) clamped at three times its mean, as a share of that: 0..1."""
    top = CLAMP * x.mean()
    return x.clamp(max=top) / top.clamp(min=torch.finfo(x.dtype).tiny)


def blurred(x: Tensor) -> Tensor:
    """An 8-bit difference (h, w), 0..255 -> blurred once, 0..1.

    It belongs to the mask where it is above the threshold.
    """
    return blur(x, GAUSSIAN) / 255


# ---------------------------------------------------------------- on the network


def find_mask(start: Ground, settings: Settings) -> Generator[Event, None, Found]:
    """The soft mask at the latents' size, and its threshold.

    Four rows for each noise, in one forward. Where the difference stays below the threshold
    everywhere, the mask is the selection's limit, or else everything.
    """
    if start.task.exactly is not None:
        return Found(start.task.exactly, float(torch.finfo(torch.float32).tiny))
    yield Stage("finding the mask", 1)
    timestep = start.for_strength(settings.mask_strength)[0]
    noises = randn(
        (settings.mask_samples, *start.z0.shape[1:]), start.task.generator, start.z0.device
    )
    null = start.null.text
    branches = [
        Branch("null source", null),
        start.source,
        Branch("null target", null),
        start.target,
    ]
    eps = start.model.predict(DDIM().add_noise(start.z0, noises, timestep), timestep.t, branches)
    source, target = (
        classifier_free(eps[f"null {name}"], eps[name], settings.guidance)
        for name in ("source", "target")
    )
    found = difference(target, source)
    size = (found.shape[0], found.shape[1])
    guide, limit = (
        None if h is None else area(h, size)[0, 0].to(found)
        for h in (start.task.guide, start.task.limit)
    )
    if guide is not None:
        found = guided(found, guide)
    soft = (
        clamped(found) if settings.mask == "clamped" else blurred((255 * normalise(found)).floor())
    )
    at = CLAMPED_AT if settings.mask == "clamped" else BLURRED_AT
    if settings.edges == "picture":
        soft = follow(soft.cpu()[None, None], start.task.image, start.model.factor)[0, 0].to(soft)
        limit = None if start.task.limit is None else start.task.limit[0, 0].to(soft)
    allowed = torch.ones_like(soft) if limit is None else within(limit).to(soft)
    kept = soft * allowed
    is_found = bool(
        threshold(kept[None, None].cpu(), start.task.frame.size, at).any()
    )  # as the painter sees it: one faint cell is lost
    return Found((kept if is_found else allowed)[None, None], at)


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event | Outcome, None, Outcome]:
    """Runs DiffEdit.

    40 rows for the mask, 40 of inversion to 0.8, and two for each of 40 steps: 160 in all.
    """
    if settings.end == "inpainting" and not task.request.mask_only:
        task.models.require("inpainting")
    start = ground(task, settings.steps)
    found = yield from find_mask(start, settings)
    yield start.outcome(found)
    if settings.end == "inpainting":
        if task.request.mask_only:
            return start.outcome(found)
        where = threshold(found.soft.cpu(), task.frame.size, found.threshold).to(task.image)
        painter = yield from task.brought("inpainting")
        text, steps, weight = start.texts.target, settings.steps, settings.guidance
        image = yield from inpaint(task, painter, task.image, text, where, steps, weight)
        return replace(start.outcome(found), image=blend(image, task.image, where))
    size = (start.z0.shape[2], start.z0.shape[3])
    where = to_grid((found.soft > found.threshold)[0, 0], size).to(start.z0)
    timesteps = start.for_strength(settings.strength)
    steps = len(timesteps) - 1
    up = invert(start.model, start.z0, start.source.text, timesteps)
    trajectory = yield from shown("inverting", steps, up, start.preview)
    first = timesteps[0].index

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = start.model.predict(z, now.t, [start.null, start.target])
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    def compose(z: Tensor, now: Timestep) -> Tensor:
        return blend(z, trajectory.latents[now.index - first][None], where)

    z = yield from start.sampled(trajectory.noisiest, timesteps, predict, compose)
    return start.finished(z, found)


ALGORITHM = Algorithm(
    name="diffedit",
    title="DiffEdit",
    summary="Finds by itself where two descriptions differ, and paints that anew.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    rows=lambda settings: 2 * settings.mask_samples,
    inseparable=lambda settings: settings.mask_samples,
    told_by="captions",
    baseline=True,
    order=14,
    presets={
        "paper": {
            "mask": "clamped",
            "edges": "grid",
            "mask_strength": 0.5,
            "mask_samples": 10,
            "strength": 0.8,
            "end": "denoising",
            "guidance": 7.5,
            "steps": 50,
        },
        "fast": {"steps": 20},
        "quick": {"steps": 10, "mask_samples": 6},
    },
)
