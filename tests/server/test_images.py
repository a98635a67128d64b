"""Pixels to tensors and back.

Exact round trips, flattening, and a layer that composes to the result.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from limn.protocol import limits
from limn.protocol.messages import Pixels
from limn.server import images

FORMATS = ("rgba8", "bgra8", "rgba16", "bgra16")


def raw(layout: str, channels: np.ndarray) -> Pixels:
    """Channels (height, width, 4), red green blue alpha in 0..1, as raw pixels."""
    most, kind = (65535, "<u2") if layout.endswith("16") else (255, "u1")
    order = [0, 1, 2, 3] if layout.startswith("rgba") else [2, 1, 0, 3]
    levels = np.round(channels[..., order] * most).astype(kind)
    return Pixels(channels.shape[1], channels.shape[0], layout, levels.tobytes())  # type: ignore[arg-type]


def read(pixels: Pixels) -> np.ndarray:
    """Raw pixels as levels (height, width, 4), red green blue alpha."""
    kind = "<u2" if pixels.format.endswith("16") else "u1"
    order = [0, 1, 2, 3] if pixels.format.startswith("rgba") else [2, 1, 0, 3]
    assert pixels.data is not None
    return (
        np.frombuffer(pixels.data, kind)
        .reshape(pixels.height, pixels.width, 4)[..., order]
        .astype(np.int64)
    )


@pytest.mark.parametrize("layout", FORMATS)
def test_every_level_survives_the_way_there_and_back(layout: str) -> None:
    most = 65535 if layout.endswith("16") else 255
    levels = np.arange(most + 1) / most
    channels = np.stack(
        [levels, levels[::-1], np.roll(levels, 7), np.ones_like(levels)], axis=-1
    ).reshape(-1, 256, 4)
    pixels = raw(layout, channels)
    image = images.picture(pixels, (255, 255, 255))
    assert image.shape == (1, 3, *channels.shape[:2])
    assert image.dtype == torch.float32
    area = images.layer(image, image, torch.ones(1, 1, *channels.shape[:2]), layout)
    assert area is not None
    assert (area.x, area.y) == (0, 0)
    assert np.array_equal(read(area.pixels), read(pixels))


@pytest.mark.parametrize("layout", FORMATS)
def test_transparency_shows_what_the_painter_sees_through_it(layout: str) -> None:
    channels = np.array([[[1, 0, 0, 1], [1, 0, 0, 0], [1, 0, 0, 0.5]]])
    seen = images.picture(raw(layout, channels), (0, 255, 51))[0, :, 0].T.numpy()
    assert seen == pytest.approx(np.array([[1, 0, 0], [0, 1, 0.2], [0.5, 0.5, 0.1]]), abs=0.003)


@given(st.integers(0, 2**32 - 1), st.sampled_from(FORMATS))
def test_the_layer_over_the_original_gives_the_result(seed: int, layout: str) -> None:
    random = torch.Generator().manual_seed(seed)
    original, edited = torch.rand(2, 1, 3, 9, 11, generator=random)
    alpha = torch.rand(1, 1, 9, 11, generator=random) * (
        torch.rand(1, 1, 9, 11, generator=random) > 0.5
    )
    alpha[..., :2] = 0
    result = original * (1 - alpha) + edited * alpha
    area = images.layer(result, original, alpha, layout)
    if area is None:
        assert alpha.max() < 1 / 255
        return
    most = 65535 if layout.endswith("16") else 255
    levels = read(area.pixels) / most
    inside = (
        ...,
        slice(area.y, area.y + area.pixels.height),
        slice(area.x, area.x + area.pixels.width),
    )
    coverage, colour = levels[..., 3], levels[..., :3].transpose(2, 0, 1)
    composed = original[inside].numpy()[0] * (1 - coverage) + colour * coverage
    assert composed[:, coverage > 0] == pytest.approx(
        result[inside].numpy()[0][:, coverage > 0], abs=1.01 / most
    )
    assert composed == pytest.approx(result[inside].numpy()[0], abs=1 / 255)
    assert not levels[coverage == 0].any()
    outside = alpha.clone()
    outside[inside] = 0
    assert outside.max() < 1 / 255
    assert area.x >= 2


@pytest.mark.parametrize("layout", FORMATS)
def test_no_pixel_of_the_layer_is_outside_the_mask(layout: str) -> None:
    original, result = torch.zeros(1, 3, 1, 1000), torch.ones(1, 3, 1, 1000)
    alpha = torch.linspace(0, 0.01, 1000)[None, None, None]
    area, mask = images.layer(result, original, alpha, layout), images.mask(alpha)
    assert area is not None and mask is not None and mask.pixels.data is not None
    assert (area.x, area.pixels.width) == (mask.x, mask.pixels.width)
    assert (
        (read(area.pixels)[0, :, 3] > 0) == (np.frombuffer(mask.pixels.data, np.uint8) > 0)
    ).all()
    assert images.layer(result, original, torch.full((1, 1, 1, 1000), 0.0019), layout) is None


def test_no_alpha_no_layer() -> None:
    image = torch.rand(1, 3, 4, 4)
    assert images.layer(image, image, torch.zeros(1, 1, 4, 4), "rgba8") is None
    assert images.mask(torch.zeros(1, 1, 4, 4)) is None


@pytest.mark.parametrize("layout", FORMATS)
def test_a_whole_crop_through_its_mask_gives_what_the_layer_gives(layout: str) -> None:
    generator = torch.Generator().manual_seed(3)
    original = torch.rand(1, 3, 12, 10, generator=generator)
    edited = torch.rand(1, 3, 6, 8, generator=generator)
    alpha = torch.zeros(1, 1, 12, 10)
    alpha[..., 3:8, 2:9] = torch.rand(1, 1, 5, 7, generator=generator).round()
    result = original.clone()
    result[..., 2:8, 1:9] += alpha[..., 2:8, 1:9] * (edited - original[..., 2:8, 1:9])
    layer = images.layer(result, original, alpha, layout)
    whole = images.whole(edited, (2, 1, 8, 9), layout)
    assert layer is not None and (whole.x, whole.y) == (1, 2)
    assert (whole.pixels.width, whole.pixels.height) == (8, 6)
    one, other = read(layer.pixels), read(whole.pixels)
    assert (other[..., 3] == (65535 if layout.endswith("16") else 255)).all()
    part = other[layer.y - 2 :, layer.x - 1 :][: one.shape[0], : one.shape[1]]
    seen = one[..., 3] > 0
    assert np.abs(one[seen][:, :3] - part[seen][:, :3]).max() <= 1


def test_a_soft_map_has_its_cut_at_half_and_is_small() -> None:
    soft = torch.linspace(0, 1, 101).view(1, 1, 1, 101)
    made = images.soft_map(soft, (5, 7, 6, 108), 0.2)
    levels = np.frombuffer(made.pixels.data or b"", np.uint8)
    assert (made.shows.x, made.shows.y, made.shows.width, made.shows.height) == (7, 5, 101, 1)
    assert levels[0] == 0 and levels[20] in (127, 128) and levels[-1] == 255
    assert (np.diff(levels.astype(int)) >= 0).all()
    large = images.soft_map(torch.rand(1, 1, 40, 2000), (0, 0, 40, 2000), 0.5)
    assert max(large.pixels.width, large.pixels.height) == limits.MAX_MAP_SIDE


def test_a_mask_is_cut_to_its_bounds() -> None:
    soft = torch.zeros(1, 1, 10, 20)
    soft[0, 0, 3:5, 7:10] = torch.tensor([[1.0, 0.5, 0.25], [0.0, 0.0, 1.0]])
    area = images.mask(soft)
    assert area is not None
    assert (area.x, area.y, area.pixels.width, area.pixels.height) == (7, 3, 3, 2)
    assert area.pixels.data == bytes([255, 128, 64, 0, 0, 255])


def test_a_selection_is_read_as_it_is() -> None:
    assert images.selection(
        Pixels(3, 1, "gray8", bytes([0, 51, 255]))
    ).flatten().tolist() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize(
    ("size", "shown"), [((40, 20), (40, 20)), ((100, 300), (43, 128)), ((1000, 1), (128, 1))]
)
def test_a_preview_is_a_jpeg_of_at_most_the_wished_size(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    import io

    pixels = images.jpeg(torch.full((1, 3, size[1], size[0]), 0.5), 128)
    assert (pixels.width, pixels.height, pixels.format) == (*shown, "jpeg")
    assert pixels.data is not None
    picture = Image.open(io.BytesIO(pixels.data))
    assert (picture.format, picture.size) == ("JPEG", shown)
    assert picture.getpixel((0, 0)) == pytest.approx((128, 128, 128), abs=3)
