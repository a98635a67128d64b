"""What an edit left as it was is the layer's own, to the pixel."""

from __future__ import annotations

import pytest
import torch

from limn.editing import load_models
from limn.editing.bench.quality_cases import Case
from limn.editing.diffusion.loading import Models
from limn.editing.diffusion.unchanged import NOTICED, Unchanged
from limn.editing.frame import Frame
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT

from .foi_edits import error_inside


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(folder())


def test_the_less_has_changed_the_more_stays() -> None:
    decoded = torch.full((1, 3, 1, 4), 0.5)
    edited = decoded + torch.tensor([0.0, NOTICED / 2, NOTICED, 0.3])
    where = Unchanged.between(decoded, edited).where[0, 0, 0]
    assert where.tolist() == pytest.approx([1, 16 / 17, 0.5, 0.0], abs=1e-3)


def test_a_larger_layer_keeps_its_own_pixels() -> None:
    """Finer than the working picture, where nothing changed.

    Elsewhere the edit is there.
    """
    layer = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    decoded = torch.full((1, 3, 16, 16), 0.5)
    edited = decoded.clone()
    edited[..., 8:] = 1
    frame = Frame((32, 32), (0, 0, 32, 32), (16, 16))
    change = Unchanged.between(decoded, edited)
    result = frame.composite(layer, edited, torch.ones(1, 1, 32, 32), [change])
    assert torch.equal(result[..., :14], layer[..., :14])
    assert (result[..., 22:] > 0.99).all()


def test_a_new_texture_leaves_the_wall_alone(models: Models) -> None:
    """Inside the mask, too.

    It is nearer to the exact answer than the network's picture alone.
    """
    case = Case.of("retexture", FIRST_HELD_OUT)
    errors = [error_inside(models, case, 6, detail) for detail in ("auto", "network")]
    assert errors[0] < 0.95 * errors[1]
