"""Tables and claims from records."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from limn.editing.bench import report


def record(method: str, seed: int, type: str = "recolour", **figures: Any) -> dict[str, Any]:
    whole = {
        "iou": 0.5,
        "c_m": 0.2,
        "c_non": 0.1,
        "psnr": 30.0,
        "psnr_raw": 25.0,
        "towers_distance": 0.1,
        "success": True,
        "kept": True,
    }
    return {"method": method, "seed": seed, "type": type} | whole | figures


def text(table: Any) -> str:
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def line(table: Any, start: str) -> str:
    return next(row for row in text(table).splitlines() if start in row)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_averages_are_by_method_and_the_ratio_is_of_the_means() -> None:
    records = [
        record("foi", 1, c_m=0.3, c_non=0.0),
        record("foi", 2, c_m=0.1, c_non=0.1),
        record("sdedit", 1, iou=None),
    ]
    records.append(
        {"method": "sdedit", "seed": 2, "type": "pose", "refusal": "no", "success": False}
    )
    assert " 4.00 " in line(report.places(records, ["foi", "sdedit", "tas"]), "foi")
    assert cells(line(report.places(records, ["sdedit"]), "sdedit"))[:2] == ["sdedit", "-"]
    found = cells(line(report.verdicts(records, ["foi", "sdedit", "tas"]), "sdedit"))
    assert found[:3] == ["sdedit", "2", "0.50"] and found[-1] == "1"
    assert "tas" not in text(report.verdicts(records, ["foi", "tas"]))


def test_by_type_shows_success_and_what_stayed() -> None:
    records = [
        record("foi", 1),
        record("foi", 2, success=False),
        record("foi", 1, "pose", kept=False),
    ]
    assert cells(line(report.by_type(records, ["foi"], ["recolour", "pose", "add"]), "foi")) == [
        "foi",
        "50/100",
        "100/0",
        "-/-",
    ]


def test_claims_are_judged_on_the_cases_that_both_have() -> None:
    records = [
        record("instdiffedit", 1, iou=0.6),
        record("instdiffedit", 2, iou=0.0),
        record("diffedit", 1, iou=0.3),
    ]
    row = line(report.claims(records), "mask IoU")
    assert "0.600 against 0.300" in row and "yes" in row
    records.append(record("diffedit", 2, iou=0.3))
    assert "no" in line(report.claims(records), "mask IoU").split("│")[4]


def test_a_claim_of_less_and_one_of_no_less() -> None:
    records = [record("foi", 1, towers_distance=0.1), record("ip2p", 1, towers_distance=0.2)]
    table = report.claims(records)
    assert "yes" in line(table, "distance in the towers")
    assert "yes" in line(table, "no lower")  # equal
    assert (
        "no" in line(table, "outside than InstructPix2Pix, PSNR").split("│")[4]
    )  # equal is not more


def test_without_a_pair_of_methods_there_is_no_table() -> None:
    assert report.claims([record("foi", 1)]) is None
