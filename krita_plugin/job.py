"""One edit under way.

What was asked, of which layer, and what has come of it so far.
"""

from __future__ import annotations

import time
import traceback
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..protocol.messages import (
    Mask,
    NamedMask,
    PartMask,
    Pixels,
    Region,
    Report,
    SoftMap,
    Submit,
    Variant,
)
from ..protocol.values import Format
from .counting import Counted
from .course import Course
from .document import painter_selection, stack
from .document.cooperative import Task
from .document.geometry import Rect
from .document.new_layer import Veil
from .document.pictures import thumbnail
from .document.reading import Named, Source
from .document.reducing import Piece
from .document.trace import Trace
from .marking import own_words
from .panel_values import Link, Request
from .preview_data import PREVIEW_SIDE, LayerPicture, small
from .record import Grey, Record, grey
from .sentences import layer_name, one_line
from .wire.submitted import Draft

if TYPE_CHECKING:
    from krita import Node


PIECE = "piece"
"""The name of pixels that nobody sends; to hash them would hold the main thread."""

MAX_APART = 12
"""Layers of one result.

A sentence of more instructions hardly fits into 77 tokens.
"""


@dataclass(eq=False)
class Edit:
    """One edit under way.

    `draft` and `picture` come once the pixels have been read; result and mask as they arrive; then
    `finishing`: it goes into the picture, and meanwhile `waits` if the painter is busy there.
    `counted`: what its layer changes. `flattened`: its layer could have no mask.
    `hint`: the selection, small. `variants`: the id of the set that its result is one of; its own,
    where that is empty. `recorded`: what is kept in the picture. Of several seeds, `parts` are
    those that are done and go into the picture one after the other, the first just now;
    `delivered`: all that were done before the last. `course`: where the layer is too large to be
    sent, how far its places have come; `pieces`: of its result, where that has several. `sent`:
    width and height of what the server has of it.
    """

    job: str
    request: Request
    source: Source
    begun: float = field(default_factory=time.monotonic)
    draft: Draft | None = None
    picture: LayerPicture | None = None
    submitted: bool = False
    finishing: bool = False
    waits: bool = False
    result: Region | None = None
    mask: Mask | None = None
    done: Report | None = None
    counted: Counted | None = None
    flattened: bool = False
    hint: Grey | None = None
    variants: str = ""
    recorded: Record | None = None
    parts: list[Edit] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)
    task: Task[Any] | None = None
    course: Course | None = None
    pieces: tuple[Piece, ...] = ()
    sent: tuple[int, int] = (1, 1)

    @property
    def layer_name(self) -> str:
        """What the layer of the result is called."""
        return layer_name(self.request.instruction, self.request.seed)

    @property
    def seconds(self) -> float:
        """The time since the painter asked for it."""
        return time.monotonic() - self.begun

    def was_read(
        self, pixels: list[bytes], hint: list[bytes] | None, named: list[Named], trace: Trace
    ) -> None:
        """Keeps the layer's pixels as a draft to submit.

        With a small picture of them, and the trace by which the layer is recognised later.
        """
        self.source = replace(self.source, trace=trace)
        rect = self.source.rect
        if hint is not None:
            self.hint = grey(rect, hint, rect.width)
        self.drafted((rect.width, rect.height), self.source.format, pixels, hint, named)

    def drafted(
        self,
        size: tuple[int, int],
        format: Format,
        pixels: list[bytes],
        hint: list[bytes] | None,
        named: list[Named],
    ) -> None:
        """Keeps pixels as a draft to submit, with a small picture of them."""
        self.sent = size
        self.picture = small(pixels, *size, format == "bgra16", self.source.background)
        self.draft = Draft(self._submit, self.job, *size, format, pixels, hint, named)

    def _submit(
        self, picture: Pixels, selection: Pixels | None, named: tuple[NamedMask, ...]
    ) -> Submit:
        request = self.request if self.course is None else self.course.asked
        return Submit(
            job=self.job,
            algorithm=request.algorithm,
            instruction=request.instruction,
            pixels=picture,
            seed=request.seed,
            parameters=request.parameters,
            hint=selection,
            hint_mode="off" if selection is None else request.hint_mode,
            previews=PREVIEW_SIDE,
            background=self.source.background,
            caption=request.caption,
            mask_only=request.mask_only,
            keep_transparency=request.keep_transparency,
            whole=not request.flat,
            full_resolution=request.full_resolution,
            ask=request.ask,
            seeds=request.seeds,
            named=named,
            places=self.course is not None and self.course.finding,
        )

    def part(self, done: Variant) -> Edit:
        """One of its seeds that is done, to go into the picture by itself."""
        request = replace(self.request, seed=done.seed, seeds=())
        variants = self.variants or self.job
        one = replace(self, request=request, done=done, variants=variants, parts=[], task=None)
        self.mask = self.result = None
        return one

    def is_same(self, request: Request, source: Source) -> bool:
        """Whether it begins with this request, this layer and this selection."""
        mine = self.source
        there = mine.document == source.document and mine.uuid == source.uuid
        return (
            self.request == request
            and there
            and painter_selection.selection_mark(mine.selection)
            == painter_selection.selection_mark(source.selection)
        )

    def placed(self, region: Region) -> Rect:
        """A region of the submitted picture in document pixels."""
        return _extent(region).moved(self.source.rect.x, self.source.rect.y)

    def region(self, piece: Piece, format: Format, data: bytes) -> Region:
        """A piece's pixels, or its mask, as a region of what was sent."""
        area, rect = piece.area, self.source.rect
        pixels = Pixels(area.width, area.height, format, data, PIECE)
        return Region(area.x - rect.x, area.y - rect.y, pixels)

    @property
    def regions(self) -> list[tuple[Region, Region | None]]:
        """All that there is of its result by now, each with the mask to see it through."""
        pieces = self.pieces or (() if self.course is None else tuple(self.course.pieces))
        if not pieces:
            return [] if self.result is None else [(self.result, self.mask_apart)]
        format = self.source.format
        return [
            (
                self.region(one, format, one.pixels),
                None if self.request.flat else self.region(one, "gray8", one.mask),
            )
            for one in pieces
        ]

    @property
    def mask_apart(self) -> Region | None:
        """The mask through which the result is to be seen; None where it is in the result."""
        return None if self.mask is None or self.request.flat else self.mask.area

    @property
    def apart(self) -> tuple[tuple[PartMask, Region], ...]:
        """The instructions that have a layer each, with their shares.

        None for one layer of all. They have one each where several were found, and not all of them
        at one and the same place.
        """
        if self.mask_apart is None or self.mask is None or not self.request.apart or self.pieces:
            return ()
        found = tuple((part, part.area) for part in self.mask.parts if part.area is not None)
        places = {(one.x, one.y, one.pixels.sha256) for _, one in found}
        return found if len(places) > 1 and len(found) <= MAX_APART else ()

    @property
    def veils(self) -> tuple[Veil, ...]:
        """The mask of all, then that of each layer, in document pixels.

        None where the mask is in the result.
        """
        area = self.mask_apart
        if area is None:
            return ()
        apart = (
            Veil(self.placed(share), share.pixels.data or b"", one_line(part.instruction))
            for part, share in self.apart
        )
        return Veil(self.placed(area), area.pixels.data or b""), *apart

    def record(self, layer: Node, model: str) -> Record:
        """What is kept of it in the picture, once its layer is there."""
        source, result, done = self.source, self.result, self.done
        assert result is not None and done is not None, "a layer comes of a result"
        found, soft = self.mask.area if self.mask else None, self.mask.map if self.mask else None
        if self.pieces:  # sliders would hold all of the layer in memory
            found = soft = None
        return Record(
            stack.id_of(layer),
            str(source.uuid.toString()),
            stack.painting_of(layer),
            self.variants or self.job,
            replace(self.request, seed=done.seed, seeds=()),
            done.algorithm,
            model,
            source.rect,
            found=None if found is None else self._grey(found.x, found.y, found.pixels),
            map=None if soft is None else self._grey(soft.shows.x, soft.shows.y, soft.pixels, soft),
            hint=self.hint,
            picture=self._thumbnail(),
        )

    def part_records(self, group: Node) -> list[Record]:
        """The records of a group's layers, each of one of the instructions."""
        assert self.recorded is not None, "after that of the group"
        return [
            replace(
                self.recorded,
                result=stack.id_of(layer),
                group=self.recorded.result,
                variants=str(uuid.uuid4()),
                request=replace(
                    self.recorded.request,
                    instruction=own_words(self.request.instruction, part.instruction),
                ),
                found=self._grey(share.x, share.y, share.pixels),
                map=None
                if part.map is None
                else self._grey(part.map.shows.x, part.map.shows.y, part.map.pixels, part.map),
                picture=b"",
            )
            for (part, share), layer in zip(self.apart, group.childNodes(), strict=True)
        ]

    def _grey(self, x: int, y: int, pixels: Pixels, soft: SoftMap | None = None) -> Grey:
        rect = self.source.rect
        wide, high = (
            (pixels.width, pixels.height) if soft is None else (soft.shows.width, soft.shows.height)
        )
        area = Rect(rect.x + x, rect.y + y, wide, high)
        return grey(area, [pixels.data or b""], pixels.width)

    def _thumbnail(self) -> bytes:
        """The result as it lies on what was sent, as a JPEG.

        Nothing where that is not known.
        """
        result, picture = self.result, self.picture
        if result is None or picture is None:
            return b""
        deep = result.pixels.format == "bgra16"
        parts = [
            (
                region.pixels.data or b"",
                _extent(region),
                None if mask is None else (_extent(mask), mask.pixels.data),
            )
            for region, mask in self.regions
        ]
        return thumbnail(picture, self.source.rect.width, deep, parts)

    def details(self, link: Link) -> str:
        """For a painter who wants to report or repeat an edit."""
        request, rect, space = self.request, self.source.rect, self.source.copies[-1].space
        parameters, size = dict(request.parameters), f"{rect.width} x {rect.height}"
        lines = [
            f"instruction: {request.instruction}",
            f"caption: {request.caption}",
            f"algorithm: {request.algorithm} {parameters}, seed {request.seed}, "
            f"selection {request.hint_mode}",
            f"layer: {space.model} {space.depth}, {size} at {rect.x}, {rect.y}",
            f"server: {link.details} {link.words}",
        ]
        done = self.done
        if done is not None:
            lines += [
                f"ran: {done.algorithm} ({done.reason or 'as chosen in the docker'})",
                f"keywords: {', '.join(done.keywords)}; thresholds: {dict(done.thresholds)}",
                f"seconds: {dict(done.seconds)}; forwards: {done.forwards}; rows: {done.rows}",
                *(f"understood {aspect}: {words}" for aspect, words in done.understood.items()),
            ]
        return "\n".join(lines)


def light(source: Source) -> Source:
    """A source without its pixels, which still names its layer and has its selection.

    It is what the same edit needs to begin again.
    """
    return replace(source, copies=())


def trace(error: Exception) -> str:
    """An error's traceback, for the details under a sentence."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _extent(region: Region) -> Rect:
    """Where a region lies in what was sent."""
    return Rect(region.x, region.y, region.pixels.width, region.pixels.height)
