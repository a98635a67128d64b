"""What several methods share: a parameter, inversions that are kept, conditions."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..diffusion.inversion import Trajectory, invert, null_text
from ..diffusion.model import Branch, Model
from ..diffusion.preview import Preview, previewer
from ..diffusion.sampling import Progress, classifier_free, denoise
from ..diffusion.schedule import DDIM, Timestep, randn
from ..errors import EditError
from ..events import Event
from ..request import parameter
from ..task import Task, shown


def mask_edges() -> Any:
    """The parameter for where a mask ends.

    "auto" lets the instruction decide; "picture" takes the picture's edges, "grid" the map's.
    """
    return parameter(
        "auto",
        "Where a mask ends: at the picture's own edges, at its grid's cells (paper), or by what "
        "the words change.",
        choices=("auto", "picture", "grid"),
        title="mask edges",
    )


def origin() -> Any:
    """The parameter for where a picture's latents come from (`trajectory_of`)."""
    return parameter(
        "picture",
        "Where the picture's noise comes from: inverted from it, or, for a picture that this model "
        "made of its caption, from the seed that it was made with.",
        choices=("picture", "seed"),
        title="noise from",
    )


NOT_ITS_OWN = 0.02
"""Mean difference of colours above which a picture is not a seed's.

Colours are in 0..1.
"""


def trajectory_of(
    task: Task,
    model: Model,
    z0: Tensor,
    source: Branch,
    timesteps: Sequence[Timestep],
    preview: Preview,
    came_from: str,
    guidance: float,
) -> Generator[Event, None, Trajectory]:
    """The source's latents at every timestep: inverted, or made anew from the seed.

    A generated picture's own latents are what its source branch goes through beside the edit, so
    that one way of pinning serves both; two rows a step. Raises EditError("not-its-own") for a
    picture that its caption and seed do not give.
    """
    if came_from == "picture":
        return (yield from inverted(task, model, z0, source.text, timesteps, preview))
    null, kept = Branch("null", model.embed("")), []

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        kept.append(z)
        noise = model.predict(z, now.t, [null, source])
        return classifier_free(noise["null"], noise[source.name], guidance)

    z = randn(z0.shape, torch.Generator("cpu").manual_seed(task.request.seed), model.device)
    steps = denoise(z, timesteps, DDIM(), predict)
    z = yield from shown("denoising", len(timesteps) - 1, steps, preview)
    difference = (model.decode(z).cpu() - task.image).abs().mean()
    if not difference <= NOT_ITS_OWN:
        raise EditError(
            "not-its-own",
            "The picture is not the one that this model makes of its caption with the seed "
            f"{task.request.seed}, {len(timesteps) - 1} steps and guidance {guidance:g}.",
            "Give what it was made with, or let it be inverted.",
        )
    return Trajectory(torch.cat((*kept, z)))


def inverted(
    task: Task,
    model: Model,
    z0: Tensor,
    text: Tensor,
    timesteps: Sequence[Timestep],
    preview: Preview,
) -> Generator[Event, None, Trajectory]:
    """The trajectory of an edit's latents.

    From the cache where an earlier edit left it, else computed now.
    """
    ingredients = (model.identity, z0, text, len(timesteps))
    steps = len(timesteps) - 1
    return (
        yield from task.cache.memoize(
            "inversion",
            Trajectory,
            ingredients,
            lambda: shown("inverting", steps, invert(model, z0, text, timesteps), preview),
        )
    )


def conditions(
    model: Model, image: Tensor, prompt: str
) -> tuple[Tensor, tuple[Branch, Branch, Branch]]:
    """A picture's scaled latents z_0, and InstructPix2Pix's three branches.

    The branches have text and image, image only, and nothing.
    """
    unscaled = model.encode(image)
    text, null = model.embed(prompt), model.embed("")
    branches = (
        Branch("text", text, unscaled),
        Branch("image", null, unscaled),
        Branch("null", null, torch.zeros_like(unscaled)),
    )
    return model.scaling * unscaled, branches


def null_embeddings(
    task: Task,
    model: Model,
    trajectory: Trajectory,
    text: Tensor,
    null: Tensor,
    timesteps: Sequence[Timestep],
    guidance: float,
    save_memory: bool = False,
) -> Generator[Event, None, Tensor]:
    """null_t of every step, (N, token, channel).

    From the cache where an earlier edit left them, else optimised now.
    """
    steps = len(timesteps) - 1

    def make() -> Generator[Event, None, Tensor]:
        optimisation = sparing(
            model,
            save_memory,
            null_text(model, trajectory, text, null, timesteps, guidance),
        )
        z0 = trajectory.at(timesteps[-1])
        return (
            yield from shown(
                "null-text inversion", steps, optimisation, previewer(model, z0, task.image)
            )
        )

    ingredients = (model.identity, trajectory.latents, text, guidance)
    return (yield from task.cache.memoize("null text", Tensor, ingredients, make))


def sparing(
    model: Model, on: bool, steps: Generator[Progress, None, Tensor]
) -> Generator[Progress, None, Tensor]:
    """Steps with gradients, with or without gradient checkpointing."""
    model.save_memory(on)
    try:
        return (yield from steps)
    finally:
        model.save_memory(False)
