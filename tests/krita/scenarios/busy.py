"""The painter is in the middle of something when a result arrives.

It goes in afterwards, the docker says what it waits for, and nothing of the painter's is lost.
"""

from hands import (
    BRUSH,
    STEPS,
    at,
    begun,
    canvas,
    click,
    drag,
    finished,
    on_canvas,
    own_selection,
    tool,
    waits,
)
from help import (
    OUTPUT,
    QApplication,
    QByteArray,
    QTimer,
    activate,
    app,
    ended,
    keys,
    layers,
    names,
    new_document,
    note,
    panel,
    picture,
    pixels,
    quick,
    screenshot,
    start,
    undo,
    widget,
)


def check_brush(result):
    document, layer = yield from begun()
    before, painted = names(document), pixels(layer, document)
    yield from drag([(40, 40), (60, 60), (90, 70)], hold=True)
    yield from waits(document, result, before)
    yield from screenshot("brush")
    keys("mousemove", *at(120, 90))
    yield 0.2
    keys("mouseup", "1")
    yield from finished(document, result)
    yield from undo()
    yield from undo()
    result["stroke stays"] = names(document) == before and pixels(layer, document) != painted
    yield from undo()
    result["then goes"] = pixels(layer, document) == painted


def check_transform(result):
    document, layer = yield from begun()
    before, painted = names(document), pixels(layer, document)
    yield from tool("KisToolTransform")
    yield from drag([(262, 176), (242, 166), (222, 156)])  # beside the handle in the middle
    yield from waits(document, result, before)
    yield from screenshot("transform")
    yield from on_canvas("Return")
    yield from finished(document, result)
    result["transformed"] = pixels(layer, document) != painted


def check_move(result):
    document, layer = yield from begun()
    before, bounds = names(document), layer.bounds()
    yield from tool("KritaTransform/KisToolMove")
    yield from drag([(301, 215), (281, 205), (261, 195)])
    yield from waits(document, result, before)
    yield from tool(BRUSH)
    yield from finished(document, result)
    result["moved"] = layer.bounds().x() - bounds.x() < -30


def check_filter(result):
    """A filter's dialog with its preview."""
    document, layer = yield from begun()
    before, painted = names(document), pixels(layer, document)
    app().action("krita_filter_invert").trigger()  # without a dialog
    yield 0.5
    app().action("krita_filter_hsvadjustment").trigger()
    yield 1
    yield from waits(document, result, before)
    yield from screenshot("filter")
    for one in QApplication.topLevelWidgets():
        if one.metaObject().className() == "KisDlgFilter" and one.isVisible():
            one.accept()
    yield from finished(document, result)
    result["filtered"] = painted != pixels(layer, document)


def check_blur(result):
    """A preview beyond the layer, given up in the end."""
    document, layer = yield from begun()
    before, painted = names(document), pixels(layer, document)
    app().action("krita_filter_gaussian blur").trigger()
    yield 1
    yield from waits(document, result, before)
    yield from screenshot("blur")
    result["preview"] = painted != pixels(layer, document)
    for one in QApplication.topLevelWidgets():
        if one.metaObject().className() == "KisDlgFilter" and one.isVisible():
            one.reject()
    yield from finished(document, result)
    result["as it was"] = painted == pixels(layer, document)


def check_crop(result):
    document, _ = yield from begun()
    before, size = names(document), [document.width(), document.height()]
    yield from tool("KisToolCrop")
    yield from drag([(100, 100), (200, 200), (400, 300)])
    yield from waits(document, result, before)
    result["size as before meanwhile"] = [document.width(), document.height()] == size
    yield from screenshot("crop")
    yield from on_canvas("Return")
    yield from finished(document, result)
    result["cropped"] = [document.width(), document.height()]


def steps_with(kind, result):
    """Three points, the result arrives, two more.

    The selection is the one of all five.
    """
    document, _ = yield from begun()
    before = names(document)
    yield from tool(kind)
    for x, y in ((40, 40), (140, 40), (140, 140)):
        yield from click(x, y)
    yield from waits(document, result, before)
    yield from screenshot(kind)
    for x, y in ((90, 180), (40, 140)):
        yield from click(x, y)
    yield from on_canvas("Return")
    yield from finished(document, result)
    yield from own_selection(document, result)


def check_polygon(result):
    yield from steps_with("KisToolSelectPolygonal", result)


def check_path(result):
    yield from steps_with("KisToolSelectPath", result)


def check_rectangle(result):
    """A selection that is being drawn."""
    document, _ = yield from begun()
    before = names(document)
    yield from tool("KisToolSelectRectangular")
    yield from drag([(40, 40), (100, 80)], hold=True)
    yield from waits(document, result, before)
    keys("mousemove", *at(140, 140))
    yield 0.3
    keys("mouseup", "1")
    yield from finished(document, result)
    yield from own_selection(document, result)


def check_sampler(result):
    """The colour picker."""
    document, _ = yield from begun()
    before = names(document)
    yield from tool("KritaSelected/KisToolColorSampler")
    yield from drag([(301, 215), (305, 215)], hold=True)
    yield from waits(document, result, before)
    keys("mouseup", "1")
    yield from finished(document, result)


def check_dialog(result):
    """A modal dialog."""
    document, _ = yield from begun()
    before = names(document)
    keys("key", "ctrl+n")
    result["modal"] = yield lambda: QApplication.activeModalWidget() is not None, 20
    yield from waits(document, result, before)
    yield from screenshot("dialog")
    QApplication.activeModalWidget().reject()
    yield from finished(document, result)


def check_menu(result):
    document, _ = yield from begun()
    before = names(document)
    keys("key", "alt+l")
    result["menu"] = yield lambda: QApplication.activePopupWidget() is not None, 20
    yield from waits(document, result, before)
    yield from screenshot("menu")
    while QApplication.activePopupWidget() is not None:
        QApplication.activePopupWidget().close()
        yield 0.2
    yield from finished(document, result)


def check_text(result):
    """A text, on the canvas or in its editor."""
    document, layer = yield from begun()
    texts = document.createVectorLayer("texts")
    document.rootNode().addChildNode(texts, layer)
    yield from activate(document, texts)
    yield from tool("SvgTextTool")
    yield from drag([(40, 40), (100, 60), (200, 120)])
    yield 1
    before = names(document)
    keys("type", "--delay", "50", "abc")
    yield from waits(document, result, before)
    keys("type", "--delay", "50", "def")
    yield 1
    yield from screenshot("text")
    for one in QApplication.topLevelWidgets():
        if one.metaObject().className() == "SvgTextEditor" and one.isVisible():
            keys("key", "ctrl+s")
            yield 0.5
            one.close()
    yield from tool(BRUSH)
    yield from finished(document, result)
    texts = [one.toSvg() for one in layers(document) if one.type() == "vectorlayer"]
    result["text"] = ["abcdef" in text for text in texts]


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
    app().action("add_blank_frame").trigger()
    yield 0.5
    yield from undo()
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
