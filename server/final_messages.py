"""What is sent of an edit at its end: masks, the layer, the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from limn import editing
from limn.editing import events
from limn.protocol import limits
from limn.protocol.messages import (
    Box,
    Done,
    FoundPlace,
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
    where = images.mask(done.alpha)
    soft = None
    if where is not None and done.map is not None:
        soft = images.soft_map(done.map, done.map_box or done.box, done.cut)
    places = _places(done) if submit.places else ()
    yield Mask(submit.job, 0, where, () if places else _parts(done), map=soft, places=places)
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


def _places(done: events.Done) -> tuple[FoundPlace, ...]:
    """The places of a found mask; none where they would be too large for a message."""
    size, sent = done.alpha.numel(), []
    for one in done.places[: limits.MAX_ITEMS]:
        top, left, bottom, right = one.box
        hint = images.mask(one.hint)
        if hint is None:
            continue
        size += hint.pixels.raw_size
        if size > limits.MAX_MESSAGE_BYTES - limits.MAX_MAP_SIDE**2:
            return ()
        crop = Box(left, top, right - left, bottom - top)
        lies = replace(hint, x=left + hint.x, y=top + hint.y)
        words = one.instruction[: limits.MAX_INSTRUCTION]
        sent.append(FoundPlace(crop, lies, one.hint_mode, words))
    return tuple(sent)


def _parts(done: events.Done) -> tuple[PartMask, ...]:
    """Each instruction's share of the mask, with its map where there are several."""
    named = done.mask.parts[: limits.MAX_ITEMS]
    if len(named) < 2:
        return tuple(part_mask(part, done.alpha) for part in named)
    sent: list[PartMask] = []
    size = done.alpha.numel()
    for part, share in zip(named, shares(named, done.alpha), strict=True):
        one = part_mask(part, share)
        if part.map is not None:
            soft = images.soft_map(part.map, done.map_box or done.box, done.cut)
            one = replace(one, map=soft)
        size += sum(area.pixels.raw_size for area in (one.area, one.map) if area is not None)
        if size > limits.MAX_MESSAGE_BYTES - limits.MAX_MAP_SIDE**2:
            return ()
        sent.append(one)
    return tuple(sent)


def shares(parts: Sequence[events.PartMask], alpha: torch.Tensor) -> Iterator[torch.Tensor]:
    """What each part shows of the edit: (1, 1, H, W), made one after another.

    Their largest at each pixel is the composite's alpha. Parts may overlap, and each has all of its
    own place: what is hidden of one is then still seen through the other. Where the composite
    reaches beyond all of them, as between two that touch, the rest is that of the largest.
    """

    def share(part: events.PartMask) -> torch.Tensor:
        return torch.minimum(part.soft if part.make_share is None else part.make_share(), alpha)

    most, whose = torch.full_like(alpha, -1), torch.zeros_like(alpha, dtype=torch.uint8)
    for number, part in enumerate(parts):
        own = share(part)
        whose[own > most] = number
        most = torch.maximum(most, own)
    for number, part in enumerate(parts):
        yield torch.where(whose == number, alpha, share(part))


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
