"""Every format and depth.

What a file says of its colours, density, orientation and author stays.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, PngImagePlugin

from limn.server.cli import pictures
from limn.server.cli.pictures import PictureError, read

from .conftest import FAST, Limn
from .picture_samples import (
    DEEP,
    EIGHT,
    HEIGHT,
    INSIDE,
    RGB,
    WIDE,
    WIDTH,
    edited,
    patch,
    planar,
    saved,
    vips,
)

INSIDE[4:6, 3:6] = True


def deep_tiff(channels: int, kind: str, **options: Any) -> Callable[[Path], Path]:
    return saved("tif", vips(DEEP[..., :channels], kind), **options)


SIXTEEN = {
    "png grey": saved("png", vips(DEEP[..., :1], "grey16")),
    "png grey alpha": saved("png", vips(DEEP[..., :2], "grey16")),
    "png": saved("png", vips(DEEP[..., :3], "rgb16")),
    "png alpha": saved("png", vips(DEEP, "rgb16")),
    "png interlaced": saved("png", vips(DEEP[..., :3], "rgb16"), interlace=True),
    "tiff grey": deep_tiff(1, "grey16"),
    "tiff": deep_tiff(3, "rgb16"),
    "tiff alpha": deep_tiff(4, "rgb16"),
    "tiff tiles": deep_tiff(3, "rgb16", tile=True, compression="deflate", predictor="horizontal"),
    "tiff lzw": deep_tiff(3, "rgb16", compression="lzw"),
    "bigtiff": deep_tiff(3, "rgb16", bigtiff=True),
}


@pytest.mark.parametrize("kind", SIXTEEN)
def test_sixteen_bits_are_read_and_written_at_sixteen(kind: str, tmp_path: Path) -> None:
    before, after, image = edited(SIXTEEN[kind](tmp_path))
    assert before.deep and after.deep and before.mode == after.mode
    channels = {"L": [0], "LA": [0, 3], "RGB": [0, 1, 2], "RGBA": [0, 1, 2, 3]}[before.mode]
    wanted = DEEP[..., :2] if before.mode == "LA" else DEEP[..., : len(channels)]
    assert (before.own[..., channels] == wanted).all()
    assert (after.own[~INSIDE] == before.own[~INSIDE]).all()
    assert (after.own[INSIDE] != before.own[INSIDE]).any()
    assert image.format == "PNG"


def test_tiffs_of_planes_and_with_white_at_zero(tmp_path: Path) -> None:
    file = tmp_path / "in.tif"
    file.write_bytes(planar(DEEP[..., :3]))
    before, after, _ = edited(file)
    assert before.deep and (before.own[..., :3] == DEEP[..., :3]).all()
    assert (after.own[~INSIDE] == before.own[~INSIDE]).all()
    file.write_bytes(planar(DEEP[..., :1], white_is_zero=True))
    assert (read(file).own[..., 0] == 65535 - DEEP[..., 0]).all()


COLOURED = {
    "png": saved("png", icc_profile=WIDE),
    "jpeg": saved("jpg", icc_profile=WIDE, quality=95),
    "webp": saved("webp", icc_profile=WIDE, lossless=True),
    "tiff": saved("tif", icc_profile=WIDE),
    "tiff lzw": saved("tif", icc_profile=WIDE, compression="tiff_lzw"),
    "avif": saved("avif", icc_profile=WIDE),
    "palette": saved("png", RGB.quantize(16), icc_profile=WIDE),
    "deep png": saved("png", vips(DEEP[..., :3], "rgb16", WIDE)),
    "deep tiff": saved("tif", vips(DEEP[..., :3], "rgb16", WIDE)),
    "gif-less alpha": saved("png", Image.fromarray(EIGHT), icc_profile=WIDE),
}


@pytest.mark.parametrize("kind", COLOURED)
def test_a_profile_goes_to_srgb_and_back(kind: str, tmp_path: Path) -> None:
    before, after, image = edited(COLOURED[kind](tmp_path))
    assert image.info["icc_profile"] == WIDE
    most = 65535 if before.deep else 255
    assert (after.own[~INSIDE] == before.own[~INSIDE]).all()
    blue = after.own[4, 3] / most
    assert blue[0] > 0.02 and blue[2] < 0.99, "sRGB's blue is not the profile's"
    shown = after.rgba[4, 3] / most
    assert abs(shown - (0, 0, 1, 1)).max() < 0.04
    if not before.deep and before.mode == "RGB":
        wanted = ImageCms.profileToProfile(
            Image.fromarray(before.own[..., :3]),
            ImageCms.ImageCmsProfile(io.BytesIO(WIDE)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        assert abs(np.asarray(wanted).astype(int) - before.rgba[..., :3]).max() <= 2


def test_the_layer_has_the_pictures_colours(tmp_path: Path) -> None:
    for kind in ("png", "deep tiff"):
        before, after, _ = edited(COLOURED[kind](tmp_path))
        pictures.write_layer(patch(before.deep), before, tmp_path / "layer.png")
        with Image.open(tmp_path / "layer.png") as image:
            assert image.info["icc_profile"] == WIDE
        layer = read(tmp_path / "layer.png").own
        assert (layer[INSIDE] == after.own[INSIDE]).all() and not layer[~INSIDE].any()


def test_srgb_itself_is_left_alone(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    before, after, image = edited(saved("png", icc_profile=profile)(tmp_path))
    assert (before.rgba == before.own).all() and image.info["icc_profile"] == profile
    assert tuple(after.own[4, 3]) == (0, 0, 255, 255)
    grey, _, image = edited(saved("png", RGB.convert("L"), icc_profile=profile)(tmp_path))
    assert not grey.warnings and image.info["icc_profile"] == profile


@pytest.mark.parametrize("profile", [b"damaged", bytes(4000), WIDE.replace(b"RGB ", b"CMYK")])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_a_damaged_profile_is_said(profile: bytes, suffix: str, tmp_path: Path) -> None:
    before, after, _ = edited(saved(suffix, icc_profile=profile)(tmp_path))
    assert any("profile" in warning for warning in before.warnings)
    assert (after.own[~INSIDE] == before.own[~INSIDE]).all()


def cmyk_profile() -> bytes:
    """A profile for CMYK, made from a table of the inks' densities."""
    # three inks and black over paper, by a table of 2 x 2 x 2 x 2 points in CIELAB (lut8)
    points = bytearray()
    paper = {(0, 0, 0): (95, 0, 0), (1, 0, 0): (55, -37, -50), (0, 1, 0): (48, 74, -3),
             (0, 0, 1): (89, -5, 93), (1, 1, 0): (24, 22, -46), (1, 0, 1): (50, -68, 25),
             (0, 1, 1): (47, 68, 48), (1, 1, 1): (23, 0, 0)}  # fmt: skip
    for c in (0, 1):
        for m in (0, 1):
            for y in (0, 1):
                for k in (0, 1):
                    light, a, b = paper[c, m, y]
                    if k:
                        light, a, b = light * 0.15, a * 0.1, b * 0.1
                    points += bytes((round(light * 2.55), round(a + 128), round(b + 128)))
    ramp = bytes(range(256))
    unit = struct.pack(">9i", *(65536 * n for n in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + ramp * 4 + bytes(points) + ramp * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(79)
    tags = [(b"desc", text), (b"wtpt", white), (b"A2B0", lut), (b"A2B1", lut)]
    table, data, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, body in tags:
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", offset + len(data), len(body))
        data += body
    head = struct.pack(">I4sI4s4s4s12s4s", 132 + len(table) + len(data), b"lcms", 0x02400000,
                       b"prtr", b"CMYK", b"Lab ", bytes(12), b"acsp")  # fmt: skip
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


@pytest.mark.parametrize("kind", ["jpeg", "tiff", "deep tiff"])
def test_cmyk_is_converted_by_its_own_profile(kind: str, tmp_path: Path) -> None:
    inks = cmyk_profile()
    cmyk = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    cmyk[: HEIGHT // 2, :, 1] = 255  # magenta above, black below
    cmyk[HEIGHT // 2 :, :, 3] = 255
    image = Image.frombytes("CMYK", (WIDTH, HEIGHT), cmyk.tobytes())
    make = {
        "jpeg": saved("jpg", image, icc_profile=inks, quality=100),
        "tiff": saved("tif", image, icc_profile=inks),
        "deep tiff": saved("tif", vips(cmyk.astype(np.uint16) * 257, "cmyk", inks)),
    }[kind]
    before, after, out = edited(make(tmp_path))
    assert before.mode == "RGB" and before.deep == (kind == "deep tiff")
    assert "icc_profile" not in out.info and out.info["srgb"] == 0
    most = 65535 if before.deep else 255
    magenta, black = before.rgba[1, 1, :3] / most, before.rgba[-1, -1, :3] / most
    assert magenta[1] < 0.25 < 0.8 < magenta[0] and 0.3 < magenta[2] < 0.7, magenta
    assert black.max() < 0.2
    assert (after.own[~INSIDE] == before.own[~INSIDE]).all()
    assert any("by its profile" in warning for warning in before.warnings)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_stay_few(bits: int, tmp_path: Path) -> None:
    before, after, image = edited(saved("png", RGB.quantize(2**bits - 1), bits=bits)(tmp_path))
    assert (before.mode, image.mode) == ("P", "P")
    assert (tmp_path / "out.png").read_bytes()[24] == bits, "there was room for the blue"
    assert tuple(after.own[4, 3]) == (0, 0, 255, 255)


def test_a_colour_for_transparent_does_not_make_holes(tmp_path: Path) -> None:
    levels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    levels[0] = (0, 0, 255)
    file = tmp_path / "in.png"
    Image.fromarray(levels).save(file, transparency=(0, 0, 255))  # what the edit paints
    before, after, _ = edited(file)
    assert (before.own[0, :, 3] == 0).all()
    assert (after.own[INSIDE] == (0, 0, 255, 255)).all()
    assert (after.own[0, :, 3] == 0).all()
    Image.fromarray(levels).save(file, transparency=(1, 2, 3))
    _, _, image = edited(file)
    assert image.mode == "RGB" and image.info["transparency"] == (1, 2, 3)


def test_floats_are_light(tmp_path: Path) -> None:
    light = np.full((HEIGHT, WIDTH, 3), 0.2159, np.float32)
    light[0, 0] = (3, -1, 0)
    before, _, image = edited(saved("tif", vips(light, "scrgb"))(tmp_path))
    assert abs(before.rgba[1, 1, :3] / 65535 - 0.502).max() < 0.002
    assert image.info["gamma"] == 1.0 and any("0.2%" in note for note in before.warnings)
    for value, words in ((np.nan, "not finite"), (np.inf, "not finite"), (200.0, "1 has to be")):
        light[:] = value
        with pytest.raises(PictureError, match=words):
            read(saved("tif", vips(light, "scrgb"))(tmp_path))


def test_other_formats_of_painters(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    makes = {
        "bmp": saved("bmp", dpi=(96, 96)),
        "bmp palette": saved("bmp", RGB.quantize(9)),
        "gif": saved("gif", RGB.quantize(9), save_all=True, append_images=[RGB.quantize(8)]),
        "gif hole": saved("gif", RGB.quantize(9), transparency=2),
        "webp": saved("webp", Image.fromarray(EIGHT), quality=40),
        "moving webp": saved("webp", RGB, save_all=True, append_images=[RGB.rotate(9)]),
        "moving png": saved("png", RGB, save_all=True, append_images=[RGB.rotate(9)], pnginfo=info),
        "tiff black and white": saved("tif", RGB.convert("1"), compression="group4"),
        "tiff jpeg": saved("tif", RGB, compression="jpeg"),
        "tiff palette": saved("tif", RGB.quantize(9)),
        "tiff pages": saved("tif", RGB, save_all=True, append_images=[RGB.rotate(9)]),
        "tiff lab": saved("tif", vips(EIGHT[..., :3], "srgb").colourspace("lab")),
        "grey jpeg": saved("jpg", RGB.convert("L")),
        "grey alpha": saved("png", Image.fromarray(EIGHT).convert("LA")),
    }
    for name, make in makes.items():
        before, after, image = edited(make(tmp_path))
        assert (after.own[~INSIDE] == before.own[~INSIDE]).all(), name
        assert (after.own[INSIDE] != before.own[INSIDE]).any(), name
        several = any("several" in note for note in before.warnings)
        assert several == (name in ("gif", "moving webp", "moving png", "tiff pages")), name
        assert getattr(image, "n_frames", 1) == 1, name
        assert b"acTL" not in (tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("damage", ["half", "head", "empty", "noise"])
@pytest.mark.parametrize("kind", ["png", "deep png", "deep tiff", "tiff", "jpeg", "webp"])
def test_damaged_files_are_said(kind: str, damage: str, tmp_path: Path) -> None:
    file = COLOURED[kind](tmp_path)
    whole = file.read_bytes()
    broken = {
        "half": whole[: len(whole) // 2],
        "head": whole[:20],
        "empty": b"",
        "noise": whole[:30] + bytes(b ^ 0x55 for b in whole[30:]),
    }[damage]
    file.write_bytes(broken)
    with pytest.raises(PictureError) as error:
        read(file)
    assert len(error.value.sentence) < 400 and error.value.remedy


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for place in (tmp_path / "pipe.png", tmp_path / "folder.png", Path("/dev/zero")):
        with pytest.raises(PictureError, match=r"no file|folder"):
            read(place)


def test_a_deep_photograph_through_limn_edit(limn: Limn, tmp_path: Path) -> None:
    """16-bit TIFF with a wide profile, turned, with an author: everything at once."""
    image = vips(DEEP[:, :, :3], "rgb16", WIDE).copy(xres=240 / 25.4, yres=240 / 25.4)
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    file, out = tmp_path / "été 2.tif", tmp_path / "out"
    file.write_bytes(image.tiffsave_buffer(compression="deflate"))
    done = limn("edit", file, "make the square blue", *FAST, "--out", out)
    assert done.returncode == 0, done.stderr
    before, result, layer = read(file), read(out / "result.png"), read(out / "layer.png")
    assert result.size == (HEIGHT, WIDTH) and result.deep and layer.deep
    outside = layer.own[..., 3] == 0
    assert (result.own[outside] == before.own[outside]).all()
    for name in ("result.png", "layer.png"):
        with Image.open(out / name) as written:
            assert written.info["icc_profile"] == WIDE and round(written.info["dpi"][0]) == 240


def test_cielab_of_8_bits(tmp_path: Path) -> None:
    grey, colours = np.linspace(0, 255, 16, dtype=np.uint8), ((200, 30, 40), (70, 90, 160))
    levels = np.array([[(v, v, v) for v in grey], *([c] * 16 for c in colours)], np.uint8)
    lab = ImageCms.profileToProfile(
        Image.fromarray(levels),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    lab.save(tmp_path / "in.tif", tiffinfo={274: 3})
    picture = read(tmp_path / "in.tif")
    assert picture.mode == "RGB" and "CIELAB" in picture.warnings[0]
    shown = picture.own[..., :3].astype(float) / (257 if picture.deep else 1)
    assert np.abs(shown - levels[::-1, ::-1]).max() <= 4
