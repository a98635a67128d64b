"""The painter is in the middle of something when a result arrives.

It goes in afterwards, the docker says what it waits for, and nothing of the painter's is lost.
"""

from hands import (
    BRUSH,
    at,
    begun,
    click,
    drag,
    finished,
    on_canvas,
    own_selection,
    tool,
    waits,
)
from help import (
    QApplication,
    app,
    keys,
    screenshot,
)
from painting import activate, layers, names, pixels, undo

THEN = "busy_ending"


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
