"""From a picture's latents up to noise.

DDIM inversion, which is the sampling loop walked upwards, and null-text inversion. A Trajectory
costs one forward a step and depends only on the latents and the source text, so it is worth keeping
between edits. Sources: Song et al. 2021 (DDIM); Mokady et al., CVPR 2023 (null-text inversion); Ju
et al., ICLR 2024 (direct inversion: a source branch that takes its latents from the stored
trajectory at every step is the same as their correction terms).
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .model import Branch, Model
from .sampling import Progress, classifier_free, denoise
from .schedule import DDIM, Timestep

NULL_TEXT_ITERATIONS = 10


@dataclass(frozen=True)
class Trajectory:
    """Every latent of an inversion, (N + 1, 4, h, w).

    In the order of the timesteps: the noisiest first, z_0 last.
    """

    latents: Tensor

    def at(self, timestep: Timestep) -> Tensor:
        """The latents (1, 4, h, w) at a timestep."""
        return self.latents[timestep.index][None]

    @property
    def noisiest(self) -> Tensor:
        """z*_T, (1, 4, h, w)."""
        return self.latents[:1]


def invert(
    model: Model, z0: Tensor, text: Tensor, timesteps: Sequence[Timestep]
) -> Generator[Progress, None, Trajectory]:
    """DDIM inversion at guidance 1, from z_0 (1, 4, h, w) up to noise.

    The noise is what the model sees under `text` (1, tokens, channels). The network is asked at the
    noisier end of each step, as diffusers' DDIMInverseScheduler and the null-text code do. One row
    a step.
    """
    branch = Branch("source", text)

    def predict(z: Tensor, now: Timestep, noisier: Timestep) -> Tensor:
        return model.predict(z, noisier.t, [branch])["source"]

    kept = [z0]
    steps = denoise(z0, timesteps[::-1], DDIM(), predict)
    for progress in steps:
        kept.append(progress.latents)
        yield progress
    return Trajectory(torch.cat(kept[::-1]))


def pace(step: int, count: int) -> tuple[float, float]:
    """Adam's rate at a step of null-text inversion, and its goal.

    The goal is the mean squared error that is small enough there. The authors' 0.01 (1 - step /
    100) and 1e-5 + 2e-5 step belong to 50 steps; here they go by the share of the steps that is
    done.
    """
    share = step / count
    return 0.01 * (1 - share / 2), 1e-5 + 1e-3 * share


def null_text(
    model: Model,
    trajectory: Trajectory,
    text: Tensor,
    null: Tensor,
    timesteps: Sequence[Timestep],
    guidance: float,
) -> Generator[Progress, None, Tensor]:
    """Null-text inversion: one unconditional embedding for each step.

    They are (N, tokens, channels), and make guided sampling retrace the trajectory. At each step
    Adam moves the embedding (started from the last one) until the guided step lands on the stored
    latents: at most 10 iterations, at the pace of `pace`. The authors keep the last iteration's
    embedding; here the best is kept, so that no step ends worse than it began.
    """
    solver = DDIM()
    z = trajectory.noisiest
    embeddings = []
    count = len(timesteps) - 1
    for i, (now, next) in enumerate(itertools.pairwise(timesteps)):
        goal = trajectory.at(next)
        best = _null_text_step(model, z, text, null, goal, (now, next), guidance, pace(i, count))
        with torch.no_grad():
            eps = model.predict(z, now.t, [Branch("null", best.last), Branch("source", text)])
            noise = classifier_free(eps["null"], eps["source"], guidance)
            if F.mse_loss(solver.step(z, noise, now, next), goal) < best.loss:
                null = best.last
            else:
                null, noise = best.null, best.noise
            clean = solver.pred_original_sample(z, noise, now)
            z = solver.step(z, noise, now, next)
        embeddings.append(null)
        yield Progress(i + 1, count, z, clean)
    return torch.cat(embeddings)


@dataclass(frozen=True)
class _Iterations:
    """What one step's iterations found.

    The best of the embeddings tried, its loss and its guided noise; and the last, not yet tried.
    """

    null: Tensor
    loss: float
    noise: Tensor
    last: Tensor


@torch.enable_grad()
def _null_text_step(
    model: Model,
    z: Tensor,
    text: Tensor,
    start: Tensor,
    goal: Tensor,
    step: tuple[Timestep, Timestep],
    guidance: float,
    pace: tuple[float, float],
) -> _Iterations:
    now, next = step
    rate, enough = pace
    with torch.no_grad():
        towards = model.predict(z, now.t, [Branch("source", text)])["source"]
    null = start.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([null], lr=rate)
    scaler = model.scaler()
    best: tuple[float, Tensor, Tensor] | None = None
    for _ in range(NULL_TEXT_ITERATIONS):
        noise = classifier_free(
            model.predict(z, now.t, [Branch("null", null)])["null"], towards, guidance
        )
        loss = F.mse_loss(DDIM().step(z, noise, now, next), goal)
        if best is None or loss.item() < best[0]:
            best = (loss.item(), null.detach().clone(), noise.detach())
        optimiser.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        model.tally.backward(len(z))
        if loss.item() < enough:
            break
    assert best is not None
    return _Iterations(best[1], best[0], best[2], null.detach())
