"""How far an edit went where it should, and how little elsewhere.

These figures need no weights. Pictures are (1, 3, H, W) in 0..1, masks (1, 1, H, W) with 1 where
the edit belongs. Definitions are PIE-Bench's for what must stay (both pictures zeroed inside the
mask), and InstDiffEdit's for C_m and C_non.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from .overlap import HALF
from .overlap import iou as iou

# dB; above 54 no value differs by half of an 8-bit step, and an unchanged picture would be
# infinitely good
MAX_PSNR = 60.0
SMALLEST_SIDE = 11  # pixels that SSIM's window needs


@dataclass(frozen=True)
class Change:
    """C_m and C_non: a pixel's mean change inside and outside the mask, 0..1.

    None where there is no such pixel.
    """

    inside: float | None
    outside: float | None


def change(before: Tensor, after: Tensor, exact: Tensor) -> Change:
    """C_m and C_non, over the mean of the three channels."""
    moved = (after - before).abs().mean(1, keepdim=True)
    inside = exact >= HALF
    return Change(
        *(float(moved[where].mean()) if bool(where.any()) else None for where in (inside, ~inside))
    )


def zeroed(image: Tensor, exact: Tensor) -> Tensor:
    """The picture with everything that the mask touches set to 0."""
    return image * (exact == 0)


def has_outside(exact: Tensor) -> bool:
    """Whether the mask leaves anything that must stay."""
    return bool((exact == 0).any())


def psnr_outside(before: Tensor, after: Tensor, exact: Tensor) -> float | None:
    """PSNR in dB of what must stay, at most MAX_PSNR; None if nothing must."""
    if not has_outside(exact):
        return None
    found = peak_signal_noise_ratio(
        zeroed(after, exact), zeroed(before, exact), data_range=(0.0, 1.0)
    )
    return min(float(found), MAX_PSNR)


def ssim_outside(before: Tensor, after: Tensor, exact: Tensor) -> float | None:
    """SSIM of what must stay.

    None if nothing must, or the picture is smaller than SSIM's window.
    """
    if not has_outside(exact) or min(before.shape[2:]) < SMALLEST_SIDE:
        return None
    found = structural_similarity_index_measure(
        zeroed(after, exact), zeroed(before, exact), data_range=(0.0, 1.0)
    )
    assert isinstance(found, Tensor)
    return float(found)


def mse_outside(before: Tensor, after: Tensor, exact: Tensor) -> float | None:
    """Mean squared error of what must stay, zeroed pixels counted."""
    return (
        float(F.mse_loss(zeroed(after, exact), zeroed(before, exact)))
        if has_outside(exact)
        else None
    )


def error_inside(before: Tensor, after: Tensor, answer: Tensor, exact: Tensor) -> float | None:
    """Squared error against the exact answer inside its mask; the picture before is 1.

    None where the answer is the picture before. Pictures (1, 3, H, W), the mask (1, 1, H, W).
    """
    inside = (exact >= 0.5).expand_as(answer)
    least = (before - answer)[inside].square().mean()
    return float((after - answer)[inside].square().mean() / least) if least > 0 else None


def feature_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """LPIPS's formula without its learnt weights.

    Each place's features are brought to unit length; squared distance, mean over places and layers.
    Maps (1, channels, h, w) of a network, layer by layer.
    """
    distances = []
    for a, b in zip(first, second, strict=True):
        distances.append((F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean())
    return float(torch.stack(distances).mean())


def direction(image: Tensor, edited: Tensor, source: Tensor, target: Tensor) -> float:
    """How well an edit goes in the direction of the texts.

    The cosine of the way from picture to edit and the way from source to target text; all four (1,
    d) of unit length.
    """
    return float(F.cosine_similarity(edited - image, target - source, dim=-1)[0])


def ratio(inside: Sequence[float], outside: Sequence[float]) -> float | None:
    """C_m / C_non as the tables print it: of the means.

    None where nothing changed outside.
    """
    below = sum(outside) / len(outside) if outside else 0.0
    return sum(inside) / len(inside) / below if below and inside else None
