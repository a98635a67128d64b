"""Krita's documents as Limn finds them: what is open, what is selected, and a layer's pixels on
their way out. results.py puts some in.

Nothing here waits: long work is a generator for turns.py. No pixel of an existing layer is written,
ever. What is sent is read from `Node.duplicate()`, which shares its tiles with the layer until
either changes: the painter may paint on meanwhile.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from krita import Krita

from . import stack
from .colour import CanvasProblem, Converter, Space, wire
from .cooperative import Steps
from .geometry import Rect, crop, united
from .stack import Copy

STRIP_ROWS = 64
"""Krita's tiles are 64 x 64 pixels: strips of this height touch each tile once."""

STRIP_PIXELS = 64 * 2048
"""Read or written at a time: some 2 ms on a busy machine."""

CONVERTED_PIXELS = 32 * 1024
"""Converted at a time: floating point documents take up to 0.4 µs a pixel."""

MARK_ROWS = 64
"""Rows of a selection that are looked at to recognise it."""

KINDS = {
    "grouplayer": "a group",
    "vectorlayer": "a vector layer",
    "filterlayer": "a filter layer",
    "filllayer": "a fill layer",
    "clonelayer": "a clone layer",
    "filelayer": "a file layer",
    "transparencymask": "a transparency mask",
    "filtermask": "a filter mask",
    "transformmask": "a transform mask",
    "selectionmask": "a selection mask",
    "colorizemask": "a colorize mask",
}


@dataclass(frozen=True)
class Source:
    """What an edit starts from, as it was when the painter asked.

    copies: of the layer, or where that is a result of the painting and the results up to it (see
    stack.py), bottom first. format: of the pixels on the wire, 16 bits a channel where layer or
    document have more than 8. rect: the part that is sent; x and y: where the layer stood.
    """

    document: Any
    uuid: Any
    copies: tuple[Copy, ...]
    format: str
    rect: Rect
    x: int
    y: int
    selection: Any | None
    background: tuple[int, int, int]


# --- out -----------------------------------------------------------------------------------------------------------------


def take(selection: Any | None, again: Source | None = None) -> Source:
    """A snapshot of the active layer (or of the layer of an earlier edit, if that is still there),
    with a selection or without.

    Raises CanvasProblem.
    """
    document = Krita.instance().activeDocument()
    if document is None:
        raise CanvasProblem(
            "There is no picture open.", "Open or create one, then write what should change."
        )
    layer = find(document, again.uuid) if again is not None and again.document == document else None
    if layer is None:
        layer = document.activeNode()
    if layer is None:
        raise CanvasProblem("No layer is active.", "Click the layer to edit in Krita's layer list.")
    _check(layer)
    canvas = Rect(document.xOffset(), document.yOffset(), document.width(), document.height())
    chosen = (
        None
        if selection is None
        else Rect(selection.x(), selection.y(), selection.width(), selection.height())
    )
    copies = stack.copied(stack.up_to(layer))
    content = united([copy.bounds for copy in copies]).intersected(canvas)
    if content.empty:
        raise CanvasProblem(
            f"There is nothing on the layer “{layer.name()}” yet.",
            "Paint something on it, or choose another layer.",
        )
    if chosen is not None and chosen.intersected(content).empty:
        where = f"The selection lies where the layer “{layer.name()}” is empty."
        raise CanvasProblem(where, "Move it over something, or set Selection to ignore.")
    place = layer.position()
    formats = {Space.of(document).wire_format, *(copy.space.wire_format for copy in copies)}
    return Source(
        document,
        layer.uniqueId(),
        copies,
        "bgra16" if "bgra16" in formats else "bgra8",
        crop(content, canvas, chosen),
        place.x(),
        place.y(),
        None if selection is None else selection.duplicate(),
        _background(document),
    )


def read(source: Source) -> Steps[tuple[list[bytes], list[bytes] | None]]:
    """The layer's pixels in the wire's format and the selection (255 selected), both in strips from
    top to bottom.
    """
    rect, pixels, hint = source.rect, [], None
    lowest, *upper = [(copy, Converter(copy.space, wire(source.format))) for copy in source.copies]
    converted = any(convert.needed for _, convert in (lowest, *upper))
    for y, rows in strips(rect, converted):
        area = Rect(rect.x, y, rect.width, rows)
        strip = _part(*lowest, area)
        for copy, convert in upper:
            place = copy.bounds.intersected(area)
            if not place.empty:
                yield None
                strip = stack.over(
                    strip,
                    area,
                    _part(copy, convert, place),
                    place,
                    copy.opacity,
                    source.format == "bgra16",
                )
        pixels.append(strip)
        yield None
    for _, convert in (lowest, *upper):
        convert.close()
    if source.selection is not None:
        hint = []
        for y, rows in strips(rect, False):
            hint.append(source.selection.pixelData(rect.x, y, rect.width, rows).data())
            yield None
    return pixels, hint


def _part(copy: Copy, convert: Converter, area: Rect) -> bytes:
    return convert(
        copy.node.pixelData(area.x, area.y, area.width, area.height), area.width, area.height
    )


# --- what is there -------------------------------------------------------------------------------------------------------


def selection_of(document: Any | None) -> Any | None:
    return None if document is None else document.selection()


def selection_mark(selection: Any | None) -> tuple[Any, ...] | None:
    """Something that tells one selection from another: its bounds and some of its rows; None for
    none.
    """
    if selection is None:
        return None
    x, y, width, height = selection.x(), selection.y(), selection.width(), selection.height()
    step = max(1, height // MARK_ROWS)
    rows = [selection.pixelData(x, row, width, 1).data() for row in range(y, y + height, step)]
    return x, y, width, height, zlib.crc32(b"".join(rows))


def active_document() -> Any | None:
    return Krita.instance().activeDocument()


def is_open(document: Any) -> bool:
    return any(other == document for other in Krita.instance().documents())


def same(document: Any) -> Any:
    """The same document by another object of PyKrita's. Raises CanvasProblem if it is closed."""
    for other in Krita.instance().documents():
        if other == document:
            return other
    raise CanvasProblem("The picture was closed.")


def title(document: Any) -> str:
    """A picture's name in quotation marks: its file's, as on Krita's tab, or its title."""
    name = PurePath(document.fileName()).name or document.name()
    return f"“{name}”" if name else "the other picture"


def is_active(document: Any) -> bool:
    return bool(Krita.instance().activeDocument() == document)


def find(document: Any, uuid: Any) -> Any | None:
    """The node with this id, or None.

    Looked for here: `Document.nodeByUniqueID` gives Python no Node in Krita 5.
    """
    waiting = list(document.rootNode().childNodes())
    for node in waiting:
        if node.uniqueId() == uuid:
            return node
        waiting.extend(node.childNodes())
    return None


def strips(rect: Rect, converted: bool) -> Iterator[tuple[int, int]]:
    """The rows of a rectangle in pieces that are small enough for one turn: y and number of rows."""
    rows = max(1, min(STRIP_ROWS, (CONVERTED_PIXELS if converted else STRIP_PIXELS) // rect.width))
    for y in range(rect.y, rect.bottom, rows):
        yield y, min(rows, rect.bottom - y)


# --- inside --------------------------------------------------------------------------------------------------------------


def _check(layer: Any) -> None:
    kind = layer.type()
    if kind == "grouplayer":
        raise CanvasProblem(f"“{layer.name()}” is a group.", "Choose a paint layer inside it.")
    if kind != "paintlayer":
        raise CanvasProblem(
            f"“{layer.name()}” is {KINDS.get(kind, kind)}.",
            "Choose a paint layer; Krita can convert it: Layer > Convert.",
        )
    node = layer
    while node is not None and node.parentNode() is not None:
        if not node.visible():
            raise CanvasProblem(
                f"“{node.name()}” is hidden.", "Show it first: what can't be seen is not edited."
            )
        node = node.parentNode()


def _background(document: Any) -> tuple[int, int, int]:
    """What the painter sees through transparent pixels: the document's own colour where it is
    opaque, else white.
    """
    colour = document.backgroundColor()
    return (
        (colour.red(), colour.green(), colour.blue()) if colour.alpha() == 255 else (255, 255, 255)
    )
