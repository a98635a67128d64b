"""From maps to masks."""

from __future__ import annotations

import pytest
import torch

from limn.editing.diffusion import masks


def test_normalising_a_constant_gives_zeros() -> None:
    assert torch.equal(masks.normalise(torch.full((3, 4), 7.0)), torch.zeros(3, 4))
    x = masks.normalise(torch.rand(2, 5, 6))
    assert torch.equal(x.amin((-2, -1)), torch.zeros(2))
    assert torch.equal(x.amax((-2, -1)), torch.ones(2))


def test_constant_means_without_shape_at_any_scale() -> None:
    assert masks.is_constant(torch.zeros(4, 4))
    assert masks.is_constant(torch.full((4, 4), 1e-9))
    assert not masks.is_constant(1e-9 * torch.rand(4, 4))


def test_blur_keeps_sums_of_plain_maps_and_spreads_a_point() -> None:
    kernel = (0.25, 0.5, 0.25)
    torch.testing.assert_close(masks.blur(torch.full((5, 7), 2.0), kernel), torch.full((5, 7), 2.0))
    point = torch.zeros(5, 5)
    point[2, 2] = 1
    expected = torch.outer(
        torch.tensor([0, 0.25, 0.5, 0.25, 0]), torch.tensor([0, 0.25, 0.5, 0.25, 0])
    )
    torch.testing.assert_close(masks.blur(point, kernel), expected)
    assert masks.blur(torch.rand(2, 3, 5, 6), kernel).shape == (2, 3, 5, 6)
    assert masks.blur(torch.rand(1, 1), kernel).shape == (1, 1)  # too small to reflect


def test_to_grid_is_nearest_upwards_and_the_maximum_downwards() -> None:
    cell = torch.zeros(4, 4)
    cell[1, 2] = 1
    up = masks.to_grid(cell, (8, 8))
    assert up.sum() == 4
    assert bool((up[2:4, 4:6] == 1).all())
    assert torch.equal(masks.to_grid(cell, (2, 2)), torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    assert masks.to_grid(cell, (3, 3)).sum() >= 1


def test_within_takes_at_least_the_most_covered_cell() -> None:
    assert torch.equal(
        masks.within(torch.tensor([0.1, 0.5, 0.9])), torch.tensor([False, True, True])
    )
    assert torch.equal(
        masks.within(torch.tensor([0.1, 0.3, 0.2])), torch.tensor([False, True, False])
    )


def test_blend_is_exactly_the_outside_where_the_mask_is_0() -> None:
    inside, outside = torch.rand(1, 4, 6, 6), 1e8 * torch.rand(1, 4, 6, 6)
    mask = (torch.rand(1, 1, 6, 6) > 0.5).float()
    result = masks.blend(inside, outside, mask)
    keep = (mask == 0).expand_as(result)
    assert torch.equal(result[keep], outside[keep])


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 7, 20])
def test_grow_dilates_by_a_disc(radius: int) -> None:
    mask = torch.zeros(1, 1, 15, 21)
    mask[..., 4, 5], mask[..., 12, 18] = 1, 1
    y, x = torch.meshgrid(torch.arange(15), torch.arange(21), indexing="ij")
    expected = (
        torch.minimum((y - 4) ** 2 + (x - 5) ** 2, (y - 12) ** 2 + (x - 18) ** 2) <= radius**2
    )
    assert torch.equal(masks.grow(mask, radius)[0, 0] > 0, expected)


def test_feather_rises_inward_from_0_outside() -> None:
    mask = torch.zeros(1, 1, 21, 41)
    mask[..., :, 10:] = 1
    line = masks.feather(mask, 4)[0, 0, 10]
    assert float(line[:10].max()) == 0
    assert bool((line[9:].diff() >= 0).all())
    assert 0 < float(line[10]) < 0.5
    assert float(line[14:].min()) == 1
    assert torch.equal(masks.feather(mask, 0), mask)


def test_a_guide_never_forbids() -> None:
    torch.testing.assert_close(
        masks.guided(torch.ones(2), torch.tensor([0.0, 1.0])), torch.tensor([0.3, 1.0])
    )
