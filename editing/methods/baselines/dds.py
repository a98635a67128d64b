"""Delta denoising score (Hertz, Aberman, Cohen-Or, ICCV 2023).

Moves the latents along the difference of two noise predictions. No mask. Differences. The step is
the authors' for 64 x 64 latents, 0.1 x 2000 / 64^2 for each value, at every size.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.model import Branch
from ...diffusion.sampling import Progress, classifier_free
from ...diffusion.schedule import randn_like
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task, shown
from .common import Ground, ground

TIMES = (50, 950)  # timesteps drawn from, the last one excluded
RATE = 0.1
LOSS_SCALE = 2000 / 64**2  # the loss is a mean over latent places times 2000


@dataclass(frozen=True)
class Settings:
    """DDS's parameters, with its authors' defaults."""

    iterations: int = parameter(
        200, "Steps of gradient descent; more changes more.", minimum=1, maximum=2000, front=True
    )
    guidance: float = parameter(
        7.5, "How much the texts count.", minimum=0.0, maximum=30.0, front=True
    )
    rate: float = parameter(
        RATE, "Learning rate.", minimum=0.001, maximum=1.0, title="learning rate"
    )


def descend(start: Ground, settings: Settings) -> Generator[Progress, None, Tensor]:
    """z <- z - rate scale (eps(z_t, target) - eps(z0_t, source)).

    t and noise are the same for both; four rows a step.
    """
    model, generator = start.model, start.task.generator
    null = start.null.text
    branches = [
        Branch("null source", null),
        start.source,
        Branch("null target", null),
        start.target,
    ]
    z = start.z0
    for i in range(settings.iterations):
        t = int(torch.randint(*TIMES, (1,), generator=generator))
        noise = randn_like(z, generator)
        signal, spread = model.schedule.at(t) ** 0.5, (1 - model.schedule.at(t)) ** 0.5
        here, there = signal * z + spread * noise, signal * start.z0 + spread * noise
        eps = model.predict(
            {"null source": there, "source": there, "null target": here, "target": here},
            t,
            branches,
        )
        source, target = (
            classifier_free(eps[f"null {name}"], eps[name], settings.guidance)
            for name in ("source", "target")
        )
        z = z - settings.rate * LOSS_SCALE * (target - source)
        yield Progress(i + 1, settings.iterations, z, z)
    return z


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """200 steps of four rows: 800."""
    start = ground(task, steps=1)
    z = yield from shown(
        "optimising", settings.iterations, torch.no_grad()(descend)(start, settings), start.preview
    )
    return start.finished(z)


ALGORITHM = Algorithm(
    name="dds",
    title="Delta denoising score",
    summary="Nudges the picture towards the new description, step by small step.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=19,
    counts=("iterations",),
    presets={
        "paper": {"iterations": 200, "guidance": 7.5, "rate": RATE},
        "fast": {"iterations": 60},
        "quick": {"iterations": 12},
    },
)
