"""The documents that are open in Krita, and the layers in them."""

from __future__ import annotations

from pathlib import PurePath

from krita import Document, Krita, Node

from ..qt import QUuid
from ..translations import tr
from .colour import CanvasProblem


def active_document() -> Document | None:
    return Krita.instance().activeDocument()


def is_open(document: Document) -> bool:
    return any(other == document for other in Krita.instance().documents())


def same(document: Document) -> Document:
    """Whether two objects of PyKrita's are the same document.

    Raises CanvasProblem if it is closed.
    """
    for other in Krita.instance().documents():
        if other == document:
            return other
    raise CanvasProblem("The picture was closed.")


def title(document: Document) -> str:
    """A picture's name in quotation marks.

    Its file's, as on Krita's tab, or its title.
    """
    name = PurePath(document.fileName()).name or document.name()
    return f"“{name}”" if name else tr("the other picture")


def is_active(document: Document) -> bool:
    return bool(Krita.instance().activeDocument() == document)


def find(document: Document, uuid: QUuid) -> Node | None:
    """The node with this id, or None.

    Looked for here: `Document.nodeByUniqueID` gives Python no Node in Krita 5.
    """
    waiting = list(document.rootNode().childNodes())
    for node in waiting:
        if node.uniqueId() == uuid:
            return node
        waiting.extend(node.childNodes())
    return None


def found(document: Document, uuid: QUuid) -> Node:
    """The node with this id. Raises CanvasProblem where it is gone."""
    node = find(document, uuid)
    if node is None:
        raise CanvasProblem("The layer that was edited is gone.")
    return node
