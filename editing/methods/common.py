"""What several methods share: a parameter, and inversions that are kept."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from torch import Tensor

from ..diffusion.inversion import Trajectory, invert
from ..diffusion.model import Model
from ..diffusion.preview import Preview
from ..diffusion.schedule import Timestep
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
