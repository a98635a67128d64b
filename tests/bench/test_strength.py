"""More strength changes more, and the figure that says so can say no."""

from __future__ import annotations

import pytest
import torch

from limn.editing import load_models
from limn.editing.bench import strength
from limn.editing.bench.quality_cases import Case
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT


def test_the_change_is_counted_in_the_mask() -> None:
    before, after = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    after[..., 1] = 0.5
    mask = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    assert strength.changed(before, after, mask) == pytest.approx(1.0)
    assert strength.changed(before, after, 1 - mask) == pytest.approx(0.5)


def test_it_does_not_grow_where_one_step_falls() -> None:
    assert strength.grows([0.0, 0.1, 0.1, 0.3])
    assert strength.grows([0.0, 0.1, 0.301, 0.3])
    assert not strength.grows([0.0, 0.2, 0.1, 0.3])
    assert not strength.grows([0.003] * 5)


def test_a_painter_sees_the_strength_of_one_thing() -> None:
    """By default, of the bundled model: 0, 1 and 10 were 0.1 grey levels apart."""
    models, case = load_models(folder()), Case.of("recolour", FIRST_HELD_OUT)
    found = strength.amounts(models, case, {"steps": 6})
    assert strength.grows(found) and found[0] < 0.05 and found[-1] > 0.3
