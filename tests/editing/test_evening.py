"""Where a thing has gone, the ground has the tone of what is around it."""

from __future__ import annotations

import torch

from limn.editing import load_models
from limn.editing.bench.quality_cases import Case
from limn.editing.diffusion.evening import evened
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT

from .foi_edits import error_inside


def hole() -> torch.Tensor:
    gone = torch.zeros(1, 1, 48, 64)
    gone[..., 16:32, 20:44] = 1
    return gone


def test_a_shifted_tone_is_shifted_back() -> None:
    """Also where it is shifted more at one side than at the other."""
    ground = torch.linspace(0.3, 0.6, 64).expand(1, 3, 48, 64)
    shift = torch.linspace(-0.03, 0.05, 64).expand(1, 3, 48, 64)
    result = evened(ground, ground + shift, hole(), 4)
    inside = hole().expand_as(ground) > 0
    left = (result - ground).abs()[inside]
    assert left.max() < 0.012 and left.mean() < 0.2 * shift.abs()[inside].mean()


def test_what_was_painted_stays() -> None:
    """A new thing in the hole, and one beside it that is new as well."""
    ground = torch.full((1, 3, 48, 64), 0.5)
    edited = ground + 0.02
    edited[:, :, 20:24, 30:34] = 1  # in the hole
    edited[:, :, 10:16, 20:24] = 0  # beside it
    result = evened(ground, edited, hole(), 4)
    assert (result[:, :, 20:24, 30:34] > 0.97).all()
    rest = result[:, :, 25:31, 24:40]
    assert (rest - 0.5).abs().max() < 0.002
    far = torch.ones(1, 1, 48, 64) - torch.nn.functional.max_pool2d(hole(), 3, 1, 1)
    assert torch.equal(result * far, edited * far)


def test_ground_that_is_nowhere_the_same_is_left() -> None:
    edited = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(evened(1 - edited.round(), edited, hole(), 4), edited)
    everywhere = torch.ones(1, 1, 48, 64)
    assert torch.equal(evened(edited / 2, edited, everywhere, 4), edited)


def test_a_removal_comes_nearer_to_the_exact_answer() -> None:
    models, case = load_models(folder()), Case.of("remove", FIRST_HELD_OUT + 3)
    errors = [error_inside(models, case, 8, detail) for detail in ("auto", "network")]
    assert errors[0] < 0.7 * errors[1], errors
