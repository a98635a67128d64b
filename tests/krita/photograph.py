"""A picture with the statistics of a photograph, made without one.

A landscape at dusk: a sky with clouds, ranges of mountains in haze, ground with grass, the sun's
glow, a lens's blur and grain. Its amplitudes fall with frequency as those of photographs do
(Field 1987, "Relations between the statistics of natural images").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def photograph(width: int, height: int, seed: int = 1) -> NDArray[np.uint8]:
    """Pixels (height, width, 4), 0..255: blue, green, red, alpha."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    top, low = np.array([0.23, 0.36, 0.55]), np.array([0.93, 0.67, 0.47])
    picture = top + (low - top) * np.clip(y / 0.6, 0, 1)[..., None]
    clouds = np.clip(noise(random, height, width, 1.9) - 0.4 - 0.6 * y, 0, 2) * 0.5
    picture += clouds[..., None] * np.array([0.55, 0.45, 0.42])
    sun = np.exp(-((x - 0.68) ** 2 + 0.6 * (y - 0.47) ** 2) / 0.012)
    picture += sun[..., None] * np.array([0.5, 0.38, 0.18])
    for depth, level in enumerate((0.5, 0.57, 0.66)):
        ridge = level + 0.06 * noise(random, 1, width, 2.2)[0] * (1 - 0.2 * depth)
        rock = np.array([0.36, 0.37, 0.45]) * (1.05 - 0.28 * depth)
        shade = 1 + 0.16 * noise(random, height, width, 1.6)
        inside = np.clip((y - ridge) * height / 1.5, 0, 1)[..., None]
        picture = picture * (1 - inside) + (rock * shade[..., None]) * inside
    grass = np.array([0.25, 0.29, 0.13]) * (1 + 0.3 * noise(random, height, width, 1.1))[..., None]
    edge = 0.76 + 0.02 * noise(random, 1, width, 1.6)[0]
    inside = np.clip((y - edge) * height / 3, 0, 1)[..., None]
    picture = picture * (1 - inside) + grass * inside
    picture *= (1.08 - 0.5 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None]
    picture += random.normal(0, 0.012, picture.shape)
    levels = np.uint8(np.clip(picture, 0, 1) ** 0.95 * 255)
    return np.dstack([levels[..., ::-1], np.full((height, width), 255, np.uint8)])


def noise(random: np.random.Generator, height: int, width: int, power: float) -> Array:
    """Noise whose amplitude falls with frequency to this power; mean 0, deviation 1."""
    down = np.fft.fftfreq(height)[:, None] * height
    across = np.fft.rfftfreq(width)[None] * width
    fall = np.maximum(np.hypot(down, across), 1.0) ** -power
    drawn = np.fft.rfft2(random.normal(size=(height, width))) * fall
    drawn[0, 0] = 0
    made: Array = np.fft.irfft2(drawn, s=(height, width))
    return made / made.std()
