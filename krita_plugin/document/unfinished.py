"""What the painter has begun with a tool of several steps.

A polygon, a path, a crop, a text. Such a tool keeps its steps to itself. No lock tells of them, and
no button is held between two of them. Yet a new active layer ends them: a crop preview crops (Krita
5.2 and later), a polygon is closed, a text is left. So the canvases are watched, as long as the
painter holds such a tool, for the first press and for what ends it. With any other tool no event is
looked at.
"""

from __future__ import annotations

from functools import partial

from krita import Krita

from ..qt import QApplication, QEvent, QKeyEvent, QObject, Qt, QToolButton, QWidget, sure

CANVASES = ("KisQPainterCanvas", "KisOpenGLCanvas2")
"""Krita's classes of what the painter paints on, without and with OpenGL."""

TEXT = "SvgTextTool"

TOOLS = (
    TEXT,
    "KisToolCrop",
    "KisToolEncloseAndFill",
    "KisToolPath",
    "KisToolPolygon",
    "KisToolPolyline",
    "KisToolSelectMagnetic",
    "KisToolSelectPath",
    "KisToolSelectPolygonal",
)
"""Tools of several steps, by their names in the toolbox."""

TEXT_DOCKER = "TextProperties"
"""The docker of Krita 5.3 with which texts are written on the canvas.

Elsewhere they are written in a window.
"""

PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.TabletPress, QEvent.Type.TouchBegin)
KEYS = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
WATCHED = (*PRESSES, *KEYS, QEvent.Type.MouseButtonDblClick)

ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)

MARK = "limn_watches"
"""A property of those buttons of the toolbox that are listened to."""


class Steps(QObject):
    """Follows the tools of several steps. One object for all of Krita's windows."""

    def __init__(self) -> None:
        super().__init__()
        self._tool = ""
        self._begun: str | None = None

    def watch(self) -> None:
        """Listen to the toolboxes that are there now; again is no harm."""
        for window in Krita.instance().windows():
            box = window.qwindow().findChild(QWidget, "ToolBox")
            for button in [] if box is None else box.findChildren(QToolButton):
                name = str(button.objectName())
                if name in TOOLS and not button.property(MARK):
                    button.setProperty(MARK, True)
                    button.toggled.connect(partial(self._toggled, name))
                    if button.isChecked():
                        self._toggled(name, True)

    def unfinished(self) -> bool:
        """Whether something has been begun in the picture in front, and not ended.

        Anything that can be undone since has ended it. A text is different: each of its letters can
        be undone.
        """
        if self._begun is not None and self._tool != TEXT and last_step() != self._begun:
            self._begun = None
        return self._begun is not None

    def eventFilter(self, receiver: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in WATCHED and sure(receiver.metaObject()).className() in CANVASES:
            if kind in PRESSES:
                if not self.unfinished():
                    self._begun = last_step()
            elif self._ends(event):
                self._begun = None
        return False

    def _ends(self, event: QEvent) -> bool:
        """Whether a double click or a key ends what was begun."""
        if not isinstance(event, QKeyEvent) or event.type() not in KEYS:
            return self._tool != TEXT
        return event.key() == Qt.Key.Key_Escape or (event.key() in ENDS and self._tool != TEXT)

    def _toggled(self, name: str, taken: bool) -> None:
        """A tool of several steps is taken in the hand, or put away.

        That has ended what it did.
        """
        self._begun = None
        if taken and (name != TEXT or text_on_canvas()):
            self._tool = name
            sure(QApplication.instance()).installEventFilter(self)
        elif name == self._tool:
            self._tool = ""
            sure(QApplication.instance()).removeEventFilter(self)


def last_step() -> str:
    """What undo would take back in the picture in front, as Krita names it."""
    action = Krita.instance().action("edit_undo")
    return "" if action is None else str(action.text())


def text_on_canvas() -> bool:
    """Whether this Krita's texts are written on the canvas."""
    return any(one.objectName() == TEXT_DOCKER for one in Krita.instance().dockers())


steps = Steps()
"""What every document asks."""
