"""Masks made larger and smaller without the model: by their maps, or by distance."""

from __future__ import annotations

import importlib
import os

import numpy as np
import pytest

SIDE = 96


@pytest.fixture(scope="module", autouse=True)
def qt() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    importlib.import_module("PyQt6.QtGui")  # what qt.py then takes


def disc(radius: int) -> bytes:
    ys, xs = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    return bytes((255 * (ys**2 + xs**2 <= radius**2)).astype(np.uint8))


def hill() -> bytes:
    """A map that falls from its middle, cut at a radius of 24."""
    ys, xs = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    return bytes(np.clip(255 - np.hypot(ys, xs) * 127 / 24, 0, 255).astype(np.uint8))


def covered(levels: bytes, growth: int, softness: int = 0) -> int:
    from limn.krita_plugin.document.geometry import Rect
    from limn.krita_plugin.document.reshaping import Shape

    area = Rect(0, 0, SIDE, SIDE)
    made = Shape(area, disc(24), area, levels, (SIDE, SIDE)).made(growth, softness)
    return sum(level > 127 for level in made)


@pytest.mark.parametrize("levels", [disc(24), hill()], ids=["given", "found"])
def test_a_mask_grows_and_shrinks_with_its_slider(levels: bytes) -> None:
    """A mask that was given had no map beyond it: larger did nothing."""
    sizes = [covered(levels, growth) for growth in (-100, -60, -20, 0, 20, 60, 100)]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
    assert sizes[3] == covered(disc(24), 0)


def test_a_given_mask_keeps_its_shape() -> None:
    """It grows by some pixels, the same on all sides."""
    radius = (covered(disc(24), 100) / np.pi) ** 0.5
    assert 26 < radius < 36
