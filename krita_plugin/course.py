"""How far the edit of a layer has come that is too large to be sent.

No Krita, no Qt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..protocol.messages import Box, Done, FoundPlace, Mask, Region, Report, Said
from .document.geometry import Rect, united
from .panel_values import Request, is_too_large
from .preview_data import LayerPicture

if TYPE_CHECKING:
    from .document.reducing import Piece


SMALL_SIDE = 4096
"""Pixels along the longer side of what is sent in place of the layer, at most.

So a mask that was found in it is within 4 pixels right at 16384.
"""


@dataclass(frozen=True)
class Scale:
    """How much smaller a layer is sent.

    times: pixels of its side for one that is sent. width, height: of the layer.
    """

    times: int
    width: int
    height: int

    @classmethod
    def of(cls, whole: Rect, most: int) -> Scale:
        """The scale for a layer, of which `most` pixels can be sent."""
        side = min(SMALL_SIDE, math.isqrt(most))
        return cls(-(-max(whole.width, whole.height) // side), whole.width, whole.height)

    @property
    def small(self) -> tuple[int, int]:
        """Width and height of what is sent. A layer's last few pixels have no place in it."""
        return max(1, self.width // self.times), max(1, self.height // self.times)

    def box(self, small: Box) -> Rect:
        """A box of what was sent, in the layer's pixels; at its ends with the last few."""
        wide, high = self.small
        right, bottom = small.x + small.width, small.y + small.height
        x, y = small.x * self.times, small.y * self.times
        ends = self.width if right >= wide else right * self.times
        foot = self.height if bottom >= high else bottom * self.times
        return Rect(x, y, ends - x, foot - y)


MARGIN = 0.25
"""Share of a mask's side that is kept of a result beyond it, on each side."""

LEAST_MARGIN = 64
"""Pixels of that."""


@dataclass(frozen=True)
class First:
    """What has come of the only place, where there is just one.

    rect: of the layer what was sent for it. picture: of that, small.
    """

    rect: Rect
    result: Region
    mask: Mask
    picture: LayerPicture | None


@dataclass
class Course:
    """The places of one edit: those that are done, and those to come.

    whole: of the layer what would be sent if it were smaller, in document pixels. scale: how much
    smaller it is sent for the places to be found. asked: what the server is asked for now, and
    finding: whether that is for the places. left: to be edited, the first of them just now; count:
    of all that are edited. margin: as for `kept_of`. pieces: of the result, as far as there are.
    reports: of what was asked so far. remarks: what the painter is to be told at the end. picture:
    of all of the layer, small.
    """

    whole: Rect
    scale: Scale
    asked: Request
    finding: bool = True
    left: list[FoundPlace] = field(default_factory=list)
    count: int = 0
    margin: float = MARGIN
    pieces: list[Piece] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    first: First | None = None
    picture: LayerPicture | None = None

    @property
    def number(self) -> int:
        """Of the place that is being edited, from 1 on; 0 while places are looked for."""
        return 0 if self.finding else self.count - len(self.left) + 1

    def seconds_left(self, of_this: float | None) -> float | None:
        """Until the last place is done, as those before it took; None: unknown."""
        took = [sum(one.seconds.values()) for one in self.reports[1:]]
        if of_this is None or not (took or len(self.left) == 1):
            return None
        rest = len(self.left) - 1
        return of_this + (rest * sum(took) / len(took) if rest else 0)

    def done(self, job: str) -> Done:
        """What all of it has used, as the end of its last job."""
        first, last = self.reports[0], self.reports[-1]
        stages: dict[str, float] = {}
        for report in self.reports:
            for stage, seconds in report.seconds.items():
                stages[stage] = stages.get(stage, 0.0) + seconds
        passes = sum(one.passes for one in self.reports)
        notes = [note for one in self.reports for note in one.notes if note.code != "places"]
        if len(self.reports) > 1:
            notes.append(in_passes(len(self.reports) - 1, passes))
        return Done(
            job,
            last.seq,
            last.algorithm,
            last.seed,
            keywords=first.keywords,
            thresholds=first.thresholds,
            seconds=stages,
            forwards=sum(one.forwards for one in self.reports),
            rows=sum(one.rows for one in self.reports),
            understood=first.understood,
            notes=tuple({str(note): note for note in notes}.values()),
            reason=first.reason,
            clears=last.clears,
            chosen=first.chosen,
            passes=passes,
        )


def in_passes(places: int, passes: int) -> Said:
    """How many places are edited, in how many passes, in the server's words."""
    template = "Places edited at full resolution: {count}. Passes in all: {passes}."
    return Said(template, {"count": places, "passes": passes}, "places")


def places_of(mask: Mask) -> tuple[FoundPlace, ...]:
    """The places that are to be edited one by one.

    Where the server tells none, because an edit of one of them would gain nothing, they are the
    masks of the instructions as they are.
    """
    if mask.places or mask.area is None:
        return mask.places
    parts = [(one.area, one.instruction) for one in mask.parts if one.area is not None]
    if len(parts) < 2:
        parts = [(mask.area, "")]
    return tuple(FoundPlace(_bounds(area), area, "exactly", words) for area, words in parts)


@dataclass(frozen=True)
class Fitting:
    """What can be done of the places that were found.

    fit: those that are edited; unfit: the others, which are too large. margin: as for `kept_of`.
    """

    fit: list[FoundPlace]
    unfit: list[FoundPlace]
    margin: float


def fitting(places: Sequence[FoundPlace], scale: Scale, most: int) -> Fitting:
    """The places that can be edited, each with a crop of `most` pixels at most.

    A crop that is larger loses some of what is around the place. What is kept of all results has no
    more pixels, either: so no more is held in memory than for the largest edits of layers that are
    sent whole. Where that is too little for all of them, they are kept without a margin.
    """
    first = _fitting(places, scale, most, MARGIN)
    return first if not first.unfit else _fitting(places, scale, most, 0.0)


def _fitting(places: Sequence[FoundPlace], scale: Scale, most: int, margin: float) -> Fitting:
    found = Fitting([], [], margin)
    room = most
    for place in places:
        crop = _fitted(place, scale, most)
        kept = kept_of(scale.box(_bounds(place.hint)), scale.box(crop or place.crop), margin)
        if crop is None or kept.width * kept.height > room:
            found.unfit.append(place)
        else:
            room -= kept.width * kept.height
            found.fit.append(replace(place, crop=crop))
    return found


def kept_of(mask: Rect, result: Rect, margin: float) -> Rect:
    """The part of a place's result that is kept, where there are several.

    It is the mask, and what is around it: a painter can show so much more of the edit by painting
    on the mask. margin: share of the mask's side on each side, but LEAST_MARGIN at least.
    """
    across, down = (max(LEAST_MARGIN, round(margin * side)) for side in (mask.width, mask.height))
    return mask.grown(across, down).intersected(result)


def extent(places: Sequence[FoundPlace], scale: Scale) -> Rect:
    """The smallest rectangle of the layer around these places' masks."""
    return united([scale.box(_bounds(one.hint)) for one in places])


def _fitted(place: FoundPlace, scale: Scale, most: int) -> Box | None:
    """A place's crop of at most so many pixels; None where the place itself has more."""
    crop, hint = place.crop, place.hint
    if not is_too_large(*_size(scale.box(crop)), most):
        return crop
    side = math.isqrt(most) // scale.times - 1  # the last cell of a layer may be a little larger
    if max(hint.pixels.width, hint.pixels.height) > side:
        return None
    x, width = _around(hint.x, hint.pixels.width, crop.x, crop.width, side)
    y, height = _around(hint.y, hint.pixels.height, crop.y, crop.height, side)
    return Box(x, y, width, height)


def _around(start: int, length: int, first: int, whole: int, side: int) -> tuple[int, int]:
    """Begin and length of `side` cells at most around some others, within a whole."""
    side = min(side, whole)
    begin = start + length // 2 - side // 2
    return max(first, min(begin, first + whole - side)), side


def _bounds(region: Region) -> Box:
    return Box(region.x, region.y, region.pixels.width, region.pixels.height)


def _size(rect: Rect) -> tuple[int, int]:
    return rect.width, rect.height
