"""A run's page: tables, a plot with one point a setting, pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.table import Table

from limn.editing.bench import page

RECORDS: Mapping[str, list[Mapping[str, Any]]] = {
    f"tas.ratio={ratio}": [
        {"type": "pose", "seed": k, "method": "tas", "success_raw": k < n, "psnr_raw": 20.0 + n}
        for k in range(4)
    ]
    for n, ratio in enumerate(("0.1", "0.2", "0.4"), start=1)
}


def table() -> Table:
    made = Table("method", "figures", caption="A <caption>.")
    made.add_row("tas", "[bold]no[/] \\[+0.1, +0.3]")
    return made


def test_one_point_a_setting() -> None:
    found = page.points(RECORDS, ["tas", "p2p"], page.BEFORE_COMPOSITE)
    assert [(p.setting, p.success, p.damage) for p in found] == [
        ("tas.ratio=0.1", 0.25, 21.0),
        ("tas.ratio=0.2", 0.5, 22.0),
        ("tas.ratio=0.4", 0.75, 23.0),
    ]


def test_what_a_setting_does_not_concern_has_one_point() -> None:
    same = [{"type": "pose", "seed": 0, "method": "p2p", "success_raw": True, "psnr_raw": 30.0}]
    records = {
        f"guidance {guidance}, {setting}": [*own, *same]
        for guidance in ("1.5", "7.5")
        for setting, own in RECORDS.items()
    }
    found = page.points(records, ["tas", "p2p"], page.BEFORE_COMPOSITE)
    assert sum(point.method == "p2p" for point in found) == 1
    other = [replace(p, setting=p.setting.replace("1.5", "7.5")) for p in found]
    drawn = page.lines([*found, *other])
    assert list(drawn) == [
        f"{method}, guidance {guidance}"
        for guidance in ("1.5", "7.5")
        for method in ("TAS", "Prompt-to-prompt")
    ]
    assert [page.value_of(p) for p in drawn["TAS, guidance 7.5"]] == ["0.1", "0.2", "0.4"]
    assert page.value_of(drawn["Prompt-to-prompt, guidance 1.5"][0]) == ""
    plain = [replace(p, setting="guidance 1.5") for p in found]
    assert list(page.lines(plain)) == ["TAS", "Prompt-to-prompt"]


def test_the_page_holds_tables_plot_and_sheets(tmp_path: Path) -> None:
    shown = page.write(tmp_path, "A run", [table()], RECORDS, ["tas"], sheets=[tmp_path / "s.png"])
    text = shown.read_text(encoding="utf-8")
    assert '<td class="words">no [+0.1, +0.3]</td>' in text and "A &lt;caption&gt;." in text
    assert 'src="plot.svg"' in text and 'src="s.png"' in text
    drawn = ElementTree.parse(tmp_path / "plot.svg").getroot()
    assert drawn.tag.endswith("svg") and len(list(drawn.iter())) > 50


def test_without_matplotlib_the_page_goes_without_a_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    text = page.write(tmp_path, "A run", [table()], RECORDS, ["tas"]).read_text(encoding="utf-8")
    assert "plot.svg" not in text and not (tmp_path / "plot.svg").exists()
