"""Pictures and maps at another size, on the CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

LOBES = 3  # of the Lanczos kernel, on each side
BAND = 2**18  # pixels that are computed at a time where planes of a layer's size had no room
BLOCK = 64  # columns enlarged at once: their few neighbours make one small, dense matrix of weights


def bands(height: int, width: int) -> Iterator[slice]:
    """All rows of a picture, some at a time."""
    step = max(1, BAND // max(1, width))
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


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
    result = x.new_empty((*x.shape[:-1], width))
    for number, (first, last, weights) in enumerate(_lanczos(x.shape[-1], width)):
        start = number * BLOCK
        result[..., start : start + BLOCK] = x[..., first:last] @ weights.to(x)
    return result


@lru_cache(4)
def _lanczos(before: int, after: int) -> list[tuple[int, int, Tensor]]:
    """By block: its neighbours, begin and end, and their weights (n, BLOCK)."""
    places = (torch.arange(after, dtype=torch.float64) + 0.5) * (
        before / after
    ) - 0.5  # in pixels before
    blocks = []
    for start in range(0, after, BLOCK):
        here = places[start : start + BLOCK]
        first, last = (
            max(0, math.ceil(here[0] - LOBES)),
            min(before, math.floor(here[-1] + LOBES) + 1),
        )
        distance = (
            here - torch.arange(first, last, dtype=torch.float64)[:, None]
        )  # (neighbour, pixel)
        weights = torch.where(
            distance.abs() < LOBES, torch.sinc(distance) * torch.sinc(distance / LOBES), 0.0
        )
        blocks.append((first, last, weights / weights.sum(0)))
    return blocks


def bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear; averages where it shrinks."""
    return (
        x
        if tuple(x.shape[2:]) == size
        else F.interpolate(x, size=size, mode="bilinear", antialias=True)
    )


def threshold(soft: Tensor, size: tuple[int, int], at: float) -> Tensor:
    """A map (1, 1, a, b) of any grid as a binary mask (1, 1, h, w).

    It is resized bilinearly before it is cut, so that its outline is smooth.
    """
    return (bilinear(soft, size) >= at).to(torch.float32)
