"""Layers and pixels: the only file that talks to Krita's documents. Pixels out, result in, selection, undo.

Nothing here waits: long work is a generator for turns.py. No pixel of an existing layer is written, ever. What is sent is read from
`Node.duplicate()`, which shares its tiles with the layer until either changes: the painter may paint on meanwhile.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from krita import Krita

from .colour import CanvasProblem, Converter, Space, wire
from .geometry import Rect, crop
from .qt import QApplication, QByteArray, Qt
from .turns import Steps, Task, apart

STRIP_ROWS = 64
"""Krita's tiles are 64 x 64 pixels: strips of this height touch each tile once."""

STRIP_PIXELS = 64 * 2048
"""Read or written at a time: some 2 ms on a busy machine."""

CONVERTED_PIXELS = 32 * 1024
"""Converted at a time: floating point documents take up to 0.4 µs a pixel."""

IDLE_SECONDS = 60.0
"""How long a result waits for a brush stroke or a filter to end before it goes in all the same."""

SELECTION_SECONDS = 20.0
"""How long Krita may take to make the new layer active, and its alpha the selection."""

RETURN_SECONDS = 0.5
"""Between two looks at whether the painter has come back to a document."""

ACTIVATION_SECONDS = 0.05
"""Between two looks at whether Krita has made a new layer the active one."""

ADDED_SECONDS = 0.05
"""Between two looks at whether a layer is in the picture yet."""

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
    """What an edit starts from, as it was when the painter asked. `rect`: the part that is sent; x and y: where the layer stood."""

    document: Any
    layer: Any
    uuid: Any
    name: str
    copy: Any
    space: Space
    rect: Rect
    x: int
    y: int
    selection: Any | None
    background: tuple[int, int, int]

    @property
    def format(self) -> str:
        return self.space.wire_format


# --- out -----------------------------------------------------------------------------------------------------------------


def take(use_selection: bool, again: Source | None = None) -> Source:
    """A snapshot of the active layer (or of the layer of an earlier edit, if that is still there). Raises CanvasProblem."""
    document = Krita.instance().activeDocument()
    if document is None:
        raise CanvasProblem("There is no picture open.", "Open or create one, then write what should change.")
    layer = _find(document, again.uuid) if again is not None and again.document == document else None
    if layer is None:
        layer = document.activeNode()
    if layer is None:
        raise CanvasProblem("No layer is active.", "Click the layer to edit in Krita's layer list.")
    _check(layer)
    canvas = Rect(document.xOffset(), document.yOffset(), document.width(), document.height())
    selection = document.selection() if use_selection else None
    chosen = None if selection is None else Rect(selection.x(), selection.y(), selection.width(), selection.height())
    bounds = layer.bounds()
    content = Rect(bounds.x(), bounds.y(), bounds.width(), bounds.height()).intersected(canvas)
    if content.empty:
        raise CanvasProblem(f"There is nothing on the layer “{layer.name()}” yet.", "Paint something on it, or choose another layer.")
    if chosen is not None and chosen.intersected(content).empty:
        where = f"The selection lies where the layer “{layer.name()}” is empty."
        raise CanvasProblem(where, "Move it over something, or set Selection to ignore.")
    space = Space(layer.colorModel(), layer.colorDepth(), layer.colorProfile())
    place = layer.position()
    return Source(
        document,
        layer,
        layer.uniqueId(),
        layer.name(),
        layer.duplicate(),
        space,
        crop(content, canvas, chosen),
        place.x(),
        place.y(),
        None if selection is None else selection.duplicate(),
        _background(document),
    )


def read(source: Source) -> Steps[tuple[list[bytes], list[bytes] | None]]:
    """The layer's pixels in the wire's format and the selection (255 selected), both in strips from top to bottom."""
    rect, pixels, hint = source.rect, [], None
    convert = Converter(source.space, wire(source.format))
    for y, rows in _strips(rect, convert.needed):
        strip = source.copy.pixelData(rect.x, y, rect.width, rows)
        pixels.append(convert(strip, rect.width, rows))
        yield None
    convert.close()
    if source.selection is not None:
        hint = []
        for y, rows in _strips(rect, False):
            hint.append(source.selection.pixelData(rect.x, y, rect.width, rows).data())
            yield None
    return pixels, hint


# --- in ------------------------------------------------------------------------------------------------------------------


def selection_mark(document: Any) -> tuple[Any, ...] | None:
    """Something that tells one selection from another: its bounds and some of its rows; None without a selection."""
    selection = None if document is None else document.selection()
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


def insert(source: Source, area: Rect, pixels: bytes, format: str, name: str) -> Steps[Any]:
    """A new layer above the source (or on top, if that is gone) with these pixels, as one step to undo. Returns the layer.

    area: in document pixels as of the snapshot; moved as the layer has been moved since. format: "bgra8" or "bgra16".
    Raises CanvasProblem if the document is closed.
    """
    layer, parent, below = yield from _ready(source, area, pixels, format, name)
    _results.add(layer.uniqueId().toString())
    yield from _added(source.document, layer, parent, below)
    return layer


def select(document: Any, layer: Any) -> Steps[bool]:
    """Make the layer's alpha the selection, as one step to undo. False: the painter is in another picture, or the layer is gone.

    The action `selectopaque` can hold Krita for longer than a turn, twice: it reads the layer's alpha on the main thread, some 12 ms for a
    million pixels; and while a worker then finds the selection's outline (`KisUpdateOutlineJob`), Krita's own look at whether it is idle
    (`KisIdleWatcher`, by `KisUpdateScheduler::tryBarrierLock`) waits for that. No other action was found that undo takes back.
    """
    uuid = layer.uniqueId()

    def active() -> bool:
        node = document.activeNode()
        return is_active(document) and node is not None and node.uniqueId() == uuid

    waited = 0.0
    while not active():
        if waited > SELECTION_SECONDS or not is_active(document) or _find(document, uuid) is None:
            return False
        if waited > ACTIVATION_SECONDS:  # added while the painter was in another picture
            document.setActiveNode(layer)
        yield ACTIVATION_SECONDS
        waited += ACTIVATION_SECONDS
    yield from _idle(document)
    if not active():
        return False
    Krita.instance().action("selectopaque").trigger()
    yield from apart(document.waitForDone, SELECTION_SECONDS)  # asking for Krita's lock would wait for the outline, too
    return True


def upon_return(document: Any, steps: Callable[[], Steps[bool]]) -> Steps[bool]:
    """Steps that need the document in front: as soon as the painter is back in it, and once more if they are left half-way."""
    while is_open(document):
        if is_active(document):
            if (yield from steps()):
                return True
            if is_active(document):
                return False
        yield RETURN_SECONDS
    return False


def select_only(source: Source, area: Rect, mask: bytes, name: str) -> Steps[bool]:
    """Make a mask (8 bit, of `area`) the selection, without leaving a layer behind; every step can be undone. False: as for `select`."""
    if not is_open(source.document):
        raise CanvasProblem("The picture was closed.")
    if not is_active(source.document):
        return False
    wide = bytearray(4 * len(mask))
    for row in range(area.height):  # row by row, with a stop in between: one stroke over all of it could take long
        start = row * area.width
        wide[4 * start + 3 : 4 * (start + area.width) : 4] = mask[start : start + area.width]
        yield None
    layer, parent, below = yield from _ready(source, area, bytes(wide), "bgra8", name)
    layer.setOpacity(0)
    try:
        yield from _added(source.document, layer, parent, below)
        selected = yield from select(source.document, layer)
        yield from _idle(source.document)
    except GeneratorExit:  # cancelled: a newer edit makes the selection
        Task(_removed(source.document, layer), lambda _: None, lambda _: None)
        raise
    yield from _removed(source.document, layer)
    original = _find(source.document, source.uuid)
    if original is not None:
        source.document.setActiveNode(original)
    return selected


def open_as_new(name: str, width: int, height: int, pixels: bytes, format: str) -> Steps[Any]:
    """A result whose document was closed, in a picture of its own."""
    space = wire(format)
    document = Krita.instance().createDocument(width, height, name, space.model, space.depth, space.profile, 72.0)
    Krita.instance().activeWindow().addView(document)
    yield 0.2
    layer = yield from _filled(document, Rect(0, 0, width, height), pixels, format, name)
    yield from _added(document, layer, document.rootNode(), None)
    return layer


def title(document: Any) -> str:
    """A picture's name in quotation marks: its file's, as on Krita's tab, or its title."""
    name = PurePath(document.fileName()).name or document.name()
    return f"“{name}”" if name else "the other picture"


def is_active(document: Any) -> bool:
    return bool(Krita.instance().activeDocument() == document)


# --- inside --------------------------------------------------------------------------------------------------------------

_results: set[str] = set()
"""The layers that this run of Krita has had from Limn, by unique id: the next result for the same source goes above them."""


def _check(layer: Any) -> None:
    kind = layer.type()
    if kind == "grouplayer":
        raise CanvasProblem(f"“{layer.name()}” is a group.", "Choose a paint layer inside it.")
    if kind != "paintlayer":
        raise CanvasProblem(f"“{layer.name()}” is {KINDS.get(kind, kind)}.", "Choose a paint layer; Krita can convert it: Layer > Convert.")
    node = layer
    while node is not None and node.parentNode() is not None:
        if not node.visible():
            raise CanvasProblem(f"“{node.name()}” is hidden.", "Show it first: what can't be seen is not edited.")
        node = node.parentNode()


def _background(document: Any) -> tuple[int, int, int]:
    """What the painter sees through transparent pixels: the document's own colour where it is opaque, else white."""
    colour = document.backgroundColor()
    return (colour.red(), colour.green(), colour.blue()) if colour.alpha() == 255 else (255, 255, 255)


def _find(document: Any, uuid: Any) -> Any | None:
    """The node with this id, or None. Looked for here: `Document.nodeByUniqueID` gives Python no Node in Krita 5."""
    waiting = list(document.rootNode().childNodes())
    for node in waiting:
        if node.uniqueId() == uuid:
            return node
        waiting.extend(node.childNodes())
    return None


def _top_of_results(parent: Any, below: Any) -> Any:
    """The topmost of the results that lie directly above a layer."""
    siblings = parent.childNodes()
    places = [number for number, node in enumerate(siblings) if node.uniqueId() == below.uniqueId()]
    for node in siblings[places[0] + 1 :] if places else []:
        if node.uniqueId().toString() not in _results:
            break
        below = node
    return below


def _strips(rect: Rect, converted: bool) -> Iterator[tuple[int, int]]:
    """The rows of a rectangle in pieces that are small enough for one turn: y and number of rows."""
    rows = max(1, min(STRIP_ROWS, (CONVERTED_PIXELS if converted else STRIP_PIXELS) // rect.width))
    for y in range(rect.y, rect.bottom, rows):
        yield y, min(rows, rect.bottom - y)


def _filled(document: Any, area: Rect, pixels: bytes, format: str, name: str) -> Steps[Any]:
    """A paint layer with these pixels, not yet in the document."""
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")
    layer = document.createNode(name, "paintlayer")
    space = Space(layer.colorModel(), layer.colorDepth(), layer.colorProfile())
    convert = Converter(wire(format), space)
    stride = area.width * (4 if format == "bgra8" else 8)
    view = memoryview(pixels)
    for y, rows in _strips(area, convert.needed):
        start = (y - area.y) * stride
        strip = QByteArray(bytes(view[start : start + rows * stride]))
        if convert.needed:
            strip = QByteArray(convert(strip, area.width, rows))
        if not is_open(document):
            raise CanvasProblem("The picture was closed.")
        layer.setPixelData(strip, area.x, y, area.width, rows)
        yield None
    convert.close()
    return layer


def _ready(source: Source, area: Rect, pixels: bytes, format: str, name: str) -> Steps[tuple[Any, Any, Any]]:
    """A layer with these pixels, at a moment when it can go into the picture; its parent there, and the node that it comes above."""
    document = source.document
    layer = yield from _filled(document, area, pixels, format, name)
    yield from _idle(document)
    below = _find(document, source.uuid)
    if below is None:
        parent, siblings = document.rootNode(), document.rootNode().childNodes()
        return layer, parent, siblings[-1] if siblings else None
    place = below.position()
    if (place.x(), place.y()) != (source.x, source.y):
        layer.move(layer.position().x() + place.x() - source.x, layer.position().y() + place.y() - source.y)
    parent = below.parentNode()
    return layer, parent, _top_of_results(parent, below)


def _added(document: Any, layer: Any, parent: Any, below: Any | None) -> Steps[None]:
    """Put a layer into the picture, as one step to undo. Raises CanvasProblem if the document is closed meanwhile.

    `addChildNode` has a worker of Krita's add the layer, then waits until the whole picture is drawn anew, however small the layer
    (`Node::addChildNode` and `KisImage::waitForDone` of Krita 5.1.5). On the main thread that wait is an event loop of Krita's own
    that lets no pen, mouse or key through, and after a second a dialog over the picture (`KisDelayedSaveDialog`); in another thread
    it only waits. That is sound there: all it does before is to hand over a command to `KisUpdateScheduler`, whose queues are locked,
    and to ask for the end of open strokes by a signal, which Krita's tools get on the main thread. What is left is the drawing, in
    Krita's workers and of the canvas, as after every undo.

    No way was found that undo takes back and that draws less: the action `add_new_paint_layer` draws nothing, but neither do its undo
    and redo, and the result would stay on the canvas.
    """
    yield from apart(lambda: parent.addChildNode(layer, below), IDLE_SECONDS, lambda: layer.parentNode() is not None)
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")


def _removed(document: Any, layer: Any) -> Steps[None]:
    """Take a layer out of the picture, as one step to undo; one that is still on its way into it as soon as it is there."""
    waited = 0.0
    while is_open(document) and waited < IDLE_SECONDS:
        if layer.parentNode() is not None:
            yield from apart(layer.remove, IDLE_SECONDS, lambda: layer.parentNode() is None)
            return
        yield ADDED_SECONDS
        waited += ADDED_SECONDS


def _idle(document: Any) -> Generator[float | None, None, None]:
    """Wait until the painter has lifted the brush and Krita has finished what it was drawing. Raises CanvasProblem if it is closed."""
    waited = 0.0
    while waited < IDLE_SECONDS:
        if not is_open(document):
            raise CanvasProblem("The picture was closed.")
        if QApplication.mouseButtons() == Qt.MouseButton.NoButton and _lock_free(document):
            return
        yield 0.05
        waited += 0.05


def _lock_free(document: Any) -> bool:
    """Whether Krita has nothing to do for this picture. A last piece of work that is being done is waited for: what we start is not."""
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True
