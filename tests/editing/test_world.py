"""The bundled model says what it does not know.

A model that is not told to be small says nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from limn.editing import EditRequest, Models, edit, load_models, world
from limn.editing.events import Done
from limn.editing.language.instruction import parse
from limn.editing.sketchbook import folder, scenes


@pytest.fixture(scope="module")
def bundled() -> Models:
    return load_models(folder())


def scene(seed: int) -> Tensor:
    image = scenes.render(scenes.scene(seed)).image
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def natural(seed: int, size: int = 128) -> Tensor:
    """A picture whose spectrum falls as those of photographs do, with their contrast."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    waves = np.exp(2j * np.pi * rng.random((3, size, size // 2 + 1))) / frequency
    plane = np.fft.irfft2(waves, s=(size, size))
    plane = 0.5 + 0.2 * plane / plane.std(axis=(1, 2), keepdims=True)
    return torch.from_numpy(plane.clip(0, 1)[None]).float()


def test_scenes_are_of_its_world_and_other_pictures_are_not(bundled: Models) -> None:
    model = bundled.get("text-to-image")
    assert model.world is not None
    mine = [world.error(model, scene(seed)) for seed in range(4_100_000, 4_100_040)]
    others = [world.error(model, natural(seed)) for seed in range(20)]
    assert sum(error <= model.world.error for error in mine) >= 0.95 * len(mine)
    assert sum(error > model.world.error for error in others) >= 0.95 * len(others)


@pytest.mark.parametrize(
    ("instruction", "strange"),
    [
        ("make the star blue", ()),
        ("make the girl's dress purple", ("girl", "dress")),
        ("turn the circle into a dragon", ("dragon",)),
    ],
)
def test_words_that_it_does_not_know(
    bundled: Models, instruction: str, strange: tuple[str, ...]
) -> None:
    model = bundled.get("text-to-image")
    found = world.strange_words(model, parse(instruction, ""))
    assert set(strange) <= set(found)
    assert bool(found) == bool(strange)


def test_it_is_said_with_the_edit(bundled: Models) -> None:
    def warnings(instruction: str, image: Tensor) -> str:
        request = EditRequest(
            algorithm="foi", instruction=instruction, image=image, parameters={"steps": 2}
        )
        done = list(edit(bundled, request))[-1]
        assert isinstance(done, Done)
        return " ".join(done.report.warnings)

    assert "knows" not in warnings("make the star blue", scene(4_100_001))
    told = warnings("make the dragon blue", natural(1))
    assert "'dragon' is not in it" in told
    assert "not of the world" in told and "limn models" in told


def test_other_models_say_nothing(models: Models) -> None:
    model = models.get("text-to-image")
    assert model.world is None
    assert world.notes(model, parse("make the girl blue", ""), natural(1)) == []
