"""The growing list of records, and that it is whole again after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from limn.editing.bench.records import Records


def key(record: Any) -> Any:
    return record["n"]


def read(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_record_is_a_line_and_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "quality.jsonl"
    records = Records(file, key)
    for n in range(3):
        records.add({"n": n, "text": "\u00fc\n]"})
        assert read(file) == records.all
    again = Records(file, key)
    assert again.all == records.all and 2 in again and 3 not in again
    again.add({"n": 3})
    assert [record["n"] for record in read(file)] == [0, 1, 2, 3]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_kill_at_any_byte_costs_at_most_the_last_record(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "quality.jsonl"
    records = Records(file, key)
    for n in range(4):
        records.add({"n": n, "method": "foi"})
    whole = file.read_bytes()
    length = len(whole) // 4
    file.write_bytes(whole[:-cut])
    kept = [record["n"] for record in Records(file, key).all]
    assert kept == list(range(4 - -(-cut // length)))
    assert [record["n"] for record in read(file)] == kept
    Records(file, key).add({"n": 9})
    assert [record["n"] for record in read(file)] == [*kept, 9]


def test_another_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "quality.jsonl"
    for text, told in (
        ("[1, 2]\n", "line 1"),
        ("a text", "not a list of records"),
        ('{"n": 1}\nnot json\n{"n": 2}\n', "line 2"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=told):
            Records(file, key)
        assert file.read_text(encoding="utf-8") == text


def test_figures_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    records = Records(tmp_path / "quality.jsonl", key)
    with pytest.raises(ValueError, match="Out of range"):
        records.add({"n": 1, "psnr": float("inf")})
    records.add({"n": 2})
    assert [record["n"] for record in read(tmp_path / "quality.jsonl")] == [2]
