"""Results at unlucky moments, made here and not by the server.

The picture is closed at once, or has no layer left.
"""

import os
import sys

from help import QApplication, QByteArray, QTimer, QtWidgets, app
from painting import is_open, names, new_document, redo, undo

DELAYS = [float(one) for one in os.environ.get("LIMN_CLOSING", "0 0.1 0.3 0.5").split()]
"""Seconds from the end of the result to the closing."""


def painted():
    """A small picture that is painted all over, and has settled."""
    document, layer = yield from new_document(512, 384)
    layer.setPixelData(QByteArray(bytes((90, 120, 150, 255)) * 512 * 384), 0, 0, 512, 384)
    document.refreshProjection()
    yield 0.7
    return document


def put(source, select):
    """A result for a source, as from an edit; its selection, too, if wanted."""
    from limn.krita_plugin.document import cooperative, geometry, selecting, writing

    ends = []
    area, pixels = geometry.Rect(100, 100, 64, 64), bytes((10, 200, 30, 255)) * 64 * 64

    def steps():
        new = yield from writing.insert(source, area, pixels, "bgra8", "result")
        if select:
            yield from selecting.select(source.document, new)

    cooperative.Task(steps(), ends.append, ends.append)
    came = yield lambda: ends, 60
    assert came and ends[0] is None, ends


def closed_after(delay, select):
    """Whether the picture is gone in the end."""
    from limn.krita_plugin.document import reading

    document = yield from painted()
    yield from put(reading.take(None), select)
    yield delay
    print(f"closed after {delay}, selection {select}", file=sys.stderr, flush=True)
    document.setModified(False)
    app().action("file_close").trigger()
    gone = yield lambda: not is_open(document), 10
    yield 0.8
    return gone


def check_closing(result):
    for delay in DELAYS:
        for select in (True, False):
            result[f"{delay} {select}"] = yield from closed_after(delay, select)


def check_close_all(result):
    """Two pictures that have just had results, by one action."""
    from limn.krita_plugin.document import reading

    result["gone"] = []
    for delay in (0, 1.2):  # at once, and as Krita draws the layer list's small pictures
        pair = []
        for _ in range(2):
            pair.append((yield from painted()))
            yield from put(reading.take(None), True)
        yield delay
        for document in pair:
            document.setModified(False)
        QTimer.singleShot(0, app().action("file_close_all").trigger)
        result["gone"].append((yield lambda pair=pair: not any(map(is_open, pair)), 15))
        yield 1
    yield from painted()
    yield from painted()
    yield from put(reading.take(None), True)
    before = len(app().documents())
    QTimer.singleShot(0, app().action("file_close_all").trigger)
    result["asked"] = yield lambda: QApplication.activeModalWidget() is not None, 15
    QApplication.activeModalWidget().reject()
    yield 1.5
    result["all stay"] = (
        QApplication.activeModalWidget() is None and len(app().documents()) == before
    )


def check_question(result):
    """Of unsaved changes, after the same wait; another picture is closed at once."""
    from limn.krita_plugin.document import reading
    from limn.krita_plugin.document.closing import settling

    other, _ = yield from new_document(64, 64, name="other")
    document = yield from painted()
    yield from put(reading.take(None), True)

    def asked():
        return isinstance(QApplication.activeModalWidget(), QtWidgets.QMessageBox)

    app().action("file_close").trigger()
    app().action("file_close").trigger()
    result["asked at once"] = asked()
    result["asked"] = yield asked, 10
    box = QApplication.activeModalWidget()
    box.button(QtWidgets.QMessageBox.StandardButton.Cancel).click()
    yield 1.5
    result["asked once"] = not asked()
    result["still open"] = is_open(document) and is_open(other)
    yield from put(reading.take(None), True)
    app().activeWindow().qwindow().findChild(QtWidgets.QMdiArea).activateNextSubWindow()
    other.setModified(False)
    document.setModified(False)
    came = yield lambda: app().activeDocument() == other, 5
    assert came
    app().action("file_close").trigger()
    result["another is held"] = bool(settling._held)
    result["another goes"] = yield lambda: not is_open(other), 10


def check_bottom(result):
    """The picture's only layer: there is none below it."""
    from limn.krita_plugin.document import reading

    document = yield from painted()
    source = reading.take(None)
    for node in document.rootNode().childNodes():
        node.remove()
    yield 1
    result["before"] = names(document)
    yield from put(source, False)
    yield 0.5
    result["with it"] = names(document)
    yield from undo()
    result["undone"] = names(document)
    yield from redo()
    result["redone"] = names(document)
