"""A painting and the results that lie on it.

They are separate layers, but to the painter one picture, on which the next edit goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..qt import QByteArray, QUuid, sure
from ..translations import tr
from .colour import CanvasProblem, Space
from .geometry import Rect
from .masks import SELECTION, mask_of
from .pictures import MODES, OPAQUE

if TYPE_CHECKING:
    from krita import Document, Node

MOST = 10_000
"""Results that are known by their pictures' files; a painter has some hundreds."""

_paintings: dict[str, str] = {}
"""The painting that each layer of Limn's is a result for.

For each that is known, from this run of Krita or from a picture's file; both by unique id.
"""


@dataclass(frozen=True)
class Copy:
    """A layer as it was.

    Its duplicate, which shares its tiles, and how it lies on the others; opacity from 0 to 255,
    mode by Krita's name. inside: it shows only where those below it do. mask: a duplicate of the
    transparency mask through which it is seen. Where other masks change how the layer looks, or it
    has no pixels of its own, the node is a Still.
    """

    node: Node | Still
    space: Space
    bounds: Rect
    opacity: int
    mode: str = "normal"
    inside: bool = False
    mask: Node | None = None


class Still:
    """What is seen of a layer by itself.

    Its pixels with its masks, or its children, applied. Krita gives no snapshot of that: it is read
    at once.
    """

    def __init__(self, layer: Node, bounds: Rect) -> None:
        self._bounds = bounds
        self._data: bytes = layer.projectionPixelData(
            bounds.x, bounds.y, bounds.width, bounds.height
        ).data()
        self._size = len(self._data) // max(1, bounds.width * bounds.height)

    def pixelData(self, x: int, y: int, width: int, height: int) -> QByteArray:
        """As Krita's `Node.pixelData`; transparent outside of the bounds."""
        whole, bounds, size = Rect(x, y, width, height), self._bounds, self._size
        part = whole.intersected(bounds)
        if part == whole and width == bounds.width:
            start = (y - bounds.y) * width * size
            return QByteArray(self._data[start : start + height * width * size])
        data = bytearray(width * height * size)
        for row in range(part.y, part.bottom):
            start = ((row - bounds.y) * bounds.width + part.x - bounds.x) * size
            to = ((row - y) * width + part.x - x) * size
            data[to : to + part.width * size] = self._data[start : start + part.width * size]
        return QByteArray(bytes(data))


def add(result: Node, source: QUuid) -> None:
    """Notes a new layer as a result of an edit.

    source: the unique id of the layer that was edited, a painting or a result on one.
    """
    edited = str(source.toString())
    _paintings[id_of(result)] = _paintings.get(edited, edited)


def recall(result: str, painting: str) -> None:
    """Know a result again, from its picture's file; ids as they stand there."""
    if len(_paintings) < MOST:
        _paintings.setdefault(result, painting)


def is_result(layer: Node) -> bool:
    """Whether a layer is a result of an edit."""
    return id_of(layer) in _paintings


def result_of(layer: Node) -> Node:
    """The group, for the layer of one of several instructions; any other layer itself."""
    parent = layer.parentNode()
    return parent if parent is not None and is_result(parent) else layer


def painting_of(layer: Node) -> str:
    """The id of the painting that a layer is a result on; its own, where it is none."""
    own = id_of(layer)
    return _paintings.get(own, own)


def nodes(document: Document) -> list[Node]:
    """All nodes of a picture; those of one parent from bottom to top."""
    found = list(document.rootNode().childNodes())
    for node in found:
        found.extend(node.childNodes())
    return found


def ids(document: Document) -> list[str]:
    """The ids of all nodes of a picture."""
    return [id_of(node) for node in nodes(document)]


def up_to(layer: Node) -> list[Node]:
    """What a layer stands for, bottom first.

    A result stands for its painting and the results on that up to itself, without what is hidden;
    any other layer for itself.
    """
    siblings = sure(layer.parentNode()).childNodes()
    ids = [id_of(node) for node in siblings]
    painting, place = _paintings.get(id_of(layer)), ids.index(id_of(layer))
    if painting not in ids[:place]:
        return [layer]
    beneath = range(ids.index(painting), place)
    kept = [
        siblings[at]
        for at in beneath
        if painting in (ids[at], _paintings.get(ids[at])) and siblings[at].visible()
    ]
    return [*kept, layer]


def top(layer: Node) -> Node:
    """The topmost of the results that lie directly above a layer.

    Its next result goes there.
    """
    siblings = sure(layer.parentNode()).childNodes()
    for node in siblings[[id_of(node) for node in siblings].index(id_of(layer)) + 1 :]:
        if id_of(node) not in _paintings:
            break
        layer = node
    return layer


def masked(layer: Node) -> bool:
    """Whether a layer looks otherwise than its own pixels through a transparency mask.

    It has other masks, or no pixels at all.
    """
    kinds = [child.type() for child in layer.childNodes() if child.visible()]
    masks = any(kind.endswith("mask") and kind != SELECTION for kind in kinds)
    return layer.type() != "paintlayer" or (masks and mask_of(layer) is None)


def bounds_of(layer: Node) -> Rect:
    """The smallest rectangle around what is on a layer."""
    bounds = layer.bounds()
    return Rect(bounds.x(), bounds.y(), bounds.width(), bounds.height())


def copied(layers: list[Node], canvas: Rect) -> tuple[Copy, ...]:
    """Snapshots of layers, bottom first.

    The lowest counts for its own pixels, at whatever opacity and in whatever mode it lies on those
    below it. Results have both from it: that is no more than to replace it. Raises CanvasProblem
    for a mode that can't be applied here.
    """
    lowest, *upper = layers
    copies = [_snapshot(lowest, canvas)]
    for layer in upper:
        mode = layer.blendingMode()
        if mode == lowest.blendingMode():
            mode = "normal"
        if mode not in MODES:
            raise CanvasProblem(
                tr(
                    "“{layer}” has the blending mode “{mode}”, which Limn can't apply.",
                    layer=layer.name(),
                    mode=mode,
                ),
                "Hide that layer, or choose the layer that it lies on.",
            )
        share = min(OPAQUE, round(OPAQUE * layer.opacity() / max(1, lowest.opacity())))
        inside = layer.inheritAlpha() and not lowest.inheritAlpha()
        copies.append(replace(_snapshot(layer, canvas), opacity=share, mode=mode, inside=inside))
    return tuple(copies)


def _snapshot(layer: Node, canvas: Rect) -> Copy:
    bounds = bounds_of(layer)
    if not masked(layer):
        copy, mask = layer.duplicate(), mask_of(layer)
        seen_through = mask_of(copy) if mask is not None and mask.visible() else None
        return Copy(copy, Space.of(layer), bounds, OPAQUE, mask=seen_through)
    seen = bounds.intersected(canvas)
    return Copy(Still(layer, seen), Space.of(layer), seen, OPAQUE)


def id_of(node: Node) -> str:
    """A node's id as text, as the picture's file keeps it."""
    return str(node.uniqueId().toString())
