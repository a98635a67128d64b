"""The options that several benchmarks share on their command lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..sketchbook.edits import TYPES

Out = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Where to write; a run that was interrupted there goes on."),
]

Cases = Annotated[int, typer.Option(min=1, help="Cases of each type.")]

First = Annotated[int, typer.Option(help="First seed; held-out ones begin at 1000000.")]

EditTypes = Annotated[
    list[str] | None, typer.Option(metavar="A,B", help=f"Only these: {', '.join(TYPES)}.")
]

Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="METHOD.NAME=VALUE",
        help="Change a parameter of a method; may be given several times.",
    ),
]

Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        metavar="METHOD.NAME=START:STOP:STEP",
        help="Each value of a parameter (words: METHOD.NAME=A:B); may be given several times.",
    ),
]

GUIDANCES = (1.5, 7.5)
"""The model's own, and the paper's."""

Guidances = Annotated[
    list[float] | None, typer.Option(help="Guidance of all methods; 1.5 and 7.5 else.")
]

Jobs = Annotated[int, typer.Option(min=0, help="Processes; 0: one a core, one on a GPU.")]

Model = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Another model; the bundled one by default."),
]

Device = Annotated[str, typer.Option(help="cpu, cuda, ...")]
