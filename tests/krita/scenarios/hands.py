"""What a painter's hands do on the canvas, and an edit meanwhile.

Real presses, drags and keys through the X server.
"""

from help import QWidget, app, ended, keys, note, panel, quick, start, widget
from painting import HEIGHT, WIDTH, names, picture, selection_bytes, undo

BRUSH = "KritaShape/KisToolBrush"


def canvas():
    """The widget on which the painter paints."""
    kinds = ("KisQPainterCanvas", "KisOpenGLCanvas2")
    middle = app().activeWindow().qwindow().centralWidget()
    found = [one for one in middle.findChildren(QWidget) if one.isVisible()]
    return next(one for one in found if one.metaObject().className() in kinds)


def at(x, y):
    """Where a pixel of the picture lies on the screen.

    The picture lies in the canvas's middle, pixel for pixel.
    """
    middle = canvas().mapToGlobal(canvas().rect().center())
    return str(middle.x() + x - WIDTH // 2), str(middle.y() + y - HEIGHT // 2)


def drag(way, hold=False):
    """From point to point with the button held; and held on, if wanted."""
    (x, y), *rest = way
    keys("mousemove", *at(x, y))
    yield 0.2
    keys("mousedown", "1")
    yield 0.1
    for x, y in rest:
        keys("mousemove", *at(x, y))
        yield 0.1
    if not hold:
        keys("mouseup", "1")
        yield 0.2


def click(x, y):
    keys("mousemove", *at(x, y))
    yield 0.2
    keys("click", "1")
    yield 0.5


def tool(name):
    app().action(name).trigger()
    yield 0.5


def on_canvas(*key):
    canvas().setFocus()
    yield 0.2
    keys("key", *key)
    yield 0.5


STEPS = 8
"""Steps of denoising: enough for the painter to begin something.

Before the result arrives.
"""


def begun(name="picture"):
    """A picture with an edit under way; its zoom such that `at` is right."""
    document, layer = yield from picture("recolour", name)
    app().action("zoom_to_100pct").trigger()
    yield from tool(BRUSH)
    yield from quick(STEPS)
    yield 0.3
    yield from start("make the star blue")
    return document, layer


def waits(document, result, before):
    """The result has come, and waits for the painter, which the docker says."""
    came = yield lambda: panel().work is None or panel().work.stage.startswith("ready"), 120
    result["waits"] = came and panel().work is not None
    result["stage"] = widget("limn_stage").text()
    yield 1
    result["as before meanwhile"] = names(document) == before


def finished(document, result, seconds=90):
    yield from ended(seconds)
    result["note"], result["layers"] = note(), names(document)
    result["selected"] = selection_bytes(document) is not None


def own_selection(document, result):
    """What is selected once the result and its selection are undone."""
    yield from undo()
    yield from undo()
    mine = document.selection()
    result["own selection"] = mine and [mine.x(), mine.y(), mine.width(), mine.height()]
