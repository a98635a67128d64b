"""A picture is closed by the painter's own action so soon after a result that Krita has not yet
brought its layer list up to date.
"""

import os
import sys

from help import QByteArray, QtWidgets, app, new_document

DELAYS = (0.0, 0.02, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Seconds from the end of the result to the closing."""

ROUNDS = int(os.environ.get("LIMN_CLOSING", "1"))


def with_result(keep_selection=True):
    """A picture that has just had a layer, and its selection, from an edit."""
    from limn.krita_plugin.document import cooperative, geometry, reading, writing

    document, layer = yield from new_document(512, 384)
    layer.setPixelData(QByteArray(bytes((90, 120, 150, 255)) * 512 * 384), 0, 0, 512, 384)
    document.refreshProjection()
    yield 0.7
    ends = []

    def steps():
        source, area = reading.take(None), geometry.Rect(100, 100, 64, 64)
        new = yield from writing.insert(
            source, area, bytes((10, 200, 30, 255)) * 64 * 64, "bgra8", "result"
        )
        if keep_selection:
            yield from writing.select(source.document, new)

    cooperative.Task(steps(), ends.append, ends.append)
    came = yield lambda: ends, 60
    assert came and ends[0] is None, ends
    return document


def views():
    """The pictures' windows within Krita's."""
    main = app().activeWindow().qwindow()
    return main.findChildren(QtWidgets.QMdiSubWindow)


def closed_after(delay, selection, result):
    document = yield from with_result(selection)
    yield delay
    print(f"closed after {delay}, selection {selection}", file=sys.stderr, flush=True)
    document.setModified(False)
    app().action("file_close").trigger()
    gone = yield lambda: not app().documents(), 10
    result[f"{selection} {delay}"] = gone
    yield 0.8


def check_closing(result):
    for _ in range(ROUNDS):
        for delay in DELAYS:
            for selection in (True, False):
                yield from closed_after(delay, selection, result)
