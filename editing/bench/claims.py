"""What the papers claim of two methods, like with like.

All have the same guidance, the bundled model's own or the papers' 7.5. Each figure stands in two
columns: of what a painter gets, and of the method's own picture before the composite puts the
original back. A difference counts where the 95% interval of a paired bootstrap over the cases
leaves out zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from ..sketchbook import folder
from ..sketchbook.scenes import FIRST_HELD_OUT
from . import page
from .methods import PRESETS
from .options import GUIDANCES, Device, First, Guidances, Jobs, Model, Out, Sets, Sweeps
from .printing import show
from .quality import draw_sheets, in_settings, listed
from .records import Record
from .report import CLAIMS, Claim, Mean, average, of, settings_table
from .variations import settings

app = typer.Typer(help=__doc__)

RESAMPLES = 1000
TYPES = ("pose", "recolour", "replace", "combined")
"""Edits that the claims speak of."""

RAW = {"success": "success_raw", "kept": "kept_raw", "psnr": "psnr_raw"}
"""The same figure before the composite."""

QUICK_CASES, CASES = 8, 40
"""Of each type; quick: 160 edits, some 460 seconds of a 2.6 GHz processor."""


# ---------------------------------------------------------------- figures


@dataclass(frozen=True)
class Compared:
    """Two methods' figures on the same cases, and their difference's interval."""

    cases: int
    first: float
    second: float
    low: float
    high: float

    @property
    def holds(self) -> str:
        """yes or no where the interval leaves out zero, else open."""
        return "yes" if self.low > 0 else "no" if self.high < 0 else "open"


def compared(claim: Claim, records: Sequence[Record], figure: Figure) -> Compared | None:
    """A claim's two methods, or None where they have no case in common."""
    first, second = (of(records, method, *claim.types) for method in (claim.better, claim.other))
    return paired(first, second, figure, claim.lower, claim.factor, claim.margin)


def paired(
    first: Sequence[Record],
    second: Sequence[Record],
    figure: Figure,
    lower: bool = False,
    factor: float = 1.0,
    margin: float = 0.0,
) -> Compared | None:
    """Two sides' figures on the cases that both have.

    None where they have none in common.

    The interval is of first - factor * second, turned over where lower is better, less the margin.
    """
    sides = [
        {(r["type"], r["seed"]): r for r in own if figure([r]) is not None}
        for own in (first, second)
    ]
    both = sorted(sides[0].keys() & sides[1].keys())
    if not both:
        return None
    sign = -1 if lower else 1

    def values(picked: Sequence[int]) -> tuple[float, float]:
        a, b = (figure([side[both[k]] for k in picked]) or 0.0 for side in sides)
        return a, b

    a, b = values(range(len(both)))
    draw = np.random.default_rng(0).integers(len(both), size=(RESAMPLES, len(both)))
    gains = [sign * (x - factor * y) - margin for x, y in (values(row) for row in draw.tolist())]
    low, high = np.percentile(gains, (2.5, 97.5))
    return Compared(len(both), a, b, float(low), float(high))


Figure = Callable[[Sequence[Record]], float | None]


def figures_of(claim: Claim) -> tuple[Figure, Figure | None]:
    """A claim's figure, and the same before the composite where it is measured."""
    raw = RAW.get(claim.figure.name) if isinstance(claim.figure, Mean) else None
    return claim.figure, None if raw is None else lambda records: average(records, raw)


def cell(found: Compared | None) -> str:
    if found is None:
        return "-"
    span = f"[{found.low:+.2f}, {found.high:+.2f}]".replace("[", "\\[", 1)
    return f"{found.first:.2f} / {found.second:.2f} {span} {found.holds}"


def tables(by_setting: Mapping[str, Sequence[Record]], methods: Sequence[str]) -> Iterator[Table]:
    """The claims in each setting; then each method in each setting."""
    claims = Table("claim", "setting", "cases", "as painted", "before the composite")
    for claim in CLAIMS:
        for name, records in by_setting.items():
            final, raw = figures_of(claim)
            found = compared(claim, records, final)
            if found is not None:
                before = None if raw is None else compared(claim, records, raw)
                claims.add_row(claim.text, name, str(found.cases), cell(found), cell(before))
    yield claims
    yield settings_table(by_setting, methods)


@app.command()
def main(
    out: Out,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"{QUICK_CASES} cases of each type, about 50 rows each.")
    ] = False,
    cases: Annotated[int, typer.Option(min=0, help=f"Cases of each type; 0: {CASES}.")] = 0,
    first: First = FIRST_HELD_OUT,
    types: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help=f"Only these: {', '.join(TYPES)}.")
    ] = None,
    methods: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Only these; all of the claims' else.")
    ] = None,
    guidance: Guidances = None,
    set_: Sets = None,
    sweep: Sweeps = None,
    jobs: Jobs = 0,
    model: Model = None,
    device: Device = "cpu",
) -> None:
    """Measure what the papers claim of each other, at the same guidance.

    Example:  limn bench claims --types pose --methods tas,p2p --sweep tas.ratio=0:0.5:0.1 --out X
    """
    wanted = listed(types) or list(TYPES)
    if unknown := sorted(set(wanted) - set(TYPES)):
        raise typer.BadParameter(
            f"No claim speaks of {unknown[0]!r}; {', '.join(TYPES)} are there."
        )
    compared_ones = sorted({name for claim in CLAIMS for name in (claim.better, claim.other)})
    names = listed(methods) or compared_ones
    if unknown := sorted(set(names) - set(compared_ones)):
        raise typer.BadParameter(
            f"No claim speaks of {unknown[0]!r}; {', '.join(compared_ones)} are there."
        )
    preset = PRESETS[0] if quick else "fast"
    try:
        chosen = settings(names, guidance or GUIDANCES, set_ or (), sweep or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    place = model or folder()
    count = cases or (QUICK_CASES if quick else CASES)
    asked = [
        (type, seed, method)
        for seed in range(first, first + count)
        for type in wanted
        for method in names
        if speaks_of(method, type)
    ]
    by_setting = in_settings(chosen, asked, preset, out, place, device, jobs)
    console = Console()
    shown = list(tables(by_setting, names))
    for table in shown:
        show(table)
    pairs = list(dict.fromkeys(key[:2] for key in asked))
    drawn = [name for name in names if any(key[2] == name for key in asked)]
    sheets = draw_sheets(chosen, pairs, drawn, out)
    written = page.write(out, "limn bench claims", shown, by_setting, names, sheets=sheets)
    console.print(str(written))


def speaks_of(method: str, type: str) -> bool:
    """Whether a claim compares this method on edits of this type."""
    own = [claim for claim in CLAIMS if method in (claim.better, claim.other)]
    return any(type in (claim.types or OTHERS[claim.better]) for claim in own)


OTHERS = {"instdiffedit": ("replace",), "foi": ("recolour", "combined")}
"""The types of a claim that names none."""


if __name__ == "__main__":
    app()
