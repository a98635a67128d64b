"""Picture files <-> raw pixels of the wire, for the command line: what is read keeps its size,
depth and mode when it is written.

Pillow reads and writes, except for two things that it can't do: it reads colour at 16 bits a
channel as 8, and does not write it.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from limn.protocol import limits
from limn.protocol.messages import Pixels, Region

Array = NDArray[Any]

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
"""What is decoded: the formats that painters have, not the hundred that Pillow knows, some of them
little tested.
"""

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. 601, as Pillow's own conversion to grey."""

PALETTE_SIZE = 256

PNG_16_BIT = {"I;16": "L", "I;16B": "L", "LA;16B": "LA", "RGB;16B": "RGB", "RGBA;16B": "RGBA"}
"""Pillow's name for how the samples lie in a PNG of 16 bits a channel -> the channels."""

PNG_COLOUR_TYPE = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}


class PictureError(Exception):
    """A file that can't be used: `sentence` says why, `remedy` what to do."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy


@dataclass(frozen=True)
class Picture:
    """A picture as it was in its file, and as RGBA.

    mode: "1", "L", "LA", "P", "RGB" or "RGBA"; deep: 16 bits a channel. rgba: (height, width, 4),
    uint8 or uint16, colour not multiplied by alpha. image: the file's own pixels (not for deep
    ones). extra: what Pillow's save takes besides: colour profile, resolution.
    """

    mode: str
    deep: bool
    rgba: Array
    image: Image.Image | None
    extra: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.rgba.shape[1], self.rgba.shape[0]

    def pixels(self) -> Pixels:
        """The picture for the wire."""
        kind = "<u2" if self.deep else "u1"
        return Pixels(
            *self.size,
            "rgba16" if self.deep else "rgba8",
            self.rgba.astype(kind, copy=False).tobytes(),
        )


def read(file: Path) -> Picture:
    """Read a picture file.

    Raises PictureError for one that is not there, damaged, of another kind, or too large.
    """
    image, notes = _open(file)
    tiles = getattr(image, "tile", [])  # of a file that was opened and not decoded yet
    raw_mode = tiles[0][3] if image.format == "PNG" and tiles else ""
    extra = {name: image.info[name] for name in ("icc_profile", "dpi") if image.info.get(name)}
    try:
        if raw_mode in PNG_16_BIT:
            mode = PNG_16_BIT[raw_mode]
            return Picture(
                mode, True, _to_rgba(_read_deep_png(file, image, mode)), None, extra, notes
            )
        if image.format == "TIFF" and image.mode == "I;16":
            return Picture(
                "L",
                True,
                _to_rgba(np.asarray(image).astype(np.uint16)[..., None]),
                None,
                extra,
                notes,
            )
        if image.format == "TIFF" and max(image.tag_v2.get(258, (8,))) > 8:  # type: ignore[attr-defined]  # BitsPerSample
            notes += (
                "The file has more than 8 bits a channel and was read at 8; only PNG is read at 16.",
            )
        image.load()
        image = ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, struct.error, zlib.error) as error:
        raise PictureError(
            f"{file} is damaged: {error}.",
            "Open it in a painting program and save it again as PNG.",
        ) from error
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX", "PA", "La", "RGBa"):
        target = "RGBA" if image.mode in ("PA", "RGBa") else "LA" if image.mode == "La" else "RGB"
        notes += (f"The file is {image.mode}, which PNG does not have; the result is {target}.",)
        image = image.convert(target)
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        raise PictureError(
            f"{file} has pixels of the kind {image.mode}, which can't be edited.",
            "Save it as PNG with 8 or 16 bits.",
        )
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        extra["transparency"] = image.info["transparency"]
    return Picture(image.mode, False, np.asarray(image.convert("RGBA")), image, extra, notes)


def read_selection(file: Path, size: tuple[int, int]) -> Pixels:
    """Read a mask as gray8: white is selected. Raises PictureError, also if its size is not `size`
    (width, height).
    """
    picture = read(file)
    if picture.size != size:
        raise PictureError(
            f"The mask {file} is {picture.size[0]} x {picture.size[1]}, but the picture is {size[0]} x {size[1]} pixels.",
            "Save the mask at the picture's size.",
        )
    most = np.float32(65535 if picture.deep else 255)
    share = picture.rgba.astype(np.float32) / most
    levels = (share[..., :3] @ LUMINANCE) * share[..., 3]
    return Pixels(*size, "gray8", (levels * 255 + 0.5).astype(np.uint8).tobytes())


def composed(picture: Picture, layer: Region | None) -> Picture:
    """The picture with the layer over it, in the picture's own mode.

    Pixels where the layer is transparent stay exactly as they were.
    """
    if layer is None:
        return picture
    over = layer_array(layer)
    height, width = over.shape[:2]
    box = (slice(layer.y, layer.y + height), slice(layer.x, layer.x + width))
    most = 65535 if picture.deep else 255
    top, below = over.astype(np.float32) / most, picture.rgba[box].astype(np.float32) / most
    shown = over[..., 3] > 0
    cover = top[..., 3:] + below[..., 3:] * (1 - top[..., 3:])
    colour = (
        top[..., :3] * top[..., 3:] + below[..., :3] * below[..., 3:] * (1 - top[..., 3:])
    ) / np.maximum(cover, 1e-6)
    edited = (np.concatenate([colour, cover], axis=2) * most + 0.5).astype(picture.rgba.dtype)
    rgba = picture.rgba.copy()
    rgba[box][shown] = edited[shown]
    changed = np.zeros(rgba.shape[:2], bool)
    changed[box] = shown
    image = None if picture.image is None else _in_mode(picture.image, rgba, changed)
    return Picture(picture.mode, picture.deep, rgba, image, picture.extra, picture.warnings)


def write(picture: Picture, file: Path) -> None:
    """Write as PNG, in the picture's own mode and depth."""
    if picture.image is not None:
        picture.image.save(file, "PNG", **picture.extra)
        return
    channels = {
        "L": picture.rgba[..., :1],
        "LA": picture.rgba[..., [0, 3]],
        "RGB": picture.rgba[..., :3],
        "RGBA": picture.rgba,
    }[picture.mode]
    if picture.mode in ("L", "LA"):
        grey = (picture.rgba[..., :3].astype(np.float32) @ LUMINANCE + 0.5).astype(np.uint16)
        coloured = (picture.rgba[..., :3] != picture.rgba[..., :1]).any(axis=2)
        channels = channels.copy()
        channels[..., 0][coloured] = grey[coloured]
    _write_deep_png(file, channels, picture.mode, picture.extra.get("icc_profile"))


def write_layer(layer: Region | None, size: tuple[int, int], deep: bool, file: Path) -> None:
    """Write the layer at the whole picture's size, RGBA, transparent where it has no pixels."""
    canvas = np.zeros((size[1], size[0], 4), np.uint16 if deep else np.uint8)
    if layer is not None:
        over = layer_array(layer)
        canvas[layer.y : layer.y + over.shape[0], layer.x : layer.x + over.shape[1]] = over
    if deep:
        _write_deep_png(file, canvas, "RGBA", None)
    else:
        Image.fromarray(canvas).save(file, "PNG")


def write_mask(area: Region | None, size: tuple[int, int], file: Path) -> None:
    """Write a mask at the whole picture's size, 8-bit grey."""
    canvas = np.zeros((size[1], size[0]), np.uint8)
    if area is not None:
        assert area.pixels.data is not None
        levels = np.frombuffer(area.pixels.data, np.uint8).reshape(
            area.pixels.height, area.pixels.width
        )
        canvas[area.y : area.y + levels.shape[0], area.x : area.x + levels.shape[1]] = levels
    write_array(canvas, file)


def write_array(levels: Array, file: Path) -> None:
    """Write (height, width) as 8-bit grey or (height, width, 3) as RGB; uint8."""
    Image.fromarray(levels).save(file, "PNG")


def layer_array(layer: Region) -> Array:
    """The pixels of an rgba8 or rgba16 region as (height, width, 4)."""
    assert layer.pixels.data is not None and layer.pixels.format in ("rgba8", "rgba16")
    kind = "<u2" if layer.pixels.format == "rgba16" else "u1"
    return np.frombuffer(layer.pixels.data, kind).reshape(
        layer.pixels.height, layer.pixels.width, 4
    )


def _open(file: Path) -> tuple[Image.Image, tuple[str, ...]]:
    """The file's header, checked; no pixel is decoded yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # our own limits stand below
            image = Image.open(file, formats=FORMATS)
    except FileNotFoundError as error:
        raise PictureError(f"There is no file {file}.", "Check its name.") from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{file} is not a picture that can be read.", f"Known are {', '.join(FORMATS)}."
        ) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(
            f"{file} can't be read: {error}.",
            "Open it in a painting program and save it again as PNG.",
        ) from error
    width, height = image.size
    if max(width, height) > limits.MAX_SIDE or width * height > limits.MAX_PIXELS:
        raise PictureError(
            f"{file} is {width} x {height} pixels; {limits.MAX_SIDE} a side and {limits.MAX_PIXELS} in all are the limits.",
            "Crop it.",
        )
    moving = getattr(image, "n_frames", 1) > 1
    return image, ("The file has several pictures; the first one was edited.",) if moving else ()


def _read_deep_png(file: Path, image: Image.Image, mode: str) -> Array:
    """The channels of a PNG of 16 bits a channel, (height, width, channels) uint16.

    Pillow keeps one byte of each sample of colour. So it is read twice: the samples lie high byte
    first, and read as if the low one
    came first they give the other byte. A grey and an alpha sample are, to it, the four bytes of
    one RGBA pixel.
    """
    if mode == "L":
        image.load()
        return np.asarray(image).astype(np.uint16)[..., None]
    if mode == "LA":
        halves = np.asarray(_decoded(image, "RGBA", "RGBA")).astype(np.uint16)
        both: Array = halves[..., 0::2] << 8 | halves[..., 1::2]
        return both
    high = np.asarray(_decoded(image, mode, f"{mode};16B")).astype(np.uint16)
    with Image.open(file, formats=("PNG",)) as again:
        low = np.asarray(_decoded(again, mode, f"{mode};16L"))
    deep: Array = high << 8 | low
    return deep


def _decoded(image: Image.Image, mode: str, raw_mode: str) -> Image.Image:
    """Decode a PNG that was opened, its samples taken as `raw_mode`."""
    image.tile = [(*tile[:3], raw_mode) for tile in image.tile]  # type: ignore[attr-defined]
    image._mode = mode
    image.load()
    return image


def _to_rgba(channels: Array) -> Array:
    """(height, width, 1, 2, 3 or 4) -> (height, width, 4): grey spread over three channels, opaque
    where there is no alpha.
    """
    count = channels.shape[2]
    alpha = (
        channels[..., -1:]
        if count in (2, 4)
        else np.full((*channels.shape[:2], 1), 65535, np.uint16)
    )
    colour = channels[..., :3] if count >= 3 else np.repeat(channels[..., :1], 3, axis=2)
    return np.concatenate([colour, alpha], axis=2)


def _in_mode(image: Image.Image, rgba: Array, changed: Array) -> Image.Image:
    """`image` with the changed pixels taken from `rgba` (8 bits), in the image's own mode."""
    mask = Image.fromarray(changed.astype(np.uint8) * 255)
    edited = Image.fromarray(rgba)
    if image.mode == "P":
        return _in_palette(image, edited.convert("RGB"), changed)
    result = image.copy()
    if image.mode == "1":
        result.paste(
            edited.convert("L").point(lambda level: 255 * (level > 127)).convert("1"), mask=mask
        )
    else:
        result.paste(edited.convert(image.mode), mask=mask)
    return result


def _in_palette(image: Image.Image, edited: Image.Image, changed: Array) -> Image.Image:
    """The changed pixels in colours of their own where the palette has room for them, else in the
    nearest that it has.
    """
    indices = np.asarray(image).copy()
    palette = (image.getpalette("RGB") or [])[: 3 * PALETTE_SIZE]
    used = np.unique(indices[~changed])
    free = [index for index in range(PALETTE_SIZE) if index not in set(used.tolist())]
    if not changed.any():
        return image
    colours = np.asarray(edited)[changed]
    strip = Image.fromarray(colours[None])
    if free:
        reduced = strip.quantize(len(free), dither=Image.Dither.NONE)
        wanted = np.asarray(reduced)[0]
        new = (reduced.getpalette("RGB") or [])[: 3 * (int(wanted.max()) + 1)]
        palette += [0] * (3 * PALETTE_SIZE - len(palette))
        for number in range(len(new) // 3):
            palette[3 * free[number] : 3 * free[number] + 3] = new[3 * number : 3 * number + 3]
        indices[changed] = np.array(free, np.uint8)[wanted]
    else:
        table = np.array(palette, np.int32).reshape(-1, 3)
        distance = ((colours[:, None, :].astype(np.int32) - table[None]) ** 2).sum(axis=2)
        indices[changed] = distance.argmin(axis=1)
    result = Image.fromarray(indices, "P")
    result.putpalette(palette)
    transparency = image.info.get("transparency")
    if transparency is not None:
        opacity = bytearray(
            transparency if isinstance(transparency, bytes) else [255] * transparency + [0]
        )
        opacity += b"\xff" * (PALETTE_SIZE - len(opacity))
        for index in free:
            opacity[index] = 255  # a new colour is opaque
        result.info["transparency"] = bytes(opacity)
    return result


def _write_deep_png(file: Path, channels: Array, mode: str, profile: bytes | None) -> None:
    """A PNG of 16 bits a channel; each row is stored as its difference from the row above (the
    filter "up").
    """
    height, width = channels.shape[:2]
    rows = np.ascontiguousarray(channels).astype(">u2").view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[:, 1:] = rows
    filtered[1:, 1:] -= rows[:-1]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, PNG_COLOUR_TYPE[mode], 0, 0, 0))]
    if profile:
        chunks.append((b"iCCP", b"profile\0\0" + zlib.compress(profile)))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b"")]
    with file.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        for name, body in chunks:
            stream.write(
                struct.pack(">I", len(body))
                + name
                + body
                + struct.pack(">I", zlib.crc32(name + body))
            )
