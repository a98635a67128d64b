"""Every format and depth.

What a file says of its colours, density, orientation and author stays.
"""

from __future__ import annotations

import io
import os
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from limn.protocol.messages import Pixels, Region
from limn.server.cli import pictures
from limn.server.cli.pictures import Picture, PictureError, composed, read, write

from .conftest import FAST, Limn
from .test_picture_files import png

HEIGHT, WIDTH = 20, 24
RANDOM = np.random.default_rng(0)
EIGHT = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
DEEP = RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 4)).astype(np.uint16)
RGB = Image.fromarray(EIGHT[..., :3])


def wide_gamut() -> bytes:
    """The profile of the display primaries of Wide Gamut RGB with gamma 1, built here."""
    points = ((0.7347, 0.2653), (0.1152, 0.8264), (0.1566, 0.0177))
    white = np.array([0.9642, 1, 0.8249])
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in points]).T
    columns = columns * np.linalg.solve(columns, white)

    def number(x: float) -> bytes:
        return struct.pack(">i", round(x * 65536))

    xyz = [b"XYZ \0\0\0\0" + b"".join(map(number, c)) for c in (white, *columns.T)]
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 0x01CD) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(79)
    tags = [
        (b"desc", text),
        *zip((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), xyz, strict=True),
        *((name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    table, data, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, body in tags:
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", offset + len(data), len(body))
        data += body
    size = 128 + 4 + len(table) + len(data)
    head = struct.pack(">I4sI4s4s4s12s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ",
                       bytes(12), b"acsp")  # fmt: skip
    head = head.ljust(68, b"\0") + b"".join(map(number, white))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


WIDE = wide_gamut()


def vips(values: np.ndarray, kind: str, profile: bytes = b"") -> Any:
    """An array as libvips has pictures."""
    values = np.ascontiguousarray(values)
    formats = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
    height, width, bands = values.shape
    image = pyvips.Image.new_from_memory(
        values.tobytes(), width, height, bands, formats[values.dtype.name]
    ).copy(interpretation=kind)
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def patch(deep: bool) -> Region:
    """Opaque blue on 2 x 3 pixels at (4, 3) to (6, 6)."""
    levels = np.zeros((4, 5, 4), "<u2" if deep else "u1")
    levels[1:3, 1:4] = np.array((0, 0, 1, 1)) * (65535 if deep else 255)
    return Region(2, 3, Pixels(5, 4, "rgba16" if deep else "rgba8", levels.tobytes()))


INSIDE = np.zeros((HEIGHT, WIDTH), bool)
INSIDE[4:6, 3:6] = True


def edited(file: Path) -> tuple[Picture, Picture, Image.Image]:
    """The file's picture, the one after an edit that was written, and the latter as Pillow has
    it.
    """
    before = read(file)
    out = file.with_name("out.png")
    write(composed(before, patch(before.deep)), out)
    image = Image.open(out)
    image.load()
    return before, read(out), image


def saved(suffix: str, image: Any = RGB, **options: Any) -> Callable[[Path], Path]:
    """What writes a file of this kind, given a folder."""

    def save(folder: Path) -> Path:
        file = folder / f"in.{suffix}"
        if isinstance(image, Image.Image):
            image.save(file, **options)
        else:
            file.write_bytes(image.write_to_buffer(f".{suffix}", **options))
        return file

    return save


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


def planar(values: np.ndarray, white_is_zero: bool = False) -> bytes:
    """An uncompressed TIFF of 16 bits with a plane for each channel, byte by byte."""
    height, width, bands = values.shape
    planes = [
        np.ascontiguousarray(values[..., band]).astype("<u2").tobytes() for band in range(bands)
    ]
    data = 8
    offsets = [data + sum(map(len, planes[:n])) for n in range(bands)]
    extra = data + sum(map(len, planes))
    body = struct.pack(f"<{bands}H", *[16] * bands) + struct.pack(f"<{bands}I", *offsets)
    body += struct.pack(f"<{bands}I", *map(len, planes))
    many = bands > 1
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, bands, extra if many else 16),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if many else 0 if white_is_zero else 1),
        (273, 4, bands, extra + 2 * bands if many else offsets[0]),
        (277, 3, 1, bands),
        (278, 4, 1, height),
        (279, 4, bands, extra + 6 * bands if many else len(planes[0])),
        (284, 3, 1, 2 if many else 1),
    ]
    directory = extra + len(body)
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", directory) + b"".join(planes) + body + table + bytes(4)


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


def chunked(levels: np.ndarray, *chunks: tuple[bytes, bytes], colour_type: int = 2) -> bytes:
    """A PNG of 8 bits with chunks before its pixels."""
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    head = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return png((b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def test_gamma_and_primaries_of_a_png(tmp_path: Path) -> None:
    linear = (b"gAMA", struct.pack(">I", 100_000))
    primaries = (
        b"cHRM",
        struct.pack(">8I", *(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
    )
    file = tmp_path / "in.png"
    file.write_bytes(chunked(np.full((HEIGHT, WIDTH, 3), 55, np.uint8), linear, primaries))
    before, after, image = edited(file)
    assert abs(before.rgba[0, 0, :3].astype(int) - 128).max() <= 1, "light of 0.2157 is sRGB 128"
    assert image.info["gamma"] == 1.0 and image.info["chromaticity"][2] == 0.68
    assert (after.own[~INSIDE][:, :3] == 55).all()
    assert after.own[4, 3, 0] == 0 and 0 < after.own[4, 3, 2] <= 255
    assert abs(after.rgba[4, 3].astype(int) - (0, 0, 255, 255)).max() <= 2
    # sRGB outweighs them, and usual ones are sRGB
    usual = (b"gAMA", struct.pack(">I", 45455))
    for chunks in ((linear, (b"sRGB", b"\0")), (usual,)):
        file.write_bytes(chunked(EIGHT[..., :3], *chunks))
        picture = read(file)
        assert (picture.rgba[..., :3] == EIGHT[..., :3]).all()


def test_what_a_png_says_is_copied(tmp_path: Path) -> None:
    """Texts of each kind, before and behind the pixels, a density, an offset, a private chunk."""
    said = [
        (b"pHYs", struct.pack(">IIB", 3000, 6000, 1)),
        (b"tEXt", b"Author\0J\xf6rg"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 5000)),
        (b"iTXt", b"Title\0\0\0de\0Titel\0" + "Über ☂".encode()),
        (b"oFFs", bytes(9)),
        (b"prVt", b"mine"),
    ]
    rows = b"".join(b"\0" + row.tobytes() for row in EIGHT[..., :3])
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    file = tmp_path / "in.png"
    last = (b"tEXt", b"Software\0mine")
    body = (b"IDAT", zlib.compress(rows))
    unsafe = (b"prVT", b"about the pixels")
    file.write_bytes(png((b"IHDR", head), *said, unsafe, body, last, (b"IEND", b"")))
    edited(file)
    out = (tmp_path / "out.png").read_bytes()
    for name, content in (*said, last):
        assert out.count(name + content) == 1
    assert b"prVT" not in out


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "deep.tif", "deep.png"])
def test_orientation_density_and_author_of_every_format(
    kind: str, orientation: int, tmp_path: Path
) -> None:
    steps = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) // 2
    levels = np.stack([steps] * 3, axis=2)
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x8298] = orientation, "Ada", "(c) Ada"
    file = tmp_path / f"in.{kind}"
    options: dict[str, Any] = {"exif": exif, "dpi": (300, 300)}
    if kind == "tif":
        options = {"tiffinfo": dict(exif), "dpi": (300, 300)}
    if kind == "webp":
        options |= {"lossless": True}
    if kind == "jpg":
        options |= {"quality": 100}
    if kind == "deep.tif":
        image = vips(levels.astype(np.uint16) * 257, "rgb16").copy(xres=300 / 25.4, yres=300 / 25.4)
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
        file.write_bytes(image.tiffsave_buffer())
    elif kind == "deep.png":
        rows = b"".join(b"\0" + row.tobytes() for row in (levels.astype(">u2") * 257))
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
        said = (b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
        body = (b"IDAT", zlib.compress(rows))
        eyes = (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        file.write_bytes(png((b"IHDR", head), said, eyes, body, (b"IEND", b"")))
    else:
        Image.fromarray(levels).save(file, **options)
    upright = Image.fromarray(levels)
    turned = Image.Exif()
    turned[0x0112] = orientation
    upright.info["exif"] = turned.tobytes()
    from PIL import ImageOps

    wanted = np.asarray(ImageOps.exif_transpose(upright)).astype(int)
    before, after, image = edited(file)
    close = 2 if kind == "jpg" else 0
    most = 257 if before.deep else 1
    assert before.own.shape[:2] == wanted.shape[:2]
    assert abs(before.own[..., :3].astype(int) // most - wanted).max() <= close
    assert (image.width, image.height) == after.size == before.size
    assert image.getexif().get(0x0112, 1) == 1, "or viewers would turn it again"
    if kind != "webp":
        assert round(image.info["dpi"][0]) == 300
    if kind != "deep.tif":
        assert image.getexif()[0x013B] == "Ada" and image.getexif()[0x8298] == "(c) Ada"
    if kind in ("jpg", "webp", "tif"):
        assert image.info["Author"] == "Ada" and image.info["Copyright"] == "(c) Ada"


def test_xmp_stays_and_no_longer_turns(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6" dc:x="\xc3\xa9"/></x:xmpmeta>'
    )
    file = tmp_path / "in.jpg"
    RGB.save(file, xmp=packet)
    _, _, image = edited(file)
    assert image.info["xmp"] == packet.replace(b'"6"', b'"1"')


@pytest.mark.parametrize(
    ("resolution", "unit"),
    [
        ((0, 0), 2),
        ((1, 0), 2),
        ((0, 1), 2),
        ((2**32 - 1, 1), 2),
        ((72, 1), 1),
        ((1, 0), 3),
        ((72, 1), 9),
    ],
)
def test_resolutions_that_are_none(resolution: tuple[int, int], unit: int, tmp_path: Path) -> None:
    plain = planar(DEEP[..., :1])
    directory = int.from_bytes(plain[4:8], "little")
    count = int.from_bytes(plain[directory : directory + 2], "little")
    value = len(plain) + 3 * 12
    more = [(282, 5, 1, value), (283, 5, 1, value), (296, 3, 1, unit)]
    table = plain[directory + 2 : directory + 2 + 12 * count]
    table = b"".join(
        sorted(
            [table[n : n + 12] for n in range(0, len(table), 12)]
            + [struct.pack("<HHII", *tag) for tag in more],
            key=lambda entry: int.from_bytes(entry[:2], "little"),
        )
    )
    body = plain[:directory] + struct.pack("<H", count + 3) + table + bytes(4)
    file = tmp_path / "in.tif"
    file.write_bytes(body + struct.pack("<II", *resolution))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, after, image = edited(file)
    assert after.deep and "dpi" not in image.info


@pytest.mark.parametrize("kind", ["jpg", "II", "MM", "numbers"])
def test_captions_and_keywords_of_iptc_stay(kind: str, tmp_path: Path) -> None:
    datasets = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in ((120, "Café".encode()), (25, b"lamp"), (25, b"odd"))
    )
    file = tmp_path / ("in.jpg" if kind == "jpg" else "in.tif")
    if kind == "jpg":
        block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(datasets)) + datasets
        body = b"Photoshop 3.0\0" + block + bytes(len(datasets) % 2)
        stream = io.BytesIO()
        RGB.save(stream, "JPEG")
        head = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
        file.write_bytes(stream.getvalue()[:2] + head + stream.getvalue()[2:])
    else:
        order = "MM" if kind == "MM" else "II"
        tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=order.encode())
        padded = datasets + bytes(-len(datasets) % 4)
        tags[33723], tags.tagtype[33723] = padded, 7
        RGB.save(file, tiffinfo=tags)
        if kind == "numbers":  # as Photoshop writes it
            as_bytes = struct.pack("<HHI", 33723, 7, len(padded))
            as_numbers = struct.pack("<HHI", 33723, 4, len(padded) // 4)
            assert as_bytes in file.read_bytes()
            file.write_bytes(file.read_bytes().replace(as_bytes, as_numbers))
    write(read(file), tmp_path / "out.png")
    profile = Image.open(tmp_path / "out.png").text["Raw profile type iptc"]
    name, length, *lines = profile.strip().split("\n")
    block = bytes.fromhex("".join(lines))
    assert (name, int(length)) == ("iptc", len(block))
    assert block[:4] == b"8BIM" and block[12 : 12 + len(datasets)] == datasets


def test_many_chained_pages_are_not_walked_through(tmp_path: Path) -> None:
    tags = [
        (256, 1),
        (257, 1),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 4),
        (277, 1),
        (278, 1),
        (279, 1),
    ]
    size = 2 + 12 * len(tags) + 4
    count = 60_000
    pages = [b"II*\0" + struct.pack("<I", 8)]
    for page in range(count):
        following = 8 + (page + 1) * size if page < count - 1 else 8  # the last one leads back
        pages.append(struct.pack("<H", len(tags)))
        pages += [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags]
        pages.append(struct.pack("<I", following))
    (tmp_path / "in.tif").write_bytes(b"".join(pages))
    began = time.process_time()
    picture = read(tmp_path / "in.tif")
    assert picture.size == (1, 1) and any("several" in note for note in picture.warnings)
    assert time.process_time() - began < 20, "Pillow counts them in minutes"


def test_a_turned_picture_turns_its_density(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _, _, image = edited(saved("png", exif=exif, dpi=(100, 300))(tmp_path))
    assert [round(dots) for dots in image.info["dpi"]] == [300, 100]


def test_damaged_camera_data_are_said(tmp_path: Path) -> None:
    file = saved("jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f damaged")(tmp_path)
    before, after, _ = edited(file)
    assert (after.own[~INSIDE] == before.own[~INSIDE]).all()


def test_utf8_in_exif_is_read_as_people_write_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Jörg".encode()
    raw = exif.tobytes()
    assert "Jörg".encode() in raw
    _, _, image = edited(saved("jpg", exif=raw)(tmp_path))
    assert image.info["Author"] == "Jörg"


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
