"""How often "nothing visible has changed" is right.

Held-out edits. None is a picture that went through the model's autoencoder and came back, seen
through the exact mask: it has the network's grain and nothing else. The real one is the exact
answer. The bound is in `editing/visible.py`.
"""

from __future__ import annotations

from typing import Annotated

import torch
import typer
from rich.console import Console

from .. import visible
from ..diffusion import masks
from ..diffusion.loading import load_models
from ..sketchbook import folder
from ..sketchbook.edits import TYPES
from ..sketchbook.scenes import FIRST_HELD_OUT
from .options import EditTypes, First, Model
from .quality import known_types
from .quality_cases import Case

app = typer.Typer(help=__doc__)


@app.command()
def main(
    cases: Annotated[int, typer.Option(min=1, help="Of each type.")] = 10,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    model: Model = None,
) -> None:
    """Count what is called "nothing visible".

    Example: limn bench seen --cases 2
    """
    network = load_models(model or folder()).get("instruction")
    none = real = count = 0
    for type in known_types(types) if types else TYPES:
        for number in range(cases):
            case = Case.of(type, first + number)
            with torch.no_grad():
                back = network.decode(network.encode(case.before)).cpu()
            grain = masks.blend(back, case.before, case.exact)
            none += visible.nothing_changed(case.before, grain, case.exact)
            real += visible.nothing_changed(case.before, case.after, case.exact)
            count += 1
    Console().print(
        f'"nothing visible" is said of {none / count:.1%} of {count} edits that are none, and of '
        f"{real / count:.1%} of {count} real ones"
    )
