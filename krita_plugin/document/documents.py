"""The documents that are open in Krita, and the layers in them."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from krita import Krita

from ..catalogue import tr
from .colour import CanvasProblem


def active_document() -> Any | None:
    return Krita.instance().activeDocument()


def is_open(document: Any) -> bool:
    return any(other == document for other in Krita.instance().documents())


def same(document: Any) -> Any:
    """Whether two objects of PyKrita's are the same document.

    Raises CanvasProblem if it is closed.
    """
    for other in Krita.instance().documents():
        if other == document:
            return other
    raise CanvasProblem("The picture was closed.")


def title(document: Any) -> str:
    """A picture's name in quotation marks.

    Its file's, as on Krita's tab, or its title.
    """
    name = PurePath(document.fileName()).name or document.name()
    return f"“{name}”" if name else tr("the other picture")


def is_active(document: Any) -> bool:
    return bool(Krita.instance().activeDocument() == document)


def find(document: Any, uuid: Any) -> Any | None:
    """The node with this id, or None.

    Looked for here: `Document.nodeByUniqueID` gives Python no Node in Krita 5.
    """
    waiting = list(document.rootNode().childNodes())
    for node in waiting:
        if node.uniqueId() == uuid:
            return node
        waiting.extend(node.childNodes())
    return None
