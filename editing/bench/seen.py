"""How often "nothing visible has changed" is right.

Held-out edits. None is a picture that went through the model's autoencoder and came back, seen
through the exact mask: it has the network's grain and nothing else. The real one is what an
algorithm makes of the instruction, counted where the judge sees that something has changed; with
the exact answer beside it. The bounds are in `editing/visible.py`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import torch
import typer
from rich.console import Console

from .. import EditRequest, edit, visible
from ..diffusion import masks
from ..diffusion.loading import Models, load_models
from ..events import Done
from ..sketchbook import folder
from ..sketchbook.edits import TYPES
from ..sketchbook.judge import load_judge
from ..sketchbook.scenes import FIRST_HELD_OUT
from ..sketchbook.verdict import changes_made
from .options import EditTypes, First, Model
from .quality import held_out
from .quality_cases import Case

app = typer.Typer(help=__doc__)

CODE = "no-change"


def edited(models: Models, case: Case, algorithm: str, steps: int) -> Done:
    """What an algorithm makes of a case."""
    words, parameters = case.words, {"steps": steps}
    request = EditRequest(
        algorithm,
        words.instruction,
        case.before,
        seed=case.edit.seed,
        parameters=parameters,
        caption=words.source,
    )
    return next(event for event in edit(models, request) if isinstance(event, Done))


@app.command()
def main(
    cases: Annotated[int, typer.Option(min=1, help="Of each type.")] = 5,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    algorithm: Annotated[str, typer.Option(help="That edits.")] = "auto",
    steps: Annotated[int, typer.Option(min=2, help="Of the whole schedule.")] = 12,
    model: Model = None,
) -> None:
    """Count what is called "nothing visible".

    Example: limn bench seen --cases 2
    """
    models = load_models(model or folder())
    network, judge = models.get("instruction"), load_judge()
    none = exact = wrong = real = count = 0
    for case in held_out(types, TYPES, first, cases):
        before, mask = case.before, case.exact
        trip = masks.blend(network.round_trip(before).cpu(), before, mask)
        grain = partial(torch.clone, trip)
        none += visible.nothing_changed(before, trip, mask, grain)
        exact += visible.nothing_changed(before, case.after, mask, grain)
        count += 1
        done = edited(models, case, algorithm, steps)
        if all(changes_made(judge, case.edit, case.shown, done.image)):
            real += 1
            wrong += any(getattr(said, "code", "") == CODE for said in done.report.warnings)
    Console().print(
        f'"nothing visible" is said of {none} of {count} edits that are none, of {exact} of '
        f"{count} exact answers, and of {wrong} of {real} edits that the judge calls made"
    )
