"""The mask of a method that finds none.

It lies where the finished edit differs from the picture. The difference is taken between decoded
latents on both sides, so that the autoencoder's own error cancels; blurred, over its 99th
percentile, cut at Otsu's threshold within bounds, small holes closed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..diffusion.masks import blur, grow, guided
from ..task import Found

SPREAD = 0.01  # of the shorter side: the mask's blur (sigma) and closing (radius)
HIGH = 0.99  # the quantile of the difference that counts as fully changed
VISIBLE = 1 / 255  # a smaller difference is none
OTSU_BOUNDS = (0.1, 0.5)


def difference(edit: Tensor, reconstruction: Tensor, guide: Tensor | None = None) -> Tensor:
    """Two pictures (1, 3, h, w) -> where they differ, (1, 1, h, w) in 0..1.

    guide: the hint as a prior, (1, 1, h, w).
    """
    height, width = edit.shape[2:]
    change = blur(
        (edit - reconstruction).abs().mean(1, keepdim=True), gaussian(SPREAD * min(height, width))
    )
    soft = (change / change.quantile(HIGH).clamp(min=VISIBLE)).clamp(max=1)
    return soft if guide is None else guided(soft, guide)


def gaussian(sigma: float) -> list[float]:
    """A 1-D kernel of odd length that sums to 1."""
    reach = max(1, math.ceil(3 * sigma))
    weights = [math.exp(-(x**2) / (2 * sigma**2)) for x in range(-reach, reach + 1)]
    return [w / sum(weights) for w in weights]


def otsu(x: Tensor) -> float:
    """Otsu's threshold of values in 0..1 (256 bins).

    It parts them into the two classes with the largest distance.
    """
    counts = torch.histc(x.float(), bins=256, min=0, max=1).cpu()
    levels = (torch.arange(256) + 0.5) / 256
    below, total = counts.cumsum(0), counts.sum()
    moment = (counts * levels).cumsum(0)
    above = total - below
    distance = (
        below
        * above
        * (moment / below.clamp(min=1) - (moment[-1] - moment) / above.clamp(min=1)) ** 2
    )
    return float((distance.argmax() + 1) / 256)


def threshold(soft: Tensor) -> float:
    """Otsu's threshold within its bounds."""
    low, high = OTSU_BOUNDS
    return min(max(otsu(soft), low), high)


def changed(edit: Tensor, reconstruction: Tensor, guide: Tensor | None = None) -> Found:
    """Where the edit changed the picture.

    Closing acts on the soft map: cut at any threshold, that is the closed mask.
    """
    soft = difference(edit, reconstruction, guide)
    radius = max(1, round(SPREAD * min(edit.shape[2:])))
    closed = 1 - grow(1 - grow(soft, radius), radius)
    return Found(closed, threshold(soft))
