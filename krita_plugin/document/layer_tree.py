"""Layers and masks put into a picture, taken out, shown and hidden.

Each waits for a moment in which Krita is idle, and returns when Krita has done it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from . import masks, stack
from .closing import settling
from .colour import CanvasProblem
from .cooperative import Steps
from .documents import find, found, is_open, same
from .idle import idle
from .native_call import call
from .placing import Place

if TYPE_CHECKING:
    from krita import Document, Node

SELECTION_SECONDS = 20.0
"""How long Krita may take over the new layer and its selection.

It makes the layer active, and its alpha the selection.
"""


ADDED_SECONDS = 0.05
"""Between two looks at whether a layer is in the picture yet."""


def taken_from(document: Document, layer: Node, mask: Node) -> Steps[None]:
    """Take a mask from under a layer, the others left in their order; nothing to undo."""
    others = [one for one in layer.childNodes() if one.uniqueId() != mask.uniqueId()]
    yield from children_put(document, layer, others)


def children_put(document: Document, layer: Node, nodes: Sequence[Node]) -> Steps[None]:
    """Have these be a layer's masks, the lowest first; nothing to undo.

    `Node.setChildNodes` adds to what it leaves, and that is not the same in all: 5.1 and 5.2 take
    the first mask out, 5.3 and 6.0 all of them. So it is called until none is left, then once more.
    """
    yield from idle(document)
    while not document.tryBarrierLock():
        yield ADDED_SECONDS
        yield from idle(document)
    settling.changed(document)
    try:
        for _ in layer.childNodes():
            if layer.childNodes():
                layer.setChildNodes([])
        layer.setChildNodes(list(nodes))
    finally:
        document.unlock()
    settling.changed(document)


def shown(document: Document, wanted: Mapping[str, bool]) -> Steps[None]:
    """Make layers visible or not, by id, and have the picture drawn so.

    It is no step to undo.
    """
    yield from idle(document)
    nodes = {stack.id_of(node): node for node in stack.nodes(document)}
    changed = [
        (nodes[one], visible)
        for one, visible in wanted.items()
        if one in nodes and nodes[one].visible() != visible
    ]
    for node, visible in changed:
        node.setVisible(visible)
    if changed:
        yield from drawn(document)


def drawn(document: Document) -> Steps[None]:
    """Have the whole picture drawn anew."""
    yield from call(same(document), "refreshProjection")


def mask_put(document: Document, layer: Node, mask: Node) -> Steps[None]:
    """Have a layer's transparency mask be this one, and the picture drawn so.

    There is nothing to undo.

    Raises CanvasProblem if the picture is closed meanwhile.
    """
    there, below = masks.mask_of(layer), layer.childNodes()
    if there is None or there.uniqueId() != mask.uniqueId():
        is_it = [there is not None and one.uniqueId() == there.uniqueId() for one in below]
        others = [one for one, own in zip(below, is_it, strict=True) if not own]
        yield from children_put(document, layer, [*others, mask])
    yield from drawn(document)


def mask_replaced(document: Document, layer: Node, old: Node, new: Node) -> Steps[None]:
    """Put one mask under a layer and take another out: two steps to undo."""
    yield from idle(document)
    count = len(layer.childNodes())
    yield from call(
        found(document, layer.uniqueId()),
        "addChildNode",
        ("Node*", new),
        ("Node*", old),
        begun=lambda: len(layer.childNodes()) > count,
    )
    yield from call(
        found(document, old.uniqueId()), "remove", begun=lambda: len(layer.childNodes()) == count
    )


def at_rest(document: Document) -> Steps[None]:
    """Wait until Krita has carried out what was asked of it."""
    yield ADDED_SECONDS
    yield from idle(document)


def taken_out(document: Document, layers: Sequence[Node]) -> Steps[None]:
    """Take layers out of the picture, each as a step to undo."""
    for layer in layers:
        yield from removed(document, layer)


def added(document: Document, layer: Node, there: Place | None) -> Steps[None]:
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
        parent = there.layer.parentNode() or document.rootNode()
        below: Node | None = stack.top(there.layer)
    else:
        parent = document.rootNode()
        below = next(reversed(parent.childNodes()), None)
    settling.changed(document)
    taken = yield from call(
        parent,
        "addChildNode",
        ("Node*", layer),
        ("Node*", below),
        begun=lambda: layer.parentNode() is not None,
    )
    settling.changed(document)
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")
    if not taken:
        raise CanvasProblem("Krita did not take the new layer.")


def removed(document: Document, layer: Node) -> Steps[None]:
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
