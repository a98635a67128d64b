"""What the bundled model makes, to look at.

A sheet with one held-out edit of each type.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.progress import track

from .. import EditRequest, edit, events
from ..diffusion.loading import Models, load_models
from ..sketchbook import folder
from ..sketchbook.scenes import FIRST_HELD_OUT, SIZE
from . import sheet
from .options import EditTypes, First, Model
from .quality import known_types
from .quality_cases import Case
from .sketchbook_cases import Oracle, hole_of

app = typer.Typer(help=__doc__)

COLUMNS = ("before", "exact answer", "InstructPix2Pix", "FoI", "inpainting", "text to image")


def cells(models: Models, oracle: Oracle, case: Case) -> list[Image.Image]:
    """One row of the sheet.

    The edit itself, what the stock pipelines make of its words, and FoI's edit with its mask's
    outline.
    """
    seed, words = case.edit.seed, case.words
    request = EditRequest("foi", words.instruction, case.before, seed=seed)
    done = next(event for event in edit(models, request) if isinstance(event, events.Done))
    hole = hole_of(case.shown.mask)
    return [
        sheet.to_image(case.before),
        sheet.outlined(sheet.to_image(case.after), sheet.mask_image(case.exact)),
        sheet.to_image(oracle.instructed([words.instruction], case.before, [seed])),
        sheet.outlined(sheet.to_image(done.image), sheet.mask_image(done.mask.binary)),
        sheet.to_image(oracle.painted([words.target], case.before, hole, [seed])),
        sheet.to_image(oracle.pictured([words.source], [seed])),
    ]


@app.command()
def main(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The sheet, a PNG.")] = Path(
        "samples.png"
    ),
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    steps: Annotated[int, typer.Option(min=2, help="Steps of the stock pipelines.")] = 50,
    model: Model = None,
) -> None:
    """Draw what a model of the sketchbook's world makes.

    Example: limn bench samples --out samples.png
    """
    wanted = known_types(types)
    place = model or folder()
    models = load_models(place)
    oracle = Oracle(models, place, steps)
    rows = []
    for number, type in enumerate(track(wanted, "sampling")):
        case = Case.of(type, first + number)
        rows.append(sheet.Row(f"{type}: {case.words.instruction}", cells(models, oracle, case)))
    sheet.contact_sheet(COLUMNS, rows, (SIZE, SIZE), out)
    print(out)
