"""InstDiffEdit: masks from attention, and inpainting.

Towards Efficient Diffusion-Based Image Editing with Instant Attention Masks (Zou et al.; AAAI
2024). The target text S alone finds the place: noise the picture half-way, denoise it towards S,
and read a mask from the cross-attention at every step. The start token's map, inverted, points at
the word that matters; words that attend alike join it, words that attend elsewhere are subtracted
(Eq. 6-10). Outside the mask the latents go back to the noised original (Eq. 5). In the end the mask
is painted anew by an inpainting model. With n = 3 noises: 25 steps of 6 rows and 50 of 2, 250 in
all.

symbol            name in the code      shape or unit
S                 text                  the target text, e.g. "a raccoon"
r                 strength              share of the steps that are run
x_t^j, e^j        x, noise              (n, 4, h, w), latents and their noise
y_t^j             y                     (n, 4, h, w), the original with the same noise
A_t               reader.value          (token, h_k, w_k), cross-attention of S at the semantic
                                        level
-                 images                (word + 2, h, w) in 0..1: the maps of start (as a rule
                  inverted), each word, end
P                 position(images)      (word + 2), +1 joins the mask, -1 is subtracted, 0 neither
gamma_1, gamma_2  gamma_1, gamma_2      cosines from which a word joins, and up to which it is
                                        subtracted
A_ref             refined               (h, w), >= 0
phi               phi                   threshold on the blurred map in 0..1
M_t               Region.mask           (h, w), bool

Differences between paper and authors' code, and what is done here:
 1  the start token's map. Paper: as it is. Code: inverted before it is compared, since Stable
    Diffusion's is high on the background. Here: code; the paper's with start_map="plain", for
    models whose start token looks at things.
 2  A_t. Paper: of the current step. Code: running mean over the steps so far. Here: code; the
    paper's with attention="current".
 3  A_ref. Paper: P . A. Code: min-max of each group's mean, their difference, clamped at 0. Here:
    code.
 4  Eq. 8. Paper: > gamma_1, < gamma_2. Code: >=, <=. Here: code.
 5  gamma_2 and phi. Paper and data-set script: 0.6, 0.2; single-image script: 0.3, 0.3. Here: 0.6,
    0.2.
 6  phi. Paper: on the filtered map. Code: after another min-max, so it is relative. Here: code.
 7  "Gaussian filtering". Code: the 5 x 5 binomial kernel, twice. Here: code.
 8  "N tokens". Code: words, start and end apart; a word's map is its tokens' mean. Here: words,
    found by their characters (words.py).
 9  Eq. 5. Paper and code: latents at the next noise level inside the mask, the original at the
    current one. Here: the original at the next level, at the end x_0; the literal form with
    background_noise="paper".
10  inpainting. Code: the stock pipeline's defaults, mask resized by Pillow's bicubic. Here: the
    same, 50 steps of DPM-Solver++(2M).
11  one mask for the three noises. Here: the same.
12  the autoencoder. Code: a sample of the posterior. Here: its mode, so that an edit can be
    repeated.
13  precision. Code: maps in 8 bits, text in float16. Here: neither.
14  the words whose attention is read. Paper and code: the target's. They do not tell which of
    several things goes; find="source" reads those of the thing that goes, where the instruction
    names it.
15  holes in the mask. Paper and code: kept. Here: filled, since a thing has none; holes="kept"
    leaves them.
16  edges "picture": A_ref follows the picture's edges (diffusion/edges.py) before the last mask is
    cut. "grid" is the paper's. "auto": the picture's for what keeps its outline or goes.
17  what is painted where a thing goes: the caption's setting alone ("a beige background"); with the
    rest of the caption the model painted the other things a second time. What another thing carries
    leaves that: "a cat with a hat", without the hat.
18  a selection that is the mask itself (hint mode "exactly") takes its place, and the loop is not
    run.
Added: a map without shape, and a mask that the selection leaves empty, give way to the selection,
else to the whole picture. A prompt of one word has nothing to compare: its own map is taken.
Several items run one after another, each on the result of the one before.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import masks, tokens
from ..diffusion.attention import AverageMap
from ..diffusion.edges import follow, with_outline
from ..diffusion.masks import blend, blur, guided, is_constant, normalise, within
from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import classifier_free, denoise
from ..diffusion.schedule import LMS, DPMSolver, Timestep, for_strength, randn, randn_like
from ..errors import EditError
from ..events import Event
from ..language.instruction import Instruction, Item
from ..language.outline import is_carried, keeps_outline, setting
from ..language.prompts import Replacement, replacements
from ..language.wording import bare, joined
from ..request import parameter
from ..task import Algorithm, Found, Outcome, Part, Task, on_grid, shown
from .common import mask_edges

BINOMIAL = (
    1 / 16,
    4 / 16,
    6 / 16,
    4 / 16,
    1 / 16,
)  # what OpenCV's Gaussian of size 5 and sigma 0 is


@dataclass(frozen=True)
class Settings:
    """InstDiffEdit's parameters, with the paper's defaults."""

    phi: float = parameter(
        0.2,
        "Threshold of the mask; lower gives a larger mask.",
        minimum=0.01,
        maximum=0.99,
        front=True,
        title="mask threshold",
    )
    strength: float = parameter(
        0.5,
        "How far the picture is noised to find the mask (the paper's r).",
        minimum=0.05,
        maximum=1.0,
        front=True,
        title="noise for mask",
    )
    guidance: float = parameter(
        7.5, "How much the words count.", minimum=0.0, maximum=30.0, front=True
    )
    samples: int = parameter(
        3,
        "Noises over which the mask is averaged (n); each costs two rows a step.",
        minimum=1,
        maximum=16,
        title="mask samples",
    )
    gamma_1: float = parameter(
        0.9,
        "Words whose attention is at least this alike make the mask together.",
        minimum=0.0,
        maximum=1.0,
        title="words alike from",
    )
    gamma_2: float = parameter(
        0.6,
        "Words whose attention is at most this alike are kept out of the mask.",
        minimum=0.0,
        maximum=1.0,
        title="words unlike up to",
    )
    find: str = parameter(
        "target",
        "Whose words show the place: of what comes (paper), or of what goes.",
        choices=("target", "source"),
        title="place shown by",
    )
    holes: str = parameter(
        "filled", "Holes in the mask.", choices=("filled", "kept"), title="holes in the mask"
    )
    edges: str = mask_edges()
    start_map: str = parameter(
        "inverted",
        "The start token's map: inverted where it looks at the background, as in Stable "
        "Diffusion; plain where it looks at things (paper).",
        choices=("inverted", "plain"),
    )
    attention: str = parameter(
        "mean",
        "Attention of all steps so far, or of the current one (paper).",
        choices=("mean", "current"),
    )
    background_noise: str = parameter(
        "next",
        "Noise level of the original outside the mask: that of the latents, or one step higher "
        "(paper).",
        choices=("next", "paper"),
    )
    steps: int = parameter(
        50,
        "Steps of the whole schedule; the mask is found in the share given by strength.",
        minimum=2,
        maximum=500,
    )
    inpainting_steps: int = parameter(
        50, "Steps in which the mask is painted.", minimum=2, maximum=500
    )


@dataclass(frozen=True)
class Region:
    """Where one target text acts.

    The blurred map in 0..1 and the mask, (h, w) at the latents' size; the word that P was measured
    by. known: False where the map had no shape, and the selection or the whole picture stands for
    it.
    """

    soft: Tensor
    mask: Tensor
    keyword: str
    known: bool = True


# From attention to a mask: Eq. 6-10


def word_images(
    maps: Tensor, prompt: tokens.Prompt, size: tuple[int, int], inverted: bool = True
) -> Tensor:
    """A picture of each word, start and end included: (word + 2, h, w).

    From A (token, h_k, w_k); start is inverted or plain. Each is stretched to 0..1 over its own
    range.
    """
    groups = [(0,), *(word.positions for word in prompt.words if word.positions), (prompt.end,)]
    means = torch.stack([tokens.columns(maps, group) for group in groups])
    images = enlarge(means / means.amax((1, 2), keepdim=True), size)
    return normalise(torch.cat((1 - images[:1], images[1:])) if inverted else images)


def enlarge(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(n, a, b) in 0..1 on another grid, with Pillow's bicubic kernel (a = -0.5)."""
    return F.interpolate(images[None], size=size, mode="bicubic", antialias=True)[0].clamp(0, 1)


def position(images: Tensor, gamma_1: float = 0.9, gamma_2: float = 0.6) -> Tensor:
    """Eq. 6-8: P, (word + 2) integers.

    images: (word + 2, h, w), start (inverted) first, end last. The index word is the one most like
    the start map. +1: at least gamma_1 like the index word; -1: at most gamma_2; start and end: 0.
    """
    flat = images.flatten(1)
    index = index_word(images)
    alike = F.cosine_similarity(flat, flat[index][None])
    p = (alike >= gamma_1).int() - (alike <= gamma_2).int()
    p[index] = 1
    p[0] = p[-1] = 0
    return p


def index_word(images: Tensor) -> int:
    """The number of the word most like the start map, counted from 1."""
    flat = images.flatten(1)
    return 1 + int(F.cosine_similarity(flat[1:-1], flat[:1]).argmax())


def refine(images: Tensor, p: Tensor) -> Tensor:
    """Eq. 9: what the +1 words see and the -1 words do not, (h, w) in 0..1.

    images: (word + 2, h, w). p: (word + 2).
    """
    joined = normalise(images[p == 1].mean(0))
    if not bool((p == -1).any()):
        return joined
    return (joined - normalise(images[p == -1].mean(0))).clamp(min=0)


def finish(refined: Tensor, phi: float) -> tuple[Tensor, Tensor]:
    """Eq. 10: (h, w) -> the blurred map in 0..1 and the mask, both (h, w)."""
    soft = normalise(blur(blur(refined, BINOMIAL), BINOMIAL))
    return soft, soft > phi


def region(
    images: Tensor, p: Tensor, keyword: str, phi: float, guide: Tensor | None, limit: Tensor | None
) -> Region:
    """M_t from the word images and P.

    guide, limit: the hint on the same grid, or None.
    """
    refined = images[1] if len(images) == 3 else refine(images, p)
    hint = guide if guide is not None else limit
    if is_constant(refined):
        mask = within(hint) if hint is not None else torch.ones_like(refined, dtype=torch.bool)
        return Region(mask.to(refined), mask, keyword, known=False)
    soft, mask = finish(refined if guide is None else guided(refined, guide), phi)
    if limit is not None:
        allowed = within(limit)
        if not bool((mask & allowed).any()):
            return Region(allowed.to(soft), allowed, keyword, known=False)
        soft, mask = soft * allowed, mask & allowed
    return Region(soft, mask, keyword)


# The procedure


def wanted(instruction: Instruction, settings: Settings) -> list[Replacement]:
    """What each item looks for, and what it paints (differences 14, 17)."""
    found = []
    for item, asked in zip(instruction.items, replacements(instruction), strict=True):
        if (
            item.operation == "remove"
            and instruction.caption
            and not is_carried(instruction.caption, item.subject)
        ):
            asked = replace(asked, paint=setting(instruction.caption, item.subject))
        elif settings.find == "source" and item.subject and item.operation in ("replace", "modify"):
            asked = replace(asked, find=joined(bare(item.subject)))
        found.append(asked)
    return found


@torch.no_grad()
def find(
    task: Task,
    model: Model,
    image: Tensor,
    item: Item,
    text: str,
    before: tuple[Part, ...],
    settings: Settings,
) -> Generator[Event, None, Region]:
    """The loop that finds the mask.

    Yields its steps, and masks as they grow clearer; returns the last region. image: (1, 3, H, W),
    as it is now.
    """
    z0 = model.scaling * model.encode(image)
    size = (z0.shape[2], z0.shape[3])
    prompt = tokens.read(model.tokenizer, text, model.max_tokens)
    named = [word.text for word in prompt.words if word.positions]
    if not named:
        raise EditError(
            "no-target",
            f"{item.text!r} names nothing that could be looked for.",
            "Say what shall be there, or what shall go.",
        )
    branches = (Branch("null", model.embed("")), Branch("text", model.embed(text)))
    sites = model.sites.at("cross", model.semantic_level)
    guide, limit = (
        None if h is None else on_grid(h, size).to(z0) for h in (task.guide, task.limit)
    )

    schedule = model.schedule.sigmas(settings.steps)
    timesteps = for_strength(schedule, settings.strength)
    solver = LMS(timesteps)
    noise = randn((settings.samples, *z0.shape[1:]), task.generator, model.device)
    reader = AverageMap("text")
    p: Tensor | None = None
    keyword = ""
    where: Region

    def predict(x: Tensor, now: Timestep, _: Timestep) -> Tensor:
        nonlocal reader
        if settings.attention == "current":
            reader = AverageMap("text")
        eps = model.predict(
            solver.scale_model_input(x, now), now.t, branches, dict.fromkeys(sites, reader)
        )
        return classifier_free(eps["null"], eps["text"], settings.guidance)

    def compose(x: Tensor, now: Timestep) -> Tensor:
        nonlocal p, keyword, where
        images = word_images(reader.value, prompt, size, settings.start_map == "inverted")
        if p is None:
            p = position(images, settings.gamma_1, settings.gamma_2)
            keyword = named[index_word(images) - 1]
        where = region(images, p, keyword, settings.phi, guide, limit)
        y = solver.add_noise(
            z0, noise, now if settings.background_noise == "next" else schedule[now.index - 1]
        )
        return blend(x, y, where.mask.to(x))  # Eq. 5

    picture = previewer(model, z0, image)
    yield from shown(
        "finding the mask",
        len(timesteps) - 1,
        denoise(solver.add_noise(z0, noise, timesteps[0]), timesteps, solver, predict, compose),
        lambda clean: picture(blend(clean[:1], z0, where.mask.to(clean))),
        lambda: task.mask(found((*before, part(item, where)), settings.phi)),
    )
    return where


def finished(
    task: Task, model: Model, image: Tensor, item: Item, where: Region, settings: Settings
) -> Region:
    """The last mask, finished (differences 15, 16).

    Its edges are the picture's where asked, its holes filled.
    """
    if settings.edges == "picture" or (settings.edges == "auto" and keeps_outline(item)):
        cell = model.factor * 2**model.semantic_level
        soft = follow(where.soft.cpu()[None, None], image, cell)
        soft = soft if task.limit is None else soft * within(task.limit)
        mask = with_outline(soft > settings.phi, image, cell)
        mask = mask if task.limit is None else mask & within(task.limit)
        soft = torch.where(mask, soft.clamp(min=settings.phi), soft)
        if where.known and bool(mask.any()):
            where = replace(where, soft=soft[0, 0], mask=mask[0, 0])
    if settings.holes == "filled" and where.known:
        mask = masks.filled(where.mask)
        soft = torch.where(mask & ~where.mask, torch.ones_like(where.soft), where.soft)
        where = replace(where, soft=soft, mask=mask)
    return where


@torch.no_grad()
def inpaint(
    task: Task, model: Model, image: Tensor, text: str, mask: Tensor, settings: Settings
) -> Generator[Event, None, Tensor]:
    """Paint the text into the mask from pure noise.

    image: (1, 3, H, W). mask: (1, 1, H, W), 1 where to paint. Returns (1, 3, H, W).
    """
    hidden = model.scaling * model.encode(
        torch.where(mask > 0, 0.5, image)
    )  # grey, 0 in the autoencoder's own range
    where = F.interpolate(mask, size=hidden.shape[2:], mode="nearest").to(hidden)
    extra = torch.cat((where, hidden), dim=1)
    branches = (Branch("null", model.embed(""), extra), Branch("text", model.embed(text), extra))
    timesteps = model.schedule.sigmas(settings.inpainting_steps)
    solver = DPMSolver()

    def predict(x: Tensor, now: Timestep, _: Timestep) -> Tensor:
        eps = model.predict(solver.scale_model_input(x, now), now.t, branches)
        return classifier_free(eps["null"], eps["text"], settings.guidance)

    x = solver.add_noise(torch.zeros_like(hidden), randn_like(hidden, task.generator), timesteps[0])
    picture = previewer(model, model.scaling * model.encode(image), image)
    x = yield from shown(
        "painting the mask", len(timesteps) - 1, denoise(x, timesteps, solver, predict), picture
    )
    return model.decode(x).to(image)


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event | Outcome, None, Outcome]:
    """InstDiffEdit, as in the module's docstring; items one after another."""
    paints = not task.request.mask_only
    if paints:
        task.models.require("inpainting")
    factor = task.model("text-to-image").factor
    texts = wanted(task.instruction, settings)
    image = task.image
    regions: list[Region] = []
    parts: tuple[Part, ...] = ()
    for item, asked in zip(task.instruction.items, texts, strict=True):
        if task.exactly is not None:
            where = Region(task.exactly[0, 0], task.exactly[0, 0] > 0, item.keyword)
        else:
            # Neither network is held here while the other works: a small card has room for one.
            finder = yield from task.brought("text-to-image")
            where = yield from find(task, finder, image, item, asked.find, parts, settings)
            where = finished(task, finder, image, item, where, settings)
            del finder
        regions.append(where)
        parts = (*parts, part(item, where))
        yield task.mask(found(parts, settings.phi))
        if paints:
            mask = (enlarge(where.mask[None].float(), task.frame.size)[None] >= 0.5).to(image)
            painter = yield from task.brought("inpainting")
            painted = yield from inpaint(task, painter, image, asked.paint, mask, settings)
            del painter
            image = blend(painted, image, masks.grow(mask, factor))
    return Outcome(
        image=image,
        found=found(parts, settings.phi),
        reach=float(factor),
        keywords=tuple(r.keyword for r in regions),
        thresholds={"phi": settings.phi},
        understood=_understood([(t.find, t.paint) for t in texts]),
        warnings=tuple(
            f"The model does not see where {t.find!r} belongs; the whole selection or picture "
            "was taken."
            for t, r in zip(texts, regions, strict=True)
            if not r.known
        ),
    )


def part(item: Item, where: Region) -> Part:
    """One item's share of the mask."""
    return Part(item.text, where.keyword, where.soft[None, None].cpu())


def found(parts: tuple[Part, ...], phi: float) -> Found:
    """All items' masks together."""
    size = max((tuple(p.soft.shape[2:]) for p in parts), key=math.prod)
    soft = [F.interpolate(p.soft.float(), size=size, mode="bilinear") for p in parts]
    return Found(torch.cat(soft).amax(0, keepdim=True), phi, parts)


def _understood(texts: list[tuple[str, str]]) -> dict[str, str]:
    """What is looked for, and what is painted there, by item."""
    if len(texts) == 1:
        return dict(zip(("find", "paint"), texts[0], strict=True))
    return {
        f"{what} {i}": text
        for i, pair in enumerate(texts, start=1)
        for what, text in zip(("find", "paint"), pair, strict=True)
    }


ALGORITHM = Algorithm(
    name="instdiffedit",
    title="InstDiffEdit",
    purpose="Another thing",
    summary="Replaces or removes a thing: finds its place by itself, then paints it anew. "
    "Everything else stays.",
    needs=("text-to-image", "inpainting"),
    caption="useful",
    settings=Settings,
    run=run,
    rows=lambda settings: 2 * settings.samples,
    inseparable=lambda settings: settings.samples,
    # It is told what to paint and not what goes: with two or three things in the picture it is
    # right in 0 of 8 replacements, FoI in 8 of 8.
    serves=("phrase",),
    stands_in=True,
    order=2,
    counts=("steps", "inpainting_steps"),
    presets={
        "fast": {"steps": 25, "inpainting_steps": 25},
        "quick": {"steps": 12, "inpainting_steps": 10},
    },
)
