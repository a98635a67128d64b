"""A picture that Limn has just changed is closed a moment later.

Krita brings its layer list up to date some time after a change, by a timer
(`KisNodeModel::processUpdateQueue`). Where the picture has been closed by then, some versions read
what is gone, and end, with everything unsaved. That is so after a painter's own changes, too, but
nobody closes a picture in the moment of a stroke. A result comes in a moment that the painter has
not chosen. So closing waits for the rest of SETTLE_SECONDS; then it comes as it would have come,
the question about unsaved changes included. Nothing stands still meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from krita import Krita

from ..qt import QEvent, QMdiSubWindow, QObject, QTimer

SETTLE_SECONDS = 0.6
"""From the last change to a closing that is safe.

Tried in Krita 5.1.5 without this file: closed at once, it ended; after 0.3 s and more never (10 of
10). With it: 20 of 20, closed after 0 to 0.6 s.
"""


class Settling(QObject):  # type: ignore[misc]
    """Holds back the closing of pictures while they settle.

    One object for all of Krita's windows. A window that closes with all its pictures is not held
    back: 5.1.5 ended by a fault where one of them was closed again afterwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0
        self._changed: list[Any] = []
        self._watched: list[Any] = []
        self._held: list[Any] = []
        self._timer: Any = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._settled)

    def changed(self, document: Any) -> None:
        """Limn changes this picture now. Said again, it holds longer."""
        self._until = time.monotonic() + SETTLE_SECONDS
        if document not in self._changed:
            self._changed.append(document)
        for window in Krita.instance().windows():
            main = window.qwindow()
            for one in (main, *main.findChildren(QMdiSubWindow)):
                if one not in self._watched:
                    one.installEventFilter(self)
                    self._watched.append(one)
        self._timer.start(round(SETTLE_SECONDS * 1000) + 1)

    def eventFilter(self, receiver: Any, event: Any) -> bool:
        """Whether the event ends here."""
        if event.type() != QEvent.Type.Close or time.monotonic() >= self._until:
            return False
        if not isinstance(receiver, QMdiSubWindow):  # all of Krita, with its pictures
            self._until, self._held = 0.0, []
            return False
        if self._is_another(receiver):
            return False
        event.ignore()
        if receiver not in self._held:
            self._held.append(receiver)
        return True

    def _is_another(self, closing: Any) -> bool:
        """Whether it is surely the window of a picture that Limn has not changed."""
        area = closing.mdiArea()
        in_front = area is not None and area.activeSubWindow() is closing
        return in_front and Krita.instance().activeDocument() not in self._changed

    def _settled(self) -> None:
        watched, held = self._watched, self._held
        self._changed, self._watched, self._held = [], [], []
        for one in watched:
            with contextlib.suppress(RuntimeError):  # the window is gone
                one.removeEventFilter(self)
        for one in held:
            with contextlib.suppress(RuntimeError):
                one.close()


settling = Settling()
