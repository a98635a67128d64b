"""Files -> pictures: the header first, its size checked before a pixel is decoded.

Pillow reads 8 bits a channel, libvips what Pillow does not: 16 bits, floats, CIELAB, planar and
tiled ones of these. (For 16 bits libvips takes 19 MB of disk and reads 1024 x 1024 RGBA in 0.05 s;
opencv-headless 72 MB without profiles, imagecodecs 45 MB without a TIFF's tags, pypng 2.7 s.)
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from limn.protocol import limits
from limn.protocol.messages import Pixels

from .colour import (
    LUMINANCE,
    SRGB_POINTS,
    Colour,
    Plain,
    gamma,
    lab,
    lab_to_srgb,
    profiled,
    uncalibrated_cmyk,
)
from .facts import SEVERAL, Facts, directory, of_other, of_png, of_tiff
from .opening import PictureError, opened
from .picture import CHANNELS, Picture

Array = NDArray[Any]

FORMATS = (
    "PNG",
    "JPEG",
    "WEBP",
    "TIFF",
    "BMP",
    "GIF",
    *(("AVIF",) if features.check("avif") else ()),
)
"""The formats that are decoded.

Those that painters have, not the hundred that Pillow knows, some of them little tested.
"""

SIZES = f"{limits.MAX_SIDE} a side and {limits.MAX_PIXELS} in all are the limits"

MOST_FILE_BYTES = 2 * 1024**3
"""A larger file than the largest picture at 16 bits, uncompressed, four times."""

ALPHA_MODES = {
    "PA": "RGBA",
    "RGBa": "RGBA",
    "La": "LA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
"""What PNG does not have -> what holds the same."""

TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
"""EXIF's orientation -> how to turn the picture upright."""

DAMAGED: tuple[type[Exception], ...] = (
    *(OSError, ValueError, SyntaxError, struct.error, zlib.error, TypeError, KeyError, IndexError),
    *(OverflowError, AttributeError, MemoryError, RuntimeError, pyvips.Error),
)
"""What Pillow and libvips raise for damaged files.

Of which they see to many kinds.
"""

pyvips.cache_set_max(0)  # each picture is read once


def read(file: Path) -> Picture:
    """Read a picture file.

    Raises PictureError for one that is not there, damaged, of another kind, or too large.
    """
    try:
        with opened(file) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow tells of bombs and tags; limits are below
            return _read(file, stream)
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{file} is not a picture that can be read.", f"Known are {', '.join(FORMATS)}."
        ) from error
    except Image.DecompressionBombError as error:  # Pillow's bound lies above ours
        raise PictureError(f"{file} is too large: {SIZES}.", "Crop it.") from error
    except DAMAGED as error:
        if isinstance(error, OSError) and error.strerror:
            words = f"{file} can't be read: {error.strerror}."
            raise PictureError(words, "Copy it to another place.") from error
        words = error.detail if isinstance(error, pyvips.Error) else str(error)
        raise PictureError(
            f"{file} is damaged: {(words or repr(error)).splitlines()[0]}.",
            "Open it in a painting program and save it again as PNG.",
        ) from error


def read_selection(file: Path, size: tuple[int, int]) -> Pixels:
    """Reads a mask as gray8: white is selected.

    Raises PictureError, also if its size is not `size` (width, height).
    """
    picture = read(file)
    if picture.size != size:
        raise PictureError(
            f"The mask {file} is {picture.size[0]} x {picture.size[1]}, but the picture is "
            f"{size[0]} x {size[1]} pixels.",
            "Save the mask at the picture's size.",
        )
    most = np.float32(65535 if picture.deep else 255)
    share = picture.own.astype(np.float32) / most
    levels = (share[..., :3] @ LUMINANCE) * share[..., 3]
    return Pixels(*size, "gray8", (levels * 255 + 0.5).astype(np.uint8).tobytes())


def _read(file: Path, stream: BinaryIO) -> Picture:
    magic = stream.read(32)
    if magic[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        tags = directory(stream)
        _check_size(file, (int(tags[256]), int(tags[257])))
        facts = of_tiff(stream, tags)
        bits, kind = tags.get(258, (1,)), tags.get(262, 1)
        if kind == 8 and bits == (8, 8, 8):  # CIELAB, which Pillow turns upright
            facts.upright()
            colours = lab(np.asarray(_open(file, stream)))
            return _deep(file, replace(facts, orientation=1), colours)
        if max(bits if isinstance(bits, tuple) else (bits,)) > 8 or kind not in (0, 1, 2, 3):
            return _deep(file, facts)
        try:
            image = _open(file, stream)
        except UnidentifiedImageError:  # a layout that Pillow has no name for
            return _deep(file, facts)
        image.load()  # upright, too: Pillow turns TIFFs by itself
        facts.upright()
        return _plain(image, replace(facts, orientation=1))
    image = _open(file, stream)
    if magic[:8] == b"\x89PNG\r\n\x1a\n":
        facts = of_png(stream)
        if magic[24] == 16:
            return _deep(file, facts)
    else:
        facts = of_other(dict(image.info))
        if getattr(image, "n_frames", 1) > 1:
            facts.notes.append(SEVERAL)
    image.load()
    return _plain(image, facts)


def _open(file: Path, stream: BinaryIO) -> Image.Image:
    """The file's header, its size checked; no pixel is decoded yet."""
    stream.seek(0)
    image = Image.open(stream, formats=FORMATS)
    _check_size(file, image.size)
    return image


def _check_size(file: Path, size: tuple[int, int]) -> None:
    width, height = size
    if max(width, height) > limits.MAX_SIDE or width * height > limits.MAX_PIXELS:
        raise PictureError(
            f"{file} is {width} x {height} pixels; {SIZES}.",
            "Crop it.",
        )


def _plain(image: Image.Image, facts: Facts) -> Picture:
    """A picture of 8 bits a channel that Pillow has decoded."""
    facts.upright()
    if facts.orientation != 1:
        for turn in TURNS[facts.orientation]:
            image = image.transpose(turn)
    if image.mode == "CMYK":
        return _print(np.asarray(image), None, facts)
    if image.mode in ALPHA_MODES:
        target = ALPHA_MODES[image.mode]
        facts.notes.append(
            f"The file is {image.mode}, which PNG does not have; the result is {target}."
        )
        image = image.convert(target)
    if image.mode not in CHANNELS:
        raise _unknown(image.mode)
    colour = _colour(facts, CHANNELS[image.mode])
    own = np.asarray(image.convert("RGBA"))
    return Picture(image.mode, False, own, image, facts, colour, tuple(facts.notes))


def _deep(file: Path, facts: Facts, image: Any = None) -> Picture:
    """A picture that libvips decodes, or has been given.

    It has more than 8 bits a channel, or is of a kind that Pillow does not know.
    """
    if file.stat().st_size > MOST_FILE_BYTES:
        raise PictureError(
            f"{file} has more than {MOST_FILE_BYTES // 1024**3} GiB.", "Save it as PNG."
        )
    image = image or pyvips.Image.new_from_buffer(file.read_bytes(), "", fail_on="truncated")
    _check_size(file, (image.width, image.height))
    if image.interpretation in ("lab", "labs", "labq", "lch", "xyz"):
        facts.notes.append("The file is CIELAB, which PNG does not have; the result is sRGB.")
        image, facts = lab_to_srgb(image), _converted(facts)
    facts.upright()
    alpha = image.hasalpha()
    printed = image.interpretation == "cmyk"
    bands = (4 if printed else 3 if image.bands - alpha >= 3 else 1) + alpha
    if image.bands > bands:
        facts.notes.append("The file has further channels, which were left out.")
        image = image[: bands - alpha].bandjoin(image[image.bands - 1]) if alpha else image[:bands]
    values = _turned(_values(file, image, facts), facts.orientation)
    rest = values[..., -1:] if alpha else None
    colour = values[..., : bands - alpha]
    if printed:
        return _print(colour, rest, facts)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[bands]
    return _made(mode, colour, rest, facts, _colour(facts, bands - alpha))


def _values(file: Path, image: Any, facts: Facts) -> Array:
    """What libvips has decoded, as uint8 or uint16 (h, w, bands).

    Floats are light, 1 is white.
    """
    kinds = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32, "double": np.float64}
    if image.format not in kinds:
        raise _unknown(f"{image.format} ({image.interpretation})")
    shape = (image.height, image.width, image.bands)
    values: Array = np.frombuffer(image.write_to_memory(), kinds[image.format]).reshape(shape)
    if values.dtype.kind == "u":
        return values
    if not np.isfinite(values).all():
        raise PictureError(
            f"{file} holds numbers that are not finite.",
            "Mend them in a painting program, or save it as PNG with 16 bits.",
        )
    beyond = float(((values < 0) | (values > 1)).any(axis=2).mean())
    if beyond > 0.5:
        raise PictureError(
            f"{file} holds floating-point numbers up to {values.max():g}; 1 has to be white.",
            "Save it as PNG with 16 bits.",
        )
    facts.notes.append(
        "The file's floating-point numbers became 16 bits, 0 black and 1 white"
        + (f"; {beyond:.1%} of its pixels were beyond." if beyond else ".")
    )
    if not facts.profile:  # light itself, as painting programs write it
        facts.gamma = 1.0
        facts.colour = [(b"gAMA", struct.pack(">I", 100_000))]
    deep: Array = (values.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
    return deep


def _print(inks: Array, alpha: Array | None, facts: Facts) -> Picture:
    """A CMYK picture, through its own profile."""
    colour = profiled(facts.profile, 4)
    shown = uncalibrated_cmyk(inks)
    how = "without a profile"
    if colour is not None:
        try:
            shown, how = colour.to_srgb(inks), "by its profile"
        except pyvips.Error:
            how = "without its profile, which is damaged"
    facts.notes.append(
        f"The file is CMYK, which PNG does not have; the result is sRGB, converted {how}."
    )
    mode = "RGB" if alpha is None else "RGBA"
    return _made(mode, shown, alpha, _converted(facts), Plain(3))


def _made(mode: str, colour: Array, alpha: Array | None, facts: Facts, space: Colour) -> Picture:
    """A picture of channels; those of 8 bits become Pillow's."""
    deep = colour.dtype == np.uint16
    if alpha is None:
        alpha = np.full((*colour.shape[:2], 1), 65535 if deep else 255, colour.dtype)
    spread = colour if colour.shape[2] == 3 else np.repeat(colour, 3, axis=2)
    own = np.concatenate([spread, alpha], axis=2)
    image = None
    if not deep:
        image = Image.fromarray(own).convert(mode) if mode != "RGBA" else Image.fromarray(own)
    return Picture(mode, deep, own, image, facts, space, tuple(facts.notes))


def _converted(facts: Facts) -> Facts:
    """The facts of a picture whose numbers are sRGB now."""
    return replace(facts, colour=[(b"sRGB", b"\0")], profile=b"", gamma=None)


def _colour(facts: Facts, channels: int) -> Colour:
    """How a picture's numbers are to be understood."""
    found: Colour | None = Plain(channels)
    if facts.profile:
        found = profiled(facts.profile, channels)
        if channels == 1 and isinstance(profiled(facts.profile, 3), Plain):
            found = Plain(1)  # grey with the profile of sRGB, as some programs write it
    elif facts.gamma is not None:
        found = gamma(facts.gamma, facts.points or SRGB_POINTS, channels)
    if found is None:
        facts.notes.append(
            "The file's colour profile is damaged or not of its kind; its numbers were taken for "
            "sRGB."
        )
        return Plain(channels)
    return found


def _turned(values: Array, orientation: int) -> Array:
    """An array as EXIF's orientation says that it is upright."""
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def _unknown(kind: str) -> PictureError:
    return PictureError(
        f"The file has pixels of the kind {kind}, which can't be edited.",
        "Save it as PNG with 8 or 16 bits.",
    )
