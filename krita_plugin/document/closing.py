"""A picture that Limn has just changed is closed a moment later.

Krita brings its layer list up to date some time after a change, by a timer
(`KisNodeModel::processUpdateQueue`). Where the picture has been closed by then, some versions read
what is gone, and end, with everything unsaved. That is so after a painter's own changes, too, but
nobody closes a picture in the moment of a stroke. A result comes in a moment that the painter has
not chosen. So closing waits for the rest of SETTLE_SECONDS; then it comes as it would have come,
the question about unsaved changes included. Nothing stands still meanwhile.

From 5.2 on Krita draws the layer list's small pictures in a worker, some tenths of a second after a
change, and the main thread hears of each by an event. Where the last picture has been closed before
that event comes, `KisLayerThumbnailCache::slotThumbnailGenerated` takes it for one of the picture
that is shown (neither is there any more), and Krita ends. So a picture that Limn has just changed
is closed in a turn in which Krita draws nothing and no such event waits, and of several (*Close
All*) each in a turn of its own: as one goes, the next is shown, and drawn. Seen in 6.0.4.
"""

from __future__ import annotations

import contextlib
import time

from krita import Document, Krita

from ..qt import QApplication, QEvent, QMainWindow, QMdiArea, QMdiSubWindow, QObject, QTimer
from .idle import is_free

SETTLE_SECONDS = 0.6
"""From the last change to a closing that is safe.

Tried in Krita 5.1.5 without this file: closed at once, it ended; after 0.3 s and more never (10 of
10). With it: 20 of 20, closed after 0 to 0.6 s.
"""

WATCH_SECONDS = 4.0
"""From the last change to the end of what Krita does by itself because of it.

Its idle tasks begin a second after a change (`KisIdleWatcher`).
"""

LOOK_SECONDS = 0.05
"""Between two looks at whether Krita is still drawing."""

CLOSE_ALL = "file_close_all"
"""The action that closes all pictures of a window, until one of them stays."""

META_CALL = 43
"""`QEvent::MetaCall`, as a number, which PyQt 5 and 6 both take."""


class Settling(QObject):
    """Holds back the closing of pictures while they settle.

    One object for all of Krita's windows. A window that closes with all its pictures is not held
    back: 5.1.5 ended by a fault where one of them was closed again afterwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last = -WATCH_SECONDS
        self._changed: list[Document] = []
        self._watched: list[QObject] = []
        self._held: list[QMdiSubWindow] = []
        self._close_all: list[QObject] = []
        self._closes = False
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)

    def changed(self, document: Document) -> None:
        """Limn changes this picture now. Said again, it holds longer."""
        self._last = time.monotonic()
        if document not in self._changed:
            self._changed.append(document)
        for window in Krita.instance().windows():
            main = window.qwindow()
            for one in (main, *_sub_windows(main)):
                if one not in self._watched:
                    one.installEventFilter(self)
                    self._watched.append(one)
        every = Krita.instance().action(CLOSE_ALL)
        if every is not None and every not in self._close_all:
            every.triggered.connect(self._hold_others)
            self._close_all.append(every)
        self._timer.start(round(WATCH_SECONDS * 1000) + 1)

    def _hold_others(self) -> None:
        """*Close All* ended at the first closing that is held: the others follow it."""
        with contextlib.suppress(RuntimeError):  # the window is gone
            area = self._held[0].mdiArea() if self._held else None
            if area is not None:
                self._held += [one for one in area.subWindowList() if one not in self._held]

    def eventFilter(self, receiver: QObject, event: QEvent) -> bool:
        """Whether the event ends here."""
        if event.type() != QEvent.Type.Close or self._closes:
            return False
        if not isinstance(receiver, QMdiSubWindow):  # all of Krita, with its pictures
            self._last, self._held = -WATCH_SECONDS, []
            return False
        if time.monotonic() >= self._last + WATCH_SECONDS or self._is_another(receiver):
            return False
        if _goes_anyway(receiver):
            return False
        event.ignore()
        if receiver not in self._held:
            self._held.append(receiver)
        self._timer.start(0)
        return True

    def _is_another(self, closing: QMdiSubWindow) -> bool:
        """Whether it is surely the window of a picture that Limn has not changed."""
        area = closing.mdiArea()
        in_front = area is not None and area.activeSubWindow() is closing
        return in_front and Krita.instance().activeDocument() not in self._changed

    def _look(self) -> None:
        """Closes one of those that are held, if this is the moment.

        Forgets all once nothing settles any more.
        """
        now = time.monotonic()
        if self._closes:  # in the event loop of Krita's question about unsaved changes
            self._timer.start(round(LOOK_SECONDS * 1000))
            return
        if self._held:
            until = self._last + SETTLE_SECONDS
            if now < until:
                self._timer.start(round((until - now) * 1000) + 1)
                return
            if now < self._last + WATCH_SECONDS and not self._at_rest():
                self._timer.start(round(LOOK_SECONDS * 1000))
                return
            one = self._held.pop(0)
            self._closes = True
            try:
                with contextlib.suppress(RuntimeError):  # the window is gone
                    if not one.close():  # the painter keeps it, and so the others
                        self._held = []
            finally:
                self._closes = False
            if self._held:
                self._last = time.monotonic() - SETTLE_SECONDS  # the next one is shown, and drawn
                self._timer.start(round(LOOK_SECONDS * 1000))
                return
        left = self._last + WATCH_SECONDS - now
        if left > 0:
            self._timer.start(round(left * 1000) + 1)
            return
        watched, self._watched, self._changed = self._watched, [], []
        for window in watched:
            with contextlib.suppress(RuntimeError):
                window.removeEventFilter(self)

    def _at_rest(self) -> bool:
        """Whether Krita draws none of these pictures.

        And has heard of all that it drew.
        """
        there = Krita.instance().documents()
        changed = [one for one in there if one in self._changed]
        if not all(map(is_free, changed)):
            return False
        QApplication.sendPostedEvents(None, META_CALL)
        return all(map(is_free, changed))


def _goes_anyway(closing: QMdiSubWindow) -> bool:
    """Whether a script closes it, which has hidden the picture by now.

    `Document.close()` deletes the document whatever the window answers. Where the window was held
    all the same, 5.3.4 ended (3 of 5 tries); since it is not, none of the four did.
    """
    view = closing.widget()
    return view is None or view.isHidden()


def _sub_windows(main: QMainWindow) -> list[QMdiSubWindow]:
    """Those of a window's pictures.

    By their area, which lies at the top of the tree: a search of the whole window held Krita for 70
    ms, each time.
    """
    centre = main.centralWidget()
    area = None if centre is None else centre.findChild(QMdiArea)
    return [] if area is None else list(area.subWindowList())


settling = Settling()
