"""Results go in while a painter does anything at all.

LIMN_STORM sets how many (15 as a rule, 200 before a release), LIMN_STORM_EDITS of how many whole
edits (3), LIMN_STORM_SEED another order.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from . import harness
from .harness import Outcome, Stage

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def storm(stage: Stage) -> Outcome:
    chosen = {name: value for name, value in os.environ.items() if name.startswith("LIMN_STORM")}
    there = replace(stage, output=stage.output / "storm", variables=stage.variables | chosen)
    return harness.run("storm.py", there, seconds=2400)


def test_every_result_comes_to_its_end(storm: Outcome) -> None:
    told = storm.of("storm")
    print(
        f"results by their end: {told['ended']}; beside: {told['actions']}; seed {told['seed']}; "
        f"longest turn {told['longest turn s']} s"
    )
    assert set(told["ended"]) - {"NoneType", "CanvasProblem"} == {
        one for one in told["ended"] if " " in one
    }, "an error that is no sentence for the painter"
    assert told["ended"]["NoneType"] > sum(told["ended"].values()) / 2


def test_every_edit_comes_to_its_end(storm: Outcome) -> None:
    told = storm.of("edits")
    print(
        f"edits by their end: {told['ended']}; beside: {told['actions']}; seed {told['seed']}; "
        f"longest turn {told['longest turn s']} s"
    )
    assert told["ended"]["good"] > sum(told["ended"].values()) / 2


def test_krita_ends_well(storm: Outcome) -> None:
    assert "Krita ended with status 0." in storm.log
