"""Where AdapEdit acts, beyond the paper.

The selection's part in the places, the mask, and the composite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..diffusion.inversion import Trajectory
from ..diffusion.masks import area, blend, guided, is_constant, normalise
from ..diffusion.sampling import Compose
from ..diffusion.schedule import Timestep
from ..task import Found, Outcome, Task, on_grid
from .changed import changed
from .prompt_pair import Spatial, by_level

LIMIT_FROM = 0.2  # share of the steps after which a hard selection holds the latents outside
MASK_AT = 0.5


class Places:
    """Closeness of places to S, with the selection's part in it."""

    def __init__(
        self, task: Task, closeness: Tensor, z0: Tensor, spatial: Callable[[Tensor], Tensor]
    ) -> None:
        """closeness: (h, w). z0: (1, 4, h', w'). spatial: Eq. 9 on any closeness."""
        cells = (closeness.shape[0], closeness.shape[1])
        self._size, self._spatial = (z0.shape[2], z0.shape[3]), spatial
        self._prior, self._limit = (
            None if h is None else on_grid(h, cells).to(z0) for h in (task.guide, task.bounds)
        )
        self._held = None if task.bounds is None else area(task.bounds, self._size).to(z0)

    def __call__(self, closeness: Tensor) -> Spatial:
        """S by level. closeness: (h, w), before clipping."""
        s = self._spatial(closeness)
        s = s if self._prior is None else guided(s, self._prior)
        return by_level(s if self._limit is None else s * self._limit, self._size)

    def mask(self, closeness: Tensor) -> Found:
        """The forming mask: S before clipping, min-max, above 0.5.

        A map without shape gives the hint, or everything.
        """
        prior = self._prior
        hint = prior if prior is not None else self._limit
        if is_constant(closeness):
            soft = torch.ones_like(closeness) if hint is None else hint
        else:
            soft = normalise(closeness) if prior is None else guided(normalise(closeness), prior)
        return Found(soft[None, None], MASK_AT)

    def held(self, trajectory: Trajectory, count: int) -> Compose:
        """Holds the latents outside a hard selection, from a fifth of `count` steps on."""

        def compose(z: Tensor, now: Timestep) -> Tensor:
            if self._held is None or now.index < LIMIT_FROM * count:
                return z
            return blend(z, trajectory.at(now), self._held)

        return compose


def composed(task: Task, located: Outcome, image: Tensor, original: Tensor) -> Outcome:
    """The outcome whose mask is where the edit changed the picture (difference 18).

    image, original: the decoded edit and the decoded original latents, (1, 3, h, w).
    """
    where = changed(image, original, None if task.guide is None else task.guide.to(image))
    return replace(
        located,
        image=image,
        found=where,
        reach=float(task.model("text-to-image").factor),
        thresholds={**located.thresholds, "mask": where.threshold},
    )
