"""Where a result goes.

Its place is in a picture that may have been changed since the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

from krita import Node, Selection

from ..qt import QByteArray
from ..translations import tr
from . import stack
from .colour import CanvasProblem
from .cooperative import Steps
from .documents import find
from .geometry import Rect
from .motion import Motion
from .pictures import scaled
from .reading import Source, reader, state_of
from .trace import State, recognised, unmoved
from .witnesses import STILL, all_moved, own_state, reader_of

LINES = 64
"""Rows laid anew at a time."""


@dataclass(frozen=True)
class Place:
    """How the source has been moved, and the layer itself where it is still there."""

    motion: Motion
    layer: Node | None

    def same(self, other: Place) -> bool:
        """Whether a layer that was made for one of them fits the other."""
        return self.motion == other.motion


def place(source: Source) -> Place:
    """Where the source lies now. Raises CanvasProblem where that can't be known."""
    document = source.document
    layer = find(document, source.uuid)
    if layer is None:
        motion = _of_gone(source)
        if motion is None:
            raise CanvasProblem(
                "The layer is gone, and the picture was changed since.",
                "The place of the result isn't known.",
            )
        return Place(motion, None)
    now = state_of(document, layer)
    if source.trace is None:  # nothing was read of it yet
        (x, y), (old_x, old_y) = now.place, source.state.place
        return Place(Motion.shift(x - old_x, y - old_y), layer)
    motion = recognised(source.trace, now, reader(layer)) or _of_repainted(source, now, layer)
    if motion is None:
        raise CanvasProblem(
            tr("“{layer}” was transformed while it was edited.", layer=layer.name()),
            "Where the result belongs isn't known any more.",
        )
    return Place(motion, layer)


def _of_repainted(source: Source, now: State, layer: Node) -> Motion | None:
    """How a layer was moved whose pixels don't tell any more: as its picture was."""
    assert source.trace is not None
    shift = unmoved(source.trace, now, reader(layer))
    whole = _whole(source)
    if shift is None or whole is None:
        return None
    return shift if whole == STILL else whole


def _of_gone(source: Source) -> Motion | None:
    """How a layer was moved that is no more in its picture.

    None where that can't be known. Its own pixels tell what was done before it went, the others
    what was done to all of them. Both are right together if they say the same, or one of them
    nothing.
    """
    whole, own = _whole(source), STILL
    if source.trace is not None and source.layer is not None and not stack.masked(source.layer):
        now = own_state(source.document, source.layer)
        known = recognised(source.trace, now, reader_of(source.layer))
        known = known or unmoved(source.trace, now, reader_of(source.layer))
        if known is None:
            return None
        own = known
    if own in (whole, STILL):
        return whole
    mirrored_all = not own.plain and _fits_canvas(own, source)  # and back, after it went?
    return own if whole == STILL and not mirrored_all else None


def _whole(source: Source) -> Motion | None:
    try:
        return all_moved(source.document, source.witnesses, source.state.canvas)
    except LookupError:
        return None


def _fits_canvas(motion: Motion, source: Source) -> bool:
    canvas = Rect(0, 0, *source.state.canvas)
    return motion.rect(canvas) == canvas


def laid(motion: Motion, area: Rect, pixels: bytes, format: str) -> Steps[tuple[Rect, bytes]]:
    """Pixels of an area of the snapshot as they lie now, and where.

    The format is as on the wire.
    """
    now = motion.rect(area)
    if motion.plain:
        return now, pixels
    if not motion.exact:
        return now, scaled(pixels, area, now, format)
    lines = []
    for number, line in enumerate(motion.lines(pixels, area, format)):
        lines.append(line)
        if number % LINES == 0:
            yield None
    return now, b"".join(lines)


def selection_now(source: Source) -> Selection | None:
    """The selection that an edit began with, as its layer lies now.

    Raises CanvasProblem where that can't be known.
    """
    selection = source.selection
    if selection is None or source.trace is None:
        return selection
    motion = place(source).motion
    if motion == Motion.shift(0, 0):
        return selection
    bounds = Rect(selection.x(), selection.y(), selection.width(), selection.height())
    data = selection.pixelData(bounds.x, bounds.y, bounds.width, bounds.height).data()
    steps = laid(motion, bounds, data, "gray8")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            now, data = end.value
            break
    moved = Selection()
    moved.setPixelData(QByteArray(data), now.x, now.y, now.width, now.height)
    return moved
