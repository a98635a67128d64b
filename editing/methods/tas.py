"""TAS: poses and composition, by inversion and timestep-aware sampling.

Latent Inversion with Timestep-aware Sampling for Training-free Non-rigid Editing (Jung et al.;
arXiv 2402.08601). For poses and composition, where a mask would be in the way. The target's
embedding is first fitted to the picture (Eq. 2) and mixed with the plain one (Eq. 3); the picture
is inverted (Eq. 4); sampling then retraces the picture for the first K steps, which fix what is
where, and follows the mixed text afterwards (Eq. 5). The mask is what changed.

symbol        name in the code     shape or unit
z_0, z*       z0, trajectory       (1, 4, h, w), latents; (N + 1, 4, h, w), their inversion
e_tgt         e_tgt                (1, token, channel), embedding of the target text
e_opt         e_opt                the same, fitted to the picture
eta, e_bar    eta, e_bar           share of the plain target; eta e_tgt + (1 - eta) e_opt
e_src         e_src                embedding of the source text, by default the empty one
null_t        nulls[i]             unconditional embedding of step i
N, K          steps, kept          sampling steps; the first K of them retrace the picture, K =
                                   round(ratio N)
omega         guidance             classifier-free guidance, 7.5; 1 with plain DDIM inversion

Cost in rows, a forward with its backward counted as 3: 200 x 3 for Eq. 2, 50 for Eq. 4, 2 (50 - K)
for Eq. 5: 730. e_opt depends on picture, target and seed, z* on picture and source: both are kept,
so that a second edit with another eta or ratio takes 80.

Differences. The paper came without code, and its text leaves choices:
 1  Eq. 2's optimiser. Here: Adam, rate 1e-3, fresh t and noise at each of 200 steps; plain error,
    no guidance, all token vectors free.
 2  eta. Here: 0.8; up to 1.2, where Imagic's pipeline extrapolates.
 3  ratio. Paper: 0.1 to 0.4 is effective; 0.1 for a large change of shape, 0.4 for a small one.
    Here: 0.2.
 4  K counts from the noisiest step.
 5  e_src. Here: the empty text (the paper finds that it often keeps the structure better);
    source="caption" takes the caption.
 6  the first K steps only retrace z* where the inversion is good. Here: inversion="pinned" starts
    at z* after K steps, the limit of perfect null-text inversion, at no cost; with a source text it
    lacks null-text's embeddings in the steps that remain. "null-text" is the paper's procedure,
    "ddim" its variant at guidance 1. Measured: six held-out poses of the sketchbook, 20 steps and
    60 of Eq. 2, pinned against null-text: asked pose 5 and 6 of 6, all else kept 1 and 2 of 6, 23.2
    and 23.1 dB outside, mask IoU 0.37 and 0.37, 232 and 888 rows. One case of six does not pay for
    four times the rows.
 7  sampling adds no noise; the seed matters to Eq. 2 only.
 8  the mask. Paper: none. Here: the colour difference between the decoded edit and the decoded
    original latents, so that the autoencoder's own error cancels; blurred, over its 99th
    percentile, cut at Otsu's threshold within [0.1, 0.5]; small holes closed. While it runs, a
    first guess: the sum of |eps(e_bar) - eps(null)|, both at hand; with "ddim", which asks for
    e_bar alone, none.
Where eta is 1 or every step is kept, e_opt has no say and is not made.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion.masks import area, blend, normalise
from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import Progress, classifier_free, denoise
from ..diffusion.schedule import DDIM, Timestep, randn_like
from ..events import Event, Mask, Stage
from ..language.prompts import Captions
from ..task import Algorithm, Found, Outcome, Task, shown
from .changed import changed, threshold
from .common import inverted, null_embeddings, sparing
from .tas_settings import PRESETS, Settings

# Eq. 2: text optimisation


def noised(model: Model, z0: Tensor, t: int, noise: Tensor) -> Tensor:
    """z_t = sqrt(abar_t) z_0 + sqrt(1 - abar_t) noise."""
    alpha_bar = model.schedule.alpha_bar(torch.tensor(t, device=z0.device))
    return alpha_bar**0.5 * z0 + (1 - alpha_bar) ** 0.5 * noise


def loss(model: Model, z0: Tensor, t: int, noise: Tensor, e: Tensor) -> Tensor:
    """Eq. 2 at one t and noise: mean of (noise - eps_theta(z_t, t, e))^2."""
    return F.mse_loss(
        model.predict(noised(model, z0, t, noise), float(t), [Branch("text", e)])["text"], noise
    )


def fit(
    model: Model,
    z0: Tensor,
    e: Tensor,
    moved: Iterable[Tensor],
    steps: int,
    rate: float,
    generator: torch.Generator,
) -> Generator[Progress, None, None]:
    """Adam on Eq. 2, each step at a random timestep with a fresh noise.

    moved: what is fitted, e or the network's weights. The loss is scaled where the network is in
    half precision. Yields after each of the steps.
    """
    optimiser = torch.optim.Adam(moved, lr=rate)
    scaler = model.scaler()
    for index in range(1, steps + 1):
        t = int(torch.randint(len(model.schedule.alphas_cumprod), (), generator=generator))
        noise = randn_like(z0, generator)
        with torch.enable_grad():
            optimiser.zero_grad()
            scaler.scale(loss(model, z0, t, noise, e)).backward()
            scaler.step(optimiser)
            scaler.update()
        model.tally.backward(1)
        yield Progress(index, steps, noised(model, z0, t, noise), z0)


def optimise_text(
    model: Model, z0: Tensor, e_tgt: Tensor, steps: int, rate: float, generator: torch.Generator
) -> Generator[Progress, None, Tensor]:
    """e_opt: the embedding under which the model sees the noise best.

    Adam moves the embedding alone, for the noise in z_t. Yields after every step.
    """
    e = e_tgt.detach().clone().requires_grad_()
    yield from fit(model, z0, e, [e], steps, rate, generator)
    return e.detach()


# Eq. 3: interpolation


def interpolate(e_tgt: Tensor, e_opt: Tensor, eta: float) -> Tensor:
    """e_bar = eta e_tgt + (1 - eta) e_opt."""
    return eta * e_tgt + (1 - eta) * e_opt


# Eq. 5: timestep-aware injection


def kept_steps(ratio: float, steps: int) -> int:
    """K, the first steps, which retrace the picture."""
    return round(ratio * steps)


# The procedure


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """TAS, as in the module's docstring."""
    model = task.model("text-to-image")
    texts = task.captions
    source, warnings = source_text(task, texts, settings)
    z0 = model.scaling * model.encode(task.image)
    e_tgt, e_src, null = model.embed(texts.target), model.embed(source), model.embed("")
    timesteps = model.schedule.ddim(settings.steps)
    kept = kept_steps(settings.ratio, settings.steps)
    picture = previewer(model, z0, task.image)

    e_opt = e_tgt
    if settings.eta != 1 and kept < settings.steps:
        e_opt = yield from fitted(task, model, z0, e_tgt, settings)
    e_bar = interpolate(e_tgt, e_opt, settings.eta)

    trajectory = yield from inverted(task, model, z0, e_src, timesteps, picture)
    nulls = null.expand(settings.steps, -1, -1)
    guidance = settings.guidance
    if settings.inversion == "ddim" and guidance != 1:
        warnings = (
            *warnings,
            f"Held by ddim, a picture is sampled at guidance 1; the {guidance:g} asked for had "
            "no say.",
        )
        guidance = 1.0
    if settings.inversion == "null-text":
        nulls = yield from null_embeddings(
            task, model, trajectory, e_src, null, timesteps, guidance, settings.save_memory
        )

    limit = None if task.bounds is None else area(task.bounds, (z0.shape[2], z0.shape[3])).to(z0)
    moved = torch.zeros_like(z0[:, :1])  # the sum of |eps(e_bar) - eps(null)|

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        text = Branch("text", e_src if now.index < kept else e_bar)
        if guidance == 1:
            return model.predict(z, now.t, [text])["text"]
        eps = model.predict(z, now.t, [Branch("null", nulls[now.index][None]), text])
        if now.index >= kept:
            moved.add_((eps["text"] - eps["null"]).abs().mean(1, keepdim=True))
        return classifier_free(eps["null"], eps["text"], guidance)

    def compose(z: Tensor, now: Timestep) -> Tensor:
        return z if limit is None or now.index <= kept else blend(z, trajectory.at(now), limit)

    first = kept if settings.inversion == "pinned" else 0
    steps = denoise(trajectory.at(timesteps[first]), timesteps[first:], DDIM(), predict, compose)

    def guess() -> Mask | None:
        return (
            task.mask(Found(normalise(moved), threshold(normalise(moved))))
            if bool(moved.any())
            else None
        )

    z = yield from shown("denoising", settings.steps - first, steps, picture, guess)

    yield Stage("decoding")
    edit, reconstruction = model.decode(z), model.decode(z0)
    where = changed(edit, reconstruction, None if task.guide is None else task.guide.to(edit))
    yield task.mask(where)
    if not bool((where.soft >= where.threshold).any()):
        warnings = (*warnings, "Nothing changed; take a lower ratio or a higher eta.")
    return Outcome(
        image=edit,
        found=where,
        reach=float(model.factor),
        thresholds={"difference": where.threshold},
        understood={"target": texts.target, "source": source},
        warnings=warnings,
    )


def fitted(
    task: Task, model: Model, z0: Tensor, e_tgt: Tensor, settings: Settings
) -> Generator[Event, None, Tensor]:
    """e_opt: from the cache where an earlier edit left it, else fitted now."""
    steps, rate, seed = settings.optimisation_steps, settings.rate, task.request.seed

    def make() -> Generator[Event, None, Tensor]:
        optimisation = sparing(
            model,
            settings.save_memory,
            optimise_text(model, z0, e_tgt, steps, rate, task.generator),
        )
        return (
            yield from shown(
                "fitting the words", steps, optimisation, previewer(model, z0, task.image)
            )
        )

    return (
        yield from task.cache.memoize(
            "text optimisation", Tensor, (model.identity, z0, e_tgt, steps, rate, seed), make
        )
    )


def source_text(task: Task, texts: Captions, settings: Settings) -> tuple[str, tuple[str, ...]]:
    """The text of e_src, and what to warn of.

    It is the caption where that is chosen and known, else nothing.
    """
    if settings.source == "nothing":
        return "", ()
    if task.instruction.caption or task.instruction.items[0].form == "arrow":
        return texts.source, ()
    return "", ("No caption is known, so the picture was retraced without text.",)


ALGORITHM = Algorithm(
    name="tas",
    title="TAS",
    purpose="Another pose",
    precise=True,
    summary="Changes poses and composition: how a thing stands, sits or moves. Slow the first "
    "time, quick when tried again.",
    needs=("text-to-image",),
    caption="useful",
    settings=Settings,
    run=run,
    keeps_to_mask=False,
    rows=lambda _: 2,
    inseparable=lambda _: 1,
    goes_back=lambda settings: settings.eta != 1 or settings.inversion == "null-text",
    told_by="captions",
    serves=("pose",),
    order=4,
    presets=PRESETS,
)
