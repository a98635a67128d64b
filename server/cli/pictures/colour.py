"""The colours of a file <-> sRGB, in which pictures are edited.

By ICC profile, or by PNG's gAMA and cHRM. littlecms transforms profiles, called through libvips,
which hands it 16 bits a channel; Pillow's own binding of littlecms takes 8. What is left to Limn is
a gamma with chromaticities, for which there is no profile to hand to littlecms. Colours are arrays
(height, width, channels), uint8 or uint16.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import pyvips
from numpy.typing import NDArray

Array = NDArray[Any]

SPACES = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
"""An ICC profile's colour space (bytes 16 to 20 of it) -> channels."""

HOW = {"intent": "relative", "black_point_compensation": True}
"""What painting programs do unless told otherwise."""

SAME = 1
"""Levels of 255 by which a profile may differ from sRGB.

It is taken for sRGB then: profiles of sRGB itself differ by one, through rounding.
"""

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. 601, as Pillow's own conversion to grey."""

SRGB_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""White, red, green and blue of sRGB, x and y each, in the order of PNG's cHRM."""

SRGB_GAMMA = 0.45455
"""What PNG's gAMA holds for sRGB, whose curve it can't say exactly."""


class Colour(Protocol):
    """How the numbers of a file are to be understood.

    channels: 1 or 3, of the file's own numbers (4 for CMYK, which goes one way only).
    """

    @property
    def channels(self) -> int:
        """Of colour."""

    def to_srgb(self, own: Array) -> Array:
        """(h, w, channels) -> sRGB (h, w, 3), of the same depth."""

    def from_srgb(self, colour: Array) -> Array:
        """sRGB (h, w, 3) -> (h, w, channels), of the same depth."""


@dataclass(frozen=True)
class Plain:
    """sRGB, or numbers that nothing is said of, which are shown as sRGB."""

    channels: int

    def to_srgb(self, own: Array) -> Array:
        """Grey is spread over three channels."""
        return own if self.channels == 3 else np.repeat(own, 3, axis=2)

    def from_srgb(self, colour: Array) -> Array:
        """Grey is the luminance; what is grey already keeps its numbers."""
        if self.channels == 3:
            return colour
        grey = (colour.astype(np.float32) @ LUMINANCE + 0.5).astype(colour.dtype)
        coloured = (colour != colour[..., :1]).any(axis=2)
        return np.where(coloured, grey, colour[..., 0])[..., None]


@dataclass(frozen=True)
class Profile:
    """The numbers of an ICC profile."""

    channels: int
    profile: bytes

    def to_srgb(self, own: Array) -> Array:
        """Raises pyvips.Error for a damaged profile."""
        image = _image(own)
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", self.profile)
        depth = 8 * own.dtype.itemsize
        return _array(image.icc_transform("srgb", embedded=True, depth=depth, **HOW))[..., :3]

    def from_srgb(self, colour: Array) -> Array:
        """Colours that the profile does not hold become the nearest that it does."""
        with TemporaryDirectory() as folder:  # libvips takes the other profile from a file only
            file = Path(folder, "own.icc")
            file.write_bytes(self.profile)
            depth = 8 * colour.dtype.itemsize
            own = _image(colour).icc_transform(str(file), input_profile="srgb", depth=depth, **HOW)
            return _array(own)[..., : self.channels]


@dataclass(frozen=True)
class Gamma:
    """Numbers that are the light's to the power of `gamma`, of these primaries (as in
    SRGB_POINTS).
    """

    channels: int
    gamma: float
    points: tuple[float, ...] = SRGB_POINTS

    def to_srgb(self, own: Array) -> Array:
        """Through linear light."""
        most = np.iinfo(own.dtype).max
        light = (own.astype(np.float64) / most) ** (1 / self.gamma)
        if self.channels == 3:
            light = light @ (np.linalg.inv(_to_xyz(SRGB_POINTS)) @ _to_xyz(self.points)).T
        light = light.clip(0, 1)
        shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        return Plain(self.channels).to_srgb((shown * most + 0.5).astype(own.dtype))

    def from_srgb(self, colour: Array) -> Array:
        """Back through linear light."""
        most = np.iinfo(colour.dtype).max
        shown = Plain(self.channels).from_srgb(colour).astype(np.float64) / most
        light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
        if self.channels == 3:
            light = light @ (np.linalg.inv(_to_xyz(self.points)) @ _to_xyz(SRGB_POINTS)).T
        return (light.clip(0, 1) ** self.gamma * most + 0.5).astype(colour.dtype)


def profiled(profile: bytes, channels: int) -> Colour | None:
    """The colours of an ICC profile, Plain where it is sRGB.

    None if it is damaged or of another number of channels.
    """
    if len(profile) < 128 or SPACES.get(profile[16:20]) != channels:
        return None
    if channels == 4:
        return Profile(4, profile)
    own = Profile(channels, profile)
    steps = np.linspace(0, 255, 9 if channels == 3 else 256).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1)
    samples = grid.reshape(1, -1, channels)
    try:
        off = own.to_srgb(samples).astype(int) - Plain(channels).to_srgb(samples)
        own.from_srgb(samples[..., :1].repeat(3, axis=2))
    except pyvips.Error:
        return None
    return Plain(channels) if abs(off).max() <= SAME else own


def gamma(value: float, points: tuple[float, ...], channels: int) -> Colour | None:
    """The colours of a gAMA and a cHRM, Plain where they are those of sRGB.

    None for numbers that are no colours.
    """
    if not 0.01 <= value <= 10:
        return None
    try:
        off = np.abs(np.linalg.inv(_to_xyz(points)) @ _to_xyz(SRGB_POINTS) - np.eye(3)).max()
    except (np.linalg.LinAlgError, FloatingPointError, ZeroDivisionError):
        return None
    if not np.isfinite(off):
        return None
    usual = abs(value - SRGB_GAMMA) < 0.005 and (off < 0.01 or channels == 1)
    return Plain(channels) if usual else Gamma(channels, value, points)


def uncalibrated_cmyk(own: Array) -> Array:
    """CMYK without a profile -> sRGB, each ink taken for the absence of its light."""
    most = np.iinfo(own.dtype).max
    share = own.astype(np.float32) / most
    light = (1 - share[..., :3]) * (1 - share[..., 3:4])
    return (light * most + 0.5).astype(own.dtype)


def lab(levels: Array) -> Any:
    """CIELAB of 8 bits as libvips has it, which can't read such a TIFF itself.

    levels: (h, w, 3) uint8 as Pillow has them, the second and third signed.
    """
    opponents = levels[..., 1:].view(np.int8).astype(np.float32)
    values = np.concatenate([levels[..., :1].astype(np.float32) * (100 / 255), opponents], axis=2)
    height, width = levels.shape[:2]
    image = pyvips.Image.new_from_memory(
        values.astype(np.float32).tobytes(), width, height, 3, "float"
    )
    return image.copy(interpretation="lab")


def lab_to_srgb(image: Any) -> Any:
    """A picture of libvips' in CIELAB or XYZ -> sRGB of 16 bits.

    CIELAB's white is D50, as Photoshop's and ICC's is; in libvips' own conversion it is D65.
    """
    if image.interpretation == "xyz":
        return image.colourspace("rgb16")
    return image.colourspace("lab").icc_export(output_profile="srgb", depth=16, **HOW)


def _to_xyz(points: tuple[float, ...]) -> NDArray[np.float64]:
    """RGB -> CIE XYZ of a white and three primaries, each x and y."""
    pairs = zip(points[::2], points[1::2], strict=True)
    white, *primaries = ((x / y, 1.0, (1 - x - y) / y) for x, y in pairs)
    columns = np.array(primaries).T
    scale: NDArray[np.float64] = columns * np.linalg.solve(columns, np.array(white))
    return scale


def _image(values: Array) -> Any:
    """An array as libvips has pictures."""
    height, width, channels = values.shape
    deep = values.dtype == np.uint16
    kinds = {1: ("b-w", "grey16"), 3: ("srgb", "rgb16"), 4: ("cmyk", "cmyk")}
    image = pyvips.Image.new_from_memory(
        np.ascontiguousarray(values).tobytes(),
        width,
        height,
        channels,
        "ushort" if deep else "uchar",
    )
    return image.copy(interpretation=kinds[channels][deep])


def _array(image: Any) -> Array:
    """What libvips computes, as an array."""
    kind = {"uchar": np.uint8, "ushort": np.uint16}[image.format]
    return np.frombuffer(image.write_to_memory(), kind).reshape(
        image.height, image.width, image.bands
    )
