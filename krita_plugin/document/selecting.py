"""The selection that an edit leaves in a picture."""

from __future__ import annotations

from collections.abc import Callable

from krita import Document, Krita, Node

from ..qt import sure
from . import masks, stack
from .closing import settling
from .colour import CanvasProblem
from .cooperative import Steps, Task
from .documents import find, is_active, is_open, same
from .geometry import Rect
from .idle import Tell, idle, untold
from .layer_tree import ADDED_SECONDS, SELECTION_SECONDS, added, children_put, removed, taken_from
from .native_call import call
from .new_layer import Veil, planned, ready, veil_filled
from .placing import laid, place
from .reading import Source

RETURN_SECONDS = 0.5
"""Between two looks at whether the painter has come back to a document."""


ACTIVATION_SECONDS = 0.05
"""Between two looks at whether Krita has made a new layer the active one."""


BREATH_SECONDS = 0.05
"""A pause for Krita to show a new layer before its alpha is read.

In one turn the two of them hold it half as long again.
"""


def select(document: Document, layer: Node, tell: Tell = untold) -> Steps[bool]:
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
    waited = 0.0
    while True:
        yield from idle(document, tell)
        if not active() or waited > SELECTION_SECONDS:
            return False
        if document.tryBarrierLock():
            break
        yield BREATH_SECONDS  # Krita draws again, as it does while an animation plays
        waited += BREATH_SECONDS
    settling.changed(document)
    try:
        sure(Krita.instance().action("selectopaque")).trigger()
    finally:
        document.unlock()
    # asking for Krita's lock would wait for the outline, too
    yield from call(same(document), "waitForDone")
    settling.changed(document)
    return True


def upon_return(document: Document, steps: Callable[[], Steps[bool]]) -> Steps[bool]:
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
    document = source.document
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")
    if not is_active(document):
        return False
    while True:
        plan = yield from planned(source, tell)
        hidden = None if plan.layer is None else masks.alone(document)
        carrier = None if plan.layer is None else _carrier(plan.layer)
        if carrier is None or hidden is None:
            break
        hidden.setName(name)
        hidden.setVisible(False)
        veil = Veil(*(yield from laid(plan.motion, area, mask, "gray8")))
        yield from veil_filled(hidden, veil)
        yield from idle(document, tell)
        there = place(source)
        if there.layer is not None and there.same(plan):  # else it was moved meanwhile
            return (yield from _selected_by(document, there.layer, carrier, hidden, tell))
    wide = bytearray(4 * len(mask))
    for row in range(
        area.height
    ):  # row by row, with a stop in between: one stroke over all of it could take long
        start = row * area.width
        wide[4 * start + 3 : 4 * (start + area.width) : 4] = mask[start : start + area.width]
        yield None
    layer, there = yield from ready(source, area, bytes(wide), "bgra8", name, tell, frames=None)
    layer.setOpacity(0)
    try:
        yield from added(source.document, layer, there)
        selected = yield from select(source.document, layer, tell)
    except GeneratorExit:  # cancelled: a newer edit makes the selection
        Task(removed(source.document, layer), lambda _: None, lambda _: None)
        raise
    yield from removed(source.document, layer)
    original = find(source.document, source.uuid)
    if original is not None:
        source.document.setActiveNode(original)
    return selected


def _carrier(layer: Node) -> Node | None:
    """The layer under which a mask may stand for a while.

    It is this one, or one on which it is a result.
    """
    layers = (one for one in reversed(stack.up_to(layer)) if one.type() == "paintlayer")
    return next((one for one in layers if len(one.childNodes()) < 2), None)


def _selected_by(
    document: Document, layer: Node, carrier: Node, hidden: Node, tell: Tell
) -> Steps[bool]:
    """Make a mask the selection, which stands hidden under a carrier meanwhile."""
    yield from children_put(document, carrier, [hidden, *carrier.childNodes()])
    try:
        selected = yield from select(document, hidden, tell)
    finally:
        if is_open(document):  # also when it is cancelled: a newer edit makes the selection
            Task(taken_from(document, carrier, hidden), lambda _: None, lambda _: None)
    while is_open(document) and hidden.parentNode() is not None:
        yield ADDED_SECONDS
    if is_open(document):
        document.setActiveNode(layer)
    return selected
