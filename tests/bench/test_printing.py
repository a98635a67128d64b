"""A table's figures are printed whole, on any terminal."""

from __future__ import annotations

import pytest
from rich.table import Table

from limn.editing.bench.printing import show


def test_no_figure_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"a figure {k}" for k in range(16)]
    table = Table(*names, caption="What these figures say, which is far more than a word. " * 3)
    table.add_row(*(f"{k / 7:.5f}" for k in range(16)))
    show(table)
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert all(any(f"{k / 7:.5f}" in line for line in lines) for k in range(16)), printed
    assert all(name in lines[1] for name in names) and "…" not in printed
