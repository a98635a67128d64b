"""Results go in while a painter does anything at all.

Seeded, so that a run can be repeated. Results of one kind are made here, not by the server, which
is fast; the others are of whole edits, of as few steps as there can be: it is Krita that is tried.
"""

import os
import random
import sys
import time
from collections import Counter

from hands import BRUSH, at, canvas
from help import (
    QApplication,
    QByteArray,
    QTimer,
    QtWidgets,
    app,
    keys,
    note,
    panel,
    quick,
    screenshot,
    widget,
)
from painting import activate, is_open, layers, new_document, picture

QMessageBox = QtWidgets.QMessageBox

COUNT = int(os.environ.get("LIMN_STORM", "15"))
EDITS = int(os.environ.get("LIMN_STORM_EDITS", "3"))
SEED = int(os.environ.get("LIMN_STORM_SEED", "1"))
WIDTH, HEIGHT = 512, 384
COLOURS = ("blue", "green", "yellow", "orange", "purple")
PIXELS = bytes((10, 200, 30, 255)) * 16 * 16

LONGEST_SECONDS = 0.5
"""Of the pauses that a painter makes before the next action."""


def tool(name):
    app().action(name).trigger()
    yield 0.1


def drag(way):
    """From point to point with the button held, as fast as a hand is."""
    for number, (x, y) in enumerate(way):
        keys("mousemove", *at(x, y), *(("mousedown", "1") if number == 0 else ()))
        yield 0.05
    keys("mouseup", "1")
    yield 0.05


class Longest:
    """The longest time between two turns of Krita's event loop, in seconds.

    What the tests' own keys take is in it, and what other processes do to the machine.
    """

    def __init__(self):
        self.seconds, self.last = 0.0, time.monotonic()
        self.timer = QTimer()
        self.timer.timeout.connect(self.tick)
        self.timer.start(20)

    def tick(self):
        now = time.monotonic()
        self.seconds, self.last = max(self.seconds, now - self.last), now

    def stop(self):
        self.timer.stop()
        return round(self.seconds, 2)


def fresh():
    """A picture that is painted all over."""
    document, layer = yield from new_document(WIDTH, HEIGHT)
    pixels = QByteArray(bytes((90, 120, 150, 255)) * WIDTH * HEIGHT)
    layer.setPixelData(pixels, 0, 0, WIDTH, HEIGHT)
    document.refreshProjection()
    app().action("zoom_to_100pct").trigger()
    yield from tool(BRUSH)
    return document


def closed(document):
    """Close the picture, and throw away its changes where Krita asks.

    It asks although the picture was said to be unchanged if a step of the painter's ends only then.
    """
    yield 0.7  # right after a change of the painter's own some Kritas end, see closing.py
    document.setModified(False)
    QTimer.singleShot(0, app().action("file_close").trigger)

    def question():
        return isinstance(QApplication.activeModalWidget(), QMessageBox)

    yield lambda: question() or not is_open(document), 20
    if question():
        box, ways = QApplication.activeModalWidget(), QMessageBox.StandardButton
        (box.button(ways.No) or box.button(ways.Discard)).click()
    gone = yield lambda: not is_open(document), 20
    assert gone, f"the picture was not closed: {QApplication.activeModalWidget()}"


def has_pixels(layer):
    """Whether there is something on it that could be edited."""
    return layer.type() == "paintlayer" and not layer.bounds().isEmpty()


def somewhere(dice):
    return dice.randrange(20, WIDTH - 20), dice.randrange(20, HEIGHT - 20)


def dragged_with(name, *end):
    """Something drawn with a tool.

    It is ended with a key, or by nothing but the next tool.
    """

    def act(dice):
        yield from tool(name)
        yield from drag([somewhere(dice) for _ in range(4)])
        yield dice.random() * LONGEST_SECONDS
        if end:
            canvas().setFocus()
            keys("key", *end)
            yield 0.2

    return act


def triggered(name, times=1):
    def act(dice):
        for _ in range(dice.randint(1, times)):
            app().action(name).trigger()
            yield dice.random() * 0.1

    return act


def dialog(key):
    def act(dice):
        keys("key", key)
        yield lambda: QApplication.activeModalWidget() is not None, 2
        yield dice.random() * LONGEST_SECONDS
        while QApplication.activeModalWidget() is not None:
            QApplication.activeModalWidget().reject()
            yield 0.3

    return act


def nothing(dice):
    yield dice.random() * LONGEST_SECONDS


def key_undo(dice):
    for _ in range(dice.randint(1, 4)):
        keys("key", "ctrl+z")
        yield dice.random() * LONGEST_SECONDS


def hide(dice):
    document = app().activeDocument()
    layer = dice.choice(layers(document))
    layer.setVisible(not layer.visible())
    document.refreshProjection()
    yield 0.1


ACTIONS = {
    "nothing": nothing,
    "brush": dragged_with(BRUSH),
    "transform": dragged_with("KisToolTransform", "Return"),
    "transform left": dragged_with("KisToolTransform"),
    "move": dragged_with("KritaTransform/KisToolMove"),
    "crop left": dragged_with("KisToolCrop", "Escape"),
    "polygon": dragged_with("KisToolSelectPolygonal", "Return"),
    "rectangle": dragged_with("KisToolSelectRectangular"),
    "gradient": dragged_with("KritaFill/KisToolGradient"),
    "undo": key_undo,
    "undo often": triggered("edit_undo", 12),
    "redo often": triggered("edit_redo", 12),
    "new layer": triggered("add_new_paint_layer", 3),
    "duplicate": triggered("duplicatelayer"),
    "remove": triggered("remove_layer"),
    "select all": triggered("select_all"),
    "deselect": triggered("deselect"),
    "invert": triggered("krita_filter_invert"),
    "zoom": triggered("view_zoom_in", 2),
    "new picture": dialog("ctrl+n"),
    "hide": hide,
}


def check_storm(result):
    from limn.krita_plugin.document import cooperative, geometry, reading, selecting, writing
    from limn.krita_plugin.document.colour import CanvasProblem

    dice, longest = random.Random(SEED), Longest()
    ended, done = Counter(), Counter()
    document = yield from fresh()
    for number in range(COUNT):
        if dice.random() < 0.05 or len(layers(document)) > 25:
            yield from closed(document)
            document = yield from fresh()
        paint = [one for one in layers(document) if has_pixels(one)]
        if not paint:
            document = yield from fresh()
            paint = [one for one in layers(document) if has_pixels(one)]
        paint[-1].setVisible(True)
        yield from activate(document, paint[-1])
        action = dice.choice(list(ACTIONS))
        ends = []
        print(f"{number}: {action}", file=sys.stderr, flush=True)  # what Krita died of, if it does
        try:
            source = reading.take(None)
        except CanvasProblem as problem:
            ended[problem.sentence] += 1
            yield from ACTIONS[action](dice)
            continue

        area = geometry.Rect(*somewhere(dice), 16, 16)

        def steps(source=source, area=area):
            new = yield from writing.insert(source, area, PIXELS, "bgra8", "result")
            yield from selecting.select(source.document, new)

        cooperative.Task(steps(), ends.append, ends.append)
        yield from ACTIONS[action](dice)
        came = yield lambda ends=ends: ends, 3
        if not came:  # it waits for what was begun: end that
            yield from tool(BRUSH)
            came = yield lambda ends=ends: ends, 60
        assert came, f"result {number} never ended, after {action}"
        ended[type(ends[0]).__name__] += 1
        done[action] += 1
    result["longest turn s"] = longest.stop()
    yield from screenshot("storm")
    result["ended"], result["actions"], result["seed"] = dict(ended), dict(done), SEED


def check_edits(result):
    """The same with whole edits, by the real server."""
    from limn.krita_plugin.plugin import application

    dice, longest = random.Random(SEED), Longest()
    ended, done = Counter(), Counter()
    document, _ = yield from picture("recolour")
    yield from quick(1)
    for number in range(EDITS):
        kept = any(one.name() == "painting" for one in layers(document))
        if dice.random() < 0.1 or not kept or len(layers(document)) > 15:
            yield from closed(document)
            document, _ = yield from picture("recolour")
        layer = next(one for one in layers(document) if one.name() == "painting")
        layer.setVisible(True)
        yield from activate(document, layer)
        widget("limn_instruction").setPlainText(f"make the star {dice.choice(COLOURS)}")
        action = dice.choice(list(ACTIONS))
        print(f"edit {number}: {action}", file=sys.stderr, flush=True)
        application().edits.edit()
        begun = panel().work is not None
        yield from ACTIONS[action](dice)
        came = yield lambda: panel().work is None, 4
        if not came:  # it waits for what was begun: end that
            yield from tool(BRUSH)
            came = yield lambda: panel().work is None, 120
        assert came, f"edit {number} never ended, beside {action}: {panel().work}"
        ended[panel().note.kind if begun else note()] += 1
        done[action] += 1
    result["longest turn s"] = longest.stop()
    yield from screenshot("edits")
    result["ended"], result["actions"], result["seed"] = dict(ended), dict(done), SEED
