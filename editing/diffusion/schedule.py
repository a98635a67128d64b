"""Noise schedules and the solvers that follow them.

alpha-bar, timesteps, the prediction of the clean latents, adding noise, one step.

symbol      name                     unit
t           timestep                 0..999, shown to the network
alpha_bar   signal share             0..1; x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps
sigma       noise over signal        sqrt((1 - alpha_bar) / alpha_bar)

DDIM keeps latents in the first form (variance preserving). Euler ancestral, LMS and DPM-Solver++
keep x = x_0 + sigma eps and show the network x / sqrt(sigma^2 + 1). Sources: Song et al. 2021
(DDIM, Eq. 12); Karras et al. 2022 and crowsonkb/k-diffusion (sigmas, Euler ancestral, LMS); Lu et
al. 2022 (DPM-Solver++). Each is tested for equality with diffusers' scheduler of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor


@dataclass(frozen=True)
class Timestep:
    """One timestep of a noise schedule.

    `index` counts from the noisiest (0); the clean end is index N.
    """

    index: int
    t: float
    alpha_bar: Tensor  # () float32
    sigma: Tensor  # () float32


LEAST_ALPHA_BAR = 2.0**-24
"""Of the noisiest timestep, as in diffusers' Euler schedulers: sigma 4096."""


def for_strength(timesteps: Sequence[Timestep], share: float) -> tuple[Timestep, ...]:
    """The last `share`, 0..1, of the steps; one step at least.

    For an edit that starts part-way.
    """
    steps = len(timesteps) - 1
    return tuple(timesteps[steps - max(1, round(share * steps)) :])


@dataclass(frozen=True)
class Schedule:
    """The noise that a model was trained with.

    It is alpha_bar by timestep, (timesteps,) float32.
    """

    alphas_cumprod: Tensor

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Schedule:
        """The schedule that a diffusers scheduler configuration describes.

        Where it ends in pure noise (zero terminal SNR), sigma is kept finite there.
        """
        alphas = DDIMScheduler.from_config(dict(config)).alphas_cumprod
        return cls(alphas.clamp(min=LEAST_ALPHA_BAR))

    def ddim(self, steps: int, offset: int = 1) -> tuple[Timestep, ...]:
        """N + 1 evenly spaced timesteps, the noisiest first.

        The clean end has the first alpha_bar (set_alpha_to_one False). With 50 of 1000 steps and
        offset 1: t = 981, 961, ..., 1, and the same backwards, so that inversion matches sampling.
        Where the steps do not divide 1000, each t is rounded down by itself; diffusers rounds their
        distance, and 400 steps would start at t = 799.
        """
        total = len(self.alphas_cumprod)
        times = [i * total // steps + offset for i in reversed(range(steps))]
        alphas = [self.alphas_cumprod[t] for t in times] + [self.alphas_cumprod[0]]
        return tuple(
            Timestep(i, float(t), a, ((1 - a) / a) ** 0.5)
            for i, (t, a) in enumerate(zip([*times, 0], alphas, strict=True))
        )

    def sigmas(self, steps: int) -> tuple[Timestep, ...]:
        """N + 1 timesteps for the solvers that keep sigmas, the noisiest first.

        t goes linearly from 999 to 0; then comes the clean end at sigma 0. N is at least 2: a
        single step would be the one at t = 0, which sees no noise.
        """
        total = len(self.alphas_cumprod)
        times = np.linspace(0, total - 1, steps, dtype=np.float32)[::-1]
        curve = (((1 - self.alphas_cumprod) / self.alphas_cumprod) ** 0.5).numpy()
        sigmas = torch.from_numpy(
            np.append(np.interp(times, np.arange(total), curve), 0.0).astype(np.float32)
        )
        return tuple(
            Timestep(i, float(t), 1 / (s**2 + 1), s)
            for i, (t, s) in enumerate(zip([*times, 0.0], sigmas, strict=True))
        )

    def at(self, t: float) -> float:
        """alpha_bar at any timestep, linear between whole ones."""
        return float(np.interp(t, np.arange(len(self.alphas_cumprod)), self.alphas_cumprod.numpy()))

    def alpha_bar(self, t: Tensor) -> Tensor:
        """alpha_bar at whole timesteps t, on t's device."""
        return self.alphas_cumprod.to(t.device)[t]


class Solver(Protocol):
    """How latents move along the schedule once the noise in them is known."""

    def scale_model_input(self, x: Tensor, now: Timestep) -> Tensor:
        """The latents as the network wants them."""

    def pred_original_sample(self, x: Tensor, noise: Tensor, now: Timestep) -> Tensor:
        """The predicted clean latents x_0."""

    def add_noise(self, x0: Tensor, noise: Tensor, at: Timestep) -> Tensor:
        """Clean latents with this noise, as they would be at a timestep."""

    def step(self, x: Tensor, noise: Tensor, now: Timestep, next: Timestep) -> Tensor:
        """The latents at the next timestep."""


@dataclass(frozen=True)
class DDIM:
    """Deterministic DDIM.

    The same formula goes downwards (sampling) and upwards (inversion).
    """

    def scale_model_input(self, x: Tensor, now: Timestep) -> Tensor:
        return x

    def pred_original_sample(self, x: Tensor, noise: Tensor, now: Timestep) -> Tensor:
        return (x - (1 - now.alpha_bar) ** 0.5 * noise) / now.alpha_bar**0.5

    def add_noise(self, x0: Tensor, noise: Tensor, at: Timestep) -> Tensor:
        return at.alpha_bar**0.5 * x0 + (1 - at.alpha_bar) ** 0.5 * noise

    def step(self, x: Tensor, noise: Tensor, now: Timestep, next: Timestep) -> Tensor:
        return self.add_noise(self.pred_original_sample(x, noise, now), noise, next)


class _Sigma:
    """Latents kept as x_0 + sigma eps."""

    def scale_model_input(self, x: Tensor, now: Timestep) -> Tensor:
        return x / (now.sigma**2 + 1) ** 0.5

    def pred_original_sample(self, x: Tensor, noise: Tensor, now: Timestep) -> Tensor:
        return x - now.sigma * noise

    def add_noise(self, x0: Tensor, noise: Tensor, at: Timestep) -> Tensor:
        return x0 + at.sigma * noise


@dataclass(frozen=True)
class EulerAncestral(_Sigma):
    """An Euler step to sigma_down, then fresh noise of sigma_up.

    The noise comes from the request's generator.
    """

    generator: torch.Generator

    def step(self, x: Tensor, noise: Tensor, now: Timestep, next: Timestep) -> Tensor:
        up = (next.sigma**2 * (now.sigma**2 - next.sigma**2) / now.sigma**2) ** 0.5
        down = (next.sigma**2 - up**2) ** 0.5
        slope = (x - self.pred_original_sample(x, noise, now)) / now.sigma
        return x + slope * (down - now.sigma) + randn_like(x, self.generator) * up


class LMS(_Sigma):
    """Linear multistep of order 4.

    It remembers its last slopes, so each run wants a new one. Started part-way it begins with an
    empty history at order 1 (diffusers' scheduler then takes the weights of order 4 for one slope).
    """

    ORDER = 4

    def __init__(self, timesteps: Sequence[Timestep]) -> None:
        self._sigmas = [float(m.sigma) for m in timesteps]
        self._first = timesteps[0].index
        self._slopes: list[Tensor] = []  # newest first

    def step(self, x: Tensor, noise: Tensor, now: Timestep, next: Timestep) -> Tensor:
        self._slopes = [noise, *self._slopes][: self.ORDER]
        weights = lms_weights(self._sigmas, now.index - self._first, len(self._slopes))
        return x + sum(
            (w * s for w, s in zip(weights, self._slopes, strict=True)), torch.zeros_like(x)
        )


class DPMSolver(_Sigma):
    """DPM-Solver++(2M) (Lu et al. 2022, Algorithm 2).

    Of second order, from the last two clean estimates; the first and the last step are of order 1.
    It remembers an estimate, so each run wants a new one.
    """

    def __init__(self) -> None:
        self._last: tuple[Tensor, Tensor] | None = (
            None  # the step before: its clean estimate, and its length h in -log sigma
        )

    def step(self, x: Tensor, noise: Tensor, now: Timestep, next: Timestep) -> Tensor:
        clean = self.pred_original_sample(x, noise, now)
        if next.sigma == 0:
            return clean
        h = (now.sigma / next.sigma).log()
        ahead = clean
        if self._last is not None:
            before, length = self._last
            ahead = clean + (clean - before) * h / (2 * length)
        self._last = (clean, h)
        return next.sigma / now.sigma * x - torch.expm1(-h) * ahead


def lms_weights(sigmas: Sequence[float], i: int, order: int) -> list[float]:
    """Adams-Bashforth weights.

    The integral from sigma_i to sigma_{i+1} of each Lagrange polynomial through the last `order`
    sigmas.
    """
    weights = []
    for j in range(order):
        others = [sigmas[i - k] for k in range(order) if k != j]
        basis = np.poly1d(others, r=True) / float(np.prod([sigmas[i - j] - s for s in others]))
        primitive = basis.integ()
        weights.append(float(primitive(sigmas[i + 1]) - primitive(sigmas[i])))
    return weights


def randn(shape: Sequence[int], generator: torch.Generator, device: torch.device | str) -> Tensor:
    """Standard normal float32 numbers.

    They are drawn on the CPU, so that a seed means the same on every machine.
    """
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32).to(device)


def randn_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of x's shape, on x's device."""
    return randn(x.shape, generator, x.device)
