"""Which method does each kind of change best, and whether Auto takes it.

A table for the docs. A case counts where the judge sees what was asked and all else as it was. Auto
keeps the choice that the papers lead to unless another method is better on the same cases beyond
chance: McNemar's exact test on the cases that only one of the two gets right. It sees neither how
many things are in a picture nor a selection, so that all cases of a kind count together. What
differs from the papers stands in the model's limn.json.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from statistics import mean, median
from typing import Annotated

import typer

from ..auto import KINDS, kind_of, serving
from ..diffusion.loading import load_models
from ..facts import declared
from ..language.instruction import parse
from ..methods.table import PAPERS
from ..sketchbook import folder
from ..sketchbook.scenes import FIRST_HELD_OUT
from .methods import PRESETS
from .options import Cases, Device, EditTypes, First, Jobs, Model, Out
from .quality import carry_out, check_same_run, known_types, listed, processes, records_of
from .quality_cases import Case, Work
from .records import Record

app = typer.Typer(help=__doc__)

CHANCE = 0.05
"""A method counts as better where chance does as much less often than this."""

BEGIN, END = "<!-- begin: limn bench auto -->", "<!-- end: limn bench auto -->"

Group = tuple[str, int, bool]
"""A kind of change; things in the picture; whether a selection limits it.

Things before the change: 1, or 2 for more.
"""

SELECTED = "selected"
"""The folder, within the run's, of the cases in which a selection limits the edit."""


@dataclass(frozen=True)
class Row:
    """One group: its cases; of how many each method did what, and at what cost.

    right: what was asked is there and all else as it was; asked, kept: the one, and the other.
    rows: of the network, mean.
    """

    group: Group
    cases: int
    right: Mapping[str, int]
    rows: Mapping[str, float]
    asked: Mapping[str, int]
    kept: Mapping[str, int]
    best: str


def group_of(record: Record) -> Group:
    """What a record's case is, as Auto reads it."""
    case = Case.of(record["type"], record["seed"])
    items = parse(case.words.told("foi")).items
    kind = kind_of(items[0]) if len(items) == 1 else "several"
    return kind, min(2, len(case.edit.before.things)), bool(record.get("selected", False))


def is_right(record: Record) -> bool:
    """Whether what was asked is there and all else as it was."""
    return bool(record["success"] and record.get("kept", False))


def chance(only_first: int, only_second: int) -> float:
    """McNemar's exact test: how often chance alone parts two methods as far.

    Two-sided. only_first, only_second: cases that only the one gets right, and only the other.
    """
    n, least = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(comb(n, k) for k in range(least + 1)) / 2**n)


def better(one: Sequence[bool], other: Sequence[bool]) -> bool:
    """Whether the first method is better on the same cases beyond chance."""
    gains = sum(a and not b for a, b in zip(one, other, strict=True))
    losses = sum(b and not a for a, b in zip(one, other, strict=True))
    return gains > losses and chance(gains, losses) < CHANCE


def best(right: Mapping[str, Sequence[bool]], chosen: str) -> str:
    """The chosen method, unless others are better; then the best of those.

    A stand-in, which takes what others can't, is that unless it is worse beyond chance.
    """
    others = [m for m in right if m != chosen and better(right[m], right[chosen])]
    found = max(others, key=lambda m: sum(right[m]), default=chosen)
    stand_ins = [m for m in others if declared()[m].stands_in]
    return next((m for m in stand_ins if not better(right[found], right[m])), found)


def table(records: Sequence[Record], methods: Sequence[str]) -> list[Row]:
    """A row for each group, with the methods that have all its cases."""
    cases: dict[tuple[str, int, bool], dict[str, Record]] = defaultdict(dict)
    for record in records:
        about = record["type"], record["seed"], bool(record.get("selected", False))
        cases[about][record["method"]] = record
    groups: dict[Group, list[dict[str, Record]]] = defaultdict(list)
    for by_method in cases.values():
        group = group_of(next(iter(by_method.values())))
        if serving(group[0]).name in by_method:
            groups[group].append(by_method)
    kinds: dict[str, list[dict[str, Record]]] = defaultdict(list)
    for group, own in groups.items():
        kinds[group[0]] += own
    chosen = {kind: best(right_of(own, methods), serving(kind).name) for kind, own in kinds.items()}
    found = []
    for group in sorted(groups, key=lambda g: (list(KINDS).index(g[0]), *g[1:])):
        own = groups[group]
        right = right_of(own, methods)
        found.append(
            Row(
                group,
                len(own),
                {m: sum(right[m]) for m in right},
                {m: mean(case[m].get("rows", 0) for case in own) for m in right},
                {m: sum(bool(case[m]["success"]) for case in own) for m in right},
                {m: sum(bool(case[m].get("kept", False)) for case in own) for m in right},
                chosen[group[0]],
            )
        )
    return found


def right_of(
    cases: Sequence[Mapping[str, Record]], methods: Sequence[str]
) -> dict[str, list[bool]]:
    """Which cases each method got right, of the methods that have them all."""
    asked = [m for m in methods if all(m in case for case in cases)]
    return {m: [is_right(case[m]) for case in cases] for m in asked}


def seconds_of(records: Sequence[Record], methods: Sequence[str]) -> dict[str, float]:
    """Processor seconds of an edit by method, median of the records that tell."""
    told = {
        m: [r["processor"] for r in records if r["method"] == m and "processor" in r]
        for m in methods
    }
    return {m: median(own) for m, own in told.items() if own}


def markdown(
    found: Sequence[Row], methods: Sequence[str], preset: str, seconds: Mapping[str, float]
) -> str:
    """The table for the docs. seconds: of an edit, by method."""
    titles = [declared()[m].title for m in methods]
    lines = [
        f"| change | things | selected | cases | {' | '.join(titles)} | Auto |",
        f"|---|---|---|---|{'---|' * len(methods)}---|",
    ]
    for row in found:
        kind, things, selected = row.group
        cells = [
            f"{row.right[m]} ({row.asked[m]} / {row.kept[m]}; {row.rows[m]:.0f} rows)"
            if m in row.right
            else "-"
            for m in methods
        ]
        many, place = "1" if things == 1 else "2, 3", "yes" if selected else "no"
        lines.append(
            "| "
            + " | ".join((kind, many, place, str(row.cases), *cells, declared()[row.best].title))
            + " |"
        )
    legend = (
        "How many are right (the judge sees what was asked / all else as it was; the mean of the "
        f"network's rows),\npreset {preset}. selected: a rectangle around the thing limits the "
        "edit. Auto keeps the choice that the papers lead\nto unless another method is better on "
        "all cases of the kind beyond chance (McNemar's exact test, 5%)."
    )
    if cost := ", ".join(f"{declared()[m].title} {seconds[m]:.1f}" for m in seconds):
        legend += f"\nSeconds of one processor that an edit takes, median: {cost}."
    return "\n".join([legend, "", *lines])


def put(text: str, into: Path) -> None:
    """Replace what stands between the two marks of a Markdown file.

    Raises typer.BadParameter where it has none.
    """
    whole = into.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise typer.BadParameter(f"{into} does not hold the marks {BEGIN} and {END}.")
    into.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8", newline="\n")


@app.command()
def main(
    out: Out,
    cases: Cases = 12,
    first: First = FIRST_HELD_OUT,
    types: EditTypes = None,
    methods: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Only these of the papers' methods.")
    ] = None,
    preset: Annotated[str, typer.Option(help=f"{', '.join(PRESETS)}.")] = "quick",
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the table between the marks of this file, too."),
    ] = None,
    selected: Annotated[
        int, typer.Option(min=0, help="Cases of each type once more, with the thing selected.")
    ] = 0,
    jobs: Jobs = 0,
    model: Model = None,
    device: Device = "cpu",
) -> None:
    """Measure the papers' methods by kind of change, against Auto's choice.

    The table is of all records in the folder, so that it can be filled in several runs.

    Example:  limn bench auto --cases 8 --out auto --write editing/README.md
    """
    if preset not in PRESETS:
        raise typer.BadParameter(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    papers = [one.name for one in PAPERS]
    wanted = known_types(listed(types))
    if unknown := sorted(set(listed(methods)) - set(papers)):
        raise typer.BadParameter(f"There is no {unknown[0]!r}; there are {', '.join(papers)}.")
    place = model or folder()
    loaded = load_models(place, device)
    records = []
    for home, count, is_selected in ((out, cases, False), (out / SELECTED, selected, True)):
        own = records_of(home)
        check_same_run(own, preset, loaded.name, {})
        work = [
            Work(type, seed, method, preset, home, selected=is_selected)
            for seed in range(first, first + count)
            for type in wanted
            for method in listed(methods) or papers
        ]
        carry_out(work, own, place, device, processes(jobs, device), "editing")
        records += own.all
    found = table(records, papers)
    text = markdown(found, papers, preset, seconds_of(records, papers))
    typer.echo(text)
    for kind, better_one in {row.group[0]: row.best for row in found}.items():
        if better_one != (now := serving(kind, loaded.auto).name):
            typer.echo(f"Auto takes {now} for {kind!r}; the table says {better_one}.", err=True)
    if write is not None:
        put(text, write)
