"""What `limn edit` writes to disk at all its defaults, against exact answers.

Each case is one edit by the command line itself, with a server of its own: a picture's file and a
sentence go in, result.png and mask.png are read back. No algorithm, steps or caption are given.
Errors are inside the exact mask, against the exact answer, where the picture before counts as 1;
squared and absolute. "floor" is that of the exact answer itself, encoded and decoded: what the
autoencoder alone gets wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Annotated, Any

import typer
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from ..diffusion.loading import Models, load_models
from ..sketchbook import folder
from ..sketchbook.judge import Judge, load_judge
from ..sketchbook.scenes import FIRST_HELD_OUT
from ..sketchbook.verdict import changes_made, rest_kept
from . import metrics, sheet
from .options import Cases, Device, EditTypes, First, Model, Out
from .printing import show
from .quality import LOOKED_AT, known_types
from .quality_cases import DIGITS, Case
from .records import Record, Records

app = typer.Typer(help=__doc__)

LOCAL = ("recolour", "retexture", "remove")
"""What is there and keeps its outline, or goes: the mask has an exact answer."""

TYPES = [*LOCAL, "replace"]

GOOD = 0.85
"""A mask's IoU that counts as good."""

LIMN = (sys.executable, "-P", "-m", "limn.server.cli")


@contextmanager
def server(model: Path, device: str) -> Iterator[list[str]]:
    """A server for this run alone; gives the options with which `limn edit` takes it."""
    process = subprocess.Popen(
        [
            *LIMN,
            "serve",
            "--private",
            "--log-level",
            "warning",
            "--model",
            str(model),
            "--device",
            device,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise typer.BadParameter("The server does not start; the lines above say why.")
        ready = json.loads(line)
        yield ["--server", ready["url"], "--token-file", ready["token_file"]]
    finally:
        process.stdin.close()
        process.wait()


def seeds_of(type: str, first: int, cases: int, things: int) -> list[int]:
    """The first seeds whose picture shows at least so many things."""
    looked_at = range(first, first + LOOKED_AT * cases)
    fitting = (s for s in looked_at if len(Case.of(type, s).edit.before.things) >= things)
    return list(islice(fitting, cases))


def error(case: Case, image: Tensor) -> dict[str, float | None]:
    """Squared and absolute error inside the exact mask; the picture before is 1."""
    before, after, exact = case.before, case.after, case.exact
    least, left = (metrics.change(x, after, exact).inside for x in (before, image))
    return {
        "squared": metrics.error_inside(before, image, after, exact),
        "absolute": left / least if least and left is not None else None,
    }


def measured(models: Models, judge: Judge, case: Case, written: Path) -> dict[str, Any]:
    """The figures of what `limn edit` has written to a folder."""
    image = sheet.to_tensor(Image.open(written / "result.png").convert("RGB"))
    mask = sheet.to_tensor(Image.open(written / "mask.png").convert("L"))
    report = json.loads((written / "report.json").read_text(encoding="utf-8"))
    decoded = models.get("instruction").round_trip(case.after).cpu()
    found = {
        "iou": metrics.iou(mask, case.exact),
        "psnr": metrics.psnr_outside(case.before, image, case.exact),
        **error(case, image),
        **{f"{name}_floor": value for name, value in error(case, decoded).items()},
    }
    return {
        "algorithm": report["algorithm"],
        "rows": report["rows"],
        "success": all(changes_made(judge, case.edit, case.shown, image)),
        "kept": rest_kept(judge, case.edit, case.shown, image),
    } | {name: value if value is None else round(value, DIGITS) for name, value in found.items()}


def carried_out(case: Case, home: Path, options: Sequence[str]) -> str:
    """Edit one case by `limn edit`; returns why it refused, "" if it did not."""
    home.mkdir(parents=True, exist_ok=True)
    sheet.to_image(case.before).save(home / "before.png")
    sheet.to_image(case.after).save(home / "exact.png")
    command = [*LIMN, "edit", str(home / "before.png"), case.words.instruction, *options]
    seed = ["--seed", str(case.edit.seed), "--out", str(home)]
    done = subprocess.run(
        [*command, *seed], check=False, capture_output=True, text=True, encoding="utf-8"
    )
    return done.stderr.strip() or f"exit status {done.returncode}" if done.returncode else ""


def table_of(records: Sequence[Record]) -> Table:
    """A row for each type, and one for those that have an exact mask together."""
    names = ("type", "cases", "IoU", "median", f">= {GOOD}", "squared", "floor")
    table = Table(*names, "absolute", "floor", "asked", "kept", "both", "outside, dB")
    types = [*dict.fromkeys(record["type"] for record in records)]
    groups: list[tuple[str, tuple[str, ...]]] = [(type, (type,)) for type in types]
    if len(together := tuple(type for type in types if type in LOCAL)) > 1:
        groups.append((", ".join(together), together))
    for name, own in groups:
        chosen = [record for record in records if record["type"] in own]

        def cell(figure: str, how: Any, chosen: Sequence[Record] = chosen) -> str:
            values = [r[figure] for r in chosen if r.get(figure) is not None]
            return f"{how(values):.3f}" if values else "-"

        good = [r.get("iou", 0) >= GOOD for r in chosen]
        right = [bool(r["success"] and r["kept"]) for r in chosen]
        errors = ("squared", "squared_floor", "absolute", "absolute_floor")
        table.add_row(
            name,
            str(len(chosen)),
            cell("iou", mean),
            cell("iou", median),
            f"{sum(good)}",
            *(cell(figure, median) for figure in errors),
            *(str(sum(bool(r[figure]) for r in chosen)) for figure in ("success", "kept")),
            str(sum(right)),
            cell("psnr", mean),
        )
    return table


def draw_sheet(records: Sequence[Record], out: Path) -> Path:
    """Before, exact answer, result and mask of each case; returns the file."""
    rows = []
    size = (0, 0)
    for record in records:
        home = out / f"{record['type']}-{record['seed']}"
        case = Case.of(record["type"], record["seed"])
        exact = sheet.mask_image(case.exact)
        cells: list[Image.Image | None] = [
            Image.open(home / "before.png"),
            sheet.outlined(Image.open(home / "exact.png"), exact),
        ]
        if "refusal" not in record:
            result, mask = (Image.open(home / f"{name}.png") for name in ("result", "mask"))
            cells += [result, sheet.outlined(result, mask)]
        shown = "-" if record.get("squared") is None else f"{record['squared']:.2f}"
        rows.append(sheet.Row(f"{record['instruction']} ({record['seed']}: {shown})", cells))
        size = exact.size
    file = out / "sheet.png"
    sheet.contact_sheet(["before", "exact answer", "result", "its mask"], rows, size, file)
    return file


@app.command()
def main(
    out: Out,
    cases: Cases = 12,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    things: Annotated[
        int, typer.Option(min=1, max=3, help="Only pictures of at least so many things.")
    ] = 1,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="name=value", help="Given to `limn edit`, not its default."),
    ] = None,
    model: Model = None,
    device: Device = "auto",
) -> None:
    """Edit held-out pictures by `limn edit`, and measure the files that it writes.

    The figures are the medians of errors, the means of IoU and PSNR, and counts.

    Example:  limn bench edit --types replace --things 2 --cases 16 --out replacements
    """
    wanted = known_types(types) if types else TYPES
    place = model or folder()
    models, judge = load_models(place), load_judge()
    options = [part for entry in set_ or () for part in ("--set", entry)]
    try:
        records = Records(out / "edit.jsonl", lambda r: (r["type"], r["seed"]))
    except ValueError as trouble:
        raise typer.BadParameter(str(trouble)) from trouble
    about = {"model": models.name, "options": options}
    if any({name: r.get(name) for name in about} != about for r in records.all):
        raise typer.BadParameter("The folder holds a run with another model or --set.")
    seeds = {type: seeds_of(type, first, cases, things) for type in wanted}
    asked = [(t, seeds[t][k]) for k in range(cases) for t in wanted if k < len(seeds[t])]
    todo = [key for key in asked if key not in records]
    console, progress = Console(), Console(stderr=True)
    if todo:
        with server(place, device) as where:
            for type, seed in track(todo, "limn edit", console=progress):
                case, home = Case.of(type, seed), out / f"{type}-{seed}"
                refusal = carried_out(case, home, [*options, *where])
                found = (
                    {"refusal": refusal, "success": False, "kept": False}
                    if refusal
                    else measured(models, judge, case, home)
                )
                told = {"type": type, "seed": seed, "instruction": case.words.instruction}
                records.add({**told, **about, **found})
    shown = [record for record in records.all if (record["type"], record["seed"]) in asked]
    show(table_of(shown))
    console.print(str(draw_sheet(shown, out)))


if __name__ == "__main__":
    app()
