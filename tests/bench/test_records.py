"""The growing list of records: always valid JSON, and whole again after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limn.editing.bench.records import Records


def key(record: object) -> object:
    return record["n"]  # type: ignore[index]


def test_every_record_leaves_valid_json(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "quality.json"
    records = Records(file, key)
    assert json.loads(file.read_text()) == []
    for n in range(3):
        records.add({"n": n, "text": "ü\n]"})
        assert json.loads(file.read_text()) == records.all
    again = Records(file, key)
    assert again.all == records.all and 2 in again and 3 not in again
    again.add({"n": 3})
    assert [r["n"] for r in json.loads(file.read_text())] == [0, 1, 2, 3]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_kill_at_any_byte_costs_at_most_the_last_record(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "quality.json"
    records = Records(file, key)
    for n in range(4):
        records.add({"n": n, "method": "foi"})
    whole = file.read_bytes()
    file.write_bytes(whole[:-cut] if cut < 30 else whole[:1])
    kept = [r["n"] for r in Records(file, key).all]
    assert kept == list(range(len(kept)))
    assert len(kept) >= 3 or cut >= 30
    assert [r["n"] for r in json.loads(file.read_text())] == kept


def test_another_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "quality.json"
    file.write_text('{"something": "else"}')
    with pytest.raises(ValueError, match="not a list of records"):
        Records(file, key)
    assert file.read_text() == '{"something": "else"}'
    file.write_text('[\n{"n": 1},\nnot json,\n{"n": 2},\n{"n": 3}\n]\n')
    with pytest.raises(ValueError, match="line 3"):
        Records(file, key)


def test_figures_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    records = Records(tmp_path / "quality.json", key)
    with pytest.raises(ValueError, match="Out of range"):
        records.add({"n": 1, "psnr": float("inf")})
    assert json.loads((tmp_path / "quality.json").read_text()) == []
