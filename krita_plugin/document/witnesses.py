"""Other layers of a picture, which tell how all of it was moved.

The layer that is edited tells that itself (see trace.py), unless it has been deleted, or painted
over from edge to edge. No pixel of a layer is written, and none but rows of them are kept.
"""

from __future__ import annotations

from typing import Any

from . import stack
from .colour import Space
from .documents import find
from .geometry import Rect
from .motion import Motion
from .trace import State, Trace, recognised, tells, traced

MOST = 3
"""Layers that are asked, the largest ones: one of them may be changed, too."""

STILL = Motion.shift(0, 0)


class Witness:
    """A layer, and what it is recognised by, once that has been read."""

    def __init__(self, document: Any, layer: Any) -> None:
        self._uuid = layer.uniqueId()
        self._copy: Any | None = layer.duplicate()
        self._depth = Space.of(layer).depth
        self._state = own_state(document, layer)
        self._trace: Trace | None = None

    def look(self) -> None:
        """Keep some rows of the layer as it was.

        Nothing of one that looks the same mirrored.
        """
        if self._copy is not None:
            read = reader_of(self._copy)
            trace = traced(self._state, self._depth, read)
            self._trace = trace if tells(trace, read) else None
            self._copy = None

    def moved(self, document: Any) -> Motion | None:
        """How the layer has been moved; None where it can't tell."""
        layer = None if self._trace is None else find(document, self._uuid)
        if self._trace is None or layer is None:
            return None
        return recognised(self._trace, own_state(document, layer), reader_of(layer))


def found_for(document: Any, layer: Any) -> tuple[Witness, ...]:
    """The witnesses for a layer that is to be edited: snapshots, not yet looked at."""
    sized = []
    for node in stack.nodes(document):
        if node.type() == "paintlayer" and node.uniqueId() != layer.uniqueId():
            bounds = stack.bounds_of(node)
            if not bounds.empty:
                sized.append((bounds.width * bounds.height, node))
    sized.sort(key=lambda one: one[0], reverse=True)
    return tuple(Witness(document, node) for _, node in sized[:MOST])


def all_moved(document: Any, witnesses: tuple[Witness, ...], canvas: tuple[int, int]) -> Motion:
    """How a whole picture was moved, as those tell that still can.

    canvas: its size as it was. Raises LookupError where they don't say the same, or nobody can tell
    and it has another size. One that was only shifted in a picture of the same size may have been
    moved alone: it does not count without a second.
    """
    told = [motion for one in witnesses if (motion := one.moved(document)) is not None]
    same_size = (document.width(), document.height()) == canvas
    if same_size and len(told) == 1 and told[0].plain and told[0] != STILL:
        raise LookupError("a layer was moved, or all were")
    if not told:
        if same_size:
            return STILL
        raise LookupError("the picture has another size")
    if any(one != told[0] for one in told):
        raise LookupError("layers were moved apart")
    return told[0]


def own_state(document: Any, layer: Any) -> State:
    """Where a layer's own pixels lie, whatever its masks show of them."""
    place = layer.position()
    size = document.width(), document.height()
    return State(size, stack.bounds_of(layer), (place.x(), place.y()))


def reader_of(layer: Any) -> Any:
    """Reads a layer's own pixels."""

    def read(rect: Rect) -> bytes:
        data: bytes = layer.pixelData(rect.x, rect.y, rect.width, rect.height).data()
        return data

    return read
