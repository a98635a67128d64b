"""What a picture file says besides its pixels stays.

Density, orientation, author, captions, and what PNG, TIFF, EXIF, XMP and IPTC have of them."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, TiffImagePlugin

from limn.server.cli.pictures import read, write

from .picture_samples import (
    DEEP,
    EIGHT,
    HEIGHT,
    INSIDE,
    RGB,
    WIDTH,
    edited,
    planar,
    saved,
    vips,
)
from .test_picture_files import png


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
    """Texts of each kind, before and behind the pixels.

    And a density, an offset, a private chunk.
    """
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
