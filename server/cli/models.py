"""`limn models`: what can be fetched, what is there, and which is used."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn

from ..models.listing import BUNDLED
from .exits import DONE, FAILED, Trouble, UsageError, err

app = typer.Typer(
    help="Fetch, add and choose models. Without a command: list them.",
    invoke_without_command=True,
    no_args_is_help=False,
)
out = Console(highlight=False, soft_wrap=True)

USED_FROM = (
    "A server uses them when it is started; one that runs, when Krita's model menu is opened."
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@contextmanager
def _told() -> Iterator[None]:
    """Trouble with a model ends the command in a sentence."""
    from limn.editing.errors import UnreadableModel

    from ..models.store import StoreError

    try:
        yield
    except (StoreError, UnreadableModel) as error:
        raise UsageError(error.sentence, error.remedy) from error


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """How far a model is: a bar, or a line of JSON for each hundredth of it."""
    if as_json:
        last = ("", -1)

        def line(name: str, done: int, total: int) -> None:
            nonlocal last
            if (now := (name, 100 * done // max(1, total))) != last:
                last = now
                typer.echo(json.dumps({"name": name, "bytes": done, "of": total}))
                sys.stdout.flush()

        yield line
        return
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns, console=err) as progress:
        tasks: dict[str, TaskID] = {}

        def bar(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield bar


@app.callback()
def main(context: typer.Context, as_json: AsJson = False) -> None:
    """Fetch, add and choose models. Without a command: list them."""
    if context.invoked_subcommand is None:
        listing(as_json)


@app.command("list")
def listing(as_json: AsJson = False) -> None:
    """Lists the models that can be fetched or are there.

    And those that other programs have.

    Example:  limn models
    """
    from ..models.catalogue import ENTRIES, SETS
    from ..models.fits import fits_here
    from ..models.found import found
    from ..models.listing import places_in_use, there
    from ..models.store import Store

    store = Store()
    models = there(store)
    names = {model.name for model in models}
    bundled = not places_in_use(store)
    fits = fits_here()
    rows: list[dict[str, Any]] = [
        {
            "name": model.name,
            "variant": model.checkpoint.variant,
            "place": str(model.checkpoint.place),
            "bytes": model.checkpoint.size,
            "used": model.used,
            "trouble": model.trouble,
            "fits": fits(model.checkpoint.variant, model.checkpoint.size),
        }
        for model in models
    ]
    others: list[dict[str, Any]] = [
        {"program": program, "variant": c.variant, "place": str(c.place), "bytes": c.size}
        for program, c in found()
    ]
    if as_json:
        catalogue = [
            {
                "name": e.name,
                "title": e.title,
                "variant": e.kind,
                "licence": e.licence,
                "what_for": e.what_for,
                "page": e.page,
                "bytes": {p: s.size for p, s in e.sources.items()},
                "there": e.name in names,
                "fits": fits(e.kind, e.source("fp16").size),
            }
            for e in ENTRIES
        ]
        answer = {
            "folder": str(store.folder),
            "there": rows,
            "elsewhere": others,
            "catalogue": catalogue,
        }
        typer.echo(json.dumps(answer, indent=1))
        return
    out.print(f"[bold]Here[/] ({escape(str(store.folder))})")
    out.print(f"  {BUNDLED:18} bundled, knows a drawn world only{'   in use' * bundled}")
    for row in rows:
        state = row["trouble"] or ", ".join(filter(None, ("in use" * row["used"], row["fits"])))
        size = f"{row['bytes'] / 1e9:.1f} GB"
        out.print(f"  {row['name']:18} {row['variant']:14} {size:>8}   {escape(state)}")
    if others:
        out.print("\n[bold]In other programs' folders[/] (limn models add PLACE)")
        for other in others:
            out.print(f"  {other['variant']:14} {escape(other['place'])} ({other['program']})")
    out.print("\n[bold]To fetch[/] (limn models get NAME)")
    for entry in ENTRIES:
        if entry.name not in names:
            sizes = " or ".join(f"{s.size / 1e9:.1f} GB" for s in entry.sources.values())
            if entry.kind == "previews":
                sizes = f"{entry.source('fp32').size / 1e6:.0f} MB"
            out.print(
                f"  {entry.name:18} {entry.kind:14} {sizes}: {entry.what_for}. {entry.licence}"
                f"{'; ' if (fit := fits(entry.kind, entry.source('fp16').size)) else ''}{fit}"
            )
    for name, (what, members) in SETS.items():
        out.print(f"  {name:18} {what}: {', '.join(members)}")


@app.command()
def get(
    names: Annotated[list[str], typer.Argument(help="Names from `limn models list`, or a set's.")],
    fp32: Annotated[
        bool | None,
        typer.Option("--fp32/--fp16", help="Precision; default: 32 bits on a CPU, 16 on a card."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to licences and sizes.")] = False,
    use: Annotated[bool, typer.Option(help="Use them at once.")] = True,
    token: Annotated[
        str, typer.Option(help="Of the hub, for a model that wants one. None is sent otherwise.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Progress as lines of JSON, for programs.")
    ] = False,
) -> None:
    """Fetch models from the hub, after you have agreed to licence and size.

    An interrupted download goes on where it stopped when the command is run again.

    Example:  limn models get instruct-pix2pix
    """
    from ..models.catalogue import BY_NAME, SETS
    from ..models.download import fetch
    from ..models.store import Store

    wanted = list(dict.fromkeys(m for name in names for m in SETS.get(name, ("", (name,)))[1]))
    if unknown := [name for name in wanted if name not in BY_NAME]:
        known = ", ".join((*BY_NAME, *SETS))
        raise UsageError(f"There is no model {unknown[0]!r} to fetch.", f"There are: {known}.")
    precision = "fp32" if (_on_cpu() if fp32 is None else fp32) else "fp16"
    store = Store()
    there = {model.name for model in store.installed()}
    entries = [BY_NAME[name] for name in wanted if name not in there]
    for entry in entries:
        source = entry.source(precision)
        err.print(
            f"[bold]{entry.title}[/] {source.size / 1e9:.2f} GB, licence {escape(entry.licence)}"
            f"\n  {entry.page}"
        )
    if entries and not yes and not typer.confirm("Fetch, and agree to the licences?", err=True):
        raise Trouble("Nothing was fetched.")
    with _told(), _progress(as_json) as shown:
        for entry in entries:
            source = entry.source(precision)
            fetch(entry, source, store.folder, partial(shown, entry.name), token)
        if use:
            store.use(wanted)
    for name in wanted:
        typer.echo(store.find(name).place)
    if use and entries:
        err.print(USED_FROM)


@app.command()
def add(
    place: Annotated[Path, typer.Argument(help="A .safetensors file or a folder.")],
    name: Annotated[str, typer.Option(help="How to call it; default: its own name.")] = "",
    convert: Annotated[
        bool,
        typer.Option(help="Make a .safetensors copy of a pickle (.ckpt, .bin) in Limn's folder."),
    ] = False,
) -> None:
    """Add a model that you have already. It stays where it is.

    Example:  limn models add ~/ComfyUI/models/checkpoints/dreamshaper_8.safetensors
    """
    from ..models.store import Store

    with _told():
        added = Store().convert(place, name) if convert else Store().add(place, name)
    c = added.checkpoint
    precisions = ", ".join(f"{part} {precision}" for part, precision in c.parts.items())
    err.print(f"{added.name}: {c.family}, {c.variant}; {precisions}; {c.size / 1e9:.1f} GB")
    typer.echo(added.name)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
) -> None:
    """Compare each file with the size and the sha256 that it should have.

    Example:  limn models verify sd15
    """
    from ..models.store import Store

    store, wrong = Store(), 0
    with _told():
        for name in names or [model.name for model in store.installed()]:
            for path, trouble in store.verify(name):
                wrong += bool(trouble)
                state = f"[bold red]{escape(trouble)}[/]" if trouble else "[green]ok[/]"
                out.print(f"{name} {escape(path)}: {state}")
    if wrong:
        err.print("Remove what is wrong with `limn models remove`, and get it again.")
    raise typer.Exit(FAILED if wrong else DONE)


@app.command()
def remove(names: Annotated[list[str], typer.Argument()]) -> None:
    """Delete models that were fetched, and forget those that were added.

    Example:  limn models remove sd15
    """
    from ..models.store import Store

    with _told():
        for name in names:
            freed = Store().remove(name)
            err.print(f"{name} is removed; {freed / 1e9:.1f} GB are free again.")


@app.command()
def use(
    names: Annotated[list[str], typer.Argument(help="Or: sketchbook, the bundled one.")],
) -> None:
    """Choose the models that edits use, one for each variant.

    Example:  limn models use dreamshaper-8 sd15-inpainting
    """
    from ..models.store import Store

    store = Store()
    if names == [BUNDLED]:
        store.use_bundled()
        err.print("The bundled model is used.")
        return
    with _told():
        used = store.use(names)
    for variant, place in used.items():
        err.print(f"{variant}: {escape(str(place))}")
    err.print(USED_FROM)


def _on_cpu() -> bool:
    """Whether edits run on the CPU here. Imports torch."""
    import torch

    return not (torch.cuda.is_available() or torch.backends.mps.is_available())
