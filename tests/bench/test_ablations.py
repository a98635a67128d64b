"""Ablations: a part is left out, its direction told with its interval."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from limn.editing.bench import ablations, methods, quality_cases
from limn.editing.bench.ablations import settings, tables
from limn.editing.methods.table import ALGORITHMS
from limn.editing.sketchbook.judge import Judge, new_judge

from .test_records import read


@pytest.mark.parametrize("preset", methods.PRESETS[:3])
def test_what_is_left_out_is_all_that_differs(preset: str) -> None:
    chosen = ablations.ablations(preset)
    base, *left_out = settings(chosen, 7.5)
    for one, setting in zip(chosen, left_out, strict=True):
        for method, own in setting.changed.items():
            apart = {n: v for n, v in own.items() if v != base.changed[method][n]}
            assert apart == (dict(one.without) if method == one.method else {})
            known = {p.name: p for p in ALGORITHMS[method].parameters}
            assert all(known[name].check(value) == value for name, value in own.items())


def test_a_part_that_acts_is_told_from_one_that_does_not() -> None:
    one = next(a for a in ablations.ablations("quick") if "modulated" in a.without)
    other = next(a for a in ablations.ablations("quick") if "disentangled" in a.without)
    base = [{"type": "recolour", "seed": k, "method": "foi", "psnr_raw": 30.0} for k in range(9)]
    worse = [{**r, "psnr_raw": 28.0} for r in base]
    better = [{**r, "psnr_raw": 31.0} for r in base]
    named = "guidance 7.5"
    found = {named: base, f"{named}, {one.name}": worse, f"{named}, {other.name}": better}
    table, _ = tables([one, other], [7.5], found)
    told = [str(text) for text in table.columns[3].cells]
    assert told[0].startswith("30.00 / 28.00") and told[0].endswith("yes")
    assert told[1].startswith("30.00 / 31.00") and told[1].endswith("no")


def test_it_runs_and_goes_on(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"foi": {"steps": 4}}
    monkeypatch.setattr(methods, "settings", lambda name, _: few.get(name, {}))
    parts = new_judge().eval()
    judge = Judge(parts["things"], parts["places"], parts["towers"])  # type: ignore[arg-type]
    monkeypatch.setattr(quality_cases, "load_judge", lambda: judge)
    arguments = ["--out", str(tmp_path), "--model", str(tiny_model), "--jobs", "1", "--cases", "1"]
    arguments += ["--methods", "foi", "--guidance", "2"]
    assert CliRunner().invoke(ablations.app, arguments).exit_code == 0
    files = sorted(tmp_path.glob("*/quality.jsonl"))
    assert len(files) == 4 and all(len(read(file)) == 2 for file in files)
    again = CliRunner().invoke(ablations.app, arguments)
    assert again.exit_code == 0 and all(len(read(file)) == 2 for file in files)
    unknown = CliRunner().invoke(ablations.app, [*arguments, "--methods", "p2p"])
    assert unknown.exit_code == 2 and "p2p" in unknown.output
