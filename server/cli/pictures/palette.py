"""Changed pixels in a picture's own mode of 8 bits.

Black and white, grey, palette.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]

PALETTE_SIZE = 256


def in_mode(image: Image.Image, rgba: Array, changed: Array) -> Image.Image:
    """`image` with the changed pixels taken from `rgba` (8 bits).

    In its own mode where that can hold them, else in the mode that has their alpha as well.
    """
    if not changed.any():
        return image
    alpha = rgba[..., 3][changed]
    if image.mode == "P":
        if (((alpha > 0) & (alpha < 255)) | ((alpha == 0) & (clear(image) is None))).any():
            return Image.fromarray(rgba)
        return _in_palette(image, rgba, changed)
    mode = image.mode
    key = image.info.get("transparency")
    # one colour may stand for transparent: a new pixel may have it, or be transparent by half
    if key is not None and mode != "LA" and ((alpha < 255).any() or _has(rgba[changed], key)):
        mode = "RGBA" if mode == "RGB" else "LA"
    mask = Image.fromarray(changed.astype(np.uint8) * 255)
    edited = Image.fromarray(rgba)
    if mode != image.mode:
        alone = image.convert("RGBA").convert(mode)
        alone.info = {}
        alone.paste(edited.convert(mode), mask=mask)
        return alone
    result = image.copy()
    if mode == "1":
        black = edited.convert("L").point(lambda level: 255 * (level > 127))
        result.paste(black.convert("1"), mask=mask)
    elif mode in ("L", "LA"):
        # own numbers are grey already: Pillow's luminance would round them
        grey = Image.fromarray(np.ascontiguousarray(rgba[..., 0]))
        own = grey if mode == "L" else Image.merge("LA", (grey, edited.getchannel("A")))
        result.paste(own, mask=mask)
    else:
        result.paste(edited.convert(mode), mask=mask)
    return result


def clear(image: Image.Image) -> int | None:
    """The index of a palette that is fully transparent, or None."""
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        return transparency.find(0) if 0 in transparency else None
    return transparency if isinstance(transparency, int) else None


def _has(colours: Array, key: Any) -> bool:
    """Whether one of the colours (n, 4) is the one that stands for transparent."""
    if isinstance(key, bytes):
        return True
    wanted = np.array(key if isinstance(key, tuple) else (key,) * 3)
    return bool((colours[:, :3] == wanted).all(axis=1).any())


def _in_palette(image: Image.Image, rgba: Array, changed: Array) -> Image.Image:
    """The changed pixels in colours of the palette.

    In colours of their own where the palette has room for them, else in the nearest that it has.
    Their alpha is 0 or 255.
    """
    indices = np.asarray(image).copy()
    palette = (image.getpalette("RGB") or [])[: 3 * PALETTE_SIZE]
    size, none = len(palette) // 3, clear(image)
    used = {*np.unique(indices[~changed]).tolist(), *(() if none is None else (none,))}
    free = [index for index in range(PALETTE_SIZE) if index not in used]
    opaque = changed & (rgba[..., 3] > 0)
    if none is not None:
        indices[changed & ~opaque] = none
    colours = rgba[opaque][:, :3]
    opacity = _opacity(image)
    if not len(colours):
        pass
    elif free:
        strip = Image.fromarray(np.ascontiguousarray(colours[None]))
        reduced = strip.quantize(len(free), dither=Image.Dither.NONE)
        wanted = np.asarray(reduced)[0]
        new = (reduced.getpalette("RGB") or [])[: 3 * (int(wanted.max()) + 1)]
        palette += [0] * (3 * PALETTE_SIZE - len(palette))
        for number in range(len(new) // 3):
            palette[3 * free[number] : 3 * free[number] + 3] = new[3 * number : 3 * number + 3]
        indices[opaque] = np.array(free, np.uint8)[wanted]
        for index in free:
            opacity[index] = 255  # a new colour is opaque
    else:
        table = np.array(palette, np.int32).reshape(-1, 3)
        far = np.where(np.frombuffer(bytes(opacity), np.uint8)[: len(table)] < 255, 1 << 20, 0)
        for start in range(0, len(colours), 4096):  # 4096 x 256 distances at a time
            some = colours[start : start + 4096].astype(np.int32)
            distance = ((some[:, None, :] - table[None]) ** 2).sum(axis=2) + far
            colours[start : start + 4096, 0] = distance.argmin(axis=1)
        indices[opaque] = colours[:, 0]
    places = max(size, int(indices.max()) + 1)  # few places take few bits a pixel
    result = Image.fromarray(indices, "P")
    result.putpalette(palette[: 3 * places])
    if image.info.get("transparency") is not None:
        result.info["transparency"] = bytes(opacity[:places])
    return result


def _opacity(image: Image.Image) -> bytearray:
    """The alpha of each of a palette's 256 places."""
    given = image.info.get("transparency")
    opacity = bytearray(b"" if given is None else given if isinstance(given, bytes) else b"")
    if isinstance(given, int):
        opacity = bytearray([255] * given + [0])
    return opacity + b"\xff" * (PALETTE_SIZE - len(opacity))
