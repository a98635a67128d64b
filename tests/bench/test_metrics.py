"""Figures without weights, on pictures whose answers can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from limn.editing.bench import metrics


def square(value: float = 1.0) -> Tensor:
    """(1, 1, 16, 16) with a quarter of its pixels set."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8, :8] = value
    return mask


def test_iou() -> None:
    shifted = torch.zeros(1, 1, 16, 16)
    shifted[..., :8, 4:12] = 1
    assert metrics.iou(square(), square()) == 1
    assert metrics.iou(shifted, square()) == pytest.approx(1 / 3)
    assert metrics.iou(1 - square(), square()) == 0
    assert metrics.iou(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)) == 1


def test_change_inside_and_outside() -> None:
    before = torch.zeros(1, 3, 16, 16)
    after = before.clone()
    after[:, 0, :8, :8] = 0.6  # one of three channels
    after[:, :, 8:, 8:] = 0.1
    found = metrics.change(before, after, square())
    assert found.inside == pytest.approx(0.2)
    assert found.outside == pytest.approx(0.1 / 3)
    assert metrics.change(before, after, torch.ones(1, 1, 16, 16)).outside is None


def test_psnr_outside_zeroes_the_mask_in_both() -> None:
    before = torch.full((1, 3, 16, 16), 0.5)
    after = before.clone()
    after[..., :8, :8] = 1  # inside: does not count
    assert metrics.psnr_outside(before, after, square()) == metrics.MAX_PSNR
    after[..., 8:, 8:] = 0.6  # a quarter of the pixels, by 0.1
    assert metrics.psnr_outside(before, after, square()) == pytest.approx(
        -10 * math.log10(0.01 / 4), abs=1e-3
    )
    assert metrics.mse_outside(before, after, square()) == pytest.approx(0.01 / 4)
    assert (
        metrics.psnr_outside(before, after, torch.full((1, 1, 16, 16), 0.1)) is None
    )  # even a faint mask may change


def test_ssim_outside() -> None:
    before = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 32, 32)
    assert metrics.ssim_outside(before, before, mask) == pytest.approx(1)
    lower = metrics.ssim_outside(before, 1 - before, mask)
    assert lower is not None and lower < 0.5
    assert metrics.ssim_outside(before[..., :8, :8], before[..., :8, :8], mask[..., :8, :8]) is None


def test_feature_distance_is_scale_free_and_zero_for_the_same() -> None:
    maps = [torch.rand(1, 4, 5, 5, generator=torch.Generator().manual_seed(k)) for k in range(2)]
    assert metrics.feature_distance(maps, [3 * m for m in maps]) == pytest.approx(0, abs=1e-6)
    assert (
        metrics.feature_distance(
            [torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)], [torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)]
        )
        == 2
    )


def test_direction_and_ratio() -> None:
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert metrics.direction(east, north, east, north) == pytest.approx(1)
    assert metrics.direction(east, north, north, east) == pytest.approx(-1)
    assert metrics.ratio([0.2, 0.4], [0.1, 0.1]) == pytest.approx(3)
    assert metrics.ratio([0.2], [0.0]) is None and metrics.ratio([], []) is None
