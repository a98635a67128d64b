"""Small pictures, written in many formats, and an edit of one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image

from limn.protocol.messages import Pixels, Region
from limn.server.cli.pictures import Picture, composed, read, write

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


def edited(file: Path) -> tuple[Picture, Picture, Image.Image]:
    """The file's picture, and the one after an edit that was written.

    The latter once more as Pillow has it.
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
