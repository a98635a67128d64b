"""What a crop shows around a selection is measured by what edits leave."""

from __future__ import annotations

from rich.console import Console

from limn.editing import load_models
from limn.editing.bench import context
from limn.editing.bench.quality_cases import Case
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT


def test_the_best_context_of_each_case_is_counted() -> None:
    table = context.summary({0.25: [0.4, 0.1], 1.0: [0.2, 0.2]})
    console = Console(width=80)
    with console.capture() as said:
        console.print(table)
    rows = [line.split() for line in said.get().splitlines() if "0." in line]
    assert [row[-2] for row in rows] == ["1", "1"] and rows[0][5] == "0.25"


def test_the_bundled_model_wants_its_things_small() -> None:
    models, case = load_models(folder()), Case.of("recolour", FIRST_HELD_OUT)
    models.context = 0.25
    narrow = context.left(models, case, times=4, steps=6)
    models.context = None
    assert context.left(models, case, times=4, steps=6) < narrow
