"""Whether each part of a paper's method acts as its paper says, by leaving it out.

The same edits with a part and without it, all else equal, before the composite. A direction holds
where the 95% interval of a paired bootstrap over the cases leaves out zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..request import Value
from ..sketchbook import folder
from ..sketchbook.scenes import FIRST_HELD_OUT
from . import methods as presets
from . import page
from .claims import Figure, cell, paired
from .options import GUIDANCES, Device, First, Guidances, Jobs, Model, Out
from .printing import show
from .quality import in_settings, listed
from .records import Record
from .report import change_ratio, figure, of, settings_table
from .variations import Setting, at_guidance, merged

app = typer.Typer(help=__doc__)

QUICK_CASES, CASES = 6, 40

TYPES = {
    "foi": ("recolour", "combined"),
    "adapedit": ("pose",),
    "tas": ("pose",),
    "instdiffedit": ("replace",),
}
"""The edits on which each method's parts are looked at: what its paper is best at."""


@dataclass(frozen=True)
class Ablation:
    """A part of a method, and how the edit is without it.

    With the figure that it should raise.
    """

    text: str
    method: str
    without: Mapping[str, Value]
    figure: Figure
    having: Mapping[str, Value]

    @property
    def name(self) -> str:
        """As a setting's: foi.modulated=0."""
        return ", ".join(f"{self.method}.{name}={value}" for name, value in self.without.items())

    def part(self, settings: Mapping[str, Value]) -> Mapping[str, Mapping[str, Value]]:
        return {self.method: settings}


def ablations(preset: str) -> list[Ablation]:
    """The papers' ablations at a preset, whose steps the late mask is a share of."""
    steps = presets.settings("foi", preset).get("steps", 100)
    assert isinstance(steps, int | float)
    late = round(0.6 * steps)  # 60 of 100, of which 80 run
    kept = figure("psnr_raw")
    return [
        Ablation(
            "FoI: the mask at the first step, not at three quarters (Table 3), PSNR outside",
            "foi",
            {"mask_step": late},
            kept,
            {"mask_step": 0},
        ),
        Ablation(
            "FoI: attention modulation to the end, not at all (Table 4), PSNR outside",
            "foi",
            {"modulated": 0.0},
            kept,
            {"modulated": 1.0},
        ),
        Ablation(
            "FoI: disentangling to three quarters, not at all (Table 5), PSNR outside",
            "foi",
            {"disentangled": 0.0},
            kept,
            {"disentangled": 0.75},
        ),
        Ablation(
            "AdapEdit: FWT, not fixed windows, success",
            "adapedit",
            {"temporal": "fixed"},
            figure("success_raw"),
            {"temporal": "words"},
        ),
        Ablation(
            "AdapEdit: DPS, not everywhere, PSNR outside",
            "adapedit",
            {"spatial": "everywhere"},
            kept,
            {"spatial": "once"},
        ),
        Ablation(
            "TAS: 40% of the steps retraced, not 10% (Fig. 6), PSNR outside",
            "tas",
            {"ratio": 0.1},
            kept,
            {"ratio": 0.4},
        ),
        Ablation(
            "InstDiffEdit: phi 0.3, not 0.1 (Table 2), C_m / C_non",
            "instdiffedit",
            {"phi": 0.1},
            change_ratio,
            {"phi": 0.3},
        ),
    ]


def settings(chosen: Sequence[Ablation], guidance: float) -> list[Setting]:
    """All parts together, then each part left out, at the same guidance."""
    having: Mapping[str, Mapping[str, Value]] = {}
    for one in chosen:
        having = merged(having, one.part(one.having))
    base = merged(at_guidance(guidance, [*dict.fromkeys(a.method for a in chosen)]), having)
    named = f"guidance {guidance:g}"
    left_out = [Setting(f"{named}, {a.name}", merged(base, a.part(a.without))) for a in chosen]
    return [Setting(named, base), *left_out]


def tables(
    chosen: Sequence[Ablation],
    guidances: Sequence[float],
    by_setting: Mapping[str, Sequence[Record]],
) -> Iterator[Table]:
    """Each part with and without; then each method in each setting."""
    table = Table("part", "guidance", "cases", "with / without [95% of the gain]")
    for one in chosen:
        for value in guidances:
            named = f"guidance {value:g}"
            having = of(by_setting[named], one.method)
            without = of(by_setting[f"{named}, {one.name}"], one.method)
            if (found := paired(having, without, one.figure)) is not None:
                table.add_row(one.text, f"{value:g}", str(found.cases), cell(found))
    yield table
    yield settings_table(by_setting, [*dict.fromkeys(one.method for one in chosen)])


@app.command()
def main(
    out: Out,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"{QUICK_CASES} cases of each type, about 50 rows each.")
    ] = False,
    cases: Annotated[int, typer.Option(min=0, help=f"Cases of each type; 0: {CASES}.")] = 0,
    first: First = FIRST_HELD_OUT,
    methods: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help=f"Only these: {', '.join(TYPES)}.")
    ] = None,
    guidance: Guidances = None,
    jobs: Jobs = 0,
    model: Model = None,
    device: Device = "cpu",
) -> None:
    """Leave out the papers' parts, one at a time, on the same held-out edits.

    Example:  limn bench ablations --quick --methods foi --guidance 7.5 --out ablations
    """
    wanted = listed(methods) or list(TYPES)
    if unknown := sorted(set(wanted) - set(TYPES)):
        raise typer.BadParameter(f"No part of {unknown[0]!r}; {', '.join(TYPES)} have some.")
    preset = presets.PRESETS[0] if quick else "fast"
    chosen = [one for one in ablations(preset) if one.method in wanted]
    count = cases or (QUICK_CASES if quick else CASES)
    asked = [
        (type, seed, method)
        for seed in range(first, first + count)
        for method in wanted
        for type in TYPES[method]
    ]
    by_setting: dict[str, list[Record]] = {}
    values = guidance or GUIDANCES
    for value in values:
        variants = settings(chosen, value)
        by_setting |= in_settings(variants, asked, preset, out, model or folder(), device, jobs)
    console = Console()
    shown = list(tables(chosen, values, by_setting))
    for table in shown:
        show(table)
    console.print(str(page.write(out, "limn bench ablations", shown, by_setting, wanted)))


if __name__ == "__main__":
    app()
