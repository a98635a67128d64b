"""The edit that `installer try` ends with, by the bundled model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .conftest import ROOT, Limn, array


def test_what_it_says_is_what_the_files_show(alone: Limn, tmp_path: Path) -> None:
    out = tmp_path / "out"
    environ = {name: value for name, value in alone.environ.items() if name != "LIMN_MODEL"}
    command = [sys.executable, "-m", "limn.server.cli.first_edit", "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    before, result, layer = (array(out / f"{name}.png") for name in ("before", "result", "layer"))
    changed = (before[..., :3] != result[..., :3]).any(axis=2)
    assert changed.any() and not (changed & (layer[..., 3] == 0)).any()
    assert f"{changed.sum()} inside the mask, 0 outside" in done.stderr
    overlap = re.search(r"overlaps the exact one by (\d+)%", done.stderr)
    assert overlap is not None and int(overlap[1]) >= 80, done.stderr
    assert str(out / "side-by-side.png") in done.stdout
    assert array(out / "side-by-side.png").shape[1] > 5 * 256
