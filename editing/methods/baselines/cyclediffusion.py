"""CycleDiffusion (Wu and De la Torre, ICCV 2023).

One noising trajectory of the picture, its noise replayed under the target text. No mask. Like
edit-friendly DDPM, but z_{t-1} is drawn from the posterior given z_t and z_0, so that the latents
hang together as in sampling. The defaults are diffusers' (eta 0.1, strength 0.8, source guidance 1,
which needs no unconditional row): three rows a step.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import DDIM, Timestep, randn_like
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task, shown
from .common import ground
from .ddpm import Replay, deviation, mean, record


@dataclass(frozen=True)
class Settings:
    """CycleDiffusion's parameters."""

    strength: float = parameter(
        0.8, "How far the picture is noised.", minimum=0.02, maximum=1.0, front=True
    )
    guidance: float = parameter(
        7.5, "How much the target text counts.", minimum=0.0, maximum=30.0, front=True
    )
    eta: float = parameter(
        0.1,
        "Randomness of the trajectory; 1 is DDPM.",
        minimum=0.01,
        maximum=1.0,
        title="randomness",
    )
    steps: int = parameter(
        50, "Steps of the whole schedule; the share `strength` is run.", minimum=2, maximum=500
    )


def trajectory(
    z0: Tensor, timesteps: Sequence[Timestep], eta: float, generator: torch.Generator
) -> Tensor:
    """A noising trajectory of z_0 (1, 4, h, w): (N + 1, 4, h, w).

    z_T is noised from z_0, each z_{t-1} then comes from the posterior given z_t and z_0; z_0 itself
    is last.
    """
    chain = [DDIM().add_noise(z0, randn_like(z0, generator), timesteps[0])]
    for now, next in itertools.pairwise(timesteps[:-1]):
        noise = (chain[-1] - now.alpha_bar**0.5 * z0) / (1 - now.alpha_bar) ** 0.5
        fresh = deviation(now.alpha_bar, next.alpha_bar, eta) * randn_like(z0, generator)
        chain.append(mean(chain[-1], noise, now.alpha_bar, next.alpha_bar, eta) + fresh)
    return torch.cat([*chain, z0])


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """One row a step for the source, two for the target: 40 steps, 120 rows."""
    start = ground(task, settings.steps)
    timesteps = start.for_strength(settings.strength)
    chain = trajectory(start.z0, timesteps, settings.eta, task.generator)

    def source(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        return start.model.predict(z, now.t, [start.source])["source"]

    def target(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = start.model.predict(z, now.t, [start.null, start.target])
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    recorded = yield from shown(
        "inverting",
        len(timesteps) - 1,
        record(chain, timesteps, source, settings.eta),
        start.preview,
    )
    z = yield from start.sampled(
        chain[:1], timesteps, target, solver=Replay(recorded, settings.eta)
    )
    return start.finished(z)


ALGORITHM = Algorithm(
    name="cyclediffusion",
    title="CycleDiffusion",
    summary="Finds the noise that would have made the picture and makes it again under the new "
    "description.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=20,
    presets={
        "paper": {"strength": 0.8, "guidance": 7.5, "eta": 0.1, "steps": 50},
        "fast": {"steps": 20},
        "quick": {"steps": 12},
    },
)
