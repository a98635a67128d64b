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

from collections.abc import Generator

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import masks, tokens
from ..diffusion.attention import AverageMap
from ..diffusion.masks import blend, blur, guided, is_constant, normalise, within
from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import classifier_free, denoise
from ..diffusion.schedule import LMS, Timestep, for_strength, randn
from ..errors import EditError
from ..events import Event
from ..language.instruction import Item
from ..task import Algorithm, Outcome, Part, Task, on_grid, shown
from .inpainting import inpaint
from .instdiffedit_regions import Region, finished, found, part, understood, wanted
from .instdiffedit_settings import PRESETS, Settings

BINOMIAL = (
    1 / 16,
    4 / 16,
    6 / 16,
    4 / 16,
    1 / 16,
)  # what OpenCV's Gaussian of size 5 and sigma 0 is


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
            painted = yield from inpaint(
                task,
                painter,
                image,
                asked.paint,
                mask,
                settings.inpainting_steps,
                settings.guidance,
            )
            del painter
            image = blend(painted, image, masks.grow(mask, factor))
    return Outcome(
        image=image,
        found=found(parts, settings.phi),
        reach=float(factor),
        keywords=tuple(r.keyword for r in regions),
        thresholds={"phi": settings.phi},
        understood=understood([(t.find, t.paint) for t in texts]),
        warnings=tuple(
            f"The model does not see where {t.find!r} belongs; the whole selection or picture "
            "was taken."
            for t, r in zip(texts, regions, strict=True)
            if not r.known
        ),
    )


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
    presets=PRESETS,
)
