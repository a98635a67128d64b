"""A run as one page for the browser: its tables, a plot, the contact sheet.

The plot has one point for each setting of a method, as Fig. 6 of the TAS paper: how often the asked
change is there against how much changed where nothing should. It needs matplotlib (the extra
"bench"); without it the page goes without.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..facts import declared
from .records import Record
from .report import average, of

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
table { border-collapse: collapse; margin: 1.5em 0 0.3em; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; text-align: left; color: #555; padding: 0.4em 0; max-width: 60em; }
th, td { padding: 0.2em 0.8em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, .words { text-align: left; }
img { max-width: 100%; }
"""


@dataclass(frozen=True)
class Point:
    """One setting of one method in a plot."""

    method: str
    setting: str
    damage: float
    success: float


@dataclass(frozen=True)
class Axes:
    """Which figures are plotted: names in the records, and what the axes say."""

    damage: str
    success: str
    damage_label: str
    success_label: str
    more_is_less: bool = False
    """Whether a higher figure means less damage; then the axis is turned round."""


BEFORE_COMPOSITE = Axes(
    "psnr_raw",
    "success_raw",
    "outside the exact mask, before the composite (dB; to the right: more damage)",
    "the judge sees what was asked",
    more_is_less=True,
)


def points(
    by_setting: Mapping[str, Sequence[Record]], methods: Sequence[str], axes: Axes
) -> list[Point]:
    """A point for each method and setting that has both figures.

    One only for settings that do not concern a method, whose records are the same.
    """
    found = []
    for method in methods:
        known: list[list[Record]] = []
        for setting, records in by_setting.items():
            own = of(records, method)
            damage, success = average(own, axes.damage), average(own, axes.success)
            if damage is not None and success is not None and own not in known:
                found.append(Point(method, setting, damage, success))
                known.append(own)
    return found


def lines(given: Sequence[Point]) -> dict[str, list[Point]]:
    """The points that belong together, by the name of their line.

    A line is of a method, at one guidance where there are several and something else varies.
    """
    titles = {point.method: declared()[point.method].title for point in given}
    guidances = {guidance_of(point) for point in given}
    varied = any(value_of(point) for point in given)
    found: dict[str, list[Point]] = {}
    for point in given:
        apart = f", {guidance_of(point)}" if varied and len(guidances) > 1 else ""
        found.setdefault(titles[point.method] + apart, []).append(point)
    return found


def guidance_of(point: Point) -> str:
    """ "guidance 1.5" of a setting that begins so, else nothing."""
    first = point.setting.split(", ")[0]
    return first if first.startswith("guidance ") else ""


def value_of(point: Point) -> str:
    """The value that a sweep gives the point's own method: 0.1 of tas.ratio=0.1."""
    return swept_of(point)[1]


def swept_of(point: Point) -> tuple[str, str]:
    """The parameter of the point's own method that its setting varies, and its value."""
    parts = [part for part in point.setting.split(", ") if part.startswith(f"{point.method}.")]
    name, _, value = parts[-1].partition("=") if parts else ("", "", "")
    return name, value


def plot(given: Sequence[Point], axes: Axes, file: Path) -> bool:
    """Draw the points, one line a method. The file's ending says as what: .svg, .png.

    Returns whether matplotlib is there to do it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    area = figure.subplots()
    for name, own in lines(given).items():
        area.plot([p.damage for p in own], [p.success for p in own], marker="o", label=name)
        for point in own:
            area.annotate(
                value_of(point) or (guidance_of(point) if len(own) > 1 else ""),
                (point.damage, point.success),
                textcoords="offset points",
                xytext=(6, 4),
                fontsize=8,
            )
    if axes.more_is_less:
        area.invert_xaxis()
    area.margins(0.08)
    area.set(xlabel=axes.damage_label, ylabel=axes.success_label)
    area.grid(alpha=0.3)
    if names := sorted({swept_of(point)[0] for point in given} - {""}):
        area.set_title(f"beside the points: {', '.join(names)}", fontsize=9, loc="left")
    area.legend()
    figure.savefig(file)
    return True


def has_words(cell: str) -> bool:
    """Whether a cell begins with a letter, and is no figure."""
    return cell[:1].isalpha()


def as_html(table: Table) -> str:
    """A table of the terminal as one of a page."""

    def plain(cell: object) -> str:
        text = Text.from_markup(cell) if isinstance(cell, str) else Text(str(cell))
        return html.escape(text.plain)

    columns = [[plain(cell) for cell in column.cells] for column in table.columns]
    kinds = [' class="words"' if any(map(has_words, cells)) else "" for cells in columns]
    head = "".join(
        f"<th{kind}>{plain(column.header)}</th>"
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>\n"
        for row in zip(*columns, strict=True)
    )
    caption = f"<caption>{plain(table.caption)}</caption>" if table.caption else ""
    title = f"<h2>{plain(table.title)}</h2>" if table.title else ""
    return f"{title}<table>{caption}<tr>{head}</tr>\n{body}</table>\n"


def write(
    out: Path,
    title: str,
    tables: Sequence[Table],
    by_setting: Mapping[str, Sequence[Record]],
    methods: Sequence[str],
    axes: Axes = BEFORE_COMPOSITE,
    sheets: Sequence[Path] = (),
) -> Path:
    """Write index.html, and plot.svg beside it; returns the page.

    sheets: pictures below `out`.
    """
    found = points(by_setting, methods, axes)
    drawn = bool(found) and plot(found, axes, out / "plot.svg")
    pictures = [Path("plot.svg")] if drawn else []
    pictures += [sheet.relative_to(out) for sheet in sheets]
    shown = "".join(
        f"<p>{html.escape(picture.parent.name)}<br>"
        f'<img src="{html.escape(picture.as_posix())}" alt="{html.escape(picture.stem)}"></p>\n'
        for picture in pictures
    )
    page = out / "index.html"
    page.write_text(
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<h1>{html.escape(title)}</h1>\n{''.join(map(as_html, tables))}{shown}</html>\n",
        encoding="utf-8",
        newline="\n",
    )
    return page
