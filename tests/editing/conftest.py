"""For the editing room.

The tiny models, loaded once, a picture, and what looks into an edit while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from limn.editing import Models, load_models
from limn.editing.diffusion.model import Model
from limn.editing.diffusion.sampling import Progress, denoise
from limn.editing.diffusion.schedule import Timestep

torch.set_num_threads(1)  # in networks this small several threads only wait for each other


@pytest.fixture(scope="session")
def models(tiny_model: Path) -> Models:
    """The three tiny variants on the CPU."""
    return load_models(tiny_model)


@pytest.fixture
def gentle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random network sees little noise, so that inversion can come back.

    As a trained one does in a clean picture's latents.
    """
    real = Model.predict

    def predict(self: Model, *arguments: Any) -> dict[str, Tensor]:
        return {name: 0.01 * eps for name, eps in real(self, *arguments).items()}

    monkeypatch.setattr(Model, "predict", predict)


def picture(height: int = 64, width: int = 64, seed: int = 0) -> Tensor:
    """A smooth coloured picture with a square in it, (1, 3, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 4, generator=generator)
    image = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(
        0, 1
    )
    image[..., height // 4 : height // 2, width // 4 : width // 2] = torch.rand(
        1, 3, 1, 1, generator=generator
    )
    return image


class Memory(dict[str, object]):
    """A store that forgets nothing."""

    def put(self, key: str, value: object) -> None:
        self[key] = value


def drain(steps: Any) -> tuple[list[Any], Any]:
    """Run a generator to its end: what it yielded, what it returned."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


class Loop(NamedTuple):
    """A sampling loop that ran: its start, its timesteps and its steps."""

    start: Tensor
    timesteps: tuple[Timestep, ...]
    steps: list[Progress]

    @property
    def latents(self) -> list[Tensor]:
        """After each step."""
        return [step.latents for step in self.steps]


def watch(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> list[Loop]:
    """The real loop in these modules, whose runs are kept in the list."""
    loops: list[Loop] = []

    def watched(start: Tensor, timesteps: tuple[Timestep, ...], *rest: Any) -> Iterator[Progress]:
        loop = Loop(start, timesteps, [])
        loops.append(loop)
        steps = denoise(start, timesteps, *rest)
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            loop.steps.append(progress)
            yield progress

    for module in modules:
        monkeypatch.setattr(module, "denoise", watched)
    return loops
