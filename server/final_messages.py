"""What is sent of an edit at its end: masks, the layer, the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from limn import editing
from limn.editing import events
from limn.protocol import limits
from limn.protocol.messages import (
    Done,
    JobMessage,
    Mask,
    PartMask,
    Region,
    Result,
    Submit,
    Variant,
)
from limn.protocol.values import NOTHING

from . import images
from .sayings import on_wire


def finish(
    submit: Submit,
    request: editing.EditRequest,
    background: tuple[int, int, int],
    done: events.Done,
    seconds: Mapping[str, float],
    notes: tuple[str, ...],
    is_last: bool = True,
) -> Iterator[JobMessage]:
    """Final masks, the changed rectangle, and the report with further notes.

    is_last: whether no other seed of this edit is still to come.
    """
    parts = tuple(part_mask(part, part.binary) for part in done.mask.parts[: limits.MAX_ITEMS])
    where = images.mask(done.alpha)
    soft = None
    if where is not None and done.map is not None:
        soft = images.soft_map(done.map, done.map_box or done.box, done.cut)
    yield Mask(submit.job, 0, where, parts, map=soft)
    area = None if submit.mask_only else _result(submit, request, background, done)
    if area is not None and where is not None:
        yield Result(submit.job, 0, area)
    report = done.report
    end = Done if is_last else Variant
    yield end(
        job=submit.job,
        seq=0,
        algorithm=report.algorithm,
        seed=report.seed,
        keywords=_cut(report.keywords, limits.MAX_LABEL),
        thresholds=_floats(report.thresholds),
        seconds=dict(seconds),
        forwards=report.forwards,
        rows=report.rows,
        understood=dict(
            zip(report.understood, _cut(report.understood.values(), limits.MAX_TEXT), strict=False)
        ),
        notes=tuple(map(on_wire, (*notes, *report.warnings)))[: limits.MAX_ITEMS],
        reused=_cut(report.reused, limits.MAX_LABEL),
        reason=report.reason,
        chosen=on_wire(report.reason) if report.reason else NOTHING,
        clears=done.clears and request.opacity is not None,
        passes=report.passes,
    )


def _result(
    submit: Submit,
    request: editing.EditRequest,
    background: tuple[int, int, int],
    done: events.Done,
) -> Region | None:
    """The layer, with the mask in its alpha or without it; None where nothing changes."""
    how = images.Flattening(request.opacity, background, done.paper, done.edge, done.clears)
    if submit.whole and done.whole is not None:
        return images.whole(done.whole(), done.box, submit.pixels.format, how, done.shown)
    return images.layer(done.image, request.image, done.alpha, submit.pixels.format, how)


def part_mask(part: events.PartMask, mask: torch.Tensor) -> PartMask:
    """One instruction's share of the mask; mask: (1, 1, height, width)."""
    return PartMask(
        part.instruction[: limits.MAX_INSTRUCTION],
        part.keyword[: limits.MAX_LABEL],
        images.mask(mask),
    )


def _cut(texts: Iterable[str], most: int) -> tuple[str, ...]:
    """As many of the texts as a message takes.

    Each has at most `most` characters: an edit does not fail for what it tells of itself.
    """
    return tuple(text[:most] for text in texts)[: limits.MAX_ITEMS]


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
