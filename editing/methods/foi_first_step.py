"""FoI's first step, kept for edits of the same picture with other parameters."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..diffusion.attention import AverageMap, Taps
from ..diffusion.model import Branch, Model
from ..events import Event
from ..task import Task


@dataclass(frozen=True)
class Look:
    """What the first step gave.

    maps: (token, h, w) at the semantic level. noise: by branch, (n, 4, h, w).
    """

    maps: Tensor
    noise: Mapping[str, Tensor]


def first_step(
    task: Task, model: Model, z: Tensor, t: float, branches: Sequence[Branch]
) -> Generator[Event, None, Look]:
    """The step whose plain attention shows where the keywords look.

    An edit with other parameters takes it from the one before; a search for the mask alone, which
    asks the text's branch only, takes it from either.
    """
    asked = branches[:1] if task.request.mask_only else branches
    made_of = (model.identity, z, t, *(x for b in branches for x in (b.text, b.extra)))
    whole = task.cache.get("first step", Look, (*made_of, len(branches)))
    if whole is not None:
        return whole

    def make() -> Generator[Event, None, Look]:
        yield from ()
        reader = AverageMap("text")
        reading: Taps = dict.fromkeys(model.sites.at("cross", model.semantic_level), reader)
        noise = model.predict(z, t, asked, reading)
        return Look(reader.value, noise)

    return (yield from task.cache.memoize("first step", Look, (*made_of, len(asked)), make))
