"""The working crop.

Sizes, what a null edit does (nothing), and the exactness of the composite.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from limn.editing.frame import CONTEXT, Frame, choose_frame, is_shape, working_size
from limn.editing.resizing import enlarge, resize, threshold
from limn.krita_plugin.document.geometry import Rect
from limn.krita_plugin.document.geometry import crop as plugin_crop

from .conftest import picture


def checker(height: int, width: int, cell: int) -> Tensor:
    y, x = torch.arange(height) // cell, torch.arange(width) // cell
    return ((y[:, None] + x) % 2).float().expand(1, 3, height, width).contiguous()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 512), (512, 512)),
        ((1024, 1024), (512, 512)),
        ((600, 800), (512, 704)),
        ((3000, 1000), (768, 256)),
        ((384, 512), (512, 704)),
        ((1, 1), (512, 512)),
        ((5000, 1), (768, 64)),
    ],
)
def test_working_sizes_of_stable_diffusion(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert working_size(*size, native=512, multiple=64) == expected


@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.sampled_from([(512, 64), (128, 16), (64, 16), (100, 32)]),
)
def test_working_sizes_are_bounded_multiples(
    height: int, width: int, model: tuple[int, int]
) -> None:
    native, multiple = model
    h, w = working_size(height, width, native, multiple)
    assert h % multiple == w % multiple == 0
    assert multiple <= min(h, w)
    assert max(h, w) <= max(multiple, 1.5 * native)


@given(st.data())
@settings(deadline=None)
def test_a_crop_lies_in_the_layer_and_shows_context(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 300))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    hint = torch.zeros(1, 1, height, width)
    hint[..., top:bottom, left:right] = 0.5
    y0, x0, y1, x1 = choose_frame((height, width), hint, 64, 16).box
    assert 0 <= y0 <= top < bottom <= y1 <= height
    assert 0 <= x0 <= left < right <= x1 <= width
    for low, start, end, high, limit in (
        (y0, top, bottom, y1, height),
        (x0, left, right, x1, width),
    ):
        assert high - low >= min(limit, 64, 1.5 * (end - start))


@given(st.data(), st.integers(8, 64).map(lambda n: 8 * n))
@settings(deadline=None, max_examples=60)
def test_the_model_sees_the_same_of_what_the_plugin_sends_as_of_the_whole_layer(
    data: st.DataObject, native: int
) -> None:
    height, width = data.draw(st.integers(1, 1800)), data.draw(st.integers(1, 1800))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    hint = torch.zeros(1, 1, height, width)
    hint[..., top:bottom, left:right] = 1
    layer = Rect(0, 0, width, height)
    sent = plugin_crop(layer, layer, Rect(left, top, right - left, bottom - top))
    part = hint[..., sent.y : sent.bottom, sent.x : sent.right]
    whole = choose_frame((height, width), hint, native, 8)
    seen = choose_frame((sent.height, sent.width), part, native, 8)
    y0, x0, y1, x1 = seen.box
    assert (y0 + sent.y, x0 + sent.x, y1 + sent.y, x1 + sent.x) == whole.box
    assert seen.size == whole.size


def test_a_pixel_that_is_hardly_selected_does_not_widen_the_crop() -> None:
    hint = torch.zeros(1, 1, 2000, 3000)
    hint[..., 500:560, 700:780] = 1
    near = choose_frame((2000, 3000), hint, 64, 16).box
    hint[..., 0, 0] = hint[..., -1, -1] = 1 / 255
    assert choose_frame((2000, 3000), hint, 64, 16).box == near
    faint = torch.full((1, 1, 2000, 3000), 1 / 255)
    assert choose_frame((2000, 3000), faint, 64, 16).box == (0, 0, 2000, 3000)


def test_without_a_hint_the_crop_is_the_layer() -> None:
    assert choose_frame((300, 200), None, 64, 16) == Frame((300, 200), (0, 0, 300, 200), (96, 64))


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_a_cut_out_shape_is_shown_with_background_around_it(data: st.DataObject) -> None:
    """Wherever it lies in its layer, also if that ends at its edges."""
    height, width = data.draw(st.integers(12, 200)), data.draw(st.integers(12, 200))
    middle, radii = (height / 2, width / 2), (height / 2, width / 2)
    y = (torch.arange(height) + 0.5 - middle[0]) / radii[0]
    x = (torch.arange(width) + 0.5 - middle[1]) / radii[1]
    around = [data.draw(st.integers(0, 90)) for _ in range(4)]
    disc = (y[:, None] ** 2 + x[None] ** 2 < 1).float()[None, None]
    opacity = torch.nn.functional.pad(disc, around)
    layer = (opacity.shape[2], opacity.shape[3])
    assert is_shape(opacity)
    colour = (0.5, 0.25, 0.75)
    paper = torch.tensor(colour).view(1, 3, 1, 1)
    frame = choose_frame(layer, None, 64, 16, opacity, colour)
    top, left, bottom, right = frame.box
    above, before, below, behind = frame.margins
    tall, wide = int(disc.any(3).sum()), int(disc.any(2).sum())
    margin = CONTEXT * max(tall, wide)
    rows, columns = opacity[0, 0].any(1).nonzero(), opacity[0, 0].any(0).nonzero()
    for first, last, start, end, limit in (
        (rows.min(), rows.max(), top - above, bottom + below, layer[0]),
        (columns.min(), columns.max(), left - before, right + behind, layer[1]),
    ):
        assert start <= first - min(margin, max(int(first), margin / 2 - 1))
        assert end > last + min(margin, max(limit - 1 - int(last), margin / 2 - 1))
    assert min(frame.shape) >= 64 and max(frame.shape) <= 1.5 * min(frame.shape) + 1
    image = torch.rand(1, 3, *layer) * opacity + paper * (1 - opacity)
    same = replace(frame, size=frame.shape)  # nothing is resized
    seen, shown = same.enter(image), same.enter(opacity)
    assert shown.sum() == opacity.sum() and torch.equal(same.place(shown), opacity)
    assert (seen - paper).abs()[(shown == 0).expand_as(seen)].max() < 1e-6
    assert torch.equal(same.trim(seen), frame.crop(image))
    alpha = frame.alpha(torch.ones(1, 1, *frame.size))
    result = frame.composite(image, torch.zeros(1, 3, *frame.size), alpha)
    where = (alpha > 0).expand_as(image)
    assert float(alpha[0, 0, top:bottom, left:right].min()) > 0.999
    assert float(result[where].abs().max()) < 0.001 and torch.equal(result[~where], image[~where])


def test_a_picture_with_holes_or_round_corners_is_no_shape() -> None:
    whole = torch.ones(1, 1, 60, 80)
    assert not is_shape(whole) and not is_shape(torch.zeros_like(whole))
    whole[..., 20:30, 20:30] = 0
    whole[..., :6, :6] = whole[..., -6:, -6:] = 0
    assert not is_shape(whole)
    assert choose_frame((60, 80), None, 64, 16, whole).box == (0, 0, 60, 80)


@pytest.mark.parametrize("layer", [(64, 64), (96, 64)])
def test_at_the_working_size_a_null_edit_returns_every_value(layer: tuple[int, int]) -> None:
    image = picture(*layer)
    frame = choose_frame(layer, None, 64, 16)
    assert frame.size == layer
    assert torch.equal(frame.enter(image), image)
    torch.testing.assert_close(
        frame.composite(image, frame.enter(image), torch.ones(1, 1, *layer)),
        image,
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("layer", [(128, 128), (200, 131), (40, 50), (511, 257), (64, 200)])
def test_a_null_edit_moves_nothing(layer: tuple[int, int]) -> None:
    """A checker goes in and comes out.

    Shifted by half a pixel it fits as badly one way as the other.
    """
    cell = max(layer) // 8
    image = checker(*layer, cell)
    frame = choose_frame(layer, None, 64, 16)
    result = frame.composite(image, frame.enter(image), torch.ones(1, 1, *layer))

    def error(dy: float, dx: float) -> float:
        step = [[1, 0, 2 * dx / layer[1]], [0, 1, 2 * dy / layer[0]]]
        grid = torch.nn.functional.affine_grid(
            torch.tensor([step]), list(image.shape), align_corners=False
        )
        moved = torch.nn.functional.grid_sample(
            image, grid, padding_mode="border", align_corners=False
        )
        inner = (..., slice(2, -2), slice(2, -2))
        return float((moved - result)[inner].square().mean())

    def slope(dy: float, dx: float) -> float:
        return abs(error(dy, dx) - error(-dy, -dx)) / max(error(dy, dx), error(-dy, -dx))

    assert error(0, 0) < 0.05
    assert slope(0.5, 0) < 0.1
    assert slope(0, 0.5) < 0.1


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_the_composite_is_exactly_the_original_where_alpha_is_0(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    height, width = (int(torch.randint(20, 150, (), generator=generator)) for _ in range(2))
    image = torch.rand(1, 3, height, width, generator=generator)
    hint = torch.zeros(1, 1, height, width)
    hint[..., height // 3 : height // 2 + 1, width // 3 : width // 2 + 1] = 1
    frame = choose_frame((height, width), hint, 64, 16)
    binary = (torch.rand(1, 1, *frame.size, generator=generator) > 0.97).float()
    alpha = frame.alpha(frame.feathered(binary, 2))
    result = frame.composite(image, torch.rand(1, 3, *frame.size, generator=generator), alpha)
    outside = (alpha == 0).expand_as(image)
    assert torch.equal(result[outside], image[outside])
    assert bool((result[~outside] != image[~outside]).any())
    assert float(alpha.max()) <= 1
    assert float(alpha.min()) == 0


def test_alpha_is_1_on_the_mask_and_0_beyond_its_reach() -> None:
    frame = choose_frame((64, 64), None, 64, 16)
    binary = torch.zeros(1, 1, 64, 64)
    binary[..., 20:40, 30] = 1
    binary[..., 40, 20:31] = 1
    for reach in (1, 2, 4, 8, 16):
        alpha = frame.alpha(frame.feathered(binary, reach))
        assert float(alpha[binary > 0].min()) == 1
        y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
        points = binary[0, 0].nonzero().float()
        distance = (
            torch.cdist(torch.stack((y, x), -1).reshape(-1, 2), points).amin(1).reshape(64, 64)
        )
        assert float(alpha[0, 0][distance > reach].sum()) == 0
        assert float(alpha[0, 0][(distance > 0) & (distance <= reach)].sum()) > 0


def test_alpha_falls_to_0_where_the_crop_ends_inside_the_layer_but_not_at_the_layers_edge() -> None:
    frame = Frame(layer=(200, 100), box=(0, 0, 100, 100), size=(64, 64))
    alpha = frame.alpha(frame.feathered(torch.ones(1, 1, 64, 64), 8))
    assert float(alpha[..., 0, :].min()) == 1
    assert float(alpha[..., :50, 0].min()) == 1
    assert float(alpha[..., 99, :].max()) < 0.3
    assert float(alpha[..., 100:, :].max()) == 0


def test_a_soft_map_is_placed_and_thresholded_at_the_same_place() -> None:
    frame = Frame(layer=(120, 90), box=(10, 20, 74, 84), size=(64, 64))
    soft = torch.zeros(1, 1, 8, 8)
    soft[..., 3:5, 2:6] = 1
    placed = frame.soft(soft)
    assert placed.shape == (1, 1, 120, 90)
    assert torch.equal((frame.crop(placed) >= 0.5).float(), threshold(soft, frame.shape, 0.5))
    y, x = (placed[0, 0] >= 0.5).nonzero(as_tuple=True)
    assert (int(y.min()), int(y.max())) == (10 + 24, 10 + 39)
    assert (int(x.min()), int(x.max())) == (20 + 16, 20 + 47)


def test_resizing_keeps_a_plain_colour() -> None:
    plain = torch.full((1, 3, 37, 53), 0.3)
    for size in ((16, 16), (100, 20), (74, 106), (37, 53)):
        torch.testing.assert_close(
            resize(plain, size), torch.full((1, 3, *size), 0.3), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(
    ("width", "larger"), [(1, 64), (2, 5), (37, 53), (53, 1000), (511, 512), (64, 64)]
)
def test_enlarging_equals_torchs_lanczos(width: int, larger: int) -> None:
    """Where this torch has it: builds for older drivers and cards are older than 2.12."""
    x = torch.rand(1, 3, 5, width, generator=torch.Generator().manual_seed(0))
    try:
        expected = torch.nn.functional.interpolate(
            x, size=(5, larger), mode="lanczos", antialias=True
        )
    except (NotImplementedError, ValueError):
        pytest.skip(f"torch {torch.__version__} has no Lanczos")
    torch.testing.assert_close(enlarge(x, larger), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(resize(x.mT, (larger, 5)), expected.mT, rtol=0, atol=1e-5)


def test_enlarging_a_single_pixel_shows_the_kernel() -> None:
    """A single bright pixel shows the kernel, sinc(d) sinc(d / 3).

    And nothing three pixels away. (Weights sum to 0.99 to 1.01 by themselves, to 1 exactly once
    divided by their sum.)
    """
    x = torch.zeros(1, 1, 1, 21)
    x[..., 10] = 1
    d = (torch.arange(210, dtype=torch.float64) + 0.5) / 10 - 0.5 - 10
    kernel = torch.where(d.abs() < 3, torch.sinc(d) * torch.sinc(d / 3), 0.0)
    torch.testing.assert_close(enlarge(x, 210)[0, 0, 0], kernel.float(), rtol=0, atol=0.01)


def test_resizing_asks_torch_for_no_mode_that_older_builds_lack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    modes = []
    real = torch.nn.functional.interpolate
    monkeypatch.setattr(
        "limn.editing.frame.F.interpolate",
        lambda x, **options: (modes.append(options["mode"]), real(x, **options))[1],
    )
    resize(torch.rand(1, 3, 20, 90), (64, 32))
    assert modes == ["area"]


def test_a_model_tells_how_much_to_show_around_a_selection() -> None:
    hint = torch.zeros(1, 1, 900, 900)
    hint[..., 400:500, 400:500] = 1
    assert choose_frame((900, 900), hint, 128, 8).box == (375, 375, 525, 525)
    assert choose_frame((900, 900), hint, 128, 8, context=1.0).box == (300, 300, 600, 600)
