"""The table by which Auto chooses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from scipy.stats import binomtest

from limn.editing import sketchbook
from limn.editing.auto import serving
from limn.editing.bench.auto import (
    BEGIN,
    END,
    best,
    better,
    chance,
    group_of,
    markdown,
    put,
    seconds_of,
    table,
)
from limn.editing.facts import declared

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (5, 0), (6, 0), (9, 2), (3, 3)])
def test_chance_is_the_binomial_test(a: int, b: int) -> None:
    expected = binomtest(a, a + b).pvalue if a + b else 1.0
    assert chance(a, b) == pytest.approx(expected)


def test_better_wants_six_cases_more() -> None:
    wrong = [False] * 12
    assert not better([True] * 5 + [False] * 7, wrong)
    assert better([True] * 6 + [False] * 6, wrong)
    assert not better(wrong, [True] * 12)


def test_the_chosen_one_stays_unless_another_is_better() -> None:
    some = {"tas": [True] * 7 + [False] * 5, "foi": [True] * 12, "adapedit": [True] * 11 + [False]}
    assert best(some, "tas") == "tas"
    some["tas"] = [False] * 12
    assert best(some, "tas") == "foi"
    assert best(some, "foi") == "foi"


def record(method: str, seed: int, right: bool, **more: Any) -> Mapping[str, Any]:
    about = {"type": "recolour", "seed": seed, "method": method, "success": right, "kept": True}
    return about | {"rows": 10, "seconds": 2.0} | more


def test_methods_are_compared_on_the_same_cases() -> None:
    seeds = range(1_000_000, 1_000_012)
    records = [record("foi", seed, False) for seed in seeds]
    records += [record("tas", seed, True, rows=20) for seed in seeds]
    records += [record("adapedit", seed, True) for seed in list(seeds)[1:]]
    rows = table(records, ["foi", "tas", "adapedit"])
    assert {row.group[0] for row in rows} == {"colour"}
    assert sum(row.cases for row in rows) == 12
    for row in rows:
        assert (row.right["foi"], row.right["tas"]) == (0, row.cases)
        assert row.rows["tas"] == 20
        assert row.best == "tas"
    assert sum("adapedit" in row.right for row in rows) == len(rows) - 1
    assert group_of(records[0])[0] == "colour"


def test_a_kind_has_one_choice_whatever_the_things_and_the_selection() -> None:
    """Auto sees neither, so that all its cases count together."""
    seeds = range(1_000_000, 1_000_006)
    records = [record(m, s, m == "tas") for m in ("foi", "tas") for s in seeds]
    records += [record(m, 1_000_000, True, selected=True) for m in ("foi", "tas")]
    rows = table(records, ["foi", "tas"])
    assert {row.best for row in rows} == {"tas"} and len(rows) > 1
    assert any(row.group[2] for row in rows)


def told() -> list[list[str]]:
    """The rows of the table in the docs, cell by cell."""
    text = (ROOT / "editing" / "README.md").read_text(encoding="utf-8")
    lines = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:]]


def test_auto_follows_the_table_in_the_docs() -> None:
    rows = told()
    assert {row[0] for row in rows} >= {"object", "colour", "look", "count", "pose", "add"}
    for kind, *_, choice in rows:
        assert serving(kind, sketchbook.auto()).title == choice, kind


def test_a_refusal_is_not_right() -> None:
    refused = {"type": "recolour", "seed": 1_000_000, "method": "tas", "success": False}
    (row,) = table([record("foi", 1_000_000, True), refused | {"seconds": 0.1}], ["foi", "tas"])
    assert (row.right["foi"], row.right["tas"]) == (1, 0)


def test_a_table_goes_between_the_marks(tmp_path: Path) -> None:
    file = tmp_path / "docs.md"
    file.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    put("new", file)
    put("newer", file)
    assert file.read_text() == f"above\n{BEGIN}\nnewer\n{END}\nbelow\n"
    file.write_text("no marks")
    with pytest.raises(typer.BadParameter, match="marks"):
        put("new", file)


def test_the_table_is_markdown_with_a_column_each() -> None:
    records = [record("foi", 1_000_000, True)]
    rows = table(records, ["foi"])
    *_, cost, _, title, rule, only = markdown(rows, ["foi"], "quick", {"foi": 3.21}).splitlines()
    assert len({line.count("|") for line in (title, rule, only)}) == 1
    assert declared()["foi"].title in title and "1 (1 / 1; 10 rows)" in only
    assert cost == "Seconds of one processor that an edit takes, median: FoI 3.2."


def test_seconds_are_of_the_records_that_tell() -> None:
    records = [record("foi", k, True, processor=p) for k, p in enumerate((3.0, 9.0, 4.0))]
    records += [record("foi", 9, True), record("tas", 0, True)]
    assert seconds_of(records, ["foi", "tas", "adapedit"]) == {"foi": 4.0}
