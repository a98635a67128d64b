"""All methods on the same held-out edits, against exact answers.

Gives a table, quality.jsonl and a contact sheet.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor

from ..diffusion import masks
from ..diffusion.loading import Models, load_models
from ..frame import resize
from ..sketchbook import edits, folder
from ..sketchbook.edits import TYPES, Edit, RenderedEdit
from ..sketchbook.judge import Judge, load_judge
from ..sketchbook.scenes import FIRST_HELD_OUT, text
from ..sketchbook.verdict import changes_made, rest_kept, to_tensor
from . import metrics, report, sheet
from .methods import PRESETS, Answer, Changes, Words, ask, changes, has_mask, known_methods
from .records import Record, Records

app = typer.Typer(help=__doc__)

Key = tuple[str, int, str]
DIGITS = 5  # of a figure in the records
LOOKED_AT = 100  # seeds for each case, where only some will do


@dataclass(frozen=True)
class Case:
    """One exact edit, and how it is put into words."""

    edit: Edit
    shown: RenderedEdit
    words: Words

    @classmethod
    def of(cls, type: str, seed: int) -> Case:
        """The held-out edit that `limn scenes --edits TYPE --first SEED` writes, too."""
        made = edits.edit(seed, type)
        told = Words(
            text(edits.join(edits.instruction(made))),
            edits.source_caption(made),
            edits.target_caption(made),
        )
        return cls(made, edits.render_edit(made), told)

    @property
    def before(self) -> Tensor:
        return to_tensor(self.shown.before.image)

    @property
    def after(self) -> Tensor:
        return to_tensor(self.shown.after.image)

    @property
    def exact(self) -> Tensor:
        """The soft mask of what may change."""
        return to_tensor(self.shown.mask)


@dataclass(frozen=True)
class Work:
    """What a worker needs for one record."""

    type: str
    seed: int
    method: str
    preset: str
    out: Path
    changed: Changes = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.type, self.seed, self.method

    @property
    def stem(self) -> str:
        return f"{self.type}-{self.seed}-{self.method}"


def key_of(record: Record) -> Key:
    """What a record is about."""
    return record["type"], record["seed"], record["method"]


# ---------------------------------------------------------------- one case, one method


def figures(judge: Judge, case: Case, answer: Answer) -> dict[str, Any]:
    """All that is measured of one answer."""
    assert answer.done is not None
    before, exact, image = case.before, case.exact, answer.done.image
    change = metrics.change(before, image, exact)
    asked = changes_made(judge, case.edit, case.shown, image)
    outside = [judge.features(metrics.zeroed(x, exact)) for x in (before, image)]
    towers = judge.towers
    with torch.no_grad():
        source, target = towers.text(case.words.source), towers.text(case.words.target)
        direction = metrics.direction(towers.image(before), towers.image(image), source, target)
    return {
        "iou": metrics.iou(answer.done.mask.binary, exact)
        if has_mask(answer.done.report.algorithm)
        else None,
        "c_m": change.inside,
        "c_non": change.outside,
        "psnr": metrics.psnr_outside(before, image, exact),
        "psnr_raw": psnr_raw(before, answer.raw, exact),
        "ssim": metrics.ssim_outside(before, image, exact),
        "towers_distance": metrics.feature_distance(*outside)
        if metrics.has_outside(exact)
        else None,
        "asked": asked,
        "success": all(asked),
        "kept": rest_kept(judge, case.edit, case.shown, image),
        "direction": direction,
    }


def psnr_raw(before: Tensor, raw: Tensor | None, exact: Tensor) -> float | None:
    """PSNR of what must stay, before the composite put the original back.

    At the size that the method worked at.
    """
    if raw is None:
        return None
    size = (raw.shape[2], raw.shape[3])
    return metrics.psnr_outside(resize(before, size), raw, masks.area(exact, size))


def record_of(models: Models, judge: Judge, work: Work) -> Record:
    """Run one method on one case, keep its pictures, and measure."""
    case = Case.of(work.type, work.seed)
    answer = ask(models, work.method, case.words, case.before, work.seed, work.preset, work.changed)
    about: dict[str, Any] = {
        "type": work.type,
        "seed": work.seed,
        "method": work.method,
        "preset": work.preset,
        "changed": written(work.changed),
        "model": models.name,
        "instruction": case.words.told(work.method),
    }
    if answer.done is None:
        return about | {
            "refusal": answer.refusal,
            "success": False,
            "seconds": round(answer.seconds, 3),
        }
    sheet.to_image(answer.done.image).save(work.out / "edits" / f"{work.stem}.png")
    sheet.mask_image(answer.done.mask.binary).save(work.out / "masks" / f"{work.stem}.png")
    found = {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in figures(judge, case, answer).items()
    }
    used = answer.done.report
    return (
        about
        | found
        | {"forwards": used.forwards, "rows": used.rows, "seconds": round(answer.seconds, 3)}
    )


_worker: tuple[Models, Judge] | None = None


def _begin(model: Path, device: str) -> None:
    """Starts a worker process.

    Each has one thread, so that as many as there are cores fill them.
    """
    global _worker
    torch.set_num_threads(1)
    _worker = (load_models(model, device), load_judge())


def _carry_out(work: Work) -> Record:
    assert _worker is not None
    return record_of(*_worker, work)


def measured(todo: Sequence[Work], model: Path, device: str, jobs: int) -> Iterator[Record]:
    """A record for each piece of work, as they come."""
    if jobs == 1:
        models, judge = load_models(model, device), load_judge()
        yield from (record_of(models, judge, work) for work in todo)
        return
    with ExitStack() as stack:
        pool = stack.enter_context(
            multiprocessing.get_context("spawn").Pool(jobs, _begin, (model, device))
        )
        yield from pool.imap_unordered(_carry_out, todo)


# ---------------------------------------------------------------- the run


def draw_sheet(out: Path, cases: Iterable[tuple[str, int]], methods: Sequence[str]) -> None:
    """Rows: cases; columns: before, exact answer, each method with its mask's outline."""
    rows = []
    for type, seed in cases:
        case = Case.of(type, seed)
        cells: list[Image.Image | None] = [
            sheet.to_image(case.before),
            sheet.outlined(sheet.to_image(case.after), sheet.mask_image(case.exact)),
        ]
        for method in methods:
            name = f"{type}-{seed}-{method}.png"
            edited, mask = out / "edits" / name, out / "masks" / name
            cells.append(
                sheet.outlined(Image.open(edited), Image.open(mask))
                if edited.exists() and mask.exists()
                else None
            )
        rows.append(sheet.Row(f"{type} {seed}: {case.words.instruction}", cells))
    size = case.before.shape[3], case.before.shape[2]
    sheet.contact_sheet(["before", "exact answer", *methods], rows, size, out / "sheet.png")


def listed(given: Sequence[str] | None) -> list[str]:
    """--types a,b --types c -> a, b, c."""
    return [name.strip() for part in given or () for name in part.split(",") if name.strip()]


def known_types(given: Sequence[str] | None) -> list[str]:
    """The types of edits asked for, all for none.

    Raises typer.BadParameter for an unknown one.
    """
    wanted = listed(given) or list(TYPES)
    if unknown := [name for name in wanted if name not in TYPES]:
        raise typer.BadParameter(f"There is no type {unknown[0]!r}; there are {', '.join(TYPES)}.")
    return wanted


def seeds_of(type: str, first: int, cases: int, things: int) -> list[int]:
    """The first seeds whose picture before the edit shows so many things.

    0: any number. Raises typer.BadParameter if too few do.
    """
    looked_at = range(first, first + LOOKED_AT * cases)
    fitting = (
        seed
        for seed in looked_at
        if not things or len(edits.edit(seed, type).before.things) == things
    )
    seeds = list(islice(fitting, cases))
    if len(seeds) < cases:
        raise typer.BadParameter(f"Edits of the type {type!r} hardly ever show {things} things.")
    return seeds


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def written(changed: Changes) -> list[str]:
    """Changed parameters as one gives them, in order."""
    return sorted(
        f"{m}.{name}={value}" for m, own in changed.items() for name, value in own.items()
    )


def check_same_run(records: Records, preset: str, model: str, changed: Changes) -> None:
    """Raises typer.BadParameter if the folder holds records of other settings."""
    for record in records.all:
        if (record["preset"], record["model"]) != (preset, model):
            raise typer.BadParameter(
                f"The folder holds a run with the preset {record['preset']} and the model "
                f"{record['model']}, not {preset} and {model}; "
                "choose another folder for --out."
            )
        if record.get("changed", []) != written(changed):
            raise typer.BadParameter(
                "The folder holds a run with --set "
                f"{' '.join(record.get('changed', [])) or 'nothing'}; "
                "choose another folder for --out."
            )


@app.command()
def main(
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where to write; a run that was interrupted there goes on."
        ),
    ],
    cases: Annotated[int, typer.Option(min=1, help="Cases of each type.")] = 20,
    first: Annotated[
        int, typer.Option(help="First seed; held-out ones begin at 1000000.")
    ] = FIRST_HELD_OUT,
    types: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help=f"Only these: {', '.join(TYPES)}.")
    ] = None,
    things: Annotated[
        int, typer.Option(min=0, max=3, help="Only pictures of so many things; 0: any.")
    ] = 0,
    methods: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Only these algorithms and baselines.")
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="quick: about 50 network rows an edit; fast: a third of the papers' steps; "
            "paper: all."
        ),
    ] = "quick",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="METHOD.NAME=VALUE",
            help="Change a parameter of a method; may be given several times.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core, one on a GPU.")] = 0,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Another model; the bundled one by default."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
) -> None:
    """Measure every method on held-out edits with exact answers.

    Prints a table; writes quality.jsonl and sheet.png.

    Example:  limn bench quality --cases 5 --methods p2p --set p2p.guidance=1.5 --out quality
    """
    if preset not in PRESETS:
        raise typer.BadParameter(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    wanted_types = known_types(types)
    try:
        wanted = known_methods(listed(methods))
        changed = changes(set_ or ())
        records = Records(out / "quality.jsonl", key_of)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    place = model or folder()
    check_same_run(records, preset, load_models(place, device).name, changed)
    for name in ("edits", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    seeds = {type: seeds_of(type, first, cases, things) for type in wanted_types}
    pairs = [(type, seeds[type][k]) for k in range(cases) for type in wanted_types]
    work = [
        Work(type, seed, method, preset, out, changed) for type, seed in pairs for method in wanted
    ]
    todo = [piece for piece in work if piece.key not in records]
    err = Console(stderr=True)
    err.print(f"{len(work)} edits, {len(work) - len(todo)} of them done before")
    processes = jobs or (1 if device != "cpu" else cores())
    if todo:
        for record in track(
            measured(todo, place, device, processes), "editing", total=len(todo), console=err
        ):
            records.add(record)
    asked = {piece.key for piece in work}
    chosen = [record for record in records.all if key_of(record) in asked]
    draw_sheet(out, pairs, wanted)
    console = Console()
    for table in (
        report.places(chosen, wanted),
        report.verdicts(chosen, wanted),
        report.by_type(chosen, wanted, wanted_types),
        report.claims(chosen),
    ):
        if table is not None:
            console.print(table)
    console.print(f"{out / 'quality.jsonl'}, {out / 'sheet.png'}")
