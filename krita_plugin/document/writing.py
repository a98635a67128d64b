"""What Limn puts into a painter's document.

A layer, a selection, or a document of its own; every step can be undone. Nothing here waits: long
work is a generator for cooperative.py. No pixel of an existing layer is written, ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from krita import Krita

from ..qt import QByteArray
from . import masks, pictures, stack
from .animation import Frames, span
from .closing import settling
from .colour import CanvasProblem, Converter, Space, wire
from .cooperative import Steps, Task
from .geometry import Rect
from .idle import Tell, idle, untold
from .native_call import call
from .placing import Place, laid, place
from .reading import Source, find, is_active, is_open, same, strips

SELECTION_SECONDS = 20.0
"""How long Krita may take over the new layer and its selection.

It makes the layer active, and its alpha the selection.
"""

RETURN_SECONDS = 0.5
"""Between two looks at whether the painter has come back to a document."""

ACTIVATION_SECONDS = 0.05
"""Between two looks at whether Krita has made a new layer the active one."""

ADDED_SECONDS = 0.05
"""Between two looks at whether a layer is in the picture yet."""

BREATH_SECONDS = 0.05
"""A pause for Krita to show a new layer before its alpha is read.

In one turn the two of them hold it half as long again.
"""


@dataclass(frozen=True)
class Veil:
    """A mask to see a layer through.

    One byte a pixel: 255 lets all through; nothing is seen beside it.
    """

    area: Rect
    data: bytes = field(repr=False)


def insert(
    source: Source,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    tell: Tell = untold,
    veil: Veil | None = None,
) -> Steps[Any]:
    """Puts a new layer with these pixels above the source.

    Or on top, if that is gone. It is one step to undo. Returns the layer. area: in document pixels
    as of the snapshot; moved, turned, mirrored or scaled as the layer has been since. Where that is
    animated, it is seen as long as the edited drawing. It lies on the others as the source does:
    its opacity, blending mode and whether it inherits alpha. format: "bgra8" or "bgra16". veil:
    becomes the layer's transparency mask, in the same step; where it can't (Krita makes none, or
    the source is animated) it is in the layer's own alpha. tell: told what of the painter's it
    waits for. Raises CanvasProblem if the document is closed, Krita does not take the layer, or its
    place isn't known.
    """
    frames: list[Frames] = []
    try:
        layer, there = yield from _ready(source, area, pixels, format, name, tell, frames, veil)
        if there.layer is not None:
            _lies_like(layer, there.layer)
        stack.add(layer, source.uuid)
        yield from _added(source.document, layer, there)
    finally:
        for one in frames:
            one.close()
    return layer


def select(document: Any, layer: Any, tell: Tell = untold) -> Steps[bool]:
    """Makes the layer's alpha the selection, as one step to undo.

    False: the painter is in another picture, or the layer is gone. The action `selectopaque` can
    hold Krita for longer than a turn, twice, as it does when the painter uses it: it reads the
    layer's alpha on the main thread, pixel by pixel, some 13 ms for a million of them; and while a
    worker then finds the selection's outline (`KisUpdateOutlineJob`), the storyboard docker of
    Krita 5.1.5 looks every 10 ms whether Krita is idle (`KisIdleWatcher`, by
    `KisUpdateScheduler::tryBarrierLock`), which waits for that; without this docker nothing waits.
    No other action was found that undo takes back.

    It also asks for the end of whatever is under way (`KisImage::barrierLock`), by which a crop
    preview would crop the picture: not where the picture is locked already.
    """
    uuid = layer.uniqueId()

    def active() -> bool:
        node = document.activeNode()
        return is_active(document) and node is not None and node.uniqueId() == uuid

    waited = 0.0
    while not active():
        if waited > SELECTION_SECONDS or not is_active(document) or find(document, uuid) is None:
            return False
        if waited > ACTIVATION_SECONDS:  # added while the painter was in another picture
            document.setActiveNode(layer)
        yield ACTIVATION_SECONDS
        waited += ACTIVATION_SECONDS
    yield BREATH_SECONDS
    yield from idle(document, tell)
    if not active() or not document.tryBarrierLock():
        return False
    settling.changed(document)
    try:
        Krita.instance().action("selectopaque").trigger()
    finally:
        document.unlock()
    # asking for Krita's lock would wait for the outline, too
    yield from call(same(document), "waitForDone")
    settling.changed(document)
    return True


def upon_return(document: Any, steps: Callable[[], Steps[bool]]) -> Steps[bool]:
    """Runs steps that need the document in front.

    As soon as the painter is back in it, and once more if they are left half-way.
    """
    while is_open(document):
        if is_active(document):
            if (yield from steps()):
                return True
            if is_active(document):
                return False
        yield RETURN_SECONDS
    return False


def select_only(
    source: Source, area: Rect, mask: bytes, name: str, tell: Tell = untold
) -> Steps[bool]:
    """Makes a mask the selection, without leaving a layer behind.

    The mask has 8 bits and lies at `area`. False: as for `select`.

    It is one step to undo: what is selected is a hidden mask that stands under the layer meanwhile
    and is in no step. Where Krita makes none, or more than one mask is there already, it is a layer
    that comes and goes, in three steps.
    """
    if not is_open(source.document):
        raise CanvasProblem("The picture was closed.")
    if not is_active(source.document):
        return False
    layer = find(source.document, source.uuid)
    hidden = None if layer is None else masks.alone(source.document)
    if layer is not None and hidden is not None and len(layer.childNodes()) <= 1:
        veil = Veil(*(yield from laid(place(source).motion, area, mask, "gray8")))
        return (yield from _selected_by(source.document, layer, hidden, veil, name, tell))
    wide = bytearray(4 * len(mask))
    for row in range(
        area.height
    ):  # row by row, with a stop in between: one stroke over all of it could take long
        start = row * area.width
        wide[4 * start + 3 : 4 * (start + area.width) : 4] = mask[start : start + area.width]
        yield None
    layer, there = yield from _ready(source, area, bytes(wide), "bgra8", name, tell, frames=None)
    layer.setOpacity(0)
    try:
        yield from _added(source.document, layer, there)
        selected = yield from select(source.document, layer, tell)
    except GeneratorExit:  # cancelled: a newer edit makes the selection
        Task(_removed(source.document, layer), lambda _: None, lambda _: None)
        raise
    yield from _removed(source.document, layer)
    original = find(source.document, source.uuid)
    if original is not None:
        source.document.setActiveNode(original)
    return selected


def _selected_by(
    document: Any, layer: Any, hidden: Any, veil: Veil, name: str, tell: Tell
) -> Steps[bool]:
    """Make a mask the selection, which stands hidden under a layer meanwhile."""
    hidden.setName(name)
    hidden.setVisible(False)
    yield from _veiled(hidden, veil)
    yield from _children(document, layer, [hidden, *layer.childNodes()])
    try:
        selected = yield from select(document, hidden, tell)
    finally:
        if is_open(document):  # also when it is cancelled: a newer edit makes the selection
            Task(_without(document, layer, hidden), lambda _: None, lambda _: None)
    while is_open(document) and hidden.parentNode() is not None:
        yield ADDED_SECONDS
    if is_open(document):
        document.setActiveNode(layer)
    return selected


def _without(document: Any, layer: Any, mask: Any) -> Steps[None]:
    """Take a mask from under a layer, the others left in their order; nothing to undo."""
    for _ in range(len(layer.childNodes())):
        first = layer.childNodes()[0]
        is_it = first.uniqueId() == mask.uniqueId()
        yield from _children(document, layer, [] if is_it else [first])
        if is_it:
            return


def _children(document: Any, layer: Any, nodes: Sequence[Any]) -> Steps[None]:
    """Take the first of a layer's masks out, and put these in; nothing to undo.

    That is what `Node.setChildNodes` does.
    """
    yield from idle(document)
    while not document.tryBarrierLock():
        yield ADDED_SECONDS
        yield from idle(document)
    settling.changed(document)
    try:
        layer.setChildNodes(list(nodes))
    finally:
        document.unlock()
    settling.changed(document)


def open_as_new(
    name: str, width: int, height: int, pixels: bytes, format: str, veil: Veil | None = None
) -> Steps[Any]:
    """A result whose document was closed, in a picture of its own."""
    space = wire(format)
    document = Krita.instance().createDocument(
        width, height, name, space.model, space.depth, space.profile, 72.0
    )
    Krita.instance().activeWindow().addView(document)
    yield 0.2
    area = Rect(0, 0, width, height)
    layer = yield from _filled(document, area, pixels, format, name, veil, flat=False)
    yield from _added(document, layer, None)
    return layer


def shown(document: Any, wanted: Mapping[str, bool]) -> Steps[None]:
    """Make layers visible or not, by id, and have the picture drawn so.

    It is no step to undo.
    """
    yield from idle(document)
    nodes = {str(node.uniqueId().toString()): node for node in stack.nodes(document)}
    changed = [
        (nodes[one], visible)
        for one, visible in wanted.items()
        if one in nodes and nodes[one].visible() != visible
    ]
    for node, visible in changed:
        node.setVisible(visible)
    if changed:
        yield from call(same(document), "refreshProjection")


def mask_put(document: Any, layer: Any, mask: Any) -> Steps[None]:
    """Have a layer's only mask be this one, and the picture drawn so; nothing to undo.

    Raises CanvasProblem if the picture is closed meanwhile.
    """
    there = masks.mask_of(layer)
    if there is None or there.uniqueId() != mask.uniqueId():
        yield from _children(document, layer, [mask])
    yield from call(same(document), "refreshProjection")


def mask_replaced(document: Any, layer: Any, old: Any, new: Any) -> Steps[None]:
    """Put one mask under a layer and take another out: two steps to undo."""
    yield from idle(document)
    active = document.activeNode()
    there = {one.uniqueId().toString() for one in layer.childNodes()}
    yield from call(
        find(document, layer.uniqueId()),
        "addChildNode",
        ("Node*", new),
        ("Node*", old),
        begun=lambda: len(layer.childNodes()) > len(there),
    )
    yield from call(
        find(document, old.uniqueId()), "remove", begun=lambda: len(layer.childNodes()) == 1
    )
    if active is not None and find(document, active.uniqueId()) is not None:
        document.setActiveNode(active)


def at_rest(document: Any) -> Steps[None]:
    """Wait until Krita has carried out what was asked of it."""
    yield ADDED_SECONDS
    yield from idle(document)


def taken_out(document: Any, layers: Sequence[Any]) -> Steps[None]:
    """Take layers out of the picture, each as a step to undo."""
    for layer in layers:
        yield from _removed(document, layer)


# --- inside ---------------------------------------------------------------------------------------


def _lies_like(layer: Any, other: Any) -> None:
    """Have a layer lie on those below it as another does.

    Only what differs is set: a blending mode is a step to undo, even before the layer is in.
    """
    if layer.opacity() != other.opacity():
        layer.setOpacity(other.opacity())
    if layer.blendingMode() != other.blendingMode():
        layer.setBlendingMode(other.blendingMode())
    if layer.inheritAlpha() != other.inheritAlpha():
        layer.setInheritAlpha(other.inheritAlpha())


def _filled(
    document: Any,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    veil: Veil | None = None,
    flat: bool = True,
) -> Steps[Any]:
    """A paint layer with these pixels, not yet in the document.

    It is seen through a veil by its transparency mask, or `flat`: by its own alpha.
    """
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")
    layer = None if veil is None or flat else masks.blank(document, name)
    flat = layer is None
    layer = layer or document.createNode(name, "paintlayer")
    convert = Converter(wire(format), Space.of(layer))
    stride = area.width * (4 if format == "bgra8" else 8)
    view = memoryview(pixels)
    for y, rows in strips(area, convert.needed):
        start = (y - area.y) * stride
        data = bytes(view[start : start + rows * stride])
        if flat and veil is not None:
            place = Rect(area.x, y, area.width, rows)
            data = pictures.through(data, place, veil.data, veil.area, format == "bgra16")
        strip = QByteArray(data)
        if convert.needed:
            strip = QByteArray(convert(strip, area.width, rows))
        if not is_open(document):
            raise CanvasProblem("The picture was closed.")
        layer.setPixelData(strip, area.x, y, area.width, rows)
        yield None
    convert.close()
    if veil is not None and not flat:
        yield from _veiled(masks.mask_of(layer), veil)
    return layer


def _veiled(mask: Any, veil: Veil) -> Steps[None]:
    """Fill a mask that is not in a picture yet."""
    area, view = veil.area, memoryview(veil.data)
    for y, rows in strips(area, False):
        start = (y - area.y) * area.width
        strip = QByteArray(bytes(view[start : start + rows * area.width]))
        mask.setPixelData(strip, area.x, y, area.width, rows)
        yield None


def _ready(
    source: Source,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    tell: Tell,
    frames: list[Frames] | None,
    veil: Veil | None = None,
) -> Steps[tuple[Any, Place]]:
    """A layer with these pixels, and where it belongs.

    At a moment when it can go into the picture. frames: where the source is animated, the layer is
    seen as long as the drawing that was edited; then what has to be closed after it has gone in is
    put here. None: never.

    Until that moment the painter may move the source again: then the layer is made anew.
    """
    document = source.document
    while True:
        if not is_open(document):
            raise CanvasProblem("The picture was closed.")
        try:
            planned = place(source)
        except CanvasProblem:  # a filter's preview hides the layer as long as its dialog is open
            yield from idle(document, tell)
            planned = place(source)
        times = None
        if planned.layer is not None and frames is not None:
            times = span(planned.layer, source.time, document.fullClipRangeEndTime())
        now, data = yield from laid(planned.motion, area, pixels, format)
        through = None
        if veil is not None:
            through = Veil(*(yield from laid(planned.motion, veil.area, veil.data, "gray8")))
        layer = yield from _filled(document, now, data, format, name, through, times is not None)
        if times is not None and frames is not None:
            frames.append(Frames(document))
            layer = yield from frames[-1].made(layer, *times)
        yield from idle(document, tell)
        there = place(source)
        if there.same(planned):
            return layer, there


def _added(document: Any, layer: Any, there: Place | None) -> Steps[None]:
    """Puts a layer into the picture, as one step to undo.

    Above the source and its results, or on top where there is no source. Raises CanvasProblem if
    the document is closed meanwhile, or Krita does not take the layer.

    `addChildNode` has a worker of Krita's add the layer, then waits until the whole picture is
    drawn anew, however small the layer (`Node::addChildNode` and `KisImage::waitForDone`). On the
    main thread that wait is an event loop of Krita's own that lets no pen, mouse or key through,
    and after a second a dialog over the picture (`KisDelayedSaveDialog`); in another thread it only
    waits. That is sound there: before, it hands over a command to `KisUpdateScheduler`, whose
    queues are locked, and asks for the end of open strokes by a signal (see native_call.py). What
    is left is the drawing, in Krita's workers and of the canvas, as after every undo.

    No way was found that undo takes back and that draws less: the action `add_new_paint_layer`
    draws nothing, but neither do its undo and redo, and the result would stay on the canvas.
    """
    if there is not None and there.layer is not None:
        parent, below = there.layer.parentNode(), stack.top(there.layer)
    else:
        parent = document.rootNode()
        below = next(reversed(parent.childNodes()), None)
    settling.changed(document)
    added = yield from call(
        parent,
        "addChildNode",
        ("Node*", layer),
        ("Node*", below),
        begun=lambda: layer.parentNode() is not None,
    )
    settling.changed(document)
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")
    if not added:
        raise CanvasProblem("Krita did not take the new layer.")


def _removed(document: Any, layer: Any) -> Steps[None]:
    """Takes a layer out of the picture, as one step to undo.

    One that is still on its way into it is taken out as soon as it is there. Raises CanvasProblem
    if the document is closed meanwhile.
    """
    waited = 0.0
    while is_open(document) and waited < SELECTION_SECONDS:
        there = find(document, layer.uniqueId())
        if there is not None:
            yield from idle(document)
            settling.changed(document)
            yield from call(there, "remove", begun=lambda: layer.parentNode() is None)
            settling.changed(document)
            return
        yield ADDED_SECONDS
        waited += ADDED_SECONDS
