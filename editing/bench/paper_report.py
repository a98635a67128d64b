"""A paper's evaluation as a table: our figures above those that it printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import torch
from PIL import Image
from rich.table import Table
from torch.nn import functional as F

from . import metrics, sheet
from .paper_tables import Evaluation
from .perception import MissingWeights, Perception
from .records import Record


def shares(records: Sequence[Record]) -> dict[str, list[float]]:
    """PickScore as the papers print it, by method.

    The softmax over the compared methods of a sample's logits.
    """
    by_sample: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for record in records:
        if record.get("pickscore") is not None:
            by_sample[record["sample"], record["seed"]][record["method"]] = record["pickscore"]
    found: dict[str, list[float]] = defaultdict(list)
    for scores in by_sample.values():
        for method, share in zip(
            scores, torch.tensor(list(scores.values())).softmax(0).tolist(), strict=True
        ):
            found[method].append(share)
    return found


def frechet(
    eyes: Perception, records: Sequence[Record], before: Path, edits: Path
) -> dict[str, float]:
    """FID between the pictures before and each method's edits, in these folders."""
    found = {}
    for method in {record["method"] for record in records}:
        own = [
            record for record in records if record["method"] == method and "refusal" not in record
        ]
        try:
            metric = eyes.fid()
        except MissingWeights as error:
            eyes.missing["fid"] = str(error)
            return {}
        for record in own:
            for side, real in ((before, True), (edits, False)):
                name = (
                    f"{record['number']}.png"
                    if real
                    else f"{record['number']}-{record['seed']}-{method}.png"
                )
                picture = F.interpolate(
                    sheet.to_tensor(Image.open(side / name).convert("RGB")),
                    size=(299, 299),
                    mode="bilinear",
                )
                metric.update(picture.to(eyes.device), real=real)
        if len(own) > 1:
            found[method] = float(metric.compute())
    return found


def table_of(
    evaluation: Evaluation,
    records: Sequence[Record],
    methods: Sequence[str],
    fid: Mapping[str, float],
    setting: str = "",
) -> Table:
    """One line a method; under it, in brackets, what its paper printed."""
    title = f"{evaluation.title}; {setting}" if setting else evaluation.title
    table = Table("method", "samples", *evaluation.columns, "rows", title=title)
    if "pickscore" in evaluation.columns:
        table.caption = (
            f"pickscore: shares of preference among these {len(methods)} methods; those printed "
            "are among the six of the paper, and no yardstick for them."
        )
    preference = shares(records)
    for method in methods:
        own = [
            record for record in records if record["method"] == method and "refusal" not in record
        ]
        cells = []
        for column in evaluation.columns:
            values = [record[column] for record in own if record.get(column) is not None]
            if column == "ratio":
                value = metrics.ratio(
                    [r["c_m"] for r in own if r.get("c_m") is not None],
                    [r["c_non"] for r in own if r.get("c_non") is not None],
                )
            elif column == "pickscore":
                value = mean(preference[method]) if preference.get(method) else None
            else:
                value = fid.get(method) if column == "fid" else mean(values) if values else None
            cells.append("-" if value is None else f"{value:.4g}")
        rows = [record["rows"] for record in own]
        table.add_row(method, str(len(own)), *cells, f"{mean(rows):.0f}" if rows else "-")
        if method in evaluation.printed:
            table.add_row(
                "  (printed)",
                "",
                *("-" if v is None else f"({v:g})" for v in evaluation.printed[method]),
                "",
                style="dim",
            )
    return table
