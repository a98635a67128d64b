"""Each target for some seconds; LIMN_FUZZ_SECONDS gives it longer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = os.environ.get("LIMN_FUZZ_SECONDS", "8")


@pytest.mark.parametrize("target", ["wire", "ready_line", "pictures", "configuration"])
def test_nothing_is_found(target: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, SECONDS, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert int(re.findall(r"number_of_executed_units: *(\d+)", said)[-1]) > 50, said[-2000:]
