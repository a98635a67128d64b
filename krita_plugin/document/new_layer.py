"""A layer made of pixels, before it goes into a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..qt import QByteArray, sure
from . import masks, pictures
from .animation import Frames, span
from .colour import CanvasProblem, Converter, Space, wire
from .cooperative import Steps
from .documents import is_open
from .geometry import Rect
from .idle import Tell, idle
from .motion import Motion
from .placing import Place, laid, place
from .reading import Source
from .reducing import Piece
from .strips import strips

if TYPE_CHECKING:
    from krita import Document, Node


@dataclass(frozen=True)
class Veil:
    """A mask to see a layer through.

    One byte a pixel: 255 lets all through; nothing is seen beside it. name: of its layer, where a
    result has several.
    """

    area: Rect
    data: bytes = field(repr=False)
    name: str = ""


def lies_like(layer: Node, other: Node) -> None:
    """Have a layer lie on those below it as another does.

    Only what differs is set: a blending mode is a step to undo, even before the layer is in.
    """
    if layer.opacity() != other.opacity():
        layer.setOpacity(other.opacity())
    if layer.blendingMode() != other.blendingMode():
        layer.setBlendingMode(other.blendingMode())
    if layer.inheritAlpha() != other.inheritAlpha():
        layer.setInheritAlpha(other.inheritAlpha())
    for channel, like in zip(layer.channels(), other.channels(), strict=False):
        if channel.visible() != like.visible():  # a channel that is not seen
            channel.setVisible(like.visible())


def filled(
    document: Document,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    veil: Veil | None = None,
    flat: bool = True,
) -> Steps[Node]:
    """A paint layer with these pixels, not yet in the document.

    It is seen through a veil by its transparency mask, or `flat`: by its own alpha.
    """
    if not is_open(document):
        raise CanvasProblem("The picture was closed.")
    layer = None if veil is None or flat else masks.blank(document, name)
    flat = layer is None
    layer = layer or document.createNode(name, "paintlayer")
    yield from painted(document, layer, area, pixels, format, veil if flat else None)
    if veil is not None and not flat:
        yield from veil_filled(sure(masks.mask_of(layer)), veil)
    return layer


def painted(
    document: Document,
    layer: Node,
    area: Rect,
    pixels: bytes,
    format: str,
    veil: Veil | None = None,
) -> Steps[None]:
    """Put pixels on a layer that is not in the document yet.

    veil: to multiply their alpha by.
    """
    convert = Converter(wire(format), Space.of(layer))
    stride = area.width * (4 if format == "bgra8" else 8)
    view = memoryview(pixels)
    for y, rows in strips(area, convert.needed):
        start = (y - area.y) * stride
        data = bytes(view[start : start + rows * stride])
        if veil is not None:
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


def grouped(
    document: Document,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    veils: Sequence[Veil],
    flat: bool,
) -> Steps[Node]:
    """A layer seen through the first veil, or a group: a layer for each of the rest.

    veils: none, that of all, or that and each one's. The layers of a group have the same pixels,
    and share their tiles. Where Krita makes no masks, or `flat`, it is one layer.
    """
    whole, apart = next(iter(veils), None), veils[1:]
    first = None if flat or not apart else masks.blank(document, apart[0].name)
    if first is None:
        return (yield from filled(document, area, pixels, format, name, whole, flat))
    yield from painted(document, first, area, pixels, format)
    layers = [first, *(first.duplicate() for _ in apart[1:])]
    for layer, veil in zip(layers, apart, strict=True):
        layer.setName(veil.name)
        yield from veil_filled(sure(masks.mask_of(layer)), veil)
    group: Node = document.createGroupLayer(name)
    group.setChildNodes(layers)  # nothing to undo
    if len(group.childNodes()) < len(layers):  # this Krita takes none so
        return (yield from filled(document, area, pixels, format, name, whole, flat))
    return group


def veil_filled(mask: Node, veil: Veil) -> Steps[None]:
    """Fill a mask that is not in a picture yet."""
    area, view = veil.area, memoryview(veil.data)
    for y, rows in strips(area, False):
        start = (y - area.y) * area.width
        strip = QByteArray(bytes(view[start : start + rows * area.width]))
        mask.setPixelData(strip, area.x, y, area.width, rows)
        yield None


def _added_to(
    layer: Node, document: Document, motion: Motion, piece: Piece, format: str, masked: bool
) -> Steps[None]:
    """Put one more piece on a layer.

    masked: it is seen through its mask, else its own alpha is enough.
    """
    area, pixels = yield from laid(motion, piece.area, piece.pixels, format)
    veil, mask = None, masks.mask_of(layer)
    if masked:
        veil = Veil(*(yield from laid(motion, piece.area, piece.mask, "gray8")))
    yield from painted(document, layer, area, pixels, format, veil if mask is None else None)
    if veil is not None and mask is not None:
        yield from veil_filled(mask, veil)


def planned(source: Source, tell: Tell) -> Steps[Place]:
    """Where the source lies, for now. Raises CanvasProblem as `place` does."""
    if not is_open(source.document):
        raise CanvasProblem("The picture was closed.")
    try:
        return place(source)
    except CanvasProblem:  # a filter's preview hides the layer as long as its dialog is open
        yield from idle(source.document, tell)
        return place(source)


def ready(
    source: Source,
    area: Rect,
    pixels: bytes,
    format: str,
    name: str,
    tell: Tell,
    frames: list[Frames] | None,
    veils: Sequence[Veil] = (),
    more: Sequence[Piece] = (),
) -> Steps[tuple[Node, Place]]:
    """A layer with these pixels, and where it belongs.

    At a moment when it can go into the picture. frames: where the source is animated, the layer is
    seen as long as the drawing that was edited; then what has to be closed after it has gone in is
    put here. None: never. veils: as for `grouped`. more: further pieces, each seen through its
    mask, on the same layer; with one veil at most.

    Until that moment the painter may move the source again: then the layer is made anew.
    """
    document = source.document
    while True:
        plan = yield from planned(source, tell)
        times = None
        if plan.layer is not None and frames is not None:
            times = span(plan.layer, source.time, document.fullClipRangeEndTime())
        now, data = yield from laid(plan.motion, area, pixels, format)
        through = []
        for veil in veils:
            lies = yield from laid(plan.motion, veil.area, veil.data, "gray8")
            through.append(Veil(*lies, veil.name))
        is_animated = times is not None
        layer = yield from grouped(document, now, data, format, name, through, is_animated)
        for piece in more:
            yield from _added_to(layer, document, plan.motion, piece, format, bool(veils))
        if times is not None and frames is not None:
            frames.append(Frames(document))
            layer = yield from frames[-1].made(layer, *times)
        yield from idle(document, tell)
        there = place(source)
        if there.same(plan):
            return layer, there
