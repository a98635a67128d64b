"""What a picture file says besides its pixels.

Colours, density, texts, camera data: read the same way for every depth, and written as chunks of a
PNG. Of a PNG, chunks are copied as they are (PNG specification, third edition, section 14.2: those
that are safe to copy, and those of the colours, in which the pixels stay). What other formats have
is put into the chunks that PNG has for it. Every length and count in the file is bounded.
"""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

Chunk = tuple[bytes, bytes]
"""A chunk's name and body."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
AFTER_HEADER = len(SIGNATURE) + 25
"""Where the IHDR chunk, the first one, ends."""

COLOUR = (b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI")

MOST_BYTES = 64 * 1024 * 1024
"""Of profiles, texts and camera data together: a large XMP packet takes some MiB."""
MOST_CHUNKS = 100_000
"""Read in one file: pixels of 8192 x 8192 in chunks of 8 KiB take 50,000."""

ORIENTATION, ARTIST, COPYRIGHT, DESCRIPTION, SOFTWARE = 274, 315, 33432, 270, 305
TEXTS = {ARTIST: "Author", COPYRIGHT: "Copyright", DESCRIPTION: "Description", SOFTWARE: "Software"}
"""TIFF and EXIF tag -> PNG's keyword for it."""

CAMERA = (270, 271, 272, 305, 306, 315, 33432)
"""Tags of a TIFF's own directory that are not about its pixels.

They go on as EXIF.
"""
EXIF_FOLDER, GPS_FOLDER = 34665, 34853
TIFF_IPTC = 33723
IPTC = 0x0404
"""The number of Photoshop's block that holds them."""

SEVERAL = "The file has several pictures; the first one was edited."


@dataclass
class Facts:
    """Chunks by what they are about, and what reading the pixels has to know.

    gamma and points: of gAMA and cHRM, where neither profile nor sRGB outweighs them.
    """

    colour: list[Chunk] = field(default_factory=list)
    density: list[Chunk] = field(default_factory=list)
    texts: list[Chunk] = field(default_factory=list)
    profile: bytes = b""
    gamma: float | None = None
    points: tuple[float, ...] | None = None
    orientation: int = 1
    notes: list[str] = field(default_factory=list)

    def set_profile(self, profile: bytes) -> None:
        """Take an ICC profile of a file that is no PNG."""
        self.profile = profile[:MOST_BYTES]
        self.colour = [(b"iCCP", b"ICC profile\0\0" + zlib.compress(self.profile))]

    def set_density(self, x: Any, y: Any) -> None:
        """Take dots per inch, as far as they are numbers that a PNG holds."""
        with suppress(ArithmeticError, TypeError, ValueError):
            metres = [float(x) / 0.0254, float(y) / 0.0254]
            if all(math.isfinite(m) and 1 <= m < 2**31 for m in metres):
                self.density = [
                    (b"pHYs", struct.pack(">IIB", round(metres[0]), round(metres[1]), 1))
                ]

    def set_xmp(self, packet: bytes) -> None:
        """Take an XMP packet."""
        head = b"XML:com.adobe.xmp\0\0\0\0\0"
        self.texts.append((b"iTXt", head + _upright_xmp(packet[:MOST_BYTES])))

    def set_text(self, keyword: str, value: Any) -> None:
        """Take a text under one of PNG's keywords."""
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        with suppress(
            UnicodeError
        ):  # EXIF says ASCII; UTF-8 is what people write, Pillow reads Latin-1
            text = text.encode("latin-1").decode("utf-8")
        text = text.strip("\0 \n")[: MOST_BYTES // 4]
        if text:
            body = keyword.encode() + b"\0\0\0\0\0" + text.encode("utf-8", "replace")
            self.texts.append((b"iTXt", body))

    def set_iptc(self, datasets: bytes) -> None:
        """Take IPTC's datasets: captions, keywords.

        They go into the profile that ImageMagick and ExifTool use in PNGs, in a block of
        Photoshop's as ExifTool writes it.
        """
        datasets = datasets[:MOST_BYTES].rstrip(b"\0")
        if not datasets.startswith(b"\x1c"):
            return
        even = datasets + bytes(len(datasets) % 2)
        block = b"8BIM" + struct.pack(">HHI", IPTC, 0, len(datasets)) + even
        lines = "".join(f"{block[at : at + 36].hex()}\n" for at in range(0, len(block), 36))
        text = f"\niptc\n{len(block):8}\n{lines}".encode()
        self.texts.append((b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text)))

    def upright(self) -> None:
        """The picture is turned now: its density, too."""
        if self.orientation >= 5:
            self.density = [(n, b[4:8] + b[:4] + b[8:]) for n, b in self.density if len(b) == 9]

    def set_exif(self, exif: Image.Exif) -> None:
        """Take camera data; the picture is turned as they say, so they say it no longer."""
        orientation = exif.get(ORIENTATION, 1)
        if orientation in range(1, 9):
            self.orientation = int(orientation)
        exif.pop(ORIENTATION, None)
        body = exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else b""
        if body:
            self.texts.append((b"eXIf", body))


def of_png(stream: BinaryIO) -> Facts:
    """The facts of a PNG file, from before and behind its pixels."""
    facts = Facts()
    found: dict[bytes, bytes] = {}
    for name, body in _chunks(stream):
        if name in COLOUR:
            if name not in found:
                facts.colour.append((name, body))
            found.setdefault(name, body)
        elif name == b"acTL":
            facts.notes.append(SEVERAL)
        elif name == b"pHYs":
            facts.density = [(name, body)]
        elif name == b"eXIf":
            before = len(facts.texts)
            with _damage_told(facts):
                exif = Image.Exif()
                exif.load(b"Exif\0\0" + body)
                facts.set_exif(exif)
            if facts.orientation == 1:
                facts.texts[before:] = [(name, body)]
        elif name[3:4].islower():
            facts.texts.append((name, body))
    if facts.orientation != 1:
        xmp = b"XML:com.adobe.xmp\0"
        facts.texts = [(n, _upright_xmp(b) if b.startswith(xmp) else b) for n, b in facts.texts]
    if b"cICP" in found and found[b"cICP"][:2] not in (b"\x01\x0d", b"\x01\x01"):
        facts.notes.append(
            "The file's colours are those of its cICP chunk, which Limn does not know: "
            "the edit took its numbers for sRGB."
        )
    elif b"iCCP" in found:
        with suppress(zlib.error):
            packed = found[b"iCCP"].split(b"\0", 1)[-1][1:]
            facts.profile = zlib.decompressobj().decompress(packed, MOST_BYTES)
        if not facts.profile:
            facts.profile = b"damaged"
    elif b"sRGB" not in found and len(found.get(b"gAMA", b"")) == 4:
        facts.gamma = int.from_bytes(found[b"gAMA"]) / 100_000
        if len(found.get(b"cHRM", b"")) == 32:
            facts.points = tuple(n / 100_000 for n in struct.unpack(">8I", found[b"cHRM"]))
    return facts


@contextmanager
def _damage_told(facts: Facts) -> Iterator[None]:
    """Whatever Pillow finds wrong in a stranger's EXIF, and it finds it in many ways."""
    try:
        yield
    except Exception:
        facts.notes.append("The file's camera data (EXIF) are damaged; some were left out.")


def _chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """The ancillary chunks of a PNG; pixels are passed over."""
    stream.seek(len(SIGNATURE))
    total = 0
    for _ in range(MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head)
        if name[:1].isupper() or total + length > MOST_BYTES or not name.isalpha():
            if name == b"IEND" or not name.isalpha():
                return
            stream.seek(length + 4, io.SEEK_CUR)
            continue
        body = stream.read(length)
        sum_ = stream.read(4)
        if len(body) < length or sum_ != struct.pack(">I", zlib.crc32(name + body)):
            continue
        total += length
        yield name, body


def directory(stream: BinaryIO) -> ImageFileDirectory_v2:
    """The tags of a TIFF's first picture.

    `next` is where the second one's begin, or 0. Raises whatever Pillow finds wrong: OSError,
    SyntaxError, struct.error, ValueError ...
    """
    stream.seek(0)
    head = stream.read(8)
    if head[2:4] in (b"\x2b\0", b"\0\x2b"):  # BigTIFF
        head += stream.read(8)
    tags = ImageFileDirectory_v2(head)
    stream.seek(tags.next)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow tells of damaged tags on standard error
        tags.load(stream)
    return tags


def of_tiff(stream: BinaryIO, tags: ImageFileDirectory_v2) -> Facts:
    """The facts of a TIFF's first picture."""
    facts = Facts()
    if tags.next:
        facts.notes.append(SEVERAL)
    if isinstance(profile := tags.get(34675), bytes) and profile:
        facts.set_profile(profile)
    scale = {2: 1.0, 3: 2.54}.get(tags.get(296, 2))
    with suppress(ArithmeticError, KeyError, TypeError, ValueError):
        if scale is not None:
            facts.set_density(float(tags[282]) * scale, float(tags[283]) * scale)
    exif = Image.Exif()
    for tag in (ORIENTATION, *CAMERA):
        if tag in tags:
            exif[tag] = tags[tag]
    with _damage_told(facts):
        whole = Image.Exif()
        whole.endian = "<" if tags.prefix == b"II" else ">"
        whole.load_from_fp(stream, _first(tags, stream))
        for folder in (EXIF_FOLDER, GPS_FOLDER):
            if inner := whole.get_ifd(folder):
                exif.get_ifd(folder).update(inner)
                exif[folder] = inner
    with _damage_told(facts):
        _from_exif(facts, exif)
    xmp = tags.get(700)
    if xmp:
        facts.set_xmp(xmp if isinstance(xmp, bytes) else bytes(xmp))
    # Photoshop calls the bytes numbers of 32 bits, of which Pillow's own look-up gives the first
    facts.set_iptc(tags._tagdata.get(TIFF_IPTC, b""))
    return facts


def _first(tags: ImageFileDirectory_v2, stream: BinaryIO) -> int:
    stream.seek(0)
    head = stream.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"\x2b\0", b"\0\x2b")
    offset: int = struct.unpack_from(f"{order}{'Q' if big else 'I'}", head, 8 if big else 4)[0]
    return offset


def of_other(info: Mapping[Any, Any]) -> Facts:
    """The facts of a JPEG, WebP, AVIF, GIF or BMP, as Pillow has read its header."""
    facts = Facts()
    if isinstance(profile := info.get("icc_profile"), bytes) and profile:
        facts.set_profile(profile)
    if isinstance(density := info.get("dpi"), tuple) and len(density) == 2:
        facts.set_density(*density)
    if isinstance(raw := info.get("exif"), bytes) and raw:
        with _damage_told(facts):
            exif = Image.Exif()
            exif.load(raw[:MOST_BYTES])
            _from_exif(facts, exif)
    if isinstance(xmp := info.get("xmp"), bytes) and xmp:
        facts.set_xmp(xmp)
    blocks = info.get("photoshop")
    if isinstance(blocks, dict) and isinstance(iptc := blocks.get(IPTC), bytes):
        facts.set_iptc(iptc)
    if comment := info.get("comment"):
        facts.set_text("Comment", comment)
    return facts


def _from_exif(facts: Facts, exif: Image.Exif) -> None:
    for tag, keyword in TEXTS.items():
        if tag in exif:
            facts.set_text(keyword, exif[tag])
    facts.set_exif(exif)


def _upright_xmp(packet: bytes) -> bytes:
    """An XMP packet that no longer says that the picture has to be turned."""
    packet = re.sub(rb"""(tiff:Orientation=["'])[2-8](["'])""", rb"\g<1>1\g<2>", packet)
    return re.sub(rb"(<tiff:Orientation>)[2-8](</tiff:Orientation>)", rb"\g<1>1\g<2>", packet)


def packed(chunks: list[Chunk]) -> bytes:
    """Chunks as they stand in a file."""
    return b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
