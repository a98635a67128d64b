"""Imagic (Kawar et al., CVPR 2023).

The target's embedding is fitted to the picture, then the whole network is fitted to the picture
under that embedding, and the two embeddings are mixed: TAS's fitting (tas.py), with training in
place of its inversion. No mask.

Differences:
 1  numbers are those of the authors' notebook for Stable Diffusion: 500 steps at 1e-3 for the text,
    1000 at 2e-6 for the network, Adam, one picture a step.
 2  the sample starts from the seed's own noise, by DDIM at guidance 7.5.
 3  the network is fitted in float32, so that small gradients need no scaling, and put back as it
    was, bit by bit. That takes four times its size in float32 and what is kept for the way back;
    where less is free the edit is refused.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion import room
from ...diffusion.budget import ALL
from ...diffusion.model import Branch, Model
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import Timestep, randn_like
from ...errors import EditError
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task, shown
from ..tas import fit, interpolate, optimise_text
from .common import ground

COPIES = 4  # of the network in float32: as it was, its gradient, and Adam's two averages
BYTES = 4  # of a float32


@dataclass(frozen=True)
class Settings:
    """Imagic's parameters, with the defaults of its authors' notebook."""

    eta: float = parameter(
        0.9,
        "How much the new words count against what was learnt of this picture; 0 keeps it best.",
        minimum=0.0,
        maximum=1.5,
        front=True,
        title="new words",
    )
    guidance: float = parameter(
        7.5, "How much the words count in every step.", minimum=0.0, maximum=30.0, front=True
    )
    optimisation_steps: int = parameter(
        500,
        "Steps in which the words are fitted to the picture.",
        minimum=0,
        maximum=5000,
        title="fitting steps",
    )
    rate: float = parameter(
        1e-3, "Adam's rate for the words.", minimum=1e-5, maximum=0.1, title="fitting rate"
    )
    tuning_steps: int = parameter(
        1000, "Steps in which the network is fitted.", minimum=0, maximum=5000
    )
    tuning_rate: float = parameter(2e-6, "Adam's rate for the network.", minimum=1e-8, maximum=1e-3)
    steps: int = parameter(50, "Sampling steps.", minimum=2, maximum=500)


@contextmanager
def in_training(model: Model) -> Iterator[None]:
    """The network in float32 with gradients; afterwards bit by bit as it was."""
    unet = model.unet
    dtype = unet.dtype
    before = {name: value.detach().clone() for name, value in unet.state_dict().items()}
    unet.float().requires_grad_(True)
    try:
        yield
    finally:
        unet.requires_grad_(False).to(dtype)
        for parameter_ in unet.parameters():
            parameter_.grad = None
        unet.load_state_dict(before)


def check_room(task: Task, model: Model) -> None:
    """Raises EditError where the network cannot be trained here."""
    needed = COPIES * BYTES * sum(p.numel() for p in model.unet.parameters())
    free = room.free(model.device)
    if model.plan != ALL or (free is not None and free < needed):
        has = "less" if free is None or free >= needed else f"{free / 2**30:.1f} GiB"
        raise EditError(
            "memory",
            f"Imagic trains the whole network, which takes {needed / 2**30:.1f} GiB; {has} is "
            "free.",
            "Take TAS, which fits the words alone.",
        )
    if task.gather is not None:
        raise EditError(
            "one-at-a-time",
            "Imagic changes the network while it works, so that no other edit can use it.",
            "Ask for one result at a time.",
        )


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """500 x 3 rows for the words, 1000 x 3 for the network, 2 x 50 to sample: 4600."""
    start = ground(task, settings.steps)
    model, e_tgt = start.model, start.target.text
    check_room(task, model)
    count, rate = settings.optimisation_steps, settings.rate
    fitting = optimise_text(model, start.z0, e_tgt, count, rate, task.generator)
    e_opt = yield from shown("fitting the words", count, fitting, start.preview)
    e_bar = interpolate(e_tgt, e_opt, settings.eta)
    z = randn_like(start.z0, task.generator)

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = model.predict(z, now.t, [start.null, Branch("text", e_bar)])
        return classifier_free(noise["null"], noise["text"], settings.guidance)

    with in_training(model):
        many, slow = settings.tuning_steps, settings.tuning_rate
        weights = model.unet.parameters()
        tuning = fit(model, start.z0, e_opt, weights, many, slow, task.generator)
        yield from shown("optimising", many, tuning, start.preview)
        z = yield from start.sampled(z, start.timesteps, predict)
    return start.finished(z)


ALGORITHM = Algorithm(
    name="imagic",
    title="Imagic",
    summary="Trains the whole network on the picture, then describes it anew. Very slow, and needs "
    "much memory.",
    needs=("text-to-image",),
    caption="useful",
    settings=Settings,
    run=run,
    rows=lambda _: 2,
    inseparable=lambda _: 1,
    goes_back=lambda _: True,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=22,
    presets={
        "paper": {
            "eta": 0.9,
            "guidance": 7.5,
            "optimisation_steps": 500,
            "rate": 1e-3,
            "tuning_steps": 1000,
            "tuning_rate": 2e-6,
            "steps": 50,
        },
        "fast": {"optimisation_steps": 30, "tuning_steps": 40, "steps": 20},
        "quick": {"optimisation_steps": 5, "tuning_steps": 5, "steps": 10},
    },
)
