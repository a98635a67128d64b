"""What it costs that threads sleep while they wait for each other.

And what it saves beside other work: ratios of pairs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..sketchbook import folder
from .printing import show

app = typer.Typer(help=__doc__)

CHILD = """
import sys
from pathlib import Path
from limn.editing.bench.speed import Pairs, seconds
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT
pairs = Pairs(Path(sys.argv[1]), "cpu", FIRST_HELD_OUT + 3, int(sys.argv[2]))
work = lambda: pairs.run("foi", {"steps": pairs.steps}, "make the star blue")
work()
print(seconds(work, "cpu")[0])
"""
"""The program of one process: an edit to warm up and one timed.

OpenMP reads its policy once, so that each side needs a process of its own.
"""


def timed(policy: str, model: Path, steps: int) -> float:
    """Seconds of an edit by FoI under a policy.

    PASSIVE: threads sleep; empty: as OpenMP itself decides.
    """
    ours = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    env = ours | ({"OMP_WAIT_POLICY": policy} if policy else {})
    command = [sys.executable, "-P", "-c", CHILD, str(model), str(steps)]
    return float(
        subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()[
            -1
        ]
    )


@app.command()
def main(
    pairs: Annotated[int, typer.Option(help="timed pairs of each; their median counts")] = 5,
    steps: Annotated[int, typer.Option(help="steps of the whole schedule")] = 30,
    busy: Annotated[
        int, typer.Option(help="programs that compute beside it, in the second row")
    ] = 1,
    model: Annotated[
        Path | None,
        typer.Option(help="a folder with the three variants; the bundled one by default"),
    ] = None,
) -> None:
    """Sleeping threads beside OpenMP's own choice, on the CPU.

    Example: limn bench waiting --pairs 5
    """
    table = Table(
        "beside it",
        "ratio of seconds",
        "lowest",
        "highest",
        title="threads that sleep / as OpenMP decides",
    )
    for others in (0, busy):
        with ExitStack() as stack:
            for _ in range(others):
                spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
                stack.callback(spinner.wait)
                stack.callback(spinner.kill)
            ratios = [
                timed("PASSIVE", model or folder(), steps) / timed("", model or folder(), steps)
                for _ in range(pairs)
            ]
        row = (statistics.median(ratios), min(ratios), max(ratios))
        table.add_row(f"{others} busy programs", *(f"{ratio:.2f}" for ratio in row))
    show(table)
