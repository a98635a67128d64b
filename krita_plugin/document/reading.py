"""What an edit starts from, and its pixels.

Nothing here waits: long work is a generator for cooperative.py. No pixel of a layer is written,
ever. What is sent is read from `Node.duplicate()`, which shares its tiles with the layer until
either changes: the painter may paint on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from krita import Document, Krita, Node, Selection

from ...protocol.values import Format
from ..qt import QUuid
from ..translations import tr
from . import pictures, stack
from .colour import CanvasProblem, Converter, Space, wire
from .cooperative import Steps
from .documents import find
from .editable import check, layer_of
from .geometry import FILLED, Rect, crop, united
from .masks import SELECTION
from .painter_selection import meant_bounds
from .stack import Copy
from .strips import strips
from .trace import State, Trace, traced
from .witnesses import Witness, found_for

MAX_NAMED = 16
"""Selection masks under a layer that are sent; a sentence has no more things."""


@dataclass(frozen=True)
class Named:
    """A selection mask under the layer.

    One byte a pixel of a part of what is sent, in strips.
    """

    name: str
    area: Rect
    strips: list[bytes] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Source:
    """What an edit starts from, as it was when the painter asked.

    copies: of the layer, or where that is a result of the painting and the results up to it (see
    stack.py), bottom first. format: of the pixels on the wire, 16 bits a channel where layer or
    document have more than 8. rect: the part that is sent; state: where the layer lay. time: the
    frame that was shown. trace: by which the layer is recognised later, once it has been read.
    layer: itself; it may leave the picture. witnesses: other layers, by which the picture is.
    named: copies of the selection masks that lie under it, by their names.
    """

    document: Document
    uuid: QUuid
    copies: tuple[Copy, ...]
    format: Format
    rect: Rect
    state: State
    selection: Selection | None
    background: tuple[int, int, int]
    time: int = 0
    trace: Trace | None = None
    layer: Node | None = None
    witnesses: tuple[Witness, ...] = ()
    named: tuple[tuple[str, Node], ...] = ()


# --- out ------------------------------------------------------------------------------------------


def take(
    selection: Selection | None,
    again: Source | None = None,
    accepted: Container[str] = (),
    last: QUuid | None = None,
) -> Source:
    """A snapshot of the active layer, with a selection or without.

    Or of the layer of an earlier edit, if that is still there. accepted: ids of layers that the
    painter wants edited as they are seen, whatever their kind. Raises CanvasProblem; Offer for a
    layer of which that can be done.
    """
    document = Krita.instance().activeDocument()
    if document is None:
        raise CanvasProblem(
            "There is no picture open.", "Open or create one, then write what should change."
        )
    layer = find(document, again.uuid) if again is not None and again.document == document else None
    if layer is None:
        layer, again = document.activeNode(), None
    if layer is None:
        raise CanvasProblem("No layer is active.", "Click the layer to edit in Krita's layer list.")
    layer = layer_of(document, layer, last)
    check(layer, again is not None or stack.id_of(layer) in accepted)
    canvas = Rect(document.xOffset(), document.yOffset(), document.width(), document.height())
    chosen = None if selection is None else meant_bounds(selection)
    layers = stack.up_to(layer)
    copies = stack.copied(layers, canvas)
    painted = united([copy.bounds for copy in copies])
    content = painted.intersected(canvas)
    if content.empty and not painted.empty:
        raise CanvasProblem(
            f"All of the layer “{layer.name()}” lies beside the canvas.",
            "Move it onto the canvas, or choose another layer.",
        )
    if content.empty:
        raise CanvasProblem(
            tr("There is nothing on the layer “{layer}” yet.", layer=layer.name()),
            "Paint something on it, or choose another layer.",
        )
    if chosen is not None and chosen.intersected(content).empty:
        where = tr("The selection lies where the layer “{layer}” is empty.", layer=layer.name())
        raise CanvasProblem(where, "Move it over something, or set Selection to ignore.")
    formats = {Space.of(document).wire_format, *(copy.space.wire_format for copy in copies)}
    return Source(
        document,
        layer.uniqueId(),
        copies,
        "bgra16" if "bgra16" in formats else "bgra8",
        crop(content, canvas, chosen, _is_cut_out(copies[0], content)),
        state_of(document, layer),
        None if selection is None else selection.duplicate(),
        _background(document),
        document.currentTime(),
        layer=layer,
        witnesses=found_for(document, layer),
        named=_named(layers),
    )


def prospect(selection: Selection | None, last: QUuid | None = None) -> tuple[int, int] | None:
    """Width and height of what `take` would send now; None for nothing.

    No snapshot is made. last: as for `take`. Raises CanvasProblem where a mode of blending can't be
    applied.
    """
    document = Krita.instance().activeDocument()
    node = None if document is None else document.activeNode()
    if document is None or node is None:
        return None
    layer = layer_of(document, node, last)
    if layer.parentNode() is None:
        return None  # it is just being undone
    if not (layer.type() == "paintlayer" or stack.is_result(layer)) or not layer.visible():
        return None
    canvas = Rect(document.xOffset(), document.yOffset(), document.width(), document.height())
    layers = stack.up_to(layer)
    content = united([stack.bounds_of(one) for one in layers]).intersected(canvas)
    chosen = None if selection is None else meant_bounds(selection)
    if content.empty or (chosen is not None and chosen.intersected(content).empty):
        return None
    lowest = Copy(layers[0], Space.of(layers[0]), stack.bounds_of(layers[0]), pictures.OPAQUE)
    sent = crop(content, canvas, chosen, _is_cut_out(lowest, content))
    return sent.width, sent.height


def read(source: Source) -> Steps[tuple[list[bytes], list[bytes] | None, list[Named], Trace]]:
    """The layer's pixels in the wire's format, the selection, and the masks by name.

    255 is selected. All in strips from top to bottom; and what the layer can be recognised by.
    """
    rect, pixels, hint, named = source.rect, [], None, []
    for strip in seen(source):
        if strip is not None:
            pixels.append(strip[1])
        yield None
    if source.selection is not None:
        hint = []
        for y, rows in strips(rect, False):
            hint.append(source.selection.pixelData(rect.x, y, rect.width, rows).data())
            yield None
    for name, node in source.named:
        bounds = stack.bounds_of(node).intersected(rect)
        if not bounds.empty:
            mask = Named(name, bounds.moved(-rect.x, -rect.y))
            for y, rows in strips(bounds, False):
                mask.strips.append(node.pixelData(bounds.x, y, bounds.width, rows).data())
                yield None
            named.append(mask)
    return pixels, hint, named, (yield from trace_of(source))


def seen(source: Source, multiple: int = 1) -> Iterator[tuple[Rect, bytes] | None]:
    """The part that is sent as it is seen, in strips from top to bottom.

    In the wire's format. None between two of them: a place to stop. multiple: of rows in each strip
    but the last.
    """
    rect, deep = source.rect, source.format == "bgra16"
    lowest, *upper = [(copy, Converter(copy.space, wire(source.format))) for copy in source.copies]
    converted = any(convert.needed for _, convert in (lowest, *upper))
    for y, rows in strips(rect, converted, multiple):
        area = Rect(rect.x, y, rect.width, rows)
        strip = _part(*lowest, area, deep)
        for copy, convert in upper:
            place = copy.bounds.intersected(area)
            if not place.empty:
                yield None
                part = _part(copy, convert, place, deep)
                strip = pictures.over(
                    strip, area, part, place, copy.opacity, deep, copy.mode, copy.inside
                )
        yield area, strip
    for _, convert in (lowest, *upper):
        convert.close()


def trace_of(source: Source) -> Steps[Trace]:
    """What the layer can be recognised by later; its witnesses take a look, too."""
    own = source.copies[-1]
    trace = traced(source.state, own.space.depth, reader(own.node))
    yield None
    for one in source.witnesses:
        one.look()
        yield None
    return trace


def _part(copy: Copy, convert: Converter, area: Rect, deep: bool) -> bytes:
    place = area.x, area.y, area.width, area.height
    part = convert(copy.node.pixelData(*place), area.width, area.height)
    if copy.mask is None:
        return part
    return pictures.through(part, area, copy.mask.pixelData(*place).data(), area, deep)


def state_of(document: Document, layer: Node) -> State:
    """Where a layer lies now."""
    place = layer.position()
    size = document.width(), document.height()
    bounds = stack.bounds_of(layer)
    if stack.masked(layer):
        bounds = bounds.intersected(Rect(0, 0, *size))
    return State(size, bounds, (place.x(), place.y()))


def reader(node: Node | stack.Still) -> Callable[[Rect], bytes]:
    """Reads the pixels of a node as it is seen by itself."""
    call = node.pixelData
    if not isinstance(node, stack.Still) and node.parentNode() is not None and stack.masked(node):
        call = node.projectionPixelData

    def pixels(rect: Rect) -> bytes:
        data: bytes = call(rect.x, rect.y, rect.width, rect.height).data()
        return data

    return pixels


# --- inside ---------------------------------------------------------------------------------------


def _named(layers: list[Node]) -> tuple[tuple[str, Node], ...]:
    """Copies of the visible selection masks under these layers, the last ones."""
    below = [one for layer in layers for one in layer.childNodes()]
    masks = [one for one in below if one.type() == SELECTION and one.visible()]
    return tuple((one.name(), one.duplicate()) for one in masks[-MAX_NAMED:])


def _is_cut_out(copy: Copy, bounds: Rect) -> bool:
    """Whether the layer's bounds are those of a shape, not of a picture.

    A shape's edges are empty for the most part.
    """
    x, y, wide, high = bounds.x, bounds.y, bounds.width, bounds.height
    size = {"U8": 1, "U16": 2, "F16": 2}.get(copy.space.depth, 4)
    empty = count = 0
    for rect in (
        Rect(x, y, wide, 1),
        Rect(x, bounds.bottom - 1, wide, 1),
        Rect(x, y, 1, high),
        Rect(bounds.right - 1, y, 1, high),
    ):
        data = reader(copy.node)(rect)
        pixels = rect.width * rect.height
        step = len(data) // pixels
        alphas = [data[step - 1 - part :: step] for part in range(size)]
        empty += sum(not any(alpha) for alpha in zip(*alphas, strict=True))
        count += pixels
    return empty > (1 - FILLED) * count


def _background(document: Document) -> tuple[int, int, int]:
    """What the painter sees through transparent pixels.

    The document's own colour where it is opaque, else white.
    """
    colour = document.backgroundColor()
    return (
        (colour.red(), colour.green(), colour.blue()) if colour.alpha() == 255 else (255, 255, 255)
    )
