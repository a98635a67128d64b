"""The tone of ground that was painted anew, taken from the ground around it.

Autoencoder and network shift flat colours by some levels of 255. Where a thing was removed from a
plain wall, that is seen as a patch. How far the edited picture is from the layer just outside the
mask, where both show the same ground, is carried smoothly into it: the membrane of Pérez, Gangnet,
Blake (Poisson Image Editing, 2003, section 2), here by push-pull (Gortler et al., The Lumigraph,
1996, section 3.4), whose cost does not grow with the hole.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .masks import grow

ALIKE = 0.1  # difference of colours, 0..1, up to which both pictures show the same ground

RING = 1  # latents: width of the ring in which they are compared
"""Neither number matters much.

16 removals (25 steps), medians: squared error against the exact answer 0.0021 without, 0.00005 with
rings of 0.5 to 3 latents and differences up to 0.05, 0.1 or 0.2 alike (the picture before is 1).
The hole's colour is off by 3 levels of 255 without and by 0.5 with it, at the worst by 8 and 3. 10
replacements and 10 additions gain nothing (0.15, 0.65), 10 backgrounds lose (0.010, 0.028).
"""


def evened(before: Tensor, after: Tensor, gone: Tensor, factor: int) -> Tensor:
    """The edited picture, where a thing has gone in the tone of what is around.

    after: the edited picture (1, 3, h, w) in 0..1, and so returned. before: the picture before, of
    the same size. gone: (1, 1, h, w), 1 where a thing was, 0 elsewhere. factor: pixels of a latent.
    It is left as it is where nothing around shows the same ground.
    """
    hole = gone > 0.5
    beside = grow(hole.float(), 1) > 0  # pixels that hold some of both
    ring = (grow(hole.float(), 1 + RING * factor) > 0) & ~beside
    apart = before - after
    known = ring & (apart.abs().amax(1, keepdim=True) <= ALIKE)
    if not bool(known.any()):
        return after
    shift = _filled(apart * known, known.to(apart))
    return torch.where(beside, after + shift, after).clamp(0, 1)


def _filled(values: Tensor, weights: Tensor) -> Tensor:
    """Values carried smoothly to where there are none.

    values: (1, c, h, w), already multiplied by their weights (1, 1, h, w) in 0..1.
    """
    height, width = weights.shape[2:]
    if max(height, width) == 1:
        return values / weights.clamp(min=1e-6)
    size = (-(-height // 2), -(-width // 2))
    coarse_weights = F.adaptive_avg_pool2d(weights, size)
    coarse = F.adaptive_avg_pool2d(values, size) / coarse_weights.clamp(min=1e-6)
    covered = (4 * coarse_weights).clamp(max=1)
    rough = _filled(coarse * covered, covered)
    wide = F.interpolate(rough, size=(height, width), mode="bilinear")
    return values + (1 - weights) * wide
