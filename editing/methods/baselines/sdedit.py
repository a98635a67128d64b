"""SDEdit (Meng et al., ICLR 2022).

The picture is noised part of the way and denoised with the target text. No mask.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import DDIM, Timestep, randn_like
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task
from .common import ground


@dataclass(frozen=True)
class Settings:
    """SDEdit's parameters."""

    strength: float = parameter(
        0.5,
        "How far the picture is noised: 0 keeps it, 1 forgets it.",
        minimum=0.02,
        maximum=1.0,
        front=True,
    )
    guidance: float = parameter(
        7.5, "How much the target text counts.", minimum=0.0, maximum=30.0, front=True
    )
    steps: int = parameter(
        50, "Steps of the whole schedule; the share `strength` is run.", minimum=2, maximum=500
    )


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """Two rows a step: 25 steps, 50 rows by default."""
    start = ground(task, settings.steps)
    timesteps = start.for_strength(settings.strength)
    z = DDIM().add_noise(start.z0, randn_like(start.z0, task.generator), timesteps[0])

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = start.model.predict(z, now.t, [start.null, start.target])
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    z = yield from start.sampled(z, timesteps, predict)
    return start.finished(z)


ALGORITHM = Algorithm(
    name="sdedit",
    title="SDEdit",
    summary="Noise the picture half-way, denoise it with the new description. Quick and coarse.",
    needs=("text-to-image",),
    caption="useful",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=11,
    presets={
        "paper": {"strength": 0.5, "guidance": 7.5, "steps": 50},
        "fast": {"steps": 25},
        "quick": {"steps": 20},
    },
)
