"""What a result's record keeps, and what is not believed of a file."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from limn.krita_plugin.document.geometry import Rect
from limn.krita_plugin.panel_values import Request
from limn.krita_plugin.record import (
    MAX_BYTES,
    MAX_GREY_SIDE,
    Grey,
    Record,
    grey,
    parsed,
    written,
)

ID = "{6a3fd6f4-7a7d-4f57-9b5c-2f6f2a1e0b01}"
REQUEST = Request(
    "make the star blue", "foi", {"tau": 0.2, "steps": 20}, 7, "limit", False, "", True
)
RECORD = Record(
    ID,
    ID,
    ID,
    "set",
    REQUEST,
    "foi",
    "sketchbook",
    Rect(-3, 5, 128, 128),
    (1, 2, 3, 4, 4_000_000_000),
    Grey(Rect(0, 0, 4, 2), 4, 2, bytes(range(8))),
    None,
    Grey(Rect(0, 0, 2, 2), 1, 1, b"\xff"),
    b"\xff\xd8 a picture",
)


def test_a_record_comes_back_as_it_was() -> None:
    assert parsed(written(RECORD)) == RECORD
    assert parsed(written(replace(RECORD, group=ID))) == replace(RECORD, group=ID)
    bare = replace(RECORD, mark=None, found=None, hint=None, picture=b"")
    assert parsed(written(bare)) == bare


def test_a_large_mask_is_made_small() -> None:
    wide, high = 3 * MAX_GREY_SIDE, MAX_GREY_SIDE
    strips = [bytes(wide * 64) for _ in range(high // 64)]
    small = grey(Rect(0, 0, wide, high), strips, wide)
    assert (small.width, small.height) == (MAX_GREY_SIDE, -(-high // 3))
    assert parsed(written(replace(RECORD, found=small))) == replace(RECORD, found=small)


def test_a_record_without_room_leaves_its_masks_out() -> None:
    noise = random.Random(0).randbytes(MAX_GREY_SIDE * MAX_GREY_SIDE)
    mask = Grey(Rect(0, 0, 9, 9), MAX_GREY_SIDE, MAX_GREY_SIDE, noise)
    full = written(replace(RECORD, found=mask, map=mask, hint=mask))
    assert len(full) <= MAX_BYTES
    assert parsed(full) == replace(RECORD, found=None, map=None, hint=None)


def changed(name: str, value: Any) -> bytes:
    table = json.loads(written(RECORD))
    *way, last = name.split(".")
    inner = table
    for step in way:
        inner = inner[step]
    inner[last] = value
    return json.dumps(table).encode()


def test_a_record_of_a_version_without_places_was_edited_all_at_once() -> None:
    table = json.loads(written(RECORD))
    del table["request"]["full_resolution"], table["request"]["apart"], table["group"]
    was = replace(RECORD, request=replace(RECORD.request, full_resolution=False, apart=False))
    assert parsed(json.dumps(table).encode()) == was


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("result", "x" * 39),
        ("result", 3),
        ("source", None),
        ("group", "x" * 39),
        ("request.apart", 1),
        ("request", []),
        ("request.seed", -1 - 2**32),
        ("request.seed", True),
        ("request.seed", 1.5),
        ("request.hint_mode", "everywhere"),
        ("request.instruction", "x" * 2001),
        ("request.parameters", {"a" * 65: 1}),
        ("request.parameters", {"tau": float("nan")}),
        ("request.parameters", {"tau": [1]}),
        ("request.parameters", {str(number): 1 for number in range(65)}),
        ("request.flat", 1),
        ("request.full_resolution", 1),
        ("request.more", 1),
        ("area", [0, 0, -1, 4]),
        ("area", [0, 0, 1]),
        ("area", [0, 0, 2**40, 4]),
        ("area", [0, 0, 2**15, 4]),
        ("found.area", [0, 0, 2**14, 2**14]),
        ("mark", [1, 2]),
        ("mark", "12345"),
        ("found.size", [4, 3]),
        ("found.size", [0, 0]),
        ("found.size", [MAX_GREY_SIDE + 1, 2]),
        ("found.data", "%%%"),
        ("found.data", "AAAA"),
        ("picture", "A" * 200_000),
        ("picture", "é"),
    ],
)
def test_what_does_not_fit_is_no_record(name: str, value: Any) -> None:
    assert parsed(changed(name, value)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe",
        b"1" * (MAX_BYTES + 1),
        written(RECORD)[:-1],
    ],
)
def test_what_is_no_record_at_all_is_none(data: bytes) -> None:
    assert parsed(data) is None
