"""Several seeds in one batch.

Each as it is alone, counted forwards, ends of all kinds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from limn.editing import EditError, EditRequest, Models, edit, edit_variants
from limn.editing.diffusion.finite import Widened
from limn.editing.diffusion.model import Call, Model
from limn.editing.events import Done, Event, Stage

from .conftest import picture

SEEDS = (3, 1, 2)


def request(algorithm: str, **options: Any) -> EditRequest:
    options = {"parameters": {"steps": 4}, "instruction": "make the star blue"} | options
    return EditRequest(algorithm, image=picture(), **options)


def side_by_side(
    models: Models, wanted: EditRequest, seeds: Sequence[int] = SEEDS, **options: Any
) -> list[list[Event]]:
    """The events of each place."""
    seen: list[list[Event]] = [[] for _ in seeds]
    for place, event in edit_variants(models, wanted, seeds, **options):
        seen[place].append(event)
    return seen


def told(events: Sequence[Event]) -> list[str]:
    """What happened, in order, but for the loading of a network, which happens once."""
    named = [e.name if isinstance(e, Stage) else type(e).__name__ for e in events]
    return [name for name in named if name != "loading the model"]


def results(seen: list[list[Event]]) -> list[Done]:
    ends = [events[-1] for events in seen]
    assert all(isinstance(end, Done) for end in ends)
    return ends  # type: ignore[return-value]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many calls went through in each forward."""
    counted: list[int] = []
    forward = Model.forward

    def watched(self: Model, calls: Sequence[Call]) -> list[Tensor]:
        counted.append(len(calls))
        return forward(self, calls)

    monkeypatch.setattr(Model, "forward", watched)
    return counted


@pytest.mark.parametrize("algorithm", ["foi", "instdiffedit", "sdedit"])
def test_each_seed_is_what_it_is_alone(models: Models, algorithm: str, passes: list[int]) -> None:
    """Taps and all: masks are found in each edit's own attention."""
    steps = {"steps": 4} | ({"inpainting_steps": 3} if algorithm == "instdiffedit" else {})
    options = {"caption": "a red star", "parameters": steps}
    wanted = request(algorithm, **options)
    together = side_by_side(models, wanted)
    assert set(passes) == {len(SEEDS)}
    shared = len(passes)
    for seed, events, result in zip(SEEDS, together, results(together), strict=True):
        passes.clear()
        alone = list(edit(models, request(algorithm, seed=seed, **options)))
        last = alone[-1]
        assert isinstance(last, Done)
        assert told(events) == told(alone)
        assert torch.allclose(result.image, last.image, atol=1e-4)
        assert torch.equal(result.mask.binary, last.mask.binary)
        assert result.report.seed == seed
        assert (result.report.forwards, result.report.rows) == (
            last.report.forwards,
            last.report.rows,
        )
        assert len(passes) == shared


def test_what_all_ask_alike_is_computed_once(models: Models) -> None:
    """TAS inverts one picture for all, and fits its words to it by each seed."""
    steps, fitting = 4, 2
    parameters = {"steps": steps, "optimisation_steps": fitting, "ratio": 0.0}
    wanted = request("tas", caption="a red star", parameters=parameters)
    first, *others = (end.report for end in results(side_by_side(models, wanted)))
    own = 3 * fitting + 2 * steps
    assert first.rows == own + steps
    assert [other.rows for other in others] == [own] * len(others)


def test_one_after_the_other_ends_each_before_the_next_begins(models: Models) -> None:
    order = [place for place, _ in edit_variants(models, request("foi"), SEEDS, together=1)]
    assert order == sorted(order)


def test_too_little_memory_halves_the_batch(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Model.forward
    sizes = []

    def small(self: Model, calls: Sequence[Call]) -> list[Tensor]:
        sizes.append(len(calls))
        if len(calls) > 1 and len(sizes) > 2:
            raise torch.OutOfMemoryError("no room")
        return forward(self, calls)

    monkeypatch.setattr(Model, "forward", small)
    ends = results(side_by_side(models, request("foi")))
    assert [end.report.seed for end in ends] == list(SEEDS)
    assert max(sizes[3:]) == 1


def test_a_network_taken_to_float32_is_told_to_each(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Model.forward
    seen = []

    def once(self: Model, calls: Sequence[Call]) -> list[Tensor]:
        seen.append(len(calls))
        if len(seen) == 2:
            raise Widened("unet")
        return forward(self, calls)

    monkeypatch.setattr(Model, "forward", once)
    for end in results(side_by_side(models, request("foi"))):
        assert any("float32" in warning for warning in end.report.warnings)


def test_closing_ends_all(models: Models) -> None:
    before = threading.active_count()
    running = edit_variants(models, request("foi"), SEEDS)
    for _ in range(8):
        next(running)
    assert threading.active_count() == before + len(SEEDS)
    running.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_an_error_of_one_ends_all(models: Models) -> None:
    """The sentence is too long for the model, which the first edit finds out."""
    before = threading.active_count()
    long = "make the star blue and red " * 40
    with pytest.raises(EditError, match="longer than"):
        list(edit_variants(models, request("foi", instruction=long), SEEDS))
    assert threading.active_count() == before


@pytest.mark.parametrize("seeds", [(), (1, 1), tuple(range(9)), (-1,)])
def test_seeds_that_are_none_are_refused(models: Models, seeds: tuple[int, ...]) -> None:
    with pytest.raises(EditError) as refused:
        list(edit_variants(models, request("foi"), seeds))
    assert refused.value.code == "bad-seed"


def test_what_draws_no_random_numbers_has_no_variants(models: Models) -> None:
    wanted = request("adapedit", caption="a red star")
    with pytest.raises(EditError) as refused:
        list(edit_variants(models, wanted, SEEDS))
    assert refused.value.code == "nothing-varies"
