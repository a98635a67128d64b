"""`limn bench`.

Benchmarks are found without being imported, and get the arguments that follow their name.
"""

from __future__ import annotations

from pathlib import Path

from limn.server.cli.bench import find_benches

from .conftest import Limn


def test_a_module_with_an_app_is_a_benchmark(tmp_path: Path) -> None:
    (tmp_path / "speed.py").write_text(
        '"""Seconds, as ratios.\n\nMore."""\nimport nothing_of_that_name\napp = 1\n'
    )
    (tmp_path / "helper.py").write_text('"""No benchmark."""\ndef app_of():\n    app = 1\n')
    assert find_benches(tmp_path) == {"speed": "Seconds, as ratios."}


def test_the_sketchbooks_bars_are_there_and_take_options(alone: Limn) -> None:
    done = alone("bench", "sketchbook", "--help")
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
    assert alone("bench", "sketchbook", "--no-such-option").returncode == 2
    assert alone("bench", "no-such-bench").returncode == 2
