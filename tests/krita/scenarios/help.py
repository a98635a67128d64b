"""What the scenarios share.

Pictures with known layers, Limn's docker, real keys, screenshots. Runs inside Krita, without numpy.
"""

import contextlib
import importlib
import math
import os
import subprocess
import sys

from krita import Krita

BINDING = "PyQt6" if "PyQt6.QtCore" in sys.modules else "PyQt5"
"""What this Krita was built with; it has imported its own before any plugin."""

QtCore = importlib.import_module(f"{BINDING}.QtCore")
QtGui = importlib.import_module(f"{BINDING}.QtGui")
QtWidgets = importlib.import_module(f"{BINDING}.QtWidgets")
Qt, QByteArray, QTimer = QtCore.Qt, QtCore.QByteArray, QtCore.QTimer
QImage, QApplication, QWidget = QtGui.QImage, QtWidgets.QApplication, QtWidgets.QWidget

OUTPUT = os.environ["LIMN_OUTPUT"]
SCENES = os.environ.get("LIMN_SCENES", "")
SRGB = "sRGB-elle-V2-srgbtrc.icc"

READY_SECONDS = 300
EDIT_SECONDS = 600


def app():
    return Krita.instance()


def docker():
    return next(one for one in app().dockers() if one.objectName() == "limn_docker")


def widget(name):
    found = docker().findChild(QWidget, name)
    assert found is not None, f"there is no control {name}"
    return found


def panel():
    """The docker's state, read only."""
    return docker().widget()._panel


def shown(name):
    """What a label of the docker says, or nothing where it can't be seen."""
    return widget(name).text() if widget(name).isVisible() else ""


def row_of(name):
    """The colours from left to right through the middle of a small picture.

    Without the room beside it.
    """
    place, image = widget(name).shown(), widget(name).grab().toImage()
    across = range(
        math.ceil(place.left()) + 1, math.floor(place.right()) - 1
    )  # less the frame around it
    return [image.pixelColor(x, round(place.center().y())).getRgb()[:3] for x in across]


def note():
    return widget("limn_note").text() if panel().note is not None else ""


def ready():
    """Wait until the docker says that it is connected."""
    docker().setVisible(True)
    docker().raise_()
    app().activeWindow().qwindow().resizeDocks(
        [docker()], [520], Qt.Orientation.Vertical
    )  # as a painter would who works with it
    came = yield lambda: panel().link.kind == "ready", READY_SECONDS
    assert came, f"not connected: {panel().link}"


def quick(steps=30):
    """Fewer steps, set as a painter would.

    Where the quality of the picture is not what is looked at.
    """
    yield from ready()
    widget("limn_parameter_steps").setValue(steps)


def keys(*arguments):
    """Real keys through the X server."""
    subprocess.Popen(["xdotool", *arguments], stdin=subprocess.DEVNULL).wait(20)


def write(instruction):
    """Go to the instruction box by its shortcut and type."""
    keys("key", "ctrl+shift+k")
    yield lambda: QApplication.focusWidget() is widget("limn_instruction"), 5
    assert QApplication.focusWidget() is widget("limn_instruction"), (
        "the shortcut did not bring the cursor into the box"
    )
    keys("key", "ctrl+a")
    keys("type", "--delay", "5", instruction)
    came = yield lambda: widget("limn_instruction").toPlainText() == instruction, 10
    assert came, widget("limn_instruction").toPlainText()


def choose(algorithm):
    """Another entry of the algorithm box, by keys."""
    box = widget("limn_algorithm")
    box.setFocus()
    came = yield lambda: QApplication.focusWidget() is box, 10
    assert came, QApplication.focusWidget()
    keys("key", "Home")
    yield lambda: box.currentIndex() == 0, 10
    for _ in range(box.count()):
        row = box.currentIndex()
        if box.currentData() == algorithm:
            break
        keys("key", "Down")
        yield lambda row=row: box.currentIndex() != row, 10
    assert panel().algorithm == algorithm, (panel().algorithm, box.currentText())


def press(key):
    """Begin an edit with a key."""
    keys("key", key)
    came = yield lambda: panel().work is not None, 10
    assert came, f"no edit has begun: {note()}"


def start(instruction, key="Return"):
    """Type an instruction, and begin the edit with a key."""
    yield from write(instruction)
    yield from press(key)


def ended(seconds=EDIT_SECONDS):
    """Wait until no edit runs any more."""
    came = yield lambda: panel().work is None and panel().note is not None, seconds
    assert came, f"the edit did not end: {panel().work}"
    yield 0.5


def under_way(previews, seconds=400):
    """Wait until the edit just started has shown some previews."""
    came = yield lambda: panel().work is not None, 10
    assert came, f"no edit has begun: {note()}"
    came = yield lambda: panel().previews_shown >= previews, seconds
    assert came, (panel().work, note())


def edit(instruction, key="Return"):
    """Type an instruction, begin the edit with a key, and wait for its end."""
    yield from start(instruction, key)
    yield from ended()


@contextlib.contextmanager
def listening():
    """What the server says about edits meanwhile."""
    from limn.krita_plugin.plugin import application

    arrived = []
    connection = application().client.received.connect(arrived.append)
    try:
        yield arrived
    finally:
        application().client.received.disconnect(connection)


@contextlib.contextmanager
def submitting():
    """What the plugin hands over to be sent meanwhile."""
    from limn.krita_plugin.plugin import application

    client, submit, drafts = application().client, application().client.submit, []
    client.submit = lambda draft: (drafts.append(draft), submit(draft))
    try:
        yield drafts
    finally:
        del client.submit


def final_mask(arrived):
    """The last word on the mask among what the server has said."""
    return [
        one.message for one in arrived if type(one).__name__ == "MaskLook" and one.message.final
    ][-1]


def screenshot(name):
    """The whole display, as a painter would see it."""
    yield 0.3
    subprocess.Popen(
        ["import", "-window", "root", f"{OUTPUT}/{name}.png"], stdin=subprocess.DEVNULL
    ).wait(60)
