"""The one denoising loop, a generator with two holes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .schedule import Solver, Timestep

Predict = Callable[[Tensor, Timestep, Timestep], Tensor]
"""predict(x, now, next): the noise estimate for one step.

It holds from `now` to `next`, and is where an algorithm has its guidance rule.
"""

Compose = Callable[[Tensor, Timestep], Tensor]
"""compose(x, now): what happens to the latents that have arrived at `now`.

Masks, blending and pinning happen here.
"""


@dataclass(frozen=True)
class Progress:
    """One step is done.

    It has the step's number (1..count), the latents after it, and the clean latents that it
    predicts.
    """

    index: int
    count: int
    latents: Tensor
    clean: Tensor


def unchanged(x: Tensor, now: Timestep) -> Tensor:
    """The empty hole: latents stay as the solver left them."""
    return x


def classifier_free(null: Tensor, text: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022).

    eps_null + s (eps_text - eps_null).
    """
    return null + guidance * (text - null)


@torch.no_grad()
def denoise(
    latents: Tensor,
    timesteps: Sequence[Timestep],
    solver: Solver,
    predict: Predict,
    compose: Compose = unchanged,
) -> Generator[Progress, None, Tensor]:
    """The sampling loop: from the first timestep to the last.

    Yields after every step, and returns the latents at the end. Moments in reversed order walk
    upwards, from the picture to noise: DDIM inversion.
    """
    count = len(timesteps) - 1
    for index, (now, next) in enumerate(itertools.pairwise(timesteps), start=1):
        noise = predict(latents, now, next)
        clean = solver.pred_original_sample(latents, noise, now)
        latents = compose(solver.step(latents, noise, now, next), next)
        yield Progress(index, count, latents, clean)
    return latents
