"""From maps to masks.

Normalising, blurring, the painter's hint, other grids, growing, feathering, blending. Maps are
float (..., h, w); masks hold 0 and 1; hints lie in 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

FLAT = 1e-6  # a map whose range is below this share of its largest value says nothing about places


def normalise(x: Tensor) -> Tensor:
    """Min-max to 0..1 over the last two axes; a constant map becomes 0."""
    low, high = x.amin((-2, -1), keepdim=True), x.amax((-2, -1), keepdim=True)
    return (x - low) / torch.where(high > low, high - low, 1.0)


def is_constant(x: Tensor) -> bool:
    """Whether a map has no shape to speak of."""
    return bool(x.max() - x.min() <= FLAT * x.abs().max())


def blur(x: Tensor, kernel: Sequence[float]) -> Tensor:
    """Convolve with a 1-D kernel of odd length in both directions, reflect padding.

    x: (h, w) or (n, c, h, w).
    """
    weights = torch.tensor(kernel, dtype=x.dtype, device=x.device)
    flat = x.reshape(-1, 1, *x.shape[-2:])
    reach = len(kernel) // 2
    for shape, pad in (
        ((1, 1, 1, -1), (reach, reach, 0, 0)),
        ((1, 1, -1, 1), (0, 0, reach, reach)),
    ):
        narrow = flat.shape[-1 if pad[0] else -2] <= reach  # reflection needs a wider map
        flat = F.conv2d(
            F.pad(flat, pad, mode="replicate" if narrow else "reflect"), weights.view(shape)
        )
    return flat.reshape(x.shape)


def area(x: Tensor, size: tuple[int, int]) -> Tensor:
    """A hint or mask (1, 1, H, W) on another grid, by area averaging."""
    return F.interpolate(x, size=size, mode="area")


def to_grid(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A binary mask (h, w) on another grid.

    Nearest upwards; the maximum downwards, so that one cell survives.
    """
    wide = mask[None, None].float()
    if size[0] < mask.shape[0] or size[1] < mask.shape[1]:
        return F.adaptive_max_pool2d(wide, size)[0, 0]
    return F.interpolate(wide, size=size, mode="nearest")[0, 0]


def guided(x: Tensor, hint: Tensor) -> Tensor:
    """A map with the hint as its prior, which it may exceed: x (0.3 + 0.7 H)."""
    return x * (0.3 + 0.7 * hint)


def within(hint: Tensor) -> Tensor:
    """The cells of a hint that count as selected. Boolean.

    They are at least half covered, or the most covered ones if none is.
    """
    return hint >= min(0.5, float(hint.max()))


def blend(inside: Tensor, outside: Tensor, mask: Tensor) -> Tensor:
    """outside + M (inside - outside), and exactly `outside` where M is 0."""
    return torch.where(mask > 0, outside + mask * (inside - outside), outside)


def filled(mask: Tensor) -> Tensor:
    """A mask (h, w) bool without holes.

    Whatever cannot be reached from the border around it counts as inside.
    """
    free = F.pad((~mask).float()[None, None], (1, 1, 1, 1), value=1.0)
    outside, before = torch.zeros_like(free), free
    outside[..., 0, :] = 1
    while not torch.equal(outside, before):
        before = outside
        outside = (
            torch.maximum(
                F.max_pool2d(outside, (3, 1), stride=1, padding=(1, 0)),
                F.max_pool2d(outside, (1, 3), stride=1, padding=(0, 1)),
            )
            * free
        )
    return outside[0, 0, 1:-1, 1:-1] == 0


def grow(mask: Tensor, radius: int) -> Tensor:
    """A mask (1, 1, h, w) dilated by a disc of this radius."""
    if radius < 1:
        return mask
    grown = mask
    for dy in range(-radius, radius + 1):
        half = math.isqrt(radius * radius - dy * dy)
        row = F.max_pool2d(mask, (1, 2 * half + 1), stride=1, padding=(0, half))
        grown = torch.maximum(grown, _shifted(row, dy))
    return grown


def _shifted(x: Tensor, dy: int) -> Tensor:
    """x moved down by dy rows; zeros come in."""
    height = x.shape[-2]
    if abs(dy) >= height:
        return torch.zeros_like(x)
    return F.pad(x, (0, 0, dy, -dy))


def feather(mask: Tensor, width: int) -> Tensor:
    """Lets a binary mask (1, 1, h, w) rise inward from its edge.

    From 0 outside to 1 at `width` pixels inside.
    """
    if width < 1:
        return mask
    side = 2 * width + 1
    padded = F.pad(mask, (width, width, width, width), mode="replicate")
    mean = F.avg_pool2d(F.avg_pool2d(padded, (1, side), stride=1), (side, 1), stride=1)
    return (2 * mean - 1).clamp(0, 1) * mask
