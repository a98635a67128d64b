"""A layer gets its transparency back.

Exact where it had some, and only as far as it is new where it had none.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limn.editing.transparency import (
    BACKGROUNDS,
    CONTRAST,
    NOISE,
    SAME_PAPER,
    Colour,
    background,
    paper,
    restored,
)

SIDE, EDGE = 96, 3.0
WHITE = (1.0, 1.0, 1.0)


backgrounds = st.tuples(*[st.floats(0, 1, width=32)] * 3)


def under(background: Colour) -> Tensor:
    return torch.tensor(background).view(1, 3, 1, 1)


def disc(x: float, y: float, radius: float) -> Tensor:
    """A disc (1, 1, SIDE, SIDE) with an edge of one pixel."""
    ys, xs = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    away = ((xs - x) ** 2 + (ys - y) ** 2).sqrt()
    return (radius + 0.5 - away).clamp(0, 1)[None, None]


@given(st.integers(0, 2**32 - 1), backgrounds)
def test_an_edit_that_keeps_the_shape_keeps_its_alpha_and_its_colour(
    seed: int, background: Colour
) -> None:
    random = torch.Generator().manual_seed(seed)
    opacity = disc(48, 48, 30) * torch.rand(1, 1, 1, 1, generator=random).clamp_min(0.2)
    colour = torch.rand(1, 3, 1, 1, generator=random).expand(1, 3, SIDE, SIDE)
    edited = opacity * colour + (1 - opacity) * under(background)
    mask = torch.rand(1, 1, SIDE, SIDE, generator=random)
    found, alpha = restored(edited, background, background, opacity, mask, EDGE)
    assert torch.equal(alpha, mask * opacity)
    shown = (opacity > 0.05).expand_as(found)
    assert (found - colour)[shown].abs().max() < 1e-4


@given(st.integers(0, 2**32 - 1), backgrounds)
def test_over_the_background_the_layer_shows_the_edit(seed: int, background: Colour) -> None:
    """Wherever its alpha can explain it, and always where the layer was opaque."""
    random = torch.Generator().manual_seed(seed)
    edited = torch.rand(1, 3, SIDE, SIDE, generator=random)
    opacity = torch.rand(1, 1, SIDE, SIDE, generator=random).round(decimals=1)
    whole = torch.ones(1, 1, SIDE, SIDE)
    colour, alpha = restored(edited, background, background, opacity, whole, EDGE)
    seen = alpha * colour + (1 - alpha) * under(background)
    inside = ((edited - under(background) * (1 - alpha)) / alpha.clamp_min(1e-6)).clamp(0, 1)
    explained = (inside * alpha + under(background) * (1 - alpha) - edited).abs().amax(1) < 1e-4
    assert (seen - edited).abs().amax(1)[explained].max() < 1e-4
    assert explained[(opacity == 1)[:, 0]].all()


@pytest.mark.parametrize("background", [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.15, 0.45, 0.8)])
def test_a_new_thing_outside_the_shape_is_seen_and_its_surroundings_are_not(
    background: Colour,
) -> None:
    shape, thing = disc(30, 48, 18), disc(70, 48, 14)
    colour = torch.tensor([0.9, 0.1, 0.6]).view(1, 3, 1, 1)
    noise = (torch.rand(1, 3, SIDE, SIDE) - 0.5) * NOISE * 1.6
    flat = under(background) + noise * (1 - thing)
    edited = (thing * colour + (1 - thing) * flat) * (1 - shape) + shape * 0.5
    found, alpha = restored(
        edited.clamp(0, 1), background, background, shape, torch.ones_like(shape), EDGE
    )
    seen = alpha * found + (1 - alpha) * under(background)
    assert (seen - edited).abs()[(thing == 1).expand_as(seen)].max() < 0.02
    assert torch.equal(alpha[shape > 0], shape[shape > 0])
    assert not alpha[(disc(30, 48, 18) == 0) & (disc(70, 48, 17) == 0)].any()


def test_a_new_thing_that_touches_the_shape_leaves_no_gap() -> None:
    shape, hat = disc(48, 66, 22), disc(48, 36, 16)
    edited = torch.ones(1, 3, SIDE, SIDE) * (1 - shape) + shape * 0.3
    edited = edited * (1 - hat) + hat * torch.tensor([0.1, 0.2, 0.8]).view(1, 3, 1, 1)
    _, alpha = restored(edited, WHITE, WHITE, shape, torch.ones_like(shape), EDGE)
    assert alpha[hat == 1].min() > 0.85


def test_an_outline_that_came_back_soft_is_not_new() -> None:
    shape = disc(48, 48, 24)
    soft = torch.nn.functional.avg_pool2d(shape, 9, stride=1, padding=4)
    edited = 1 - soft * torch.tensor([1.0, 0.7, 0.1]).view(1, 3, 1, 1)
    _, alpha = restored(edited, WHITE, WHITE, shape, torch.ones_like(shape), EDGE)
    assert torch.equal(alpha, shape)


def test_an_opaque_layer_stays_as_the_edit_made_it() -> None:
    edited, mask = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 1, SIDE, SIDE)
    colour, alpha = restored(edited, WHITE, WHITE, torch.ones(1, 1, SIDE, SIDE), mask, EDGE)
    assert torch.equal(colour, edited)
    assert torch.equal(alpha, mask)


def test_the_paper_is_what_the_network_has_made_of_the_background() -> None:
    shape = disc(48, 48, 24)
    image = torch.ones(1, 3, SIDE, SIDE) * (1 - shape)
    shade = torch.tensor([1.0, 0.77, 0.85]).view(1, 3, 1, 1)
    thing = disc(12, 12, 10)
    edited = (shade * (1 - thing) + thing * 0.2) * (1 - shape) + shape * 0.5
    assert paper(edited, image, shape) == pytest.approx((1.0, 0.77, 0.85))
    assert paper(edited * (0.9 - SAME_PAPER), image, shape) == (1.0, 1.0, 1.0)
    assert paper(edited, image, torch.ones_like(shape)) is None


def test_what_has_become_paper_gets_the_colour_of_the_background() -> None:
    shape, shade = disc(48, 48, 24), (1.0, 0.77, 0.85)
    edited = torch.tensor(shade).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    colour, alpha = restored(edited, WHITE, shade, shape, torch.ones_like(shape), EDGE)
    assert torch.equal(alpha, shape)
    assert colour[(shape == 1).expand_as(colour)].min() > 0.999


def test_what_is_removed_from_a_shape_becomes_transparent() -> None:
    shape, hole, grey = disc(48, 48, 30), disc(48, 40, 12), (0.63, 0.63, 0.63)
    painted = torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1)
    gone = torch.maximum(1 - shape, hole)
    edited = under(grey) * gone + painted * (1 - gone)
    mask = disc(48, 40, 16)
    colour, alpha = restored(edited, grey, grey, shape, mask, EDGE, clears=True)
    assert not alpha[hole == 1].any()
    kept = (shape == 1) & (disc(48, 40, 14) == 0)
    assert torch.equal(alpha[kept], mask[kept])
    assert (colour - painted)[kept.expand_as(colour)].abs().max() < 1e-4


@pytest.mark.parametrize("level", [0.0, 0.25, 0.5, 0.63, 0.85, 1.0])
def test_a_shape_is_laid_on_what_its_outline_is_seen_on(level: float) -> None:
    opacity = disc(48, 48, 24)
    image = level * opacity + 1 - opacity
    chosen = background(image.expand(1, 3, -1, -1), opacity, WHITE)
    assert chosen in BACKGROUNDS
    assert abs(chosen[0] - level) >= CONTRAST
    assert (chosen == BACKGROUNDS[0]) == (abs(BACKGROUNDS[0][0] - level) >= CONTRAST)


def test_what_is_no_shape_is_laid_on_what_the_painter_sees() -> None:
    image, seen = torch.rand(1, 3, SIDE, SIDE), (0.2, 0.9, 0.4)
    faint = torch.full((1, 1, SIDE, SIDE), 0.4)
    assert background(image, faint, seen) == seen
