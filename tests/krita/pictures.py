"""Bytes that a scenario has saved, as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Bits = NDArray[np.bool_]


def bgra(file: Path, width: int, height: int) -> tuple[Bytes, Bytes]:
    """RGB (height, width, 3) and alpha (height, width)."""
    data = np.frombuffer(file.read_bytes(), np.uint8).reshape(height, width, 4)
    return data[..., 2::-1], data[..., 3]


def grey(file: Path, width: int, height: int) -> Bytes:
    return np.frombuffer(file.read_bytes(), np.uint8).reshape(height, width)


def placed(mask: NDArray[np.bool_], x: int, y: int, width: int, height: int) -> Bits:
    """A scene's mask on the canvas."""
    out = np.zeros((height, width), np.bool_)
    out[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return out


def overlap(one: Bits, other: Bits) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def hue_is(rgb: Bytes, where: Bits, colour: str) -> bool:
    """Whether the mean colour of a region is what a painter calls by this name."""
    red, green, blue = (float(value) for value in rgb[where].mean(axis=0))
    tests = {
        "blue": blue > red + 30 and blue > green,
        "red": red > blue + 30 and red > green + 30,
        "green": green > red + 20 and green > blue + 20,
        "yellow": red > blue + 40 and green > blue + 40,
    }
    return tests[colour]
