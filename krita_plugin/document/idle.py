"""Whether the painter is in the middle of something in a picture.

A result waits until it can go in without disturbing that, however long it takes.
"""

from __future__ import annotations

from collections.abc import Callable

from krita import Document, Krita

from ..qt import QApplication, QGuiApplication, Qt
from .colour import CanvasProblem
from .cooperative import Steps
from .unfinished import steps

LOOK_SECONDS = 0.05
"""Between two looks at what the painter does."""

TELL_SECONDS = 1.0
"""What lasts no longer than a brush stroke is not worth a word."""

DIALOG = "the open dialog or menu"
TOOL = "what you have begun on the canvas"

Tell = Callable[[str], None]
"""Told what is waited for (DIALOG or TOOL), and "" as soon as nothing is."""


def untold(what: str) -> None:
    """For a caller that has nobody to tell."""


def idle(document: Document, tell: Tell = untold) -> Steps[None]:
    """Waits until the painter is in the middle of nothing.

    And until Krita has drawn the picture. Raises CanvasProblem if the picture is closed meanwhile.
    """
    waited, told = 0.0, ""
    try:
        while True:
            if not any(other == document for other in Krita.instance().documents()):
                raise CanvasProblem("The picture was closed.")
            what = _under_way(document)
            if not what:
                return
            if waited >= TELL_SECONDS and what != told:
                told = what
                tell(told)
            yield LOOK_SECONDS
            waited += LOOK_SECONDS
    finally:
        if told:
            tell("")


def _under_way(document: Document) -> str:
    """What the painter has begun and not ended: DIALOG, TOOL or "".

    A menu or a modal dialog runs an event loop of its own, under which Krita holds back the signals
    that fill its layer list. A stroke, a transform or a filter's preview keeps the picture locked;
    for the rest see unfinished.py.
    """
    modal = QApplication.activeModalWidget() or QGuiApplication.modalWindow()
    if modal is not None or QApplication.activePopupWidget() is not None:
        return DIALOG
    if QApplication.mouseButtons() != Qt.MouseButton.NoButton or not is_free(document):
        return TOOL
    if Krita.instance().activeDocument() == document and steps.unfinished():
        return TOOL
    return ""


def is_free(document: Document) -> bool:
    """Whether Krita has nothing to do for this picture, which is open.

    A last piece of work that is being done is waited for: what we start is not.
    """
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True
