"""Pictures and maps at another size, on the CPU."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LOBES = 3  # of the Lanczos kernel, on each side
BLOCK = 64  # columns enlarged at once: their few neighbours make one small, dense matrix of weights


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes a picture on the CPU, each direction by itself.

    Downwards by area averages, upwards by Lanczos.
    """
    for axis in (2, 3):
        target = (size[0], x.shape[3]) if axis == 2 else (x.shape[2], size[1])
        if target[axis - 2] < x.shape[axis]:
            x = F.interpolate(x, size=target, mode="area")
        elif target[axis - 2] > x.shape[axis]:
            x = enlarge(x.transpose(axis, 3), size[axis - 2]).transpose(axis, 3)
    return x


def enlarge(x: Tensor, width: int) -> Tensor:
    """Lanczos-3 along the last axis: (..., w) -> (..., width), width >= w.

    This is the windowed sinc of Duchon 1979; each pixel's weights sum to 1. Values may leave the
    range of x at edges. Equals torch's mode "lanczos", which versions before 2.12 lack.
    """
    places = (torch.arange(width, dtype=torch.float64) + 0.5) * (
        x.shape[-1] / width
    ) - 0.5  # in pixels of x
    result = x.new_empty((*x.shape[:-1], width))
    for start in range(0, width, BLOCK):
        here = places[start : start + BLOCK]
        first, last = (
            max(0, math.ceil(here[0] - LOBES)),
            min(x.shape[-1], math.floor(here[-1] + LOBES) + 1),
        )
        distance = (
            here - torch.arange(first, last, dtype=torch.float64)[:, None]
        )  # (neighbour, pixel)
        weights = torch.where(
            distance.abs() < LOBES, torch.sinc(distance) * torch.sinc(distance / LOBES), 0.0
        )
        result[..., start : start + BLOCK] = x[..., first:last] @ (weights / weights.sum(0)).to(x)
    return result


def bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear; averages where it shrinks."""
    return (
        x
        if tuple(x.shape[2:]) == size
        else F.interpolate(x, size=size, mode="bilinear", antialias=True)
    )
