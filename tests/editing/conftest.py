"""Fixtures for the editing room: the tiny models, loaded once, and a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from editing import Models, load_models

torch.set_num_threads(1)  # in networks this small several threads only wait for each other


@pytest.fixture(scope="session")
def models(tiny_model: Path) -> Models:
    """The three tiny variants on the CPU."""
    return load_models(tiny_model)


def picture(height: int = 64, width: int = 64, seed: int = 0) -> Tensor:
    """A smooth coloured picture with a square in it, (1, 3, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 4, generator=generator)
    image = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    image[..., height // 4 : height // 2, width // 4 : width // 2] = torch.rand(1, 3, 1, 1, generator=generator)
    return image
