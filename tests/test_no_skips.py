"""The plugin that lets no test be skipped in silence, against a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TESTS = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no krita here")
def test_is_skipped(): pass

def test_skips_itself(): pytest.importorskip("nothing_of_that_name")

@pytest.mark.gpu
@pytest.mark.skip(reason="no card here")
def test_of_a_card(): pass

@pytest.mark.xfail(strict=True)
def test_is_known_to_fail(): assert False
"""


def test_a_skip_is_a_failure_unless_it_wants_a_card(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    gpu: needs a card\n")
    (tmp_path / "test_other.py").write_text(
        'import pytest\npytest.importorskip("nothing_of_that_name")\n'
    )
    options = [
        "-q",
        "-p",
        "tests.no_skips",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        "--rootdir",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors" in done.stdout
    assert "no krita here" in done.stdout
