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
    second and goes on to the end.
11  Eq. 9 holds for 75% of the steps that run (60 of 80), then Eq. 1.
12  Eq. 8's masks reach the latents by nearest upsampling, binary.
13  "80% noise" is a start index on the full schedule, from the scaled latents.
14  sub-instructions are joined by ", " into one prompt.
15  a prompt that is too long is refused, with the sub-instruction at which the limit is reached.
16  the part of a global instruction whose mask is degenerate acts everywhere, or in all of a hard
    selection.
17  mask_samples averages A over several noises at the first step.
18  a sentence that was not read has its keyword chosen by attention; one that spares a thing
    ("everything except the tree") acts in the complement of that thing's mask.
19  edges "picture": Eq. 2's map follows the picture's edges (diffusion/edges.py) before it is cut
    at tau, and that mask holds in Eq. 3 and 9 where the grid is finer than the map's. "grid" is the
    paper's. "auto": the picture's for what is there and keeps its outline (language/outline.py).
20  a selection that is the mask itself (hint mode "exactly") takes the place of all M_i.
21  strength_acts "guidance": in Eq. 9, s_T M_union becomes s_T max_i w_i M_i, w_i a
    sub-instruction's strength, and alpha is 0. "attention" is the paper's.
22  detail "auto": where only colours change, the layer's own pixels take on the colours that the
    network painted (diffusion/recolouring.py). "network" is the paper's.
tau = 0.4 is the lowest of the paper's interval [0.4, 0.7], from which it draws at random. The
bundled model's maps want gamma 1 and tau 0.2 (mean IoU 0.81 over 12 held-out edits, against 0.61
with gamma 1, tau 0.4 and 0.43 with gamma 3, tau 0.4): so its configuration says. Sharpening is
scale-free: gamma rounds equal norm(A^2)^(2^(gamma - 1)). A mask of fewer than 2% of the grid's
positions, or than 4, is taken again with a smaller gamma, and the report says so.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import tokens
from ..diffusion.attention import Attention, AverageMap, Tap, Taps
from ..diffusion.edges import follow, with_outline
from ..diffusion.masks import blur, guided, is_constant, normalise, to_grid, within
from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import denoise
from ..diffusion.schedule import EulerAncestral, Timestep, for_strength, randn
from ..errors import EditError
from ..events import Event, Stage
from ..language import lexicon, phrases
from ..language.instruction import Item
from ..language.outline import keeps_detail, keeps_outline
from ..language.prompts import sentences
from ..request import parameter
from ..task import Algorithm, Found, Outcome, Task, on_grid, shown
from ..task import Part as FoundPart
from .common import mask_edges

SMOOTHING = (
    0.21194156,
    0.57611688,
    0.21194156,
)  # exp(-(x / (2 sigma))^2), sigma 0.5, as Attend-and-Excite's code builds it
SMALLEST = 0.02  # a mask below this share of the grid is degenerate: below 6 of 16 x 16 positions
FEWEST = 4  # positions, where the grid is so small or narrow that its share is less
LEAST_SHARE = 0.25  # of the mask on its grid: one that follows the picture is no smaller
JOINER = ", "


@dataclass(frozen=True)
class Settings:
    """FoI's parameters, with the paper's defaults."""

    gamma: str = parameter(
        "tight",
        "How closely a mask hugs the heart of its object: tight is the paper's gamma 3, normal 2, "
        "loose 1.",
        choices=("tight", "normal", "loose"),
        front=True,
        title="mask fit",
    )
    tau: float = parameter(
        0.4,
        "Threshold of the masks; higher gives smaller masks.",
        minimum=0.01,
        maximum=0.99,
        front=True,
        title="mask threshold",
    )
    strength: float = parameter(
        1.0,
        "How strongly the words act in their masks (the paper's alpha).",
        minimum=0.0,
        maximum=10.0,
        front=True,
    )
    text_guidance: float = parameter(
        7.5, "How much the instruction counts (s_T).", minimum=0.0, maximum=30.0, front=True
    )
    image_guidance: float = parameter(
        1.5, "How much the picture counts (s_I).", minimum=0.0, maximum=10.0
    )
    steps: int = parameter(
        100, "Steps of the whole schedule; only the share below is run.", minimum=2, maximum=500
    )
    start: float = parameter(
        0.8,
        "Share of the steps that are run: how much noise the edit starts from.",
        minimum=0.05,
        maximum=1.0,
        title="noise at start",
    )
    disentangled: float = parameter(
        0.75,
        "Share of the steps run in which text acts inside the masks only.",
        minimum=0.0,
        maximum=1.0,
        title="text in masks only",
    )
    edges: str = mask_edges()
    detail: str = parameter(
        "auto",
        "Fine detail inside a mask: the network's (paper), the layer's own in its new colours, or "
        "the layer's where only colours change.",
        choices=("auto", "picture", "network"),
        title="fine detail from",
    )
    strength_acts: str = parameter(
        "attention",
        "What the strength changes: how the words are looked at (paper), or how much they count.",
        choices=("attention", "guidance"),
        title="strength acts on",
    )
    mask_samples: int = parameter(
        1,
        "Noises over which the masks are averaged; each costs three rows once.",
        minimum=1,
        maximum=16,
    )


GAMMA = {"tight": 3, "normal": 2, "loose": 1}


@dataclass(frozen=True)
class Part:
    """One sub-instruction within the joined prompt.

    Tells where its tokens, its keyword's and its content words' stand among the 77.
    """

    text: str
    keyword: str
    strength: float
    everywhere: bool  # a global instruction
    tokens: tuple[int, ...]
    keyword_tokens: tuple[int, ...]
    content: tuple[int, ...] = ()
    outside: bool = False  # acts everywhere but at the keyword
    sure: bool = True  # whether the keyword was read from the sentence, or is a guess
    words: tuple[tuple[str, tuple[int, ...]], ...] = ()  # the content words, and their tokens
    keeps_outline: bool = False
    keeps_detail: bool = False


@dataclass(frozen=True)
class Region:
    """Where one sub-instruction acts.

    Its sharpened map and its mask, (h, w) at the semantic level, and the gamma that gave them; both
    at the picture's size where they follow its edges.
    """

    soft: Tensor
    mask: Tensor
    gamma: int
    fine_soft: Tensor | None = None
    fine_mask: Tensor | None = None

    def at(self, size: tuple[int, int]) -> Tensor:
        """The mask at a grid, (h, w) of 0 and 1.

        The fine one where the grid is finer than the map's.
        """
        finer = size[0] > self.mask.shape[0] or size[1] > self.mask.shape[1]
        return to_grid(self.mask if self.fine_mask is None or not finer else self.fine_mask, size)


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


def widened(soft: Tensor, by: int = 1) -> Tensor:
    """A map whose mask is a position wider all around.

    What is spared is spared with its edge, into which the composite's growth would reach.
    """
    return F.max_pool2d(soft[None, None], 2 * by + 1, stride=1, padding=by)[0, 0]


def complement(soft: Tensor, tau: float) -> Tensor:
    """A map in 0..1 turned over at tau.

    What was below is above, 0 becomes 1, tau stays.
    """
    below = 1 - soft * (1 - tau) / tau
    above = tau * (1 - soft) / (1 - tau)
    return torch.where(soft < tau, below, above.clamp(max=tau * (1 - 1e-6)))


def follow_picture(
    where: Region, picture: Tensor, tau: float, cell: float, limit: Tensor | None
) -> Region:
    """The region with its edges drawn to the picture's (difference 19).

    picture: (1, 3, h, w). cell: its pixels in one of the map's cells. limit: (1, 1, h, w) or None.
    A map without shape, and one that finds hardly anything to follow, stay on their grid.
    """
    if where.gamma == 0:
        return where
    soft = follow(where.soft.cpu()[None, None], picture, cell)
    if limit is not None:
        soft = soft * within(limit)
    mask = with_outline(soft >= tau, picture, cell)
    if limit is not None:
        mask &= within(limit)
    soft = torch.where(mask, soft.clamp(min=tau), soft)
    if mask.float().mean() < LEAST_SHARE * where.mask.float().mean():
        return where
    soft, mask = (x[0, 0].to(where.soft.device) for x in (soft, mask))
    return replace(where, fine_soft=soft, fine_mask=mask)


def given(selection: Tensor, grid: tuple[int, int], gamma: int) -> Region:
    """A selection (1, 1, h, w) that is the mask itself (difference 20)."""
    mask = selection[0, 0] > 0
    return Region(on_grid(selection, grid), to_grid(mask, grid) > 0, gamma, selection[0, 0], mask)


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


# The words


def read(items: Sequence[Item], model: Model) -> tuple[str, tuple[Part, ...]]:
    """The joined prompt, and where each sub-instruction stands in it.

    Raises EditError at the one that no longer fits.
    """
    prompt = tokens.read(model.tokenizer, "")
    for last, item in enumerate(items):
        try:
            prompt = tokens.read(
                model.tokenizer, JOINER.join(i.text for i in items[: last + 1]), model.max_tokens
            )
        except EditError as error:
            raise EditError(
                error.code,
                f"The instructions are longer than the {model.max_tokens - 2} tokens that the "
                "model "
                f"reads; {item.text!r} no longer fits.",
                "Make them shorter, or give the last ones in a second edit.",
            ) from error
    parts = []
    start = 0
    for item in items:
        whole = prompt.positions((start, start + len(item.text)))
        keyword = prompt.positions((start + item.span[0], start + item.span[1]))
        spans = [
            (start + t.start, start + t.end)
            for t in phrases.tokens(item.text)
            if t.word not in lexicon.CONTENTLESS
        ]
        content = tuple(place for span in spans for place in prompt.positions(span))
        words = tuple((prompt.text[slice(*span)], prompt.positions(span)) for span in spans)
        parts.append(
            Part(
                item.text,
                item.keyword,
                item.strength,
                item.operation == "global",
                whole,
                keyword,
                content,
                item.outside,
                item.sure,
                words,
                keeps_outline(item) and not item.outside,
                keeps_detail(item),
            )
        )
        start += len(item.text) + len(JOINER)
    return prompt.text, tuple(parts)


def keyword_map(maps: Tensor, part: Part) -> Tensor:
    """The mean map of the keyword's tokens, (h, w).

    Without a keyword: of the content word's token with the largest peak over its mean.
    """
    if part.keyword_tokens:
        return tokens.columns(maps, part.keyword_tokens)
    candidates = maps[list(part.content or part.tokens)]
    return candidates[(candidates.amax((1, 2)) / candidates.mean((1, 2))).argmax()]


def looked_for(maps: Tensor, part: Part) -> Part:
    """The part with the keyword that the model looks at most.

    For a sentence that was not read: the content word whose map has the largest peak over its mean
    (difference 18).
    """
    if part.sure or not part.words:
        return part
    seen = {places: tokens.columns(maps, places) for _, places in part.words if places}
    word, places = max(
        ((word, places) for word, places in part.words if places),
        key=lambda named: float(seen[named[1]].max() / seen[named[1]].mean()),
        default=("", ()),
    )
    return replace(part, keyword=word, keyword_tokens=places) if places else part


# The procedure


@dataclass(frozen=True)
class Look:
    """What the first step gave.

    maps: (token, h, w) at the semantic level. noise: by branch, (n, 4, h, w).
    """

    maps: Tensor
    noise: Mapping[str, Tensor]


def first_step(
    task: Task, model: Model, z: Tensor, t: float, branches: Sequence[Branch]
) -> Generator[Event, None, Look]:
    """The step whose plain attention shows where the keywords look.

    An edit with other parameters takes it from the one before; a search for the mask alone, which
    asks the text's branch only, takes it from either.
    """
    asked = branches[:1] if task.request.mask_only else branches
    made_of = (model.identity, z, t, *(x for b in branches for x in (b.text, b.extra)))
    whole = task.cache.get("first step", Look, (*made_of, len(branches)))
    if whole is not None:
        return whole

    def make() -> Generator[Event, None, Look]:
        yield from ()
        reader = AverageMap("text")
        reading: Taps = dict.fromkeys(model.sites.at("cross", model.semantic_level), reader)
        noise = model.predict(z, t, asked, reading)
        return Look(reader.value, noise)

    return (yield from task.cache.memoize("first step", Look, (*made_of, len(asked)), make))


def conditions(
    model: Model, image: Tensor, prompt: str
) -> tuple[Tensor, tuple[Branch, Branch, Branch]]:
    """A picture's scaled latents z_0, and InstructPix2Pix's three branches.

    The branches have text and image, image only, and nothing.
    """
    unscaled = model.encode(image)
    text, null = model.embed(prompt), model.embed("")
    branches = (
        Branch("text", text, unscaled),
        Branch("image", null, unscaled),
        Branch("null", null, torch.zeros_like(unscaled)),
    )
    return model.scaling * unscaled, branches


def places(
    task: Task, settings: Settings, parts: Sequence[Part], maps: Tensor, cell: int
) -> list[Region]:
    """Where each sub-instruction acts.

    By Eq. 2 on its keyword's map, the selection, and the picture's edges. maps: (token, h, w).
    cell: working pixels of one of the map's.
    """
    grid = (maps.shape[1], maps.shape[2])
    gamma = GAMMA[settings.gamma]
    if task.exactly is not None:
        return [given(task.exactly.to(maps), grid, gamma)] * len(parts)
    guide, limit = (
        None if h is None else on_grid(h, grid).to(maps) for h in (task.guide, task.limit)
    )
    regions = []
    for part in parts:
        where = region(
            keyword_map(maps, part),
            gamma,
            settings.tau,
            guide,
            limit,
            part.everywhere,
            part.outside,
        )
        if settings.edges == "picture" or (settings.edges == "auto" and part.keeps_outline):
            where = follow_picture(where, task.image, settings.tau, cell, task.limit)
        regions.append(where)
    return regions


def shown_masks(
    parts: Sequence[Part],
    regions: Sequence[Region],
    size: tuple[int, int],
    tau: float,
    cell: int,
) -> Found:
    """The regions as the composite takes them.

    A mask on the grid grows by half a cell, one that follows the picture does not.
    """
    found = tuple(
        FoundPart(
            part.text,
            part.keyword,
            (r.soft if r.fine_soft is None else r.fine_soft)[None, None],
            cell / 2 if r.fine_soft is None else 0.0,
        )
        for part, r in zip(parts, regions, strict=True)
    )
    soft = [F.interpolate(p.soft.float(), size=size, mode="bilinear") for p in found]
    return Found(torch.cat(soft).amax(0, keepdim=True), tau, found)


def recoloured(
    parts: Sequence[Part],
    regions: Sequence[Region],
    size: tuple[int, int],
    cell: int,
    settings: Settings,
) -> Tensor | None:
    """Where only colours change, (1, 1, h, w) of 0 and 1 (difference 22).

    None where nowhere. cell: positions of the grid in one of the masks' cells, by which the masks
    that are painted anew reach farther.
    """
    own = [
        settings.detail == "picture" or (settings.detail == "auto" and part.keeps_detail)
        for part in parts
    ]
    if not any(own):
        return None
    others = [r.at(size) for r, is_own in zip(regions, own, strict=True) if not is_own]
    painted = torch.stack(others).amax(0) if others else torch.zeros(size)
    return 1 - widened(painted, cell)[None, None]


def acting(
    parts: Sequence[Part], regions: Sequence[Region], size: tuple[int, int], settings: Settings
) -> Tensor:
    """What s_T is multiplied by at each place in Eq. 9, (h, w).

    M_union, or the strength of the sub-instruction that acts there most (difference 21).
    """
    if settings.strength_acts == "attention":
        return union(regions, size)
    weighted = [
        settings.strength * part.strength * r.at(size)
        for part, r in zip(parts, regions, strict=True)
    ]
    return torch.stack(weighted).amax(0)


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event | Outcome, None, Outcome]:
    """FoI, as in the module's docstring."""
    model = task.model("instruction")
    prompt, parts = read(sentences(task.instruction), model)
    z0, branches = conditions(model, task.image, prompt)
    height, width = z0.shape[2:]

    schedule = model.schedule.sigmas(settings.steps)
    timesteps = for_strength(schedule, settings.start)
    first = timesteps[0]
    solver = EulerAncestral(task.generator)
    noises = randn((settings.mask_samples, *z0.shape[1:]), task.generator, model.device)
    z = solver.add_noise(z0, noises, first)

    yield Stage("finding the mask", 1)
    look = yield from first_step(task, model, solver.scale_model_input(z, first), first.t, branches)
    maps = look.maps
    cell = model.factor * 2**model.semantic_level
    parts = tuple(looked_for(maps, p) for p in parts)
    regions = places(task, settings, parts, maps, cell)
    unseen = [p for p, r in zip(parts, regions, strict=True) if p.outside and r.gamma == 0]
    if unseen:
        sentence = f"The model does not see where {unseen[0].keyword!r} is, and can't spare it."
        raise EditError("exception", sentence, "Select what shall change.")
    found = shown_masks(parts, regions, task.frame.size, settings.tau, cell)
    located = Outcome(
        found=found,
        reach=cell / 2,
        keywords=tuple(p.keyword for p in parts),
        thresholds={"tau": settings.tau}
        | {f"gamma {i}": float(r.gamma) for i, r in enumerate(regions, start=1)},
        understood={"instruction": prompt, "keywords": ", ".join(p.keyword for p in parts)},
        warnings=tuple(_warnings(parts, regions, GAMMA[settings.gamma])),
    )
    yield located

    where = acting(parts, regions, (height, width), settings)
    afterwards = torch.where(union(regions, (height, width)) > 0, where, 1.0)
    levels = {site.level for site in model.sites.at("cross")}
    masks = {
        level: token_masks(parts, regions, model.sites.grid((height, width), level), len(maps))
        for level in levels
    }
    alpha = torch.zeros(len(maps), device=maps.device)
    for part in parts if settings.strength_acts == "attention" else ():
        alpha[list(part.tokens)] = settings.strength * part.strength
    entangled = first.index + round(settings.disentangled * (len(timesteps) - 1))

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        if now is first:
            noise = {name: eps[:1] for name, eps in look.noise.items()}
        else:
            taps: Taps = dict.fromkeys(
                model.sites.at("cross"), modulation(masks, alpha, now.t / 1000)
            )
            noise = model.predict(solver.scale_model_input(z, now), now.t, branches, taps)
        inside = where if now.index < entangled else afterwards
        return guidance(
            noise["text"],
            noise["image"],
            noise["null"],
            settings.text_guidance,
            settings.image_guidance,
            inside,
        )

    preview = previewer(model, z0, task.image)
    z = yield from shown(
        "denoising", len(timesteps) - 1, denoise(z[:1], timesteps, solver, predict), preview
    )
    return replace(
        located,
        latents=z,
        recoloured=recoloured(parts, regions, (height, width), 2**model.semantic_level, settings),
    )


def _warnings(parts: Sequence[Part], regions: Sequence[Region], gamma: int) -> list[str]:
    found = []
    for part, where in zip(parts, regions, strict=True):
        if not part.sure and part.keyword:
            found.append(f"{part.keyword!r} was taken for the thing to change.")
        if where.gamma == 0:
            what = (
                f"{part.keyword!r} is; {part.text!r}"
                if part.keyword
                else f"{part.text!r} belongs; it"
            )
            found.append(
                f"The model does not see where {what} acts on the whole selection or picture."
            )
        elif where.gamma < gamma:
            found.append(
                f"The mask of {part.keyword or part.text!r} was too small at gamma {gamma}; "
                f"gamma {where.gamma} was used."
            )
    return found


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
    presets={"fast": {"steps": 50}, "quick": {"steps": 20}},
)
