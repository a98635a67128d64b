"""How good the bundled model is.

Every bar of the sketchbook on held-out seeds, as a table.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..diffusion.loading import load_models
from ..sketchbook import folder
from ..sketchbook.judge import load_judge
from ..sketchbook.scenes import FIRST_HELD_OUT
from .options import Device
from .printing import show
from .sketchbook_bars import BARS
from .sketchbook_cases import Bench

app = typer.Typer(help=__doc__)


@app.command()
def main(
    cases: Annotated[
        int, typer.Option(help="cases for each bar; 200 gives the bars' own figures")
    ] = 200,
    first: Annotated[int, typer.Option(help="first held-out seed")] = FIRST_HELD_OUT,
    only: Annotated[
        list[str] | None, typer.Option(help="only these bars, by name: " + ", ".join(BARS))
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="a folder with the three variants; the bundled one by default"),
    ] = None,
    device: Device = "cpu",
    batch: Annotated[int, typer.Option(help="pictures sampled together; more on a GPU")] = 8,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the figures there too")
    ] = None,
) -> None:
    """Measure the sketchbook.

    Example: limn bench sketchbook --cases 40 --json sketchbook.json
    """
    path = model or folder()
    bench = Bench(load_models(path, device), path, load_judge(), cases, first, batch)
    table = Table(
        "figure", "measured", "bar", "", title=f"the sketchbook, {cases} cases a bar, on {device}"
    )
    figures: dict[str, Any] = {}
    for name in only or BARS:
        measure, bars = BARS[name]
        begun = time.monotonic()
        for figure, value in measure(bench).items():
            bar = bars.get(figure)
            met = None if bar is None else value <= bar if "seconds" in figure else value >= bar
            figures[figure] = {"value": value, "bar": bar, "met": met}
            table.add_row(
                figure,
                f"{value:.3g}",
                "" if bar is None else f"{bar:g}",
                "" if met is None else "yes" if met else "no",
            )
        Console(stderr=True).print(f"{name}: {time.monotonic() - begun:.0f} s")
    show(table)
    if json_file:
        json_file.write_text(
            json.dumps({"cases": cases, "first": first, "figures": figures}, indent=2) + "\n"
        )
