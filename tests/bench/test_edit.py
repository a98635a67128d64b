"""`limn bench edit` measures the files that the real command line has written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from limn.editing import load_models
from limn.editing.bench import edit, sheet
from limn.editing.bench.quality_cases import Case
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.judge import load_judge
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT

from .test_records import read

SEED = FIRST_HELD_OUT


def test_the_exact_answer_is_right_and_the_picture_before_is_not(tmp_path: Path) -> None:
    case, models, judge = Case.of("recolour", SEED), load_models(folder()), load_judge()
    (tmp_path / "report.json").write_text(json.dumps({"algorithm": "foi", "rows": 240}))
    sheet.mask_image((case.exact >= 0.5).float()).save(tmp_path / "mask.png")
    for picture, error in ((case.after, 0), (case.before, 1)):
        sheet.to_image(picture).save(tmp_path / "result.png")
        found = edit.measured(models, judge, case, tmp_path)
        assert found["iou"] == 1 and found["kept"] and found["success"] is (error == 0)
        assert found["squared"] == pytest.approx(error, abs=1e-3)
        assert found["absolute"] == pytest.approx(error, abs=2e-2)
        assert 0 < found["squared_floor"] < found["absolute_floor"] < 0.5


def test_it_goes_through_the_command_line(tmp_path: Path) -> None:
    arguments = ["--types", "recolour", "--cases", "1", "--set", "steps=2", "--device", "cpu"]
    result = CliRunner().invoke(edit.app, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    (record,) = read(tmp_path / "edit.jsonl")
    home = tmp_path / f"recolour-{SEED}"
    case = Case.of("recolour", SEED)
    mask = np.array(Image.open(home / "mask.png").convert("L")) >= 128
    exact = case.exact[0, 0].numpy() >= 0.5
    overlap = (mask & exact).sum() / (mask | exact).sum()
    assert record["iou"] == pytest.approx(overlap, abs=1e-4) and record["algorithm"] == "foi"
    assert (tmp_path / "sheet.png").exists() and (home / "report.json").exists()
    other = CliRunner().invoke(edit.app, ["--types", "recolour", "--out", str(tmp_path)])
    assert other.exit_code == 2 and "--set" in other.output
