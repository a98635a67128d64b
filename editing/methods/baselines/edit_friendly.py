"""Edit-friendly DDPM (Huberman-Spiegelglas et al., CVPR 2024).

Noise maps of independently noised latents, replayed under the target text. Differences. PIE-Bench's
settings: source guidance 1 (the authors' own default is 3.5), target 7.5, 12 of 50 steps skipped.
As in the authors' code the last noise map is zero, so the picture comes back up to the last step.
All 50 maps are extracted, so that another skip finds them kept.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...diffusion.sampling import Predict, Progress, classifier_free
from ...diffusion.schedule import DDIM, Timestep, randn_like
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task, shown
from .common import Ground, ground
from .ddpm import Recorded, Replay, record

ETA = 1.0  # DDPM


@dataclass(frozen=True)
class Settings:
    """Edit-friendly DDPM's parameters."""

    skip: float = parameter(
        0.24,
        "Share of the steps left out: more keeps more of the picture.",
        minimum=0.0,
        maximum=0.98,
        front=True,
        title="steps left out",
    )
    guidance: float = parameter(
        7.5, "How much the target text counts.", minimum=0.0, maximum=30.0, front=True
    )
    source_guidance: float = parameter(
        1.0, "How much the source text counts in the inversion.", minimum=0.0, maximum=30.0
    )
    steps: int = parameter(50, "Steps of the whole schedule.", minimum=2, maximum=500)


def independent(z0: Tensor, timesteps: Sequence[Timestep], generator: torch.Generator) -> Tensor:
    """z_0 (1, 4, h, w) at every timestep, each with noise of its own.

    (N + 1, 4, h, w), with z_0 itself last.
    """
    return torch.cat(
        [*(DDIM().add_noise(z0, randn_like(z0, generator), m) for m in timesteps[:-1]), z0]
    )


def extracted(
    chain: Tensor, timesteps: Sequence[Timestep], predict: Predict
) -> Generator[Progress, None, Recorded]:
    """The chain's noise maps, the last one zero."""
    recorded = yield from record(chain, timesteps, predict, ETA)
    return replace(
        recorded, maps=torch.cat((recorded.maps[:-1], torch.zeros_like(recorded.maps[-1:])))
    )


def guided_by(start: Ground, text: str, guidance: float) -> Predict:
    """Two rows: nothing, and the source or the target text."""
    branches = [start.null, start.source if text == "source" else start.target]

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = start.model.predict(z, now.t, branches)
        return classifier_free(noise["null"], noise[text], guidance)

    return predict


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """100 rows of extraction, then two for each of 38 steps: 176 in all."""
    start = ground(task, settings.steps)
    timesteps = start.timesteps

    def extract() -> Generator[Event, None, Recorded]:
        chain = independent(start.z0, timesteps, task.generator)
        steps = extracted(chain, timesteps, guided_by(start, "source", settings.source_guidance))
        return (yield from shown("inverting", settings.steps, steps, start.preview))

    made_of = (
        start.model.identity,
        start.z0,
        start.source.text,
        settings.steps,
        settings.source_guidance,
        task.request.seed,
    )
    recorded = yield from task.cache.memoize("noise maps", Recorded, made_of, extract)
    late = timesteps[round(settings.skip * settings.steps) :]
    predict = guided_by(start, "target", settings.guidance)
    z = yield from start.sampled(recorded.at(late[0]), late, predict, solver=Replay(recorded, ETA))
    return start.finished(z)


ALGORITHM = Algorithm(
    name="edit-friendly",
    title="Edit-friendly DDPM",
    summary="Writes down the picture's noise and replays it under the new description; another "
    "seed gives another variant.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=17,
    presets={
        "paper": {"skip": 0.36, "guidance": 15.0, "source_guidance": 3.5, "steps": 100},
        "fast": {"steps": 25},
        "quick": {"steps": 12},
    },
)
