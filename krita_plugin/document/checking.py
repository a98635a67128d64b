"""What a new layer really changes: counted on the layer as it lies in the picture.

It is read back from Krita, with its masks applied, and held against the mask that came with the
result. So "nothing changed outside the mask" is a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..counting import Counted, counted, covered, masked
from . import stack
from .colour import CanvasProblem, Space
from .cooperative import Steps
from .documents import is_open
from .geometry import Rect
from .placing import laid, place
from .reading import Source
from .strips import strips

if TYPE_CHECKING:
    from krita import Node


def changes(
    source: Source, layer: Node, masks: Sequence[tuple[Rect, bytes]]
) -> Steps[Counted | None]:
    """Count what a result's layer changes; None where that can't be told any more.

    masks: of the edit, or of each of its pieces, 8 bits a pixel, each with the area that it is of,
    in document pixels as of the snapshot. Where the source was scaled meanwhile, the mask's edge is
    not known to the pixel: None, too.
    """
    document = source.document
    try:
        motion = place(source).motion
    except CanvasProblem:
        return None
    if not motion.exact:
        return None
    there = []
    for one in masks:
        there.append((yield from laid(motion, *one, "gray8")))
    bounds, depth = stack.bounds_of(layer), Space.of(layer).depth
    changed = outside = 0
    for y, rows in strips(bounds, False) if not bounds.empty else ():
        if not is_open(document) or layer.parentNode() is None:
            return None
        strip = Rect(bounds.x, y, bounds.width, rows)
        pixels = layer.projectionPixelData(strip.x, strip.y, strip.width, strip.height).data()
        seen = covered(pixels, strip.width * strip.height, depth)
        allowed = 0
        for area, mask in there:
            if not area.intersected(strip).empty:
                allowed |= masked(mask, area, strip)
        some, beyond = counted(seen, allowed)
        changed, outside = changed + some, outside + beyond
        yield None
    return Counted(changed, outside, document.width() * document.height())
