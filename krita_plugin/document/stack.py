"""A painting and the results that lie on it: they are separate layers, but to the painter one
picture, on which the next edit goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..qt import QImage, QPainter
from .colour import Space
from .geometry import Rect

OPAQUE = 255

_paintings: dict[str, str] = {}
"""For each layer that this run of Krita has had from Limn: the painting that it is a result for;
both by unique id.
"""


@dataclass(frozen=True)
class Copy:
    """A layer as it was: its duplicate, which shares its tiles, and how it lies on the others;
    opacity from 0 to 255.
    """

    node: Any
    space: Space
    bounds: Rect
    opacity: int


def add(result: Any, source: Any) -> None:
    """Note a new layer as a result of an edit; source: the unique id of the layer that was edited,
    a painting or a result on one.
    """
    edited = str(source.toString())
    _paintings[_id(result)] = _paintings.get(edited, edited)


def up_to(layer: Any) -> list[Any]:
    """What a layer stands for, bottom first: a result for its painting and the results on that up
    to itself, without what is hidden;
    any other layer for itself."""
    siblings = layer.parentNode().childNodes()
    ids = [_id(node) for node in siblings]
    painting, place = _paintings.get(_id(layer)), ids.index(_id(layer))
    if painting not in ids[:place]:
        return [layer]
    beneath = range(ids.index(painting), place)
    kept = [
        siblings[at]
        for at in beneath
        if painting in (ids[at], _paintings.get(ids[at])) and siblings[at].visible()
    ]
    return [*kept, layer]


def top(layer: Any) -> Any:
    """The topmost of the results that lie directly above a layer: where its next result goes."""
    siblings = layer.parentNode().childNodes()
    for node in siblings[[_id(node) for node in siblings].index(_id(layer)) + 1 :]:
        if _id(node) not in _paintings:
            break
        layer = node
    return layer


def copied(layers: list[Any]) -> tuple[Copy, ...]:
    """Snapshots of layers, bottom first.

    The lowest counts for its own pixels, at whatever opacity it lies on those below it.
    """
    copies = []
    for number, layer in enumerate(layers):
        bounds = layer.bounds()
        rect = Rect(bounds.x(), bounds.y(), bounds.width(), bounds.height())
        copies.append(
            Copy(layer.duplicate(), Space.of(layer), rect, layer.opacity() if number else OPAQUE)
        )
    return tuple(copies)


def over(pixels: bytes, area: Rect, upper: bytes, place: Rect, opacity: int, deep: bool) -> bytes:
    """Pixels with others laid over a part of them, alpha not multiplied in. area, place: where both
    lie; place is inside area.

    Pixels are B, G, R, A with 8 bits each or, where `deep`, 16. In the latter Qt has red first: no
    matter here.
    """
    form = QImage.Format.Format_RGBA64 if deep else QImage.Format.Format_ARGB32
    size = 8 if deep else 4
    lower = QImage(pixels, area.width, area.height, area.width * size, form)
    painter = QPainter(lower)  # detaches the image from our bytes, which stay as they are
    painter.setOpacity(opacity / OPAQUE)
    painter.drawImage(
        place.x - area.x,
        place.y - area.y,
        QImage(upper, place.width, place.height, place.width * size, form),
    )
    painter.end()
    laid: bytes = lower.constBits().asstring(len(pixels))
    return laid


def _id(node: Any) -> str:
    return str(node.uniqueId().toString())
