"""Picture files keep their size, depth and mode.

What is outside a layer stays exactly as it was.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from limn.protocol.messages import Pixels, Region
from limn.server.cli import pictures as picture_files
from limn.server.cli.pictures import Picture, PictureError, composed, read, read_selection, write

SIDE = 24


def some_layer(deep: bool) -> Region:
    """12 x 10 pixels at (3, 4).

    Opaque blue in the middle, half transparent white at one pixel, transparent around.
    """
    most = 65535 if deep else 255
    levels = np.zeros((10, 12, 4), "<u2" if deep else "u1")
    levels[2:8, 2:8] = (0, 0, most, most)
    levels[8, 8] = (most, most, most, most // 2)
    return Region(3, 4, Pixels(12, 10, "rgba16" if deep else "rgba8", levels.tobytes()))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file from its chunks, each a name and a content."""
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def save(mode: str, file: Path) -> None:
    """A gradient in one of Pillow's modes, or in a deep one ("RGB16")."""
    ramp = np.linspace(0, 255, SIDE * SIDE).astype(np.uint8).reshape(SIDE, SIDE)
    colour = Image.fromarray(np.stack([ramp, ramp[::-1], ramp.T, np.maximum(ramp, 9)], axis=2))
    if mode.endswith("16"):
        rgba = np.random.default_rng(1).integers(0, 65536, (SIDE, SIDE, 4)).astype(np.uint16)
        if mode.startswith("L"):
            rgba[..., 1] = rgba[..., 2] = rgba[..., 0]
        if mode in ("L16", "RGB16"):
            rgba[..., 3] = 65535
        write(Picture(mode[:-2], True, rgba, None), file)
    elif mode == "P":
        colour.convert("RGB").quantize(16).save(file)
    elif mode == "P full":
        colour.convert("RGB").quantize(256).save(file)
    elif mode == "P transparent":
        colour.convert("RGB").quantize(16).save(file, transparency=3)
    else:
        colour.convert(mode).save(file)


@pytest.mark.parametrize(
    "mode",
    [
        "1",
        "L",
        "LA",
        "P",
        "P full",
        "P transparent",
        "RGB",
        "RGBA",
        "L16",
        "LA16",
        "RGB16",
        "RGBA16",
    ],
)
def test_size_depth_and_mode_stay_and_outside_nothing_changes(mode: str, tmp_path: Path) -> None:
    save(mode, tmp_path / "in.png")
    before = read(tmp_path / "in.png")
    assert before.deep == mode.endswith("16")
    assert before.mode == mode.partition(" ")[0].removesuffix("16")
    layer = some_layer(before.deep)
    write(composed(before, layer), tmp_path / "out.png")
    after = read(tmp_path / "out.png")
    assert (after.mode, after.deep, after.size) == (before.mode, before.deep, before.size)
    with Image.open(tmp_path / "in.png") as one, Image.open(tmp_path / "out.png") as two:
        assert (one.mode, one.size) == (two.mode, two.size)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[4:14, 3:15] = picture_files.layer_array(layer)[..., 3] > 0
    assert (after.rgba[~inside] == before.rgba[~inside]).all()
    assert (after.rgba[inside] != before.rgba[inside]).any()
    most = 65535 if before.deep else 255
    blue = after.rgba[7, 6] / most
    wanted = {"1": (0, 0, 0, 1), "L": (0.114,) * 3 + (1,), "LA": (0.114,) * 3 + (1,)}.get(
        before.mode, (0, 0, 1, 1)
    )
    assert abs(blue - wanted).max() < (0.35 if mode == "P full" else 0.01)


def test_nothing_found_gives_the_same_picture(tmp_path: Path) -> None:
    save("RGB16", tmp_path / "in.png")
    before = read(tmp_path / "in.png")
    write(composed(before, None), tmp_path / "out.png")
    assert (read(tmp_path / "out.png").rgba == before.rgba).all()


@given(arrays.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))))
def test_sixteen_bits_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, levels: np.ndarray
) -> None:
    file = tmp_path_factory.getbasetemp() / "sixteen.png"
    write(Picture("RGBA", True, levels, None), file)
    assert (read(file).rgba == levels).all()


@pytest.mark.parametrize("filter_type", range(5))
@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_every_filter_and_kind_of_a_deep_png_is_read(
    filter_type: int, colour_type: int, channels: int, tmp_path: Path
) -> None:
    """A PNG built byte by byte as its specification says (section 9).

    So no writer's habits are taken for granted.
    """
    height, width, step = 7, 5, 2 * channels
    levels = (
        np.random.default_rng(filter_type)
        .integers(0, 65536, (height, width, channels))
        .astype(">u2")
    )
    rows = levels.reshape(height, -1).view(np.uint8).astype(int)
    body, above = b"", np.zeros(rows.shape[1], int)
    for row in rows:
        left, corner = np.roll(row, step), np.roll(above, step)
        left[:step] = corner[:step] = 0
        nearest = np.abs(
            np.stack([above - corner, left - corner, left + above - 2 * corner])
        ).argmin(axis=0)
        paeth = np.choose(nearest, [left, above, corner])
        predicted = [0 * row, left, above, (left + above) // 2, paeth][filter_type]
        body += bytes([filter_type]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
        above = row
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
        (b"IDAT", zlib.compress(body)),
        (b"IEND", b""),
    ]
    (tmp_path / "deep.png").write_bytes(png(*chunks))
    got = read(tmp_path / "deep.png").rgba
    kept = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
    assert (got[..., kept] == levels).all()


def test_a_photograph_is_turned_upright_and_its_profile_kept(tmp_path: Path) -> None:
    image = Image.new("RGB", (30, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned by a quarter
    image.save(tmp_path / "photo.jpg", exif=exif, icc_profile=b"a profile")
    picture = read(tmp_path / "photo.jpg")
    assert picture.size == (20, 30)
    write(picture, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as out:
        assert out.size == (20, 30) and out.info["icc_profile"] == b"a profile"


def test_what_png_does_not_have_is_said(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4)).save(tmp_path / "print.jpg")
    picture = read(tmp_path / "print.jpg")
    assert picture.mode == "RGB" and "CMYK" in picture.warnings[0]
    Image.new("I", (4, 4)).save(tmp_path / "whole.tif")
    with pytest.raises(PictureError, match="int"):
        read(tmp_path / "whole.tif")
    frames = [Image.new("L", (4, 4), level) for level in (0, 99)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert "first" in read(tmp_path / "moving.gif").warnings[0]


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(
        png((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    )
    with pytest.raises(PictureError, match="too large"):
        read(tmp_path / "bomb.png")


def test_a_selection_is_read_from_any_mode(tmp_path: Path) -> None:
    levels = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    grey = Image.fromarray(levels)
    grey.save(tmp_path / "l.png")
    Image.merge("RGB", [grey] * 3).save(tmp_path / "rgb.png")
    Image.merge("LA", [Image.new("L", grey.size, 255), grey]).save(tmp_path / "la.png")
    for name in ("l", "rgb", "la"):
        data = read_selection(tmp_path / f"{name}.png", (SIDE, SIDE)).data
        assert (
            data is not None and (np.frombuffer(data, np.uint8).reshape(SIDE, SIDE) == levels).all()
        )
    with pytest.raises(PictureError, match="24 x 24"):
        read_selection(tmp_path / "l.png", (SIDE, SIDE + 1))
