"""Several seeds of one edit: in one batch, over the wire, cancelled, kept."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from limn import editing
from limn.editing.diffusion.model import Call, Model
from limn.protocol.codec import encode
from limn.protocol.errors import Malformed, TooLarge
from limn.protocol.messages import (
    Cancelled,
    Chosen,
    Done,
    Failed,
    JobMessage,
    Mask,
    Result,
    Submit,
    Variant,
)
from limn.server.bridge import Editor
from limn.server.cli.client import ClientSession
from limn.server.engine import Description, WorkerState
from limn.server.job import Job
from limn.server.pool import Pool, Worker, WorkerDied

from .conftest import FAST, run, submit

SEEDS = {"seed": 3, "seeds": (1, 2)}


@pytest.fixture(scope="module")
def models(tiny_model: Path) -> editing.Models:
    return editing.load_models(tiny_model)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many edits went through in each forward."""
    counted: list[int] = []
    forward = Model.forward

    def watched(self: Model, calls: Sequence[Call]) -> list[torch.Tensor]:
        counted.append(len(calls))
        return forward(self, calls)

    monkeypatch.setattr(Model, "forward", watched)
    return counted


def lasting(messages: Sequence[JobMessage]) -> list[str]:
    """The messages that a client keeps, by name."""
    kept = (Result, Variant, Done, Failed, Cancelled)
    return [
        type(one).__name__
        for one in messages
        if isinstance(one, kept) or (isinstance(one, Mask) and one.final)
    ]


THREE = ["Mask", "Result", "Variant"] * 2 + ["Mask", "Result", "Done"]


def test_seeds_go_through_together(models: editing.Models, passes: list[int]) -> None:
    """As many forwards as for one; each result is what its seed gives alone."""
    editor = Editor(models)
    together = list(editor.run(submit("a", **SEEDS), lambda: False))
    assert lasting(together) == THREE and set(passes) == {3}
    shared = len(passes)
    ends = [one for one in together if isinstance(one, (Variant, Done))]
    assert [one.seed for one in ends] == [3, 1, 2]
    results = [one for one in together if isinstance(one, Result)]
    passes.clear()
    for end, result in zip(ends, results, strict=True):
        alone = list(Editor(models).run(submit("b", seed=end.seed), lambda: False))
        (one,) = [said for said in alone if isinstance(said, Result)]
        assert (one.area.x, one.area.y) == (result.area.x, result.area.y)
        mine, its = (list(area.pixels.data or b"") for area in (one.area, result.area))
        assert max(abs(a - b) for a, b in zip(mine, its, strict=True)) <= 1
    assert len(passes) == 3 * shared


def test_where_memory_is_small_they_go_one_by_one(
    models: editing.Models, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limn.editing.diffusion.room.host_free", lambda: 1)
    assert lasting(list(Editor(models).run(submit("a", **SEEDS), lambda: False))) == THREE
    assert set(passes) == {1}


def test_as_many_as_fit_go_together(
    models: editing.Models, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from limn.editing.diffusion import budget

    real = budget.needed

    def needed(plan: Any, demand: Any, *rest: Any) -> int:
        return real(plan, demand, *rest) if demand.rows <= 2 * 3 else 2**60

    monkeypatch.setattr(budget, "needed", needed)
    assert lasting(list(Editor(models).run(submit("a", **SEEDS), lambda: False))) == THREE
    assert set(passes) <= {1, 2} and 2 in passes


def test_a_seed_that_was_sent_is_not_made_again(
    models: editing.Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out when the first is done."""
    monkeypatch.setattr("limn.editing.diffusion.room.host_free", lambda: 1)
    editor, made = Editor(models), []
    real = editing.edit_variants

    def short(models: Any, prepared: Any, seeds: Sequence[int], store: Any) -> Any:
        for place, event in real(models, prepared, seeds, store):
            yield place, event
            if isinstance(event, editing.events.Done):
                made.append(seeds[place])
                if len(made) == 1:
                    raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(editing, "edit_variants", short, raising=False)
    monkeypatch.setattr(models, "smaller_plan", lambda: True)
    said = list(editor.run(submit("a", **SEEDS), lambda: False))
    assert lasting(said) == THREE
    ends = [one.seed for one in said if isinstance(one, (Variant, Done))]
    assert ends == [3, 1, 2] and made == [3, 1, 2]


def test_where_nothing_varies_one_stands_for_all(models: editing.Models) -> None:
    still = next(one for one in editing.ALGORITHMS.values() if not one.seeded)
    wanted = Submit(
        "a", still.name, "a red square => a blue square", submit("a").pixels, 0, FAST, seeds=(1,)
    )
    said = list(Editor(models).run(wanted, lambda: False))
    (done,) = [one for one in said if isinstance(one, Done)]
    assert "Variant" not in lasting(said)
    assert any("draws no random numbers" in warning for warning in done.warnings)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"seeds": tuple(range(1, 9))}, TooLarge),
        ({"seeds": (0,)}, Malformed),
        ({"seeds": (1, 1)}, Malformed),
        ({"seeds": (1,), "mask_only": True}, Malformed),
    ],
)
def test_seeds_are_bounded(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        encode(submit("a", **changes))


async def test_over_the_wire_each_seed_comes_once(session: ClientSession) -> None:
    said = await run(session, submit("several", **SEEDS))
    assert lasting(said) == THREE
    assert [one.seed for one in said if isinstance(one, (Variant, Done))] == [3, 1, 2]


def variant(job: str, seed: int) -> Variant:
    return Variant(job, 0, "foi", seed)


def test_what_was_done_outlives_a_failure_and_no_cancel() -> None:
    """A client that was away gets the seeds that were done."""
    for end, left in (
        (Failed("a", 0, "internal", "It went wrong.", ""), ["Mask", "Variant", "Failed"]),
        (Cancelled("a", 0), ["Cancelled"]),
        (Done("a", 0, "foi", 2), ["Mask", "Variant", "Mask", "Done"]),
    ):
        job = Job("", "a", submit("a", **SEEDS))
        for message in (Mask("a", 0, None), variant("a", 3), Mask("a", 0, None), end):
            job.say(message)
        assert [type(one).__name__ for one in job.kept] == left
        assert job.turns == 3


class Dying(Worker):
    """Dies after its first seed, the first time."""

    def __init__(self, asked: list[Submit]) -> None:
        super().__init__()
        self._asked = asked

    @property
    def alive(self) -> bool:
        return True

    def state(self) -> WorkerState:
        return WorkerState("CPU", "idle")

    async def describe(self) -> Description:
        return Description("CPU", "tiny", (), 1)

    async def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        self._asked.append(submit)
        seeds = (submit.seed, *submit.seeds)
        yield Chosen(submit.job, 0, "foi", "FoI")
        for seed in seeds[:-1]:
            yield Mask(submit.job, 0, None)
            yield variant(submit.job, seed)
            if len(self._asked) == 1:
                yield Mask(submit.job, 0, None)
                raise WorkerDied(Failed(submit.job, 0, "worker-died", "It died.", ""))
        yield Mask(submit.job, 0, None)
        yield Done(submit.job, 0, "foi", seeds[-1])

    async def cancel(self, job: str) -> None:
        """Nothing runs for long."""

    async def close(self) -> None:
        """Nothing is held."""


async def test_another_worker_makes_those_that_are_left() -> None:
    asked: list[Submit] = []
    pool = Pool([Dying(asked), Dying(asked)])
    said = [one async for one in pool.run(submit("a", **SEEDS))]
    assert lasting(said) == ["Mask", "Variant", "Mask", "Variant", "Mask", "Done"]
    assert [one.seed for one in said if isinstance(one, (Variant, Done))] == [3, 1, 2]
    assert [(one.seed, one.seeds) for one in asked] == [(3, (1, 2)), (1, (2,))]
    assert replace(asked[1], seed=3, seeds=(1, 2)) == asked[0]


async def test_a_cancel_ends_all(session: ClientSession) -> None:
    began = time.monotonic()
    ended: list[str] = []
    async for message in session.submit(submit("long", parameters={"steps": 400}, **SEEDS)):
        ended = lasting([message]) or ended
        if type(message).__name__ == "Progress" and not ended:
            await session.cancel("long")
    assert ended == ["Cancelled"] and time.monotonic() - began < 60
