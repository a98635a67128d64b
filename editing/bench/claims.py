"""What the papers claim of two methods, like with like.

All have the same guidance, the bundled model's own or the papers' 7.5. Each figure stands in two
columns: of what a painter gets, and of the method's own picture before the composite puts the
original back. A difference counts where the 95% interval of a paired bootstrap over the cases
leaves out zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from ..diffusion.loading import load_models
from ..methods.table import ALGORITHMS
from ..request import Value
from ..sketchbook import folder
from ..sketchbook.scenes import FIRST_HELD_OUT
from .methods import PRESETS, Changes, changes
from .options import Device, First, Jobs, Model, Out
from .quality import carry_out, check_same_run, cores, listed, records_of
from .quality_cases import Work, key_of
from .records import Record
from .report import CLAIMS, Claim, Mean, average, of, shown

app = typer.Typer(help=__doc__)

RESAMPLES = 1000
GUIDANCE = ("text_guidance", "guidance")
"""What methods call the weight of the words."""

TYPES = ("pose", "recolour", "replace", "combined")
"""Edits that the claims speak of."""

RAW = {"success": "success_raw", "kept": "kept_raw", "psnr": "psnr_raw"}
"""The same figure before the composite."""

QUICK_CASES, CASES = 6, 40
MOST_VALUES = 50  # of a sweep


@dataclass(frozen=True)
class Setting:
    """One setting of all methods: its name, and what differs from the preset."""

    name: str
    changed: Changes


def at_guidance(value: float, methods: Sequence[str]) -> Changes:
    """The parameters that give all methods the same guidance."""
    found: dict[str, dict[str, Value]] = {}
    for method in methods:
        known = {one.name for one in ALGORITHMS[method].parameters}
        if name := next((name for name in GUIDANCE if name in known), None):
            found[method] = {name: value}
    return found


def swept(text: str) -> list[str]:
    """METHOD.NAME=START:STOP:STEP -> METHOD.NAME=VALUE for each value, STOP included.

    Raises ValueError for one that is no such range.
    """
    place, _, span = text.partition("=")
    try:
        start, stop, step = (float(x) for x in span.split(":"))
        count = math.floor((stop - start) / step + 1e-9) + 1
    except (ValueError, ZeroDivisionError, OverflowError):
        count = 0
    if not 1 <= count <= MOST_VALUES:
        raise ValueError(
            f"{text!r} is not METHOD.NAME=START:STOP:STEP with 1 to {MOST_VALUES} values, for "
            "example tas.ratio=0:0.5:0.1."
        )
    return [f"{place}={start + k * step:.6g}" for k in range(count)]


def settings(
    guidances: Sequence[float], sweeps: Sequence[str], methods: Sequence[str]
) -> list[Setting]:
    """Each guidance with each value of each sweep; without sweeps, each guidance.

    Raises ValueError for a sweep that names no parameter, or a value that it does not take.
    """
    found = []
    for value in guidances:
        base = at_guidance(value, methods)
        entries = [entry for sweep in sweeps for entry in swept(sweep)]
        for entry in entries or [""]:
            own = changes([entry] if entry else [])
            merged = {m: {**base.get(m, {}), **own.get(m, {})} for m in {*base, *own}}
            name = f"guidance {value:g}" + (f", {entry}" if entry else "")
            found.append(Setting(name, merged))
    return found


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
    sides = []
    for method in (claim.better, claim.other):
        own = of(records, method, *claim.types)
        sides.append({(r["type"], r["seed"]): r for r in own if figure([r]) is not None})
    both = sorted(sides[0].keys() & sides[1].keys())
    if not both:
        return None
    sign = -1 if claim.lower else 1

    def values(picked: Sequence[int]) -> tuple[float, float]:
        a, b = (figure([side[both[k]] for k in picked]) or 0.0 for side in sides)
        return a, b

    first, second = values(range(len(both)))
    draw = np.random.default_rng(0).integers(len(both), size=(RESAMPLES, len(both)))
    gains = [sign * (a - claim.factor * b) for a, b in (values(row) for row in draw.tolist())]
    low, high = np.percentile(gains, (2.5, 97.5))
    return Compared(len(both), first, second, float(low), float(high))


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
    columns = ("success", "success_raw", "kept", "kept_raw", "psnr", "psnr_raw", "error")
    each = Table("method", "setting", "cases", *columns)
    for method in methods:
        for name, records in by_setting.items():
            if own := of(records, method):
                values = [shown(average(own, column), ".2f") for column in columns]
                each.add_row(method, name, str(len(own)), *values)
    yield each


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
    guidance: Annotated[
        list[float] | None, typer.Option(help="Guidance of all methods; 1.5 and 7.5 else.")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD.NAME=START:STOP:STEP",
            help="Each value of a parameter; may be given several times.",
        ),
    ] = None,
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
        chosen = settings(guidance or (1.5, 7.5), sweep or (), names)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    place = model or folder()
    name_of_model = load_models(place, device).name
    count = cases or (QUICK_CASES if quick else CASES)
    by_setting = {}
    for setting in chosen:
        home = out / setting.name.replace(" ", "-").replace(",", "")
        records = records_of(home)
        check_same_run(records, preset, name_of_model, setting.changed)
        work = [
            Work(type, seed, method, preset, home, setting.changed)
            for seed in range(first, first + count)
            for type in wanted
            for method in names
            if speaks_of(method, type)
        ]
        carry_out(work, records, place, device, jobs or cores(), setting.name)
        asked = {piece.key for piece in work}
        by_setting[setting.name] = [r for r in records.all if key_of(r) in asked]
    console = Console()
    for table in tables(by_setting, names):
        console.print(table)


def speaks_of(method: str, type: str) -> bool:
    """Whether a claim compares this method on edits of this type."""
    own = [claim for claim in CLAIMS if method in (claim.better, claim.other)]
    return any(type in (claim.types or OTHERS[claim.better]) for claim in own)


OTHERS = {"instdiffedit": ("replace",), "foi": ("recolour", "combined")}
"""The types of a claim that names none."""


if __name__ == "__main__":
    app()
