"""All methods on the same held-out edits, against exact answers.

Gives a table, quality.jsonl, a contact sheet and a page for the browser.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ..diffusion.loading import load_models
from ..sketchbook import edits, folder
from ..sketchbook.edits import TYPES
from ..sketchbook.scenes import FIRST_HELD_OUT
from . import page, presence, report, sheet
from .methods import PRESETS, Changes, known_methods
from .options import Cases, Device, EditTypes, First, Jobs, Model, Out, Sets, Sweeps
from .printing import show
from .quality_cases import Case, Key, Work, key_of, measured, written
from .records import Record, Records
from .variations import Setting, first_alike, settings

app = typer.Typer(help=__doc__)

LOOKED_AT = 100  # seeds for each case, where only some will do


def records_of(out: Path) -> Records:
    """The records of a folder. Raises typer.BadParameter where they can't be read."""
    try:
        return Records(out / "quality.jsonl", key_of)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def carry_out(
    work: Sequence[Work], records: Records, place: Path, device: str, jobs: int, named: str
) -> None:
    """Do what has no record yet, in processes, and record each edit as it is done.

    named: what the progress bar says.
    """
    for out in {piece.out for piece in work}:
        for name in ("edits", "masks"):
            (out / name).mkdir(parents=True, exist_ok=True)
    todo = [piece for piece in work if piece.key not in records]
    steps = measured(todo, place, device, jobs) if todo else iter(())
    for record in track(steps, named, total=len(todo), console=Console(stderr=True)):
        records.add(record)


def draw_sheets(
    chosen: Sequence[Setting],
    cases: Sequence[tuple[str, int]],
    methods: Sequence[str],
    out: Path,
) -> list[Path]:
    """A sheet for each setting, of the methods that were run in it; returns the files."""
    files = []
    for setting in chosen:
        own = [m for m in methods if first_alike(chosen, setting, m) is setting]
        if own:
            draw_sheet(setting.folder(out), cases, own)
            files.append(setting.folder(out) / "sheet.png")
    return files


def in_settings(
    chosen: Sequence[Setting],
    asked: Sequence[Key],
    preset: str,
    out: Path,
    place: Path,
    device: str,
    jobs: int,
) -> dict[str, list[Record]]:
    """The records of each setting, made where they are not there.

    asked: types, seeds and methods. A method that a setting does not concern keeps its records of
    the first setting like it.
    """
    name_of_model = load_models(place, device).name
    made: dict[str, dict[Key, Record]] = {}
    found: dict[str, list[Record]] = {}
    for setting in chosen:
        home = setting.folder(out)
        records = records_of(home)
        check_same_run(records, preset, name_of_model, setting.changed)
        work = [
            Work(type, seed, method, preset, home, setting.changed)
            for type, seed, method in asked
            if first_alike(chosen, setting, method) is setting
        ]
        done = sum(piece.key in records for piece in work)
        Console(stderr=True).print(f"{len(work)} edits, {done} of them done before")
        named = setting.name or "editing"
        carry_out(work, records, place, device, processes(jobs, device), named)
        made[setting.name] = {key_of(record): record for record in records.all}
        found[setting.name] = [
            made[first_alike(chosen, setting, key[2]).name][key] for key in asked
        ]
    return found


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


def held_out(
    given: Sequence[str] | None, usual: Sequence[str], first: int, cases: int
) -> Iterator[Case]:
    """So many cases of each type that is asked for; of the usual ones where none is.

    Raises typer.BadParameter as known_types does.
    """
    for type in known_types(given) if given else usual:
        for number in range(cases):
            yield Case.of(type, first + number)


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


def processes(jobs: int, device: str) -> int:
    """As many as asked for; 0: one a core, and one on a GPU.

    More would have to share the GPU.
    """
    return jobs or (cores() if device == "cpu" else 1)


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
    out: Out,
    cases: Cases = 20,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
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
    set_: Sets = None,
    sweep: Sweeps = None,
    jobs: Jobs = 0,
    model: Model = None,
    device: Device = "cpu",
) -> None:
    """Measure every method on held-out edits with exact answers.

    Prints a table; writes quality.jsonl, sheet.png, and both with a plot as index.html.

    Example:  limn bench quality --cases 5 --methods p2p --set p2p.guidance=1.5 --out quality
    """
    if preset not in PRESETS:
        raise typer.BadParameter(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    wanted_types = known_types(types)
    try:
        wanted = known_methods(listed(methods))
        chosen = settings(wanted, sets=set_ or (), sweeps=sweep or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    place = model or folder()
    seeds = {type: seeds_of(type, first, cases, things) for type in wanted_types}
    pairs = [(type, seeds[type][k]) for k in range(cases) for type in wanted_types]
    asked = [(type, seed, method) for type, seed in pairs for method in wanted]
    by_setting = in_settings(chosen, asked, preset, out, place, device, jobs)
    sheets = draw_sheets(chosen, pairs, wanted, out)
    console = Console()
    tables = list(tables_of(by_setting, wanted, wanted_types))
    for table in tables:
        show(table)
    models = load_models(place, device)
    if "instruction" in models.variants:
        count = cases * len(presence.TYPES)
        if (told := presence.figures(models.get("instruction"), first, count)) is not None:
            console.print(str(told))
    shown = page.write(out, "limn bench quality", tables, by_setting, wanted, sheets=sheets)
    console.print(f"{out / 'quality.jsonl'}, {out / 'sheet.png'}, {shown}")


def tables_of(
    by_setting: Mapping[str, Sequence[Record]], methods: Sequence[str], types: Sequence[str]
) -> Iterator[Table]:
    """A line for each setting where there are several; else all figures of the one."""
    if len(by_setting) > 1:
        yield report.settings_table(by_setting, methods)
        return
    (records,) = by_setting.values()
    yield report.places(records, methods)
    yield report.verdicts(records, methods)
    yield report.by_type(records, methods, types)
    if (claims := report.claims(records)) is not None:
        yield claims
