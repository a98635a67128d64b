"""Masks that the painter has named like a thing: what is about it acts there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limn.editing import EditError, EditRequest, Models, edit
from limn.editing.events import Done
from limn.editing.language.instruction import parse
from limn.editing.naming import mask_of
from limn.server.final_messages import shares

from .conftest import picture

STEPS = {"steps": 4}
TWO = "make the star blue, remove the cup"


def spot(height: int = 64, width: int = 96) -> Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., 16:40, 8:48] = 0.75
    return mask


def run(models: Models, **more: object) -> Done:
    request = EditRequest("foi", TWO, picture(64, 96), parameters=STEPS, **more)  # type: ignore[arg-type]
    *_, last = edit(models, request)
    assert isinstance(last, Done)
    return last


@pytest.mark.parametrize(
    ("name", "sentence", "item", "fits"),
    [
        ("star", "make the star blue, remove the cup", 0, True),
        ("Stars", "make the star blue, remove the cup", 0, True),
        ("star", "remove all stars", 0, True),
        ("star", "make the star blue, remove the cup", 1, False),
        ("red star", "make the red star blue", 0, True),
        ("green star", "make the red star blue", 0, False),
        ("blue", "make the star blue", 0, False),
        ("Selection Mask 1", "make the star blue", 0, False),
        ("", "make the star blue", 0, False),
    ],
)
def test_a_mask_belongs_to_what_is_called_like_it(
    name: str, sentence: str, item: int, fits: bool
) -> None:
    mask = spot()
    assert (mask_of(parse(sentence).items[item], {name: mask}) is mask) == fits


def test_the_longer_name_counts() -> None:
    one, other = spot(), spot()
    item = parse("make the red star blue").items[0]
    assert mask_of(item, {"star": one, "red star": other}) is other


def test_a_named_mask_is_the_mask_of_its_instruction(models: Models) -> None:
    plain, done = run(models), run(models, named={"star": spot()})
    star, cup = done.mask.parts
    assert star.make_share is not None and cup.make_share is not None
    assert torch.equal(star.make_share(), spot())
    assert torch.equal(cup.binary, plain.mask.parts[1].binary)
    assert bool((done.alpha >= spot()).all())


def test_a_limit_holds_a_named_mask_too(models: Models) -> None:
    limit = torch.ones(1, 1, 64, 96)
    limit[..., :28, :] = 0
    done = run(models, named={"star": spot()}, hint=limit, hint_mode="limit")
    assert float(done.alpha[..., :28, :].max()) == 0


def test_a_named_mask_of_another_size_is_refused(models: Models) -> None:
    with pytest.raises(EditError, match="sizes differ"):
        run(models, named={"star": spot(8, 8)})


def test_the_largest_share_at_a_pixel_is_the_composite_s(models: Models) -> None:
    done = run(models)
    parts = torch.stack(list(shares(done.mask.parts, done.alpha)))
    assert len(parts) == 2 and torch.equal(parts.amax(0), done.alpha)
    assert all(part.map is not None for part in done.mask.parts)
