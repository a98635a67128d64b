"""Null-text inversion alone (Mokady et al., CVPR 2023).

The picture's optimised empty text, then the target text. No mask.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.model import Branch
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import Timestep
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task
from ..common import null_embeddings
from .common import ground


@dataclass(frozen=True)
class Settings:
    """Null-text inversion's parameters, with its paper's defaults."""

    guidance: float = parameter(
        7.5, "How much the target text counts.", minimum=0.0, maximum=30.0, front=True
    )
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """Runs null-text inversion and samples the target.

    50 evaluations of inversion, at most 1650 of optimisation (a backward pass counted as two more),
    100 of sampling.
    """
    start = ground(task, settings.steps)
    model, source, guidance = start.model, start.source.text, settings.guidance
    trajectory = yield from start.inverted(source)

    nulls = yield from null_embeddings(
        task, model, trajectory, source, start.null.text, start.timesteps, guidance
    )

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = model.predict(z, now.t, [Branch("null", nulls[now.index][None]), start.target])
        return classifier_free(noise["null"], noise["target"], guidance)

    z = yield from start.sampled(trajectory.noisiest, start.timesteps, predict)
    return start.finished(z)


ALGORITHM = Algorithm(
    name="null-text",
    title="Null-text inversion",
    summary="Learns how the picture comes back exactly, then describes it anew. Slow.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    rows=lambda _: 2,
    goes_back=lambda _: True,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=18,
    seeded=False,
    presets={"paper": {"guidance": 7.5, "steps": 50}, "fast": {"steps": 10}, "quick": {"steps": 3}},
)
