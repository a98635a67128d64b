"""A layer that is too large to be sent is edited place by place.

The layer is read at a smaller size, and the server finds the mask in that, and its places. Each of
them is then an edit of its own, of the layer's own pixels with what is around them, with the found
mask as its selection. What comes of them is one result: one layer, one mask, one step to undo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..protocol.messages import Box, Done, Failed, FoundPlace, Mask, Pixels, Progress, Region
from .course import Course, First, Scale, extent, fitting, in_passes, kept_of, places_of
from .delivery import Delivery
from .document import reducing
from .document.cooperative import Steps, Task
from .document.geometry import Rect
from .document.reading import Named
from .document.reducing import Piece
from .document.trace import Trace
from .job import Edit
from .marking import own_words
from .panel_values import Note, Request, is_too_large
from .sentences import SELECT
from .state import Panel
from .translations import told, tr
from .under_way import UnderWay

T = TypeVar("T")


class PlaceByPlace:
    """Leads the edits of layers that are too large to be sent."""

    def __init__(self, panel: Panel, under_way: UnderWay, delivery: Delivery) -> None:
        self._panel = panel
        self._under_way = under_way
        self._delivery = delivery

    def begin(self, edit: Edit) -> None:
        """Read the layer at a smaller size, and have its places found."""
        rect = edit.source.rect
        scale = Scale.of(rect, self._panel.most_pixels)
        asked = replace(edit.request, mask_only=True, seeds=(), hint_mode="off")
        course = edit.course = Course(rect, scale, asked)
        if edit.request.seeds:
            edit.request = replace(edit.request, seeds=())
            course.remarks.append(tr("Of a layer so large one seed is made at a time."))

        def read(what: tuple[list[bytes], list[Named], Trace]) -> None:
            pixels, named, trace = what
            edit.source = replace(edit.source, trace=trace)
            edit.drafted(scale.small, "bgra8", pixels, None, named)
            course.picture = edit.picture
            self._under_way.drafted(edit)

        edit.task = self._task(edit, reducing.read_small(edit.source, scale), read)

    def progressed(self, edit: Edit, message: Progress) -> Progress:
        """A job's progress as that of the whole edit."""
        course = edit.course
        if course is None or course.finding:
            return message
        left = course.seconds_left(message.seconds_left)
        return replace(message, number=course.number, passes=course.count, seconds_left=left)

    def heard(self, edit: Edit, done: Done) -> None:
        """The server is done with what it was asked for last."""
        course = edit.course
        assert course is not None, "asked for such edits only"
        course.reports.append(done)
        if course.finding:
            self._found(edit, course)
            return
        course.left.pop(0)
        result, mask = edit.result, edit.mask
        if result is None or mask is None or mask.area is None:
            self._go_on(edit, course)  # nothing was changed there
            return
        area = kept_of(edit.placed(mask.area), edit.placed(result), course.margin)
        if area.empty:
            self._go_on(edit, course)
            return
        if course.count == 1:
            course.first = First(edit.source.rect, result, mask, edit.picture)
            self._go_on(edit, course)
            return
        steps = reducing.piece_of(edit.source.rect, result, mask.area, area, course.pieces)
        edit.result = None

        def made(piece: Piece) -> None:
            course.pieces.append(piece)
            self._go_on(edit, course)

        edit.task = self._task(edit, steps, made)

    def broken_off(self, edit: Edit, failed: Failed) -> bool:
        """The server could not do a place: what was done before goes in, if any."""
        course = edit.course
        if course is None or not course.pieces:
            return False
        why = told(failed.said[0]) if failed.said else failed.sentence
        course.remarks.append(
            tr(
                "Only {count} of {places} places were edited: {why}",
                count=len(course.pieces),
                places=course.count,
                why=why,
            )
        )
        self._end(edit, course)
        return True

    # --- from the mask to the places

    def _found(self, edit: Edit, course: Course) -> None:
        course.finding = False
        mask = edit.mask
        if mask is None or mask.area is None:
            self._end(edit, course)
            return
        if edit.request.mask_only:
            self._enlarge(edit, course, mask, mask.area)
            return
        found = fitting(places_of(mask), course.scale, self._panel.most_pixels)
        course.left, course.count, course.margin = found.fit, len(found.fit), found.margin
        size = _size(extent(found.unfit, course.scale))
        if not course.left:
            sentence = tr("What was found has {size} pixels, too many for one edit.", size=size)
            self._give_up(edit, sentence)
            return
        if found.unfit:
            course.remarks.append(
                tr(
                    "Found as well, but too large to be edited in detail: {size} pixels. Select a "
                    "part of it for an edit of its own.",
                    size=size,
                )
            )
        if edit is self._under_way.shown():
            with self._panel.about(edit.source.document):
                self._panel.foretold(in_passes(course.count, course.count + 1))
        self._next(edit, course)

    def _enlarge(self, edit: Edit, course: Course, mask: Mask, area: Region) -> None:
        """The mask was asked for alone: it becomes the selection, if it fits."""
        box = Box(area.x, area.y, area.pixels.width, area.pixels.height)
        place = course.scale.box(box)
        if is_too_large(place.width, place.height, self._panel.most_pixels):
            sentence = tr(
                "What was found has {size} pixels, too many for one edit.", size=_size(place)
            )
            self._give_up(edit, sentence)
            return

        def selected(rows: list[bytes]) -> None:
            data = b"".join(rows)
            pixels = Pixels(place.width, place.height, "gray8", data, area.pixels.sha256)
            region = Region(place.x, place.y, pixels)
            edit.mask = replace(mask, area=region, parts=(), map=None, places=())
            edit.done = course.done(edit.job)
            self._delivery.finish(edit)

        edit.task = self._task(edit, reducing.enlarged(area, box, course.scale), selected)

    def _give_up(self, edit: Edit, sentence: str) -> None:
        self._under_way.client.acknowledge(edit.job)
        self._under_way.forget(edit)
        note = Note("error", sentence, SELECT, edit.details(self._panel.link))
        self._under_way.after(note, edit)

    # --- from place to place

    def _go_on(self, edit: Edit, course: Course) -> None:
        if course.left:
            self._next(edit, course)
        else:
            self._end(edit, course)

    def _next(self, edit: Edit, course: Course) -> None:
        """Read the next place, and have it edited."""
        self._under_way.client.acknowledge(edit.job)
        self._under_way.renew(edit)
        place, whole = course.left[0], course.whole
        area = course.scale.box(place.crop).moved(whole.x, whole.y)
        edit.source = replace(edit.source, rect=area)
        course.asked = replace(
            edit.request, hint_mode=place.hint_mode, mask_only=False, ask=False, seeds=()
        )
        if place.instruction:
            course.asked = self._of_one(edit, course, place)

        def read(what: tuple[list[bytes], list[bytes]]) -> None:
            pixels, hint = what
            size, format = (area.width, area.height), edit.source.format
            edit.drafted(size, format, pixels, hint, [])
            self._under_way.drafted(edit)

        if edit is self._under_way.shown():
            self._panel.staged("reading the layer")
        edit.task = self._task(edit, _read(edit, course, place), read)

    def _of_one(self, edit: Edit, course: Course, place: FoundPlace) -> Request:
        """The request for one of several instructions, by the algorithm of all."""
        ran = course.reports[0].algorithm
        known = {
            parameter.name
            for one in self._panel.algorithms
            if one.name == ran
            for parameter in one.parameters
        }
        given = course.asked.parameters.items()
        return replace(
            course.asked,
            instruction=own_words(edit.request.instruction, place.instruction),
            algorithm=ran,
            parameters={name: value for name, value in given if name in known},
        )

    def _end(self, edit: Edit, course: Course) -> None:
        """All places are done: their pieces become one result."""
        first, pieces = course.first, course.pieces
        edit.done = course.done(edit.job)
        edit.result = edit.mask = None
        edit.source = replace(edit.source, rect=course.whole)
        edit.picture = course.picture
        if first is not None:
            edit.source = replace(edit.source, rect=first.rect)
            edit.result, edit.mask, edit.picture = first.result, first.mask, first.picture
        elif pieces:
            edit.pieces = tuple(pieces)
            edit.result = edit.region(pieces[0], edit.source.format, pieces[0].pixels)
            mask = edit.region(pieces[0], "gray8", pieces[0].mask)
            edit.mask = Mask(edit.job, edit.done.seq, mask)
        self._delivery.finish(edit)

    def _task(self, edit: Edit, steps: Steps[T], done: Callable[[T], None]) -> Task[T]:
        def ended(what: T) -> None:
            with self._panel.about(edit.source.document):
                done(what)

        return Task(steps, ended, lambda error: self._under_way.broke(edit, error))


def _read(edit: Edit, course: Course, place: FoundPlace) -> Steps[tuple[list[bytes], list[bytes]]]:
    """A place's pixels with what is done on them, and its selection, in strips."""
    pixels = yield from reducing.read_piece(edit.source, course.pieces, edit.request.flat)
    return pixels, (yield from reducing.enlarged(place.hint, place.crop, course.scale))


def _size(rect: Rect) -> str:
    return f"{rect.width} x {rect.height}"
