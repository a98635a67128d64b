"""What the UNet's bfloat16 does to edits on a CPU, beside float32.

Each held-out edit is made three times: in float32, in bfloat16, and in float32 with another seed.
The third says how much the same edit differs by chance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from ..diffusion.loading import Models, load_models
from ..diffusion.precision import multiplies_bfloat16
from ..sketchbook import folder
from ..sketchbook.judge import Judge, load_judge
from ..sketchbook.scenes import FIRST_HELD_OUT
from ..sketchbook.verdict import changes_made, rest_kept
from . import metrics
from .auto import chance
from .methods import ask, has_mask, known_methods
from .options import EditTypes, First, Model
from .printing import show
from .quality import known_types, listed
from .quality_cases import Case

app = typer.Typer(help=__doc__)

PAPERS = "foi,instdiffedit,adapedit,tas"
OTHER_SEED = 1_000_000_000
"""Added to a seed for the third edit."""


@dataclass(frozen=True)
class Made:
    """One edit.

    right: what was asked is seen, and all else is as it was. error: inside the exact mask, see
    metrics.error_inside. iou: of its mask with the exact one. cpu: seconds of the processor.
    """

    right: bool
    error: float | None
    iou: float | None
    cpu: float


@dataclass(frozen=True)
class Compared:
    """A case by one method, in each of RUNS.

    psnr: dB between the results of the others and the first. overlap: IoU of their masks.
    """

    type: str
    seed: int
    method: str
    made: Mapping[str, Made]
    psnr: Mapping[str, float]
    overlap: Mapping[str, float | None]


RUNS = ("float32", "bfloat16", "other seed")


def compare(
    wide: Models, narrow: Models, judge: Judge, case: Case, method: str, preset: str
) -> Compared | None:
    """One case; None where the method refuses it."""
    seed = case.edit.seed
    runs = ((wide, seed), (narrow, seed), (wide, seed + OTHER_SEED))
    made: dict[str, Made] = {}
    images: dict[str, Tensor] = {}
    masks: dict[str, Tensor] = {}
    for name, (models, own) in zip(RUNS, runs, strict=True):
        answer = ask(models, method, case.words, case.before, own, preset)
        if answer.done is None:
            return None
        image, mask = answer.done.image, answer.done.mask.binary
        images[name], masks[name] = image, mask
        asked = changes_made(judge, case.edit, case.shown, image)
        made[name] = Made(
            all(asked) and rest_kept(judge, case.edit, case.shown, image),
            metrics.error_inside(case.before, image, case.after, case.exact),
            metrics.iou(mask, case.exact) if has_mask(method) else None,
            answer.processor,
        )
    first = RUNS[0]
    psnr = {
        name: min(
            metrics.MAX_PSNR,
            float(peak_signal_noise_ratio(images[name], images[first], data_range=(0.0, 1.0))),
        )
        for name in RUNS[1:]
    }
    overlap = {
        name: metrics.iou(masks[name], masks[first]) if has_mask(method) else None
        for name in RUNS[1:]
    }
    return Compared(case.edit.type, seed, method, made, psnr, overlap)


def _mean(values: Sequence[float | None], digits: int = 3) -> str:
    there = [value for value in values if value is not None]
    return f"{fmean(there):.{digits}f}" if there else "-"


def table_of(found: Sequence[Compared]) -> Table:
    """A line a method, and one for all."""
    table = Table(
        "method", "cases", "right", "only 32 / only 16", "chance", "IoU, exact", "IoU, float32",
        "error inside", "dB to float32", "CPU",
        caption="a / b: float32 / bfloat16. IoU and dB to float32: bfloat16 / another seed.",
    )  # fmt: skip
    for method in (*dict.fromkeys(one.method for one in found), "all"):
        own = [one for one in found if method in (one.method, "all")]
        pairs = [(one.made["float32"], one.made["bfloat16"]) for one in own]
        lost = sum(a.right and not b.right for a, b in pairs)
        won = sum(b.right and not a.right for a, b in pairs)
        table.add_row(
            method,
            str(len(own)),
            f"{sum(a.right for a, _ in pairs)} / {sum(b.right for _, b in pairs)}",
            f"{lost} / {won}",
            f"{chance(lost, won):.2f}",
            f"{_mean([a.iou for a, _ in pairs])} / {_mean([b.iou for _, b in pairs])}",
            " / ".join(_mean([one.overlap[name] for one in own]) for name in RUNS[1:]),
            f"{_mean([a.error for a, _ in pairs])} / {_mean([b.error for _, b in pairs])}",
            " / ".join(f"{median(one.psnr[name] for one in own):.1f}" for name in RUNS[1:]),
            f"{median(b.cpu / a.cpu for a, b in pairs):.2f}",
        )
    return table


@app.command()
def main(
    cases: Annotated[int, typer.Option(min=1, help="Of each type.")] = 2,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    methods: Annotated[str, typer.Option(metavar="A,B", help="Algorithms.")] = PAPERS,
    preset: Annotated[str, typer.Option(help="quick, fast or paper.")] = "quick",
    model: Model = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there, too.")
    ] = None,
) -> None:
    """Edits in bfloat16 beside float32.

    Example: limn bench precision --cases 2
    """
    place = model or folder()
    wide, narrow = (load_models(place, dtype=one) for one in (torch.float32, torch.bfloat16))
    judge = load_judge()
    console = Console(width=140)
    if not multiplies_bfloat16():
        console.print(
            "This CPU does not multiply bfloat16: its seconds say nothing of those that do."
        )
    found: list[Compared] = []
    work = [
        (type, first + number, method)
        for number in range(cases)
        for type in known_types(types)
        for method in known_methods(listed([methods]))
    ]
    for type, seed, method in track(work, "editing", console=Console(stderr=True)):
        one = compare(wide, narrow, judge, Case.of(type, seed), method, preset)
        found += [one] if one is not None else []
        if json_file:
            told = json.dumps([asdict(each) for each in found], indent=1)
            json_file.write_text(told + "\n", encoding="utf-8")
    show(table_of(found))
