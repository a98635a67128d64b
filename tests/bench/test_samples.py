"""The sheet of samples, drawn by the tiny model: every column has its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from limn.editing.bench import samples, sheet


def test_every_cell_is_filled(tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "samples.png"
    result = CliRunner().invoke(
        samples.app,
        [
            "--out",
            str(out),
            "--model",
            str(tiny_model),
            "--types",
            "recolour",
            "--types",
            "remove",
            "--steps",
            "2",
        ],
    )
    assert result.exit_code == 0, result.output
    shown = np.array(Image.open(out))
    for row in range(2):
        for column in range(len(samples.COLUMNS)):
            top, left = (
                sheet.HEAD + row * (samples.SIZE + sheet.GAP),
                sheet.SIDE + column * (samples.SIZE + sheet.GAP),
            )
            cell = shown[top : top + samples.SIZE, left : left + samples.SIZE]
            assert cell.shape == (samples.SIZE, samples.SIZE, 3) and cell.std() > 1, (
                row,
                samples.COLUMNS[column],
            )


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        samples.app, ["--out", str(tmp_path / "samples.png"), "--types", "bake"]
    )
    assert (
        result.exit_code == 2
        and "There is no type" in result.output
        and not list(tmp_path.iterdir())
    )
