"""What Limn puts into a painter's document: a layer, or a document of its own.

Every step can be undone. Nothing here waits: long work is a generator for cooperative.py. No pixel
of an existing layer is written, ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from krita import Krita, Node

from . import layer_tree, stack
from .animation import Frames
from .colour import wire
from .cooperative import Steps
from .geometry import Rect
from .idle import Tell, untold
from .layer_tree import added
from .new_layer import Veil, filled, lies_like, ready
from .reading import Source
from .reducing import Piece


def insert(
    source: Source,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    tell: Tell = untold,
    veils: Sequence[Veil] = (),
    more: Sequence[Piece] = (),
) -> Steps[Node]:
    """Puts a new layer with these pixels above the source.

    Or on top, if that is gone. It is one step to undo. Returns the layer. area: in document pixels
    as of the snapshot; moved, turned, mirrored or scaled as the layer has been since. Where that is
    animated, it is seen as long as the edited drawing. It lies on the others as the source does:
    its opacity, blending mode and whether it inherits alpha. format: "bgra8" or "bgra16". veils:
    the first becomes the layer's transparency mask, in the same step; where it can't (Krita makes
    none, or the source is animated) it is in the layer's own alpha. Of several, all but the first
    have a layer each instead, in a group. tell: told what of the painter's it waits for. more:
    further pieces that the same layer holds. Raises CanvasProblem if the document is closed, Krita
    does not take the layer, or its place isn't known.
    """
    frames: list[Frames] = []
    try:
        layer, there = yield from ready(
            source, area, pixels, format, name, tell, frames, veils, more
        )
        if there.layer is not None:
            lies_like(layer, there.layer)
        stack.add(layer, source.uuid)
        yield from added(source.document, layer, there)
        if layer.type() == "grouplayer":  # what it had before it went in is not drawn
            yield from layer_tree.drawn(source.document)
    finally:
        for one in frames:
            one.close()
    return layer


def open_as_new(
    name: str, width: int, height: int, pixels: bytes, format: str, veil: Veil | None = None
) -> Steps[Node]:
    """A result whose document was closed, in a picture of its own."""
    space = wire(format)
    document = Krita.instance().createDocument(
        width, height, name, space.model, space.depth, space.profile, 72.0
    )
    window = Krita.instance().activeWindow()
    if window is not None:  # Krita without a window has nowhere to show it
        window.addView(document)
    yield 0.2
    area = Rect(0, 0, width, height)
    layer = yield from filled(document, area, pixels, format, name, veil, flat=False)
    yield from added(document, layer, None)
    return layer
