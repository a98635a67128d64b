"""FoI: several local edits by instruction, through attention.

Focus on Your Instruction: Fine-grained and Multi-instruction Image Editing by Attention Modulation
(Guo, Lin; CVPR 2024). InstructPix2Pix, held to the places that the instruction speaks of: a mask
for each sub-instruction from the cross-attention of its keyword at the first step (Eq. 2),
attention outside it replaced by that of the image-only branch (Eq. 3-7), and text guidance only
inside the masks' union (Eq. 8, 9). One prompt, one pass: 3 rows a step, 240 in all, whatever the
number of sub-instructions.

symbol      name in the code      shape or unit
T_i, e_i    Part.text, .keyword   sub-instruction and its keyword
A           maps                  (token, h, w), cross-attention of the text branch at the semantic
                                  level
gamma, tau  gamma, tau            rounds of sharpening; threshold on the sharpened map
M_i         Region.mask           (h, w), bool, where T_i acts
X, Y        x, y                  (1, head, position, token), logits Q K^T of the text and the image
                                  branch
M           masks                 (position, token), 1 where a token's own logits stay
alpha       alpha                 (token), strength
xi(t)       xi                    0.05 t^4, t = timestep / 1000
s_I, s_T    image_guidance, text_guidance
eps_0,1,2   noise["text"], noise["image"], noise["null"]   (1, 4, h, w): (image, text), (image,
                                                           null), (null, null)

Differences. The paper came without code; where it leaves a choice:
 1  the 3x3 Gaussian is Attend-and-Excite's: weights 0.212, 0.576, 0.212, reflected border.
 2  A averages all heads of the down and up blocks at the semantic level; no softmax over words
    without the start token.
 3  a keyword of several tokens: the mean of their maps, before smoothing.
 4  tokens outside the sub-instructions (start, end, padding, the joining commas) take the union's
    mask: then M = 1 with alpha = 0 is plain InstructPix2Pix, and M = 0 is the image branch's
    attention.
 5  the maximum in Eq. 6 runs over the tokens, as in DenseDiffusion's code.
 6  alpha is a sub-instruction's strength on its own tokens and 0 elsewhere; alpha xi(t) is at most
    1.
 7  logits are blended, then divided by sqrt(d): linear, so the order is free.
 8  M at other levels: nearest upwards, adaptive maximum downwards, so that a mask of one cell
    survives.
 9  only logits change; values stay the text branch's everywhere.
10  masks are read at the first step that runs, whose attention is plain; modulation starts at the
    second and goes on to the end. mask_step and modulated vary both, as Tables 3 and 4 do: before
    mask_step, Eq. 1 holds.
11  Eq. 9 holds for 75% of the steps that run (60 of 80), then Eq. 1.
12  Eq. 8's masks reach the latents by nearest upsampling, binary.
13  "80% noise" is a start index on the full schedule, from the scaled latents.
14  sub-instructions are joined by ", " into one prompt.
15  a prompt that is too long is refused, with the sub-instruction at which the limit is reached.
16  a global instruction whose mask is degenerate acts everywhere, or in all of a hard selection.
17  mask_samples averages A over several noises at the first step.
18  a sentence that was not read has its keyword chosen by attention; one that spares a thing
    ("everything except the tree") acts in the complement of that thing's mask.
19  edges "picture": Eq. 2's map follows the picture's edges (diffusion/edges.py) before it is cut
    at tau (and all unlike the ground, where a thing goes); it holds in Eq. 3 and 9 where the grid
    is finer than the map's. "grid" is the paper's. "auto": the picture's for what keeps its outline
    (language/outline.py); both, with half a cell around, where a thing gives way to another.
20  a selection that is the mask itself (hint mode "exactly") takes the place of all M_i; a mask
    that the painter has named like a thing takes that of its M_i (naming.py).
21  strength_acts "guidance": in Eq. 9, s_T M_union becomes s_T max_i w_i M_i, w_i a
    sub-instruction's strength, and alpha is 0. "auto" does that with alpha 1, so that a strength
    of 1 is the paper's. "attention" is the paper's; the bundled model then changes by 0.1 levels.
22  detail "auto": a thing that stays keeps its pixels (diffusion/unchanged.py), in new colours
    where those alone change (recolouring.py), bared ground its tone (evening.py). "network": paper.
tau = 0.4 is the lowest of the paper's [0.4, 0.7], drawn from at random. Sharpening is scale-free:
gamma rounds equal norm(A^2)^(2^(gamma - 1)). A mask of fewer than 2% of the grid's positions, or
than 4, is taken again with a smaller gamma, and the report says so.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..diffusion.attention import Attention, Tap, Taps
from ..diffusion.masks import blur, guided, is_constant, normalise, within
from ..diffusion.preview import previewer
from ..diffusion.sampling import denoise
from ..diffusion.schedule import EulerAncestral, Timestep, for_strength, randn
from ..events import Event, Stage
from ..language.prompts import sentences
from ..task import Algorithm, Outcome, Task, on_grid, shown
from .common import conditions
from .foi_first_step import first_step
from .foi_regions import (
    Region,
    complement,
    follow_picture,
    given_to,
    keeps_none,
    located,
    recoloured,
    weighted,
    widened,
    with_room,
)
from .foi_settings import GAMMA, PRESETS, Settings
from .foi_words import Part, keyword_map, looked_for, read

# exp(-(x / (2 sigma))^2), sigma 0.5, as Attend-and-Excite's code builds it
SMOOTHING = (0.21194156, 0.57611688, 0.21194156)
SMALLEST = 0.02  # a mask below this share of the grid is degenerate: below 6 of 16 x 16 positions
FEWEST = 4  # positions, where the grid is so small or narrow that its share is less


# Masks: Eq. 2 and 8


def smooth(attention: Tensor) -> Tensor:
    """The 3x3 Gaussian before Eq. 2. (h, w) -> (h, w)."""
    return blur(attention, SMOOTHING)


def sharpen(smoothed: Tensor, gamma: int) -> Tensor:
    """Eq. 2: gamma rounds of squaring and min-max normalising.

    (h, w) -> (h, w) in 0..1.
    """
    a = smoothed
    for _ in range(gamma):
        a = normalise(a**2)
    return a


def region(
    attention: Tensor,
    gamma: int,
    tau: float,
    guide: Tensor | None,
    limit: Tensor | None,
    everywhere: bool,
    outside: bool = False,
) -> Region:
    """A keyword's map (h, w) -> where its sub-instruction acts.

    guide, limit: the hint on the same grid, or None. outside: everywhere but at the keyword.
    """
    hint = limit if everywhere or guide is None else guide
    if is_constant(attention):
        mask = torch.ones_like(attention, dtype=torch.bool) if hint is None else within(hint)
        return Region(mask.to(attention), mask, 0)
    smoothed = smooth(attention if guide is None else guided(attention, guide))
    for used in range(gamma, 0, -1):
        soft = sharpen(smoothed, used)
        mask = soft >= tau
        if mask.sum() >= max(FEWEST, SMALLEST * mask.numel()):
            break
    else:
        if everywhere:
            soft, mask = torch.ones_like(soft), torch.ones_like(mask)
    if outside:
        soft = complement(widened(soft), tau)
        mask = soft >= tau
    if limit is not None:
        allowed = within(limit)
        if not bool((mask & allowed).any()):
            return Region(allowed.to(soft), allowed, used)
        soft, mask = soft * allowed, mask & allowed
    return Region(soft, mask, used)


def union(regions: Sequence[Region], size: tuple[int, int]) -> Tensor:
    """Eq. 8 at a grid: where any sub-instruction acts, (h, w) of 0 and 1."""
    return torch.stack([r.at(size) for r in regions]).amax(0)


# Attention: Eq. 3-7


def xi(t: float) -> float:
    """The strength's decay over time; t = timestep / 1000."""
    return 0.05 * t**4


def lift(x: Tensor, alpha: Tensor, t: float) -> Tensor:
    """Eq. 6: what the strength adds to the logits X.

    alpha: (token). Never negative, 0 at each row's maximum.
    """
    return (alpha * xi(t)).clamp(max=1) * (x.amax(-1, keepdim=True) - x)


def modulate(x: Tensor, y: Tensor, masks: Tensor, alpha: Tensor, t: float, scale: float) -> Tensor:
    """Eq. 3-7: probabilities A' = softmax(((X + dX) M + Y (1 - M)) / sqrt(d)).

    x, y: (..., head, position, token). masks: (position, token). scale: 1 / sqrt(d).
    """
    return torch.softmax(((x + lift(x, alpha, t)) * masks + y * (1 - masks)) * scale, dim=-1)


def modulation(masks: dict[int, Tensor], alpha: Tensor, t: float) -> Tap:
    """The tap of one step. masks: (position, token) by level."""

    def tap(a: Attention) -> Tensor:
        return a.attend(
            text=modulate(
                a.logits("text"), a.logits("image"), masks[a.site.level], alpha, t, a.scale
            )
        )

    return tap


def token_masks(
    parts: Sequence[Part], regions: Sequence[Region], size: tuple[int, int], tokens: int
) -> Tensor:
    """M at one level's grid, (position, token).

    A sub-instruction's tokens have its mask, all others the union.
    """
    masks = union(regions, size).flatten()[:, None].repeat(1, tokens)
    for part, where in zip(parts, regions, strict=True):
        masks[:, list(part.tokens)] = where.at(size).flatten()[:, None]
    return masks


# Noise: Eq. 1 and 9


def guidance(
    text: Tensor,
    image: Tensor,
    null: Tensor,
    text_guidance: float,
    image_guidance: float,
    where: Tensor | float = 1.0,
) -> Tensor:
    """Eq. 9; with where = 1 it is Eq. 1, InstructPix2Pix's guidance.

    where: (h, w), the union of the masks at the latents' size.
    """
    return null + text_guidance * (text - image) * where + image_guidance * (image - null)


# The procedure


def places(
    task: Task, settings: Settings, parts: Sequence[Part], maps: Tensor, cell: int
) -> list[Region]:
    """Where each sub-instruction acts.

    By Eq. 2 on its keyword's map, the selection, and the picture's edges. maps: (token, h, w).
    cell: working pixels of one of the map's.
    """
    grid = (maps.shape[1], maps.shape[2])
    gamma, tau, image = GAMMA[settings.gamma], settings.tau, task.image
    guide, limit = (
        None if h is None else on_grid(h, grid).to(maps) for h in (task.guide, task.limit)
    )
    regions = []
    for part in parts:
        if (where := given_to(task, part.given, maps, gamma)) is None:
            seen = keyword_map(maps, part)
            where = region(seen, gamma, tau, guide, limit, part.everywhere, part.outside)
            if settings.edges == "picture" or (settings.edges == "auto" and part.keeps_outline):
                where = follow_picture(where, image, tau, cell, task.limit, part.goes)
            elif settings.edges == "auto" and part.gives_way:
                where = with_room(where, image, tau, cell, task.limit)
        regions.append(where)
    return regions


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event | Outcome, None, Outcome]:
    """FoI, as in the module's docstring."""
    model = task.model("instruction")
    prompt, parts = read(sentences(task.instruction), model, task.request.named)
    z0, branches = conditions(model, task.image, prompt)
    size = (z0.shape[2], z0.shape[3])

    schedule = model.schedule.sigmas(settings.steps)
    timesteps = for_strength(schedule, settings.start)
    solver = EulerAncestral(task.generator)
    noises = randn((settings.mask_samples, *z0.shape[1:]), task.generator, model.device)
    z = solver.add_noise(z0, noises, timesteps[0])
    preview = previewer(model, z0, task.image)
    s_t, s_i = settings.text_guidance, settings.image_guidance

    def plain(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = model.predict(solver.scale_model_input(z, now), now.t, branches)
        return guidance(noise["text"], noise["image"], noise["null"], s_t, s_i)

    at = min(settings.mask_step, len(timesteps) - 2)
    if at:
        before = denoise(z[:1], timesteps[: at + 1], solver, plain)
        z = yield from shown("denoising", at, before, preview)
    first = timesteps[at]
    yield Stage("finding the mask", 1)
    look = yield from first_step(task, model, solver.scale_model_input(z, first), first.t, branches)
    maps = look.maps
    cell = model.factor * 2**model.semantic_level
    parts = tuple(looked_for(maps, p) for p in parts)
    regions = places(task, settings, parts, maps, cell)
    found = located(prompt, parts, regions, task.frame.size, cell, settings)
    yield found

    inside = union(regions, size)
    by_guidance = settings.strength_acts != "attention"
    acting = weighted(parts, regions, size, settings.strength) if by_guidance else inside
    afterwards = torch.where(inside > 0, acting, 1.0)
    levels = {site.level for site in model.sites.at("cross")}
    masks = {
        level: token_masks(parts, regions, model.sites.grid(size, level), len(maps))
        for level in levels
    }
    alpha = torch.zeros(len(maps), device=maps.device)
    for part in parts:
        own = {"auto": 1.0, "attention": settings.strength * part.strength, "guidance": 0.0}
        alpha[list(part.tokens)] = own[settings.strength_acts]
    count = len(timesteps) - 1
    entangled, free = (
        timesteps[0].index + round(share * count)
        for share in (settings.disentangled, settings.modulated)
    )

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        if now is first:
            noise = {name: eps[:1] for name, eps in look.noise.items()}
        else:
            held = model.sites.at("cross") if now.index < free else ()
            taps: Taps = dict.fromkeys(held, modulation(masks, alpha, now.t / 1000))
            noise = model.predict(solver.scale_model_input(z, now), now.t, branches, taps)
        where = acting if now.index < entangled else afterwards
        return guidance(noise["text"], noise["image"], noise["null"], s_t, s_i, where)

    steps = denoise(z[:1], timesteps[at:], solver, predict)
    z = yield from shown("denoising", count - at, steps, preview)
    colours = recoloured(parts, regions, size, 2**model.semantic_level, settings)
    kept = None if keeps_none(parts, colours, settings) else model.decode(z0)
    return replace(found, latents=z, recoloured=colours, decoded=kept)


ALGORITHM = Algorithm(
    name="foi",
    title="FoI",
    purpose="Local change",
    summary="Local edits by instruction, several at once; adds and recolours. Everything outside "
    "its masks stays.",
    needs=("instruction",),
    settings=Settings,
    run=run,
    rows=lambda settings: 3 * settings.mask_samples,
    serves=("several", "object", "colour", "add", "remove", "rest", "whole", "unknown"),
    stands_in=True,
    order=1,
    takes_named=True,
    presets=PRESETS,
)
