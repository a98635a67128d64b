"""Stochastic sampling with the noise written down.

Edit-friendly DDPM and CycleDiffusion share it. One step from alpha_bar to alpha_bar' (Song et al.
2021, Eq. 12, 16): x' = mu(x, eps) + sigma z, with sigma^2 = eta^2 (1 - alpha_bar') / (1 -
alpha_bar) (1 - alpha_bar / alpha_bar'). eta = 1 is DDPM, 0 DDIM. Solved for z, a given chain of
latents has noise maps z, which bring it back under the same predictions and edit it under others.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.sampling import Predict, Progress
from ...diffusion.schedule import DDIM, Timestep


def deviation(alpha_bar: Tensor, next_alpha_bar: Tensor, eta: float) -> Tensor:
    """sigma of one step."""
    return eta * ((1 - next_alpha_bar) / (1 - alpha_bar) * (1 - alpha_bar / next_alpha_bar)) ** 0.5


def mean(x: Tensor, noise: Tensor, alpha_bar: Tensor, next_alpha_bar: Tensor, eta: float) -> Tensor:
    """mu of one step."""
    clean = (x - (1 - alpha_bar) ** 0.5 * noise) / alpha_bar**0.5
    direction = (1 - next_alpha_bar - deviation(alpha_bar, next_alpha_bar, eta) ** 2) ** 0.5
    return next_alpha_bar**0.5 * clean + direction * noise


def noise_map(
    x: Tensor, next_x: Tensor, noise: Tensor, alpha_bar: Tensor, next_alpha_bar: Tensor, eta: float
) -> Tensor:
    """The z that leads from x to next_x under this prediction.

    0 for a step without noise.
    """
    sigma = deviation(alpha_bar, next_alpha_bar, eta)
    away = next_x - mean(x, noise, alpha_bar, next_alpha_bar, eta)
    return away / sigma if sigma > 0 else torch.zeros_like(away)


@dataclass(frozen=True)
class Recorded:
    """A chain of latents and its noise maps, the noisiest first.

    (steps + 1, 4, h, w) and (steps, 4, h, w), from timestep `first` on.
    """

    chain: Tensor
    maps: Tensor
    first: int = 0

    def at(self, timestep: Timestep) -> Tensor:
        """The chain's latents at a timestep."""
        return self.chain[timestep.index - self.first][None]


@dataclass(frozen=True)
class Replay(DDIM):
    """Stochastic steps with recorded noise instead of fresh."""

    recorded: Recorded
    eta: float

    def step(self, x: Tensor, noise: Tensor, now: Timestep, next: Timestep) -> Tensor:
        z = self.recorded.maps[now.index - self.recorded.first][None]
        return (
            mean(x, noise, now.alpha_bar, next.alpha_bar, self.eta)
            + deviation(now.alpha_bar, next.alpha_bar, self.eta) * z
        )


@torch.no_grad()
def record(
    chain: Tensor, timesteps: Sequence[Timestep], predict: Predict, eta: float
) -> Generator[Progress, None, Recorded]:
    """The noise maps of a chain of latents (steps + 1, 4, h, w).

    They are taken at the predictions of `predict`.
    """
    maps = []
    for i, (now, next) in enumerate(itertools.pairwise(timesteps)):
        x = chain[i][None]
        noise = predict(x, now, next)
        maps.append(noise_map(x, chain[i + 1][None], noise, now.alpha_bar, next.alpha_bar, eta))
        yield Progress(i + 1, len(timesteps) - 1, x, DDIM().pred_original_sample(x, noise, now))
    return Recorded(chain, torch.cat(maps), timesteps[0].index)
