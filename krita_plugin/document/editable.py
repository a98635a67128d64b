"""Which layers can be edited, and what is said about the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..qt import QUuid
from ..translations import tr
from . import stack
from .colour import CanvasProblem
from .documents import find

if TYPE_CHECKING:
    from krita import Document, Node

KINDS = {
    "grouplayer": "a group",
    "vectorlayer": "a vector layer",
    "filterlayer": "a filter layer",
    "filllayer": "a fill layer",
    "clonelayer": "a clone layer",
    "filelayer": "a file layer",
    "transparencymask": "a transparency mask",
    "filtermask": "a filter mask",
    "transformmask": "a transform mask",
    "selectionmask": "a selection mask",
    "colorizemask": "a colorize mask",
}


SEEN_KINDS = ("vectorlayer", "filllayer", "clonelayer", "filelayer")
"""Layers without pixels of their own, of which one may edit what is seen."""


SEEN = "press the button again to edit what is seen of it; the result goes above it."


class Offer(CanvasProblem):
    """A layer that can't be edited itself, but in another way if the painter wants it."""

    def __init__(self, uuid: str, sentence: str, remedy: str) -> None:
        super().__init__(sentence, remedy)
        self.uuid = uuid


def layer_of(document: Document, node: Node, last: QUuid | None) -> Node:
    """The layer that a mask belongs to; any other node itself.

    The layer of one of several instructions stands for their group.

    Krita's selection mask belongs to the whole picture: it stands for the layer that was edited
    last, or for the topmost one that can be edited. last: the id of the former, None for none.
    """
    parent = node.parentNode()
    if not node.type().endswith("mask") or parent is None:
        return stack.result_of(node)
    if parent.parentNode() is not None:
        return stack.result_of(parent)
    edited = None if last is None else find(document, last)
    tops = [one for one in parent.childNodes() if one.type() == "paintlayer" and one.visible()]
    return edited or next(reversed(tops), node)


def check(layer: Node, accepted: bool) -> None:
    """Whether this layer can be edited, and seen.

    accepted: the painter wants it edited as it is seen, whatever its kind. Raises CanvasProblem;
    Offer where the painter may want that.
    """
    kind, uuid = layer.type(), stack.id_of(layer)
    if kind == "grouplayer" and not accepted and not stack.is_result(layer):
        raise Offer(
            uuid,
            tr("“{layer}” is {kind}.", layer=layer.name(), kind=tr(KINDS[kind])),
            tr("Choose a layer inside it. Or {what}", what=tr(SEEN)),
        )
    if kind in SEEN_KINDS and not accepted:
        words = tr("“{layer}” is {kind}.", layer=layer.name(), kind=tr(KINDS[kind]))
        raise Offer(uuid, words, f"{tr(SEEN)[0].upper()}{tr(SEEN)[1:]}")
    if kind not in ("paintlayer", "grouplayer", *SEEN_KINDS):
        raise CanvasProblem(
            tr("“{layer}” is {kind}.", layer=layer.name(), kind=tr(KINDS.get(kind, kind))),
            "Choose a paint layer; Krita can convert it: Layer > Convert.",
        )
    if layer.layerStyleToAsl() and not accepted:
        raise Offer(
            uuid,
            tr("“{layer}” has a layer style, which can't be edited with it.", layer=layer.name()),
            "Press the button again to edit the layer without it; the result has no style.",
        )
    node: Node | None = layer
    while node is not None and node.parentNode() is not None:
        if not node.visible():
            raise CanvasProblem(
                tr("“{layer}” is hidden.", layer=node.name()),
                "Show it first: what can't be seen is not edited.",
            )
        node = node.parentNode()
