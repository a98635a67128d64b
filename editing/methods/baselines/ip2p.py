"""InstructPix2Pix (Brooks, Holynski, Efros; CVPR 2023).

It is FoI without its three parts. No mask: the whole picture may change.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.preview import previewer
from ...diffusion.sampling import denoise
from ...diffusion.schedule import EulerAncestral, Timestep, for_strength, randn_like
from ...events import Event
from ...language.prompts import sentences
from ...request import parameter
from ...task import Algorithm, Outcome, Task, shown
from ..common import conditions
from ..foi import guidance
from ..foi_words import read


@dataclass(frozen=True)
class Settings:
    """InstructPix2Pix's parameters, with its paper's defaults."""

    text_guidance: float = parameter(
        7.5, "How much the instruction counts (s_T).", minimum=0.0, maximum=30.0, front=True
    )
    image_guidance: float = parameter(
        1.5, "How much the picture counts (s_I).", minimum=0.0, maximum=10.0, front=True
    )
    steps: int = parameter(
        100, "Steps of the whole schedule; only the share below is run.", minimum=2, maximum=500
    )
    start: float = parameter(
        1.0,
        "Share of the steps that are run; 1 starts from pure noise.",
        minimum=0.05,
        maximum=1.0,
        title="noise at start",
    )


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """Eq. 3 of the paper at every step.

    eps = eps(null, null) + s_I (eps(I, null) - eps(null, null)) + s_T (eps(I, T) - eps(I, null)).
    """
    model = task.model("instruction")
    prompt, _ = read(sentences(task.instruction), model)
    z0, branches = conditions(model, task.image, prompt)
    timesteps = for_strength(model.schedule.sigmas(settings.steps), settings.start)
    solver = EulerAncestral(task.generator)
    pure = settings.start == 1.0
    z = solver.add_noise(
        torch.zeros_like(z0) if pure else z0, randn_like(z0, task.generator), timesteps[0]
    )

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = model.predict(solver.scale_model_input(z, now), now.t, branches)
        return guidance(
            noise["text"],
            noise["image"],
            noise["null"],
            settings.text_guidance,
            settings.image_guidance,
        )

    z = yield from shown(
        "denoising",
        len(timesteps) - 1,
        denoise(z, timesteps, solver, predict),
        previewer(model, z0, task.image),
    )
    return Outcome(latents=z, understood={"instruction": prompt})


ALGORITHM = Algorithm(
    name="ip2p",
    title="InstructPix2Pix",
    summary="The whole picture by instruction, without a mask: what FoI is built on.",
    needs=("instruction",),
    settings=Settings,
    run=run,
    finds_mask=False,
    baseline=True,
    order=12,
    presets={
        "paper": {"text_guidance": 7.5, "image_guidance": 1.5, "steps": 100, "start": 1.0},
        "fast": {"steps": 50, "start": 0.8},
        "quick": {"steps": 20, "start": 0.8},
    },
)
