"""A coarse map that follows the picture's edges."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from limn.editing.bench.overlap import iou
from limn.editing.diffusion import edges, masks
from limn.editing.methods.foi_regions import Region, follow_picture, with_room


def star(size: int) -> Tensor:
    """A four-pointed star with thin tips, (1, 1, size, size) of 0 and 1."""
    x = torch.linspace(-1, 1, size)
    reach = (x.abs()[:, None] ** 0.6 + x.abs()[None] ** 0.6) < 0.9
    return reach.float()[None, None]


def painted(shape: Tensor, grain: float = 0.0) -> Tensor:
    """The shape in red on a green ground, (1, 3, h, w)."""
    red, green = torch.tensor([0.8, 0.2, 0.1]), torch.tensor([0.3, 0.6, 0.4])
    picture = torch.where(shape > 0, red.view(1, 3, 1, 1), green.view(1, 3, 1, 1))
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1))
    return (picture + grain * noise).clamp(0, 1)


def test_means_of_windows_are_those_of_a_plain_loop() -> None:
    x = torch.rand(2, 3, 7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = edges.box_mean(x, 2)
    for i, j in ((0, 0), (3, 4), (6, 8), (1, 7)):
        window = x[:, :, max(0, i - 2) : i + 3, max(0, j - 2) : j + 3]
        torch.testing.assert_close(found[:, :, i, j], window.mean((2, 3)))
    torch.testing.assert_close(edges.box_mean(x, 50), x.mean((2, 3), keepdim=True).expand_as(x))


def test_the_closed_inverse_is_the_inverse() -> None:
    generator = torch.Generator().manual_seed(3)
    root = torch.randn(4, 3, 3, dtype=torch.float64, generator=generator)
    spread = root @ root.mT
    right = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    expected = torch.linalg.solve(spread + 1e-3 * torch.eye(3), right)
    rows = spread[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    found = edges.solved(rows.T[None, :, None], right.T[None, :, None], 1e-3)
    torch.testing.assert_close(found[0, :, 0].T, expected)


@pytest.mark.parametrize(("size", "grain"), [(64, 0.0), (64, 0.03), (192, 0.0), (192, 0.03)])
def test_a_coarse_map_finds_thin_tips(size: int, grain: float) -> None:
    """Also where the window is so large that it is subsampled.

    192: cells of 24 pixels.
    """
    shape = star(size)
    coarse = F.interpolate(shape, (8, 8), mode="area")
    plain = F.interpolate(coarse, (size, size), mode="bilinear")
    followed = edges.follow(coarse, painted(shape, grain), size / 8)
    assert followed.shape == shape.shape
    assert float(followed.min()) >= 0 and float(followed.max()) <= 1
    assert iou(followed, shape) > max(0.85, iou(plain, shape) + 0.15)


def test_a_picture_without_edges_leaves_the_map_soft_and_in_place() -> None:
    coarse = torch.zeros(1, 1, 6, 5)
    coarse[..., 2:4, 2:4] = 1
    found = edges.follow(coarse, torch.full((1, 3, 33, 41), 0.5), 33 / 6)
    assert found.shape == (1, 1, 33, 41) and bool(found.isfinite().all())
    assert float(found[..., 15:18, 20:24].min()) > 4 * float(found[..., :4, :4].max())


def test_where_one_thing_gives_way_nothing_of_it_is_left_and_the_other_has_room() -> None:
    """Its tips, which its cells leave out, and half a cell around these."""
    shape, tau = star(64), 0.5
    soft = F.interpolate(shape, (8, 8), mode="area")[0, 0]
    where = Region(soft, soft >= tau, 1)
    found = with_room(where, painted(shape), tau, 8, None)
    cells = F.interpolate(where.mask[None, None].float(), (64, 64), mode="nearest")
    room = masks.grow(cells, 4)[0, 0] > 0
    old = follow_picture(where, painted(shape), tau, 8, None).fine_mask
    assert old is not None and found.fine_mask is not None and found.fine_soft is not None
    assert bool((old & ~room).any())
    assert torch.equal(found.fine_mask, room | old)
    assert torch.equal(found.fine_soft >= tau, found.fine_mask)
    assert found.fall == 2.0  # a quarter of a cell, in which the composite ends softly
    limit = torch.zeros(1, 1, 64, 64)
    limit[..., :32] = 1
    limited = with_room(where, painted(shape), tau, 8, limit).fine_mask
    assert limited is not None and bool(limited.any()) and not bool(limited[:, 32:].any())
    flat = Region(torch.ones(8, 8), torch.ones(8, 8, dtype=torch.bool), 0)
    assert with_room(flat, painted(shape), tau, 8, None) is flat


def test_holes_are_filled_and_bays_are_not() -> None:
    ring = torch.zeros(9, 9, dtype=torch.bool)
    ring[2:7, 2:7] = True
    ring[4, 4] = False
    assert bool(masks.filled(ring)[4, 4]) and int(masks.filled(ring).sum()) == 25
    ring[4, 4:7] = False  # open to the outside
    assert torch.equal(masks.filled(ring), ring)
    assert bool(masks.filled(torch.ones(3, 4, dtype=torch.bool)).all())
    assert not bool(masks.filled(torch.zeros(3, 4, dtype=torch.bool)).any())


@pytest.mark.parametrize("radius", [5, 24, 47])
def test_what_is_near_a_mask_is_a_disc_whatever_its_size(radius: int) -> None:
    mask = torch.zeros(1, 1, 200, 230)
    mask[..., 60:90, 70:120] = 1
    mask[..., 150, 180] = 1
    near, cell = edges._near(mask, radius), max(1, radius // edges.FINE_REACH)
    assert not ((masks.grow(mask, radius) > 0) & ~near).any()
    slack = 0 if cell == 1 else 2 * cell + 2
    assert not (near & (masks.grow(mask, radius + slack) == 0)).any()


def test_nothing_of_a_thing_that_goes_is_left_behind() -> None:
    """A drawn line of another colour around it goes, too.

    The ground beside it is not taken.
    """
    shape = torch.zeros(1, 1, 64, 64)
    shape[..., 20:44, 20:44] = 1
    picture = painted(shape)
    line = (masks.grow(shape, 2) > 0) & (shape == 0)
    picture = torch.where(line, torch.tensor([0.1, 0.1, 0.5]).view(1, 3, 1, 1), picture)
    found = edges.with_remains(shape > 0, picture, 8)
    assert bool(found[line].all())
    assert torch.equal(found, (shape > 0) | line)
    assert torch.equal(edges.with_remains(shape > 0, painted(shape, 0.02), 8), shape > 0)
    everywhere = torch.ones_like(shape) > 0
    assert torch.equal(edges.with_remains(everywhere, picture, 8), everywhere)
    wide = (masks.grow(shape, 4) > 0) & (shape == 0)
    picture = torch.where(wide, torch.tensor([0.1, 0.1, 0.5]).view(1, 3, 1, 1), painted(shape))
    soft = F.interpolate(shape, (8, 8), mode="area")[0, 0]
    region = Region(soft, soft > 0.3, 1)
    stays, goes = (
        follow_picture(region, picture, 0.3, 8, None, goes).fine_mask for goes in (False, True)
    )
    assert stays is not None and goes is not None and not torch.equal(goes, stays)
    assert torch.equal(goes, edges.with_remains(stays[None, None], picture, 8)[0, 0])
