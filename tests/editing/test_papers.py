"""What the four papers' algorithms have in common.

What an edit and the next of the same layer cost, and how each takes a selection.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from limn.editing import ALGORITHMS, PAPERS, EditRequest, Models, edit
from limn.editing.events import Done

from .conftest import Memory, picture

FEW: dict[str, dict[str, int]] = {
    "foi": {"steps": 4},  # 3 of them run
    "instdiffedit": {"steps": 4, "inpainting_steps": 2},  # 2 of the 4 find the mask
    "adapedit": {"steps": 3, "prepass_steps": 2},
    "tas": {"steps": 4, "optimisation_steps": 2},  # the first of the 4 retraces the picture
}
NAMES = [algorithm.name for algorithm in PAPERS]


def done(models: Models, name: str, store: Memory | None = None, **options: Any) -> Done:
    fields = {
        "image": picture(),
        "caption": "a red star on a blue background",
        "parameters": FEW.get(name, {}),
    } | options
    last = list(edit(models, EditRequest(name, "make the star yellow", **fields), store))[-1]
    assert isinstance(last, Done)
    return last


@pytest.mark.parametrize(
    ("name", "first", "again", "reused"),
    [
        ("foi", (3, 3 * 3), (2, 2 * 3), ("first step",)),
        ("instdiffedit", (2 + 2, 2 * 6 + 2 * 2), (2 + 2, 2 * 6 + 2 * 2), ()),
        (
            "adapedit",
            (3 + 2 + 3, 3 + 2 * 2 + 3 * 3),
            (3, 3 * 2),
            ("inversion", "words and places", "source attention"),
        ),
        ("tas", (2 + 4 + 3, 2 * 3 + 4 + 3 * 2), (3, 3 * 2), ("text optimisation", "inversion")),
    ],
)
def test_forwards_and_rows_of_an_edit_and_of_the_next(
    models: Models,
    name: str,
    first: tuple[int, int],
    again: tuple[int, int],
    reused: tuple[str, ...],
) -> None:
    """What the next edit of the layer wants as well is not paid again.

    And the result is the same.
    """
    store = Memory()
    one, two = (done(models, name, store) for _ in range(2))
    assert (one.report.forwards, one.report.rows, one.report.reused) == (*first, ())
    assert (two.report.forwards, two.report.rows, two.report.reused) == (*again, reused)
    assert torch.equal(one.image, two.image) and torch.equal(one.mask.soft, two.mask.soft)


@pytest.mark.parametrize("name", NAMES)
def test_a_selection_that_is_off_is_as_good_as_none(models: Models, name: str) -> None:
    hint = torch.zeros(1, 1, 64, 64)
    hint[..., 10:30, 20:40] = 1
    none, off = done(models, name), done(models, name, hint=hint, hint_mode="off")
    for a, b in ((none.image, off.image), (none.alpha, off.alpha), (none.mask.soft, off.mask.soft)):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_draws_the_mask_to_it_and_may_be_exceeded(models: Models, name: str) -> None:
    """The half that has less of the mask is selected, the other hardly.

    Enough for the working crop to stay the whole picture.
    """
    free = done(models, name, mask_only=True).mask.soft
    less = 0 if free[..., :32].sum() < free[..., 32:].sum() else 32

    def share(soft: Tensor) -> float:
        return float(soft[..., less : less + 32].sum() / soft.sum())

    hint = torch.full((1, 1, 64, 64), 0.01)
    hint[..., less : less + 32] = 1
    guided = done(models, name, mask_only=True, hint=hint, hint_mode="guide").mask.soft
    assert share(guided) > share(free)
    assert share(guided) < 1


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_is_never_exceeded_and_its_soft_edge_stays(models: Models, name: str) -> None:
    image = picture(72, 100)
    hint = torch.zeros(1, 1, 72, 100)
    hint[..., 20:50, 30:60], hint[..., 50:55, 30:60] = 1, 0.4
    limited = done(models, name, image=image, hint=hint, hint_mode="limit")
    assert bool((limited.alpha <= hint).all()) and bool((limited.mask.soft <= hint).all())
    assert not bool(limited.mask.binary[hint == 0].any())
    outside = (limited.alpha == 0).expand_as(image)
    assert torch.equal(limited.image[outside], image[outside])
    assert not torch.equal(limited.image, image)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda one: one.name)
def test_a_seed_changes_the_picture_where_that_is_declared(models: Models, algorithm: Any) -> None:
    """Whoever draws no random numbers says so.

    "again, with a new seed" would change nothing.
    """
    few = {p.name: 3 for p in algorithm.parameters if p.name in COUNTS}
    first, second = (
        done(models, algorithm.name, parameters=FEW.get(algorithm.name, few), seed=seed).image
        for seed in (1, 2)
    )
    assert bool((first == second).all()) is not algorithm.seeded


COUNTS = (
    "steps",
    "iterations",
    "prepass_steps",
    "optimisation_steps",
    "tuning_steps",
    "inner_steps",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_selection_that_is_the_mask_is_taken_as_it_is(models: Models, name: str) -> None:
    image = picture(72, 100)
    hint = torch.zeros(1, 1, 72, 100)
    hint[..., 20:50, 30:60], hint[..., 50:55, 30:60] = 1, 0.4
    last = done(models, name, image=image, hint=hint, hint_mode="exactly")
    assert torch.equal(last.alpha, hint) and torch.equal(last.mask.soft, hint)
    assert torch.equal(last.mask.binary, (hint > 0).float())
    outside = (hint == 0).expand_as(image)
    assert torch.equal(last.image[outside], image[outside])
    assert bool((last.image != image)[..., 20:50, 30:60].any())
    assert last.report.warnings == ()
