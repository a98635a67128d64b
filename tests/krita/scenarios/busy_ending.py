"""A result arrives while the picture plays, is saved, closed, or Krita is quit."""

from hands import (
    STEPS,
    begun,
    canvas,
    drag,
    waits,
)
from help import (
    OUTPUT,
    QByteArray,
    QTimer,
    app,
    ended,
    keys,
    note,
    panel,
    quick,
    start,
    widget,
)
from painting import names, new_document, picture


def check_cancel(result):
    """A result that waits can still be cancelled."""
    document, _ = yield from begun()
    before = names(document)
    yield from drag([(40, 40), (60, 60), (90, 70)], hold=True)
    yield from waits(document, result, before)
    widget("limn_cancel_button").click()
    yield 0.5
    keys("mouseup", "1")
    yield 2
    result["note"], result["layers"] = note(), names(document)


def check_undo_held(result):
    """Undo is held down while the result goes in, then redo."""
    document, _ = yield from begun()
    for _ in range(12):
        app().action("add_new_paint_layer").trigger()
        yield 0.1
    canvas().setFocus()
    keys("keydown", "ctrl", "keydown", "z")
    came = yield lambda: panel().work is None or panel().work.stage.startswith("making"), 60
    yield 2
    keys("keyup", "z", "keyup", "ctrl")
    yield from ended(60)
    result["came"], result["note"] = came, note()
    for _ in range(30):
        app().action("edit_redo").trigger()
        yield 0.05
    yield 1
    result["layers"] = len(names(document))


def check_playing(result):
    """An animation that plays."""
    document, layer = yield from picture("recolour")
    document.setFullClipRangeEndTime(10)
    document.setActiveNode(layer)
    app().action("add_duplicate_frame").trigger()
    yield 0.5
    yield from quick(STEPS)
    yield from start("make the star blue")
    app().action("toggle_playback").trigger()
    yield from ended(90)
    result["note"], result["layers"] = note(), names(document)
    app().action("stop_playback").trigger()
    yield 0.5


def check_saving(result):
    """A large picture is being saved."""
    document, layer = yield from new_document(4096, 4096)
    strip = QByteArray(bytes(i * 7 % 256 for i in range(4 * 4096)) * 64)
    for y in range(0, 4096, 64):
        layer.setPixelData(strip, 0, y, 4096, 64)
        yield 0
    selection = document.createNode("small", "paintlayer")
    document.rootNode().addChildNode(selection, layer)
    document.setActiveNode(selection)
    selection.setPixelData(QByteArray(bytes((40, 40, 200, 255)) * 64 * 64), 0, 0, 64, 64)
    document.refreshProjection()
    document.setBatchmode(True)
    document.setFileName(f"{OUTPUT}/saving.kra")
    yield 1
    yield from quick(STEPS)
    yield from start("make it blue")
    saved = []

    def save():
        saved.append(document.saveAs(f"{OUTPUT}/saving.kra"))

    QTimer.singleShot(0, save)
    yield from ended(120)
    yield lambda: saved, 60
    result["saved"], result["note"], result["layers"] = saved, note(), names(document)


def closed_while(result, delay):
    """The picture is closed so long after its result began to go in.

    The result is kept, or in a picture that is gone.
    """
    from limn.krita_plugin.document import cooperative, geometry, reading, writing

    document, layer = yield from new_document(2048, 2048)
    strip = QByteArray(bytes((90, 120, 150, 255)) * (2048 * 64))
    for y in range(0, 2048, 64):
        layer.setPixelData(strip, 0, y, 2048, 64)
        yield 0
    document.refreshProjection()
    yield 0.5
    ends = []
    area = geometry.Rect(100, 100, 64, 64)
    steps = writing.insert(reading.take(None), area, bytes(4 * 64 * 64), "bgra8", "result")
    cooperative.Task(steps, ends.append, ends.append)
    yield delay
    document.setModified(False)
    document.close()
    came = yield lambda: ends, 30
    result[str(delay)] = came and type(ends[0]).__name__
    yield 0.3


def check_closing(result):
    for delay in (0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3):
        yield from closed_while(result, delay)


def check_quitting(result):
    """Krita is quit while a result goes in. The last check.

    There is no Krita after it.
    """
    document, _ = yield from begun()
    yield lambda: panel().work is None or panel().work.stage.startswith("making"), 60
    document.setModified(False)
    app().action("file_quit").trigger()
    yield 30
    result["still here"] = True
