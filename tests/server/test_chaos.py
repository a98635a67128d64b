"""A short storm over a shared server; `python -m tests.chaos` makes long ones."""

from __future__ import annotations

from pathlib import Path

from .. import chaos


def test_each_edit_is_delivered_once_though_workers_die(tiny_model: Path, tmp_path: Path) -> None:
    workers = ["--workers", "2"]
    tally = chaos.run(tmp_path, tiny_model, workers, clients=3, jobs=9, kill_every=6, most_kills=2)
    assert not tally.wrong
    assert tally.done + tally.failed == 9
    assert tally.cuts
