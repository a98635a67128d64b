"""How much a crop should show around a painter's selection: edits of large layers.

Held-out edits are drawn several times larger than the model's size, and the thing is selected
(its exact mask, some pixels wider). The crop around it has one or another share of its side as
context. What is left of the error: squared, against the exact answer over all of the layer; the
picture before is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated

import typer
from rich.table import Table

from .. import EditRequest, edit, events
from ..diffusion.loading import Models, load_models
from ..resizing import resize
from ..sketchbook import folder
from ..sketchbook.scenes import FIRST_HELD_OUT
from .options import EditTypes, First, Model
from .printing import show
from .quality import held_out
from .quality_cases import Case, around

app = typer.Typer(help=__doc__)

CONTEXTS = (0.25, 0.5, 1.0)

TYPES = ["recolour", "retexture", "replace", "remove"]


def left(models: Models, case: Case, times: int, steps: int) -> float:
    """The share of the error that an edit leaves; `times`: of the model's size."""
    size = case.before.shape[2] * times, case.before.shape[3] * times
    before, after = resize(case.before, size), resize(case.after, size)
    request = EditRequest(
        "foi",
        case.words.instruction,
        before,
        around(resize(case.exact, size)),
        "limit",
        case.edit.seed,
        {"steps": steps},
    )
    done = next(event for event in edit(models, request) if isinstance(event, events.Done))
    return float((done.image - after).square().mean() / (before - after).square().mean())


@app.command()
def main(
    cases: Annotated[int, typer.Option(min=1, help="Of each type.")] = 5,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    steps: Annotated[int, typer.Option(min=2, help="Of the whole schedule.")] = 12,
    times: Annotated[int, typer.Option(min=2, help="Larger than the model's size.")] = 6,
    model: Model = None,
) -> None:
    """Edit each case with three contexts, and tell what they leave.

    Example: limn bench context --cases 2
    """
    models = load_models(model or folder())
    found: dict[float, list[float]] = {context: [] for context in CONTEXTS}
    for case in held_out(types, TYPES, first, cases):
        for context in CONTEXTS:
            models.context = context
            found[context].append(left(models, case, times, steps))
    show(summary(found))


def summary(found: Mapping[float, Sequence[float]]) -> Table:
    """The figures of each context."""
    table = Table("context", "cases", "error left (median)", "mean", "best in")
    columns = list(zip(*found.values(), strict=True))
    for at, (context, values) in enumerate(found.items()):
        best = sum(column[at] == min(column) for column in columns)
        mean = sum(values) / len(values)
        cells = str(len(values)), f"{median(values):.2f}", f"{mean:.2f}", str(best)
        table.add_row(f"{context:g}", *cells)
    return table
