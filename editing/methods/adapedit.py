"""AdapEdit: guided editing where things change by degrees.

Spatio-Temporal Guided Adaptive Editing Algorithm for Text-Based Continuity-Sensitive Image Editing
(Ma, Jia, Zhou; AAAI 2024). Prompt-to-prompt whose two switches are graded: how long a word keeps
the source's map depends on how close it is to the words that change (FWT, Eq. 4-7), and how much of
its own map a place takes depends on how close the place is to them (DPS, Eq. 8, 9). On a picture
the source branch is its stored inversion, so an edit takes 50 + 2 x 50 + 3 x 50 rows.

symbol        name in the code    shape or unit
c, c*         source, target      prompts; their tokens by place, 77
M             maps                (position, token), mean of the target's cross-attention
E_V           features            (position, d), input of the last such cross-attention at the last
                                  step
E_c*          words               (token, d), unit rows
E_k           key                 (d), unit: the mean of the key tokens' rows
A             closeness           (token), cosine of a token with the key
tau           tau                 (token), share of the steps during which a token keeps the
                                  source's map
S_[V]         spatial             (position) in 0..1
lambda_tau, lambda_S_V, lambda_S      lambda_tau, lambda_sv, lambda_s

Differences (P the paper, C its authors' code, which lacks DPS):
 1  E_V: P leaves it open; C takes the input of the third level-1 up module at the last evaluation:
    so here. Level 1 is one finer than where nouns localise best; in a small model whose nouns do so
    at level 1 it is that level itself.
 2  maps are averaged over the steps too, as C does (P: the last step).
 3  Eq. 5's "softmax": each token's column over its sum (C); a softmax of so small values is flat.
 4  alpha_m is P's 0.03 (C: 0.002); a token that keeps no place takes half of its own maximum.
 5  tau is P's form; C's exp(1 - A) - 1 is tau_form "released".
 6  tau = 0 holds for the key tokens themselves (C: for the word behind each).
 7  tau belongs to a token's place (C: to the word as spelt).
 8  E_k is normalised again after averaging, as in P, so that A is a cosine.
 9  self-attention of the semantic level and deeper follows the source in the default window (C).
10  start, end and padding take the default window, 0.8 - share of content tokens with tau below
    0.1, counted before the key tokens' tau is set to 0, as in C.
11  "the last evaluation" is the sampler's last step. The sampler is DDIM, which inversion needs.
12  S is computed once, from the pre-pass, like E_k; spatial "running" takes E_V from the target's
    previous step (P, Algorithm 1).
13  S is shared by all tokens, key tokens included.
14  the source's map is re-indexed by alignment (alignment.reindexing), so its rows sum to 1.
15  S is the raw cosine clipped to 0..1, as in P; spatial_contrast "minmax" stretches it first.
16  an article without a partner has tau = 0, but is no key token (P and C: it is): it shows nothing
    of its own. Where articles are all that is new and words are gone ("a red apple", "an apple"),
    the edit counts as a deletion.
17  a window of tau lasts floor(tau N) steps (C: int(tau (N + 1))). temporal "fixed" is P without
    FWT: prompt-to-prompt's windows, and its re-indexing instead of 14's. spatial "everywhere" is P
    without DPS: S and lambda_S of 1. Without both it is prompt-to-prompt (0.8, 0.4) to the bit.
18  the composite. P and C hand out the whole picture. Here the original comes back outside the
    mask, which is where the decoded edit differs from the decoded original (changed.py). S, which
    lies where the pre-pass drew the word, is shown as the mask forms, and answers "find the mask";
    mask "places" takes it for the composite, too.
19  a picture is inverted; P edits its own generated ones from their noise, which is origin "seed".
tau reads as elapsed time (C), not as P's Eq. 4 with t running down, which edits no key word.
Without key tokens (a word was only taken away) prompt-to-prompt's windows hold, 0.8 and 0.4, and S
comes from the removed words' own maps; lambda_tau, alpha_m, tau_form and spatial "running" have no
say then.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import tokens
from ..diffusion.attention import Attention, Site, Tap
from ..diffusion.inversion import Trajectory
from ..diffusion.masks import normalise
from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import denoise
from ..diffusion.schedule import DDIM, Timestep
from ..events import Event, Stage
from ..task import Algorithm, Outcome, Task, shown
from .adapedit_places import MASK_AT, Places, composed
from .adapedit_settings import DELETION, PRESETS, Settings, fixed_windows
from .common import trajectory_of
from .prompt_pair import (
    FeatureTap,
    Pair,
    Spatial,
    Survey,
    as_refined,
    coarser,
    fine_sites,
    guided_pair,
    held_sites,
    last_up,
    pair,
    survey,
    whole_steps,
)
from .source_attention import Source, SourceMemory, of_source, self_tap

NEAR = 0.1  # a content token with tau below this counts as related to the key (C)
DEFAULT = 0.8  # the default window before related tokens shorten it (C)


# ---------------------------------------------------------------- FWT: Eq. 5-7


def weights(maps: Tensor, alpha_m: float) -> Tensor:
    """W: each token's column sums to 1.

    Maps (position, token) below alpha_m are 0 first. A token that keeps nothing: half its maximum.
    """
    kept = torch.where(maps < alpha_m, 0.0, maps)
    fallback = torch.where(maps < maps.amax(0) / 2, 0.0, maps)
    kept = torch.where((kept > 0).any(0), kept, fallback)
    return kept / kept.sum(0).clamp(min=torch.finfo(kept.dtype).tiny)


def embeddings(maps: Tensor, features: Tensor, alpha_m: float) -> Tensor:
    """Eq. 5: E_c* = W^T E_V with unit rows.

    maps (position, token), features (position, d) -> (token, d).
    """
    return F.normalize(weights(maps, alpha_m).T @ features, dim=1)


def key_embedding(words: Tensor, places: Sequence[int]) -> Tensor:
    """E_k: the mean of the key tokens' rows, normalised. (token, d) -> (d)."""
    return F.normalize(words[list(places)].mean(0), dim=0)


def windows(
    closeness: Tensor, places: Sequence[int], lambda_tau: float, form: str = "paper"
) -> Tensor:
    """Eq. 7: tau = lambda_tau (1 - exp(A - 1)) in 0..1, and 0 for the key tokens.

    (token) -> (token).
    """
    far = 1 - torch.exp(closeness - 1) if form == "paper" else torch.exp(1 - closeness) - 1
    tau = (lambda_tau * far).clamp(0, 1)
    tau[list(places)] = 0
    return tau


def default_window(tau: Tensor, content: Sequence[int]) -> float:
    """The window of start, end, padding and self-attention.

    It is 0.8 - the share of the content tokens that are near the key, in 0..1.
    """
    near = int((tau[list(content)] < NEAR).sum()) / len(content) if content else 0.0
    return min(1.0, max(0.0, DEFAULT - near))


# ---------------------------------------------------------------- DPS: Eq. 8, 9


def closeness_of_places(features: Tensor, key: Tensor) -> Tensor:
    """Eq. 9 without its factor: the cosine of each place with the key.

    (position, d) -> (position).
    """
    return F.normalize(features, dim=1) @ key


def spatial(closeness: Tensor, lambda_sv: float, contrast: str = "raw") -> Tensor:
    """S_[V] = lambda_S_V times the cosine, in 0..1. closeness: (h, w)."""
    return (lambda_sv * (normalise(closeness) if contrast == "minmax" else closeness)).clamp(0, 1)


def combine(source: Tensor, target: Tensor, s: Tensor, lambda_s: float) -> Tensor:
    """Eq. 8.

    C = lambda_S [S M_tgt + (1 - S) M_src] + (1 - lambda_S) M_src = M_src + lambda_S S (M_tgt -
    M_src). source (already re-indexed), target: (..., position, token). s: (position).
    """
    return torch.lerp(source, target, lambda_s * s[:, None].expand_as(source))


def injected(source: Tensor, combined: Tensor, keeps: Tensor) -> Tensor:
    """Eq. 4: tokens whose window lasts keep the source's map. keeps: (token) bool."""
    return torch.where(keeps, source, combined)


# ---------------------------------------------------------------- the edit pass


@dataclass(frozen=True)
class Guidance:
    """What FWT and DPS decided.

    tau by target token, the self-attention window, and the places' closeness (h, w) before
    clipping.
    """

    tau: Tensor
    self_window: float
    closeness: Tensor
    key: Tensor | None  # E_k; none for a deletion


def guide(pair: Pair, seen: Survey, settings: Settings, lambda_tau: float) -> Guidance:
    """FWT and DPS from a pre-pass (Eq. 5-7, 9)."""
    if not pair.key:
        tau = torch.full((len(seen.maps),), DELETION[0], device=seen.maps.device)
        return Guidance(tau, DELETION[1], normalise(tokens.columns(seen.maps, pair.gone)), None)
    words = embeddings(seen.maps.flatten(1).T, seen.features, settings.alpha_m)
    key = key_embedding(words, pair.key)
    related = windows(words @ key, (), lambda_tau, settings.tau_form)
    default = default_window(related, pair.target.content)
    tau = windows(words @ key, (*pair.key, *pair.fresh), lambda_tau, settings.tau_form)
    tau[[i for i in range(len(tau)) if i not in pair.target.content]] = default
    near = closeness_of_places(seen.features, key).view_as(seen.maps[0])
    return Guidance(tau, default, near, key)


def cross_tap(
    reindex: Tensor, keeps: Tensor, s: Spatial, lambda_s: float, source_of: Source = of_source
) -> Tap:
    """Cross-attention of one step.

    Eq. 4 and 8 for the target branch. keeps: (token) bool.
    """

    def tap(a: Attention) -> Tensor:
        source = source_of(a) @ reindex
        combined = combine(source, a.probabilities("target"), s(a.site.level), lambda_s)
        return a.attend(target=injected(source, combined, keeps))

    return tap


def taps(
    model: Model, pair: Pair, found: Guidance, index: int, count: int, s: Spatial, lambda_s: float,
    source_of: Source = of_source,
) -> dict[Site, Tap]:  # fmt: skip
    """The taps of step `index` of `count`, while windows last."""
    keeps = index < whole_steps(found.tau, count)
    cross = cross_tap(pair.reindex.to(keeps.device), keeps, s, lambda_s, source_of)
    own = index < whole_steps(torch.tensor(found.self_window), count)
    return held_sites(model, cross, self_tap(source_of) if own else None)


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event | Outcome, None, Outcome]:
    """AdapEdit on a picture: inversion, pre-pass, edit pass."""
    model = task.model("text-to-image")
    texts = task.captions
    marked = [mark.text for item in task.instruction.items for mark in item.marks]
    couple = pair(model, texts.source, texts.target, marked)
    lambda_s, lambda_tau = settings.lambdas
    z0 = model.scaling * model.encode(task.image)
    preview = previewer(model, z0, task.image)
    texts_of = {"null": "", "source": texts.source, "target": texts.target}
    branches = {name: Branch(name, model.embed(text)) for name, text in texts_of.items()}
    timesteps = model.schedule.ddim(settings.steps)

    trajectory = yield from trajectory_of(
        task, model, z0, branches["source"], timesteps, preview, settings.origin, settings.guidance
    )
    watched, sites = "target", fine_sites(model)
    if not couple.key:
        watched, sites = "source", model.sites.at("cross", model.semantic_level)
    few = coarser(timesteps, settings.prepass_steps)
    z, null, weight = trajectory.noisiest, branches["null"], settings.guidance
    seen = yield from survey(task, model, z, branches[watched], null, few, sites, weight)
    found = guide(couple, seen, settings, lambda_tau)
    if settings.temporal == "fixed":
        tau, own = fixed_windows(found.tau, couple.fresh, settings.steps)
        couple, found = as_refined(couple), replace(found, tau=tau, self_window=own)

    form = (settings.lambda_sv, settings.spatial_contrast)
    weigh = torch.ones_like if settings.spatial == "everywhere" else lambda c: spatial(c, *form)
    places = Places(task, found.closeness, z0, weigh)
    located = Outcome(
        found=places.mask(found.closeness),
        reach=model.factor * 2**model.semantic_level / 2,
        keywords=couple.keywords,
        thresholds={"mask": MASK_AT, "lambda_S": lambda_s, "self window": found.self_window}
        | ({"lambda_tau": lambda_tau} if couple.key else {}),
        understood={"source": texts.source, "target": texts.target},
    )
    yield located
    z = yield from edit_pass(
        task, model, couple, found, trajectory, branches, timesteps, places, lambda_s, settings
    )
    if settings.mask == "places":
        return replace(located, latents=z)
    yield Stage("decoding")
    return composed(task, located, model.decode(z), model.decode(z0))


def edit_pass(
    task: Task,
    model: Model,
    couple: Pair,
    found: Guidance,
    trajectory: Trajectory,
    branches: Mapping[str, Branch],
    timesteps: Sequence[Timestep],
    places: Places,
    lambda_s: float,
    settings: Settings,
) -> Generator[Event, None, Tensor]:
    """Walk down beside the stored trajectory: the edit's latents.

    Three rows a step; two where an earlier edit of the picture has left the source's attention.
    """
    z0 = trajectory.at(timesteps[-1])
    count = len(timesteps) - 1
    s = places(found.closeness)
    running = settings.spatial == "running" and found.key is not None
    site = last_up(fine_sites(model))
    memory = SourceMemory(task.cache, (model.identity, z0, branches["source"].text, count))

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        nonlocal s
        held = taps(model, couple, found, now.index, count, s, lambda_s, memory.at(now.index))
        known = memory.knows(now.index, held)
        watching = FeatureTap("target", held[site])
        tapped = held | ({site: watching} if running else {})
        eps = guided_pair(model, z, now, branches, tapped, settings.guidance, trajectory, known)
        if running and found.key is not None and watching.value is not None:
            s = places(closeness_of_places(watching.value, found.key).view_as(found.closeness))
        return eps

    compose = places.held(trajectory, count)
    steps = denoise(trajectory.noisiest, timesteps, DDIM(), predict, compose)
    z = yield from shown("denoising", count, steps, previewer(model, z0, task.image))
    memory.close()
    return z


ALGORITHM = Algorithm(
    name="adapedit",
    title="AdapEdit",
    purpose="Another state",
    summary="Changes adjectives, states and numbers, and keeps the layout. Needs to know what "
    "the picture shows.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    keeps_to_mask=lambda settings: settings.mask == "places",
    rows=lambda _: 3,
    told_by="captions",
    serves=("count", "state", "look"),
    stands_in=True,
    order=3,
    seeded=False,
    presets=PRESETS,
)
