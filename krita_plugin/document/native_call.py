"""A slow slot of Krita's, called in a thread of Qt's own.

Krita's main thread goes on meanwhile. Why not a thread of Python's: PyKrita is built with SIP.
Builds by SIP 4 (Debian 12) give up the GIL during each call, builds by SIP 5 and 6 (Krita's own
packages, Debian 13) keep it. There a call that waits for Krita's main thread, which itself waits
for the GIL, never ends. `KisImage::waitForDone` is such a call while a tool of the painter's holds
a stroke open. So Qt calls the C++ slot (`QMetaObject::invokeMethod` on an object that lives in the
thread). Python is needed before and after the call only.

Why nothing of the painter's ends by it: `KisImage::waitForDone` first asks for the end of whatever
is under way (`sigStrokeEndRequested`). A crop preview would then crop the picture, and a half-drawn
polygon be closed. Sent from another thread, the request comes to the tools (`KisToolProxy`) as an
event, which is stopped there. So the caller waits for an idle picture first; see idle.py.

Tried in Krita 5.1.5, 5.2.9, 5.3.4 and 6.0.4.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..qt import Q_ARG, QApplication, QEvent, QMetaObject, QObject, Qt, QThread, sure
from .cooperative import Steps, Task

LOOK_SECONDS = 0.01
"""Between two looks at whether a call has ended."""

BEGIN_SECONDS = 0.02
"""How long Krita stands still for a call to begin."""

TOOLS = "KisToolProxy"
"""The class of Krita's through which requests reach the painter's tool.

The requests are the picture's.
"""


def call(
    thing: QObject,
    slot: str,
    *arguments: tuple[str, Any],
    begun: Callable[[], bool] = lambda: True,
) -> Steps[bool]:
    """Call a C++ slot and wait for its end, while Krita goes on.

    Returns whether `begun` was true at some time. Cancelled, the call goes on to its end by itself.

    thing: a QObject of PyKrita's that nothing else uses, because the thread owns it meanwhile.
    arguments: C++ type and value of each, ("Node*", layer).
    begun: until this is true Krita does nothing else, so that what the painter does comes after it.
    It takes a few milliseconds as a rule, and BEGIN_SECONDS at the longest.

    Raises RuntimeError if there is no such slot.
    """
    running = _Call(thing, slot, arguments)
    start = time.monotonic()
    try:
        has_begun = begun()
        while not has_begun and not running.over and time.monotonic() < start + BEGIN_SECONDS:
            time.sleep(0.0005)
            has_begun = begun()
        while not running.over:
            yield LOOK_SECONDS
            has_begun = has_begun or begun()
        return has_begun
    finally:
        if running.over:
            running.close()
        else:  # cancelled
            Task(_outlast(running), lambda _: None, lambda _: None)


def _outlast(running: _Call) -> Steps[None]:
    while not running.over:
        yield LOOK_SECONDS
    running.close()


class _Call:
    """One call under way.

    It holds what the call works on: whoever holds a picture last takes it down, and that is for the
    main thread to do.
    """

    def __init__(self, thing: QObject, slot: str, arguments: tuple[tuple[str, Any], ...]) -> None:
        self._thing = thing
        self._arguments = arguments
        self._filter = _RequestFilter()
        self._thread = QThread()
        last = QObject()
        for one in (thing, last):
            one.moveToThread(self._thread)
        direct = Qt.ConnectionType.DirectConnection
        last.destroyed.connect(self._thread.quit, direct)  # type: ignore[call-arg]
        self._thread.start()
        try:
            arguments_there = [Q_ARG(kind, value) for kind, value in arguments]
            queued = Qt.ConnectionType.QueuedConnection
            QMetaObject.invokeMethod(thing, slot, queued, *arguments_there)
        finally:
            last.deleteLater()  # after the call: the thread takes one after the other

    @property
    def over(self) -> bool:
        return bool(self._thread.isFinished())

    def close(self) -> None:
        """Give back, on the main thread, what the call has held.

        An object can be moved out of a thread from outside once that thread is no more.
        """
        self._filter.close()
        self._thread.wait()
        self._thing.moveToThread(sure(QApplication.instance()).thread())
        del self._thread, self._thing
        self._arguments = ()


class _RequestFilter(QObject):
    """Keeps other threads' requests from the painter's tools.

    Until it is closed.
    """

    def __init__(self) -> None:
        super().__init__()
        sure(QApplication.instance()).installEventFilter(self)

    def eventFilter(self, receiver: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.MetaCall:
            return False
        return bool(sure(receiver.metaObject()).className() == TOOLS)

    def close(self) -> None:
        sure(QApplication.instance()).removeEventFilter(self)
