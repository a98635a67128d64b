"""What the scenarios share.

Pictures with known layers, Limn's docker, real keys, screenshots. Runs inside Krita, without numpy.
"""

import contextlib
import hashlib
import importlib
import json
import math
import os
import subprocess
import sys
import threading
import time

from krita import Krita, Selection

BINDING = "PyQt6" if "PyQt6.QtCore" in sys.modules else "PyQt5"
"""What this Krita was built with; it has imported its own before any plugin."""

QtCore = importlib.import_module(f"{BINDING}.QtCore")
QtWidgets = importlib.import_module(f"{BINDING}.QtWidgets")
Qt, QByteArray, QTimer = QtCore.Qt, QtCore.QByteArray, QtCore.QTimer
QApplication, QWidget = QtWidgets.QApplication, QtWidgets.QWidget

OUTPUT = os.environ["LIMN_OUTPUT"]
SCENES = os.environ.get("LIMN_SCENES", "")
SRGB = "sRGB-elle-V2-srgbtrc.icc"

READY_SECONDS = 300
EDIT_SECONDS = 600

WIDTH, HEIGHT, X, Y = 512, 384, 237, 151
"""Of a picture, and where its scene lies.

Off-centre, with transparent surroundings.
"""


class Scene:
    """A scene that the tests have drawn.

    Its instruction, its size, and its pixels as B, G, R, A.
    """

    def __init__(self, name):
        with open(f"{SCENES}/{name}.json", encoding="utf-8") as file:
            told = json.load(file)
        self.instruction, self.width, self.height = (
            told["instruction"],
            told["width"],
            told["height"],
        )
        with open(f"{SCENES}/{name}.bgra", "rb") as file:
            self.pixels = file.read()


def enlarged(scene, factor):
    """The scene's pixels with each one repeated so often in both directions."""
    stride = scene.width * 4
    lines = (scene.pixels[y * stride : (y + 1) * stride] for y in range(scene.height))
    return b"".join(
        b"".join(line[x : x + 4] * factor for x in range(0, stride, 4)) * factor for line in lines
    )


def app():
    return Krita.instance()


def new_document(width, height, model="RGBA", depth="U8", profile=SRGB, name="picture"):
    """A document with one transparent layer named "painting" above its background.

    Yields, returns (document, layer).
    """
    document = app().createDocument(width, height, name, model, depth, profile, 72.0)
    app().activeWindow().addView(document)
    yield 0.3
    layer = document.createNode("painting", "paintlayer")
    document.rootNode().addChildNode(layer, document.rootNode().childNodes()[-1])
    yield from activate(document, layer)
    return document, layer


def is_open(document):
    """Whether Krita still has this picture; it has hidden ones of Limn's, too."""
    return any(one == document for one in app().documents())


def activate(document, layer):
    app().activeWindow().qwindow().activateWindow()
    document.setActiveNode(layer)
    came = yield (
        lambda: (
            document.activeNode() is not None
            and document.activeNode().uniqueId() == layer.uniqueId()
        ),
        10,
    )
    assert came, f"the layer {layer.name()} did not become active"


def paint(document, layer, scene, x, y):
    """Put the scene's pixels onto the layer, in the layer's own colour space."""
    pixels = QByteArray(scene.pixels)
    if (layer.colorModel(), layer.colorDepth(), layer.colorProfile()) != ("RGBA", "U8", SRGB):
        hidden = app().createDocument(
            scene.width, scene.height, "painting", "RGBA", "U8", SRGB, 72.0
        )
        node = hidden.createNode("p", "paintlayer")
        node.setPixelData(pixels, 0, 0, scene.width, scene.height)
        assert node.setColorSpace(layer.colorModel(), layer.colorDepth(), layer.colorProfile())
        pixels = node.pixelData(0, 0, scene.width, scene.height)
        hidden.setModified(False)
        hidden.close()
    layer.setPixelData(pixels, x, y, scene.width, scene.height)
    document.refreshProjection()
    yield 0.3


def picture(scene, name="picture"):
    """A picture with the scene on its layer, and Limn connected.

    Returns (document, layer).
    """
    document, layer = yield from new_document(WIDTH, HEIGHT, name=name)
    yield from paint(document, layer, Scene(scene), X, Y)
    yield from ready()
    return document, layer


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


def layers(document):
    """The document's layers, bottom first.

    Krita lists its selection among them, as a mask of the root; that is no layer.
    """
    return [node for node in document.rootNode().childNodes() if node.type() != "selectionmask"]


def names(document):
    return [node.name() for node in layers(document)]


def new_layer(document, before):
    """The one layer that the document has besides those named `before`."""
    new = [node for node in layers(document) if node.name() not in before]
    assert len(new) == 1, (names(document), note())
    return new[0]


def pixels(node, document=None, rect=None):
    """All of a node's bytes over the canvas, or a part of it.

    As seen through its masks.
    """
    x, y, width, height = rect or (0, 0, document.width(), document.height())
    read = node.projectionPixelData if masks(node) else node.pixelData
    return bytes(read(x, y, width, height))


def masks(node):
    """The transparency masks of a layer."""
    return [one for one in node.childNodes() if one.type() == "transparencymask"]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def fingerprints(document):
    """A digest of every layer's pixels, by name."""
    return {
        node.name(): digest(pixels(node, document))
        for node in layers(document)
        if node.type() == "paintlayer"
    }


def untouched(document, before):
    """Whether every layer still has the pixels of these fingerprints."""
    after = fingerprints(document)
    return all(after[name] == before[name] for name in before)


def final_mask(arrived):
    """The last word on the mask among what the server has said."""
    return [
        one.message for one in arrived if type(one).__name__ == "MaskLook" and one.message.final
    ][-1]


def spread(region, width, height, x=0, y=0):
    """A region's bytes, one a pixel, within a larger area.

    The region's own picture lies in it at x, y; nothing for None.
    """
    whole = bytearray(width * height)
    for row in range(region.pixels.height if region else 0):
        start, wide = (y + region.y + row) * width + x + region.x, region.pixels.width
        whole[start : start + wide] = region.pixels.data[row * wide : (row + 1) * wide]
    return bytes(whole)


def selection_bytes(document):
    """The selection over the canvas, 8 bit; None without one."""
    selection = document.selection()
    return (
        None
        if selection is None
        else bytes(selection.pixelData(0, 0, document.width(), document.height()))
    )


def select(document, x, y, width, height):
    """A rectangular selection, made as a painter makes it as far as undo is concerned.

    Before everything else.
    """
    selection = Selection()
    selection.select(x, y, width, height, 255)
    document.setSelection(selection)
    yield 0.3


def undo():
    """One step back, by the real key."""
    keys("key", "ctrl+z")
    yield 0.8


def redo():
    """One step forth again, by the real key."""
    keys("key", "ctrl+shift+z")
    yield 0.8


def save(name, data):
    """Bytes for the tests to look at."""
    with open(f"{OUTPUT}/{name}", "wb") as file:
        file.write(data)


def composed(document, rect=None):
    """What the painter sees, as sRGB bytes B, G, R, A, converted by Krita."""
    x, y, width, height = rect or (0, 0, document.width(), document.height())
    image = document.projection(x, y, width, height)
    image = image.convertToFormat(image.Format.Format_ARGB32)
    return bytes(image.constBits().asarray(width * height * 4))


def screenshot(name):
    """The whole display, as a painter would see it."""
    yield 0.3
    subprocess.Popen(
        ["import", "-window", "root", f"{OUTPUT}/{name}.png"], stdin=subprocess.DEVNULL
    ).wait(60)


class Pauses:
    """The time between two turns of Krita's event loop.

    Measured by a timer that wants to fire all the time. Beside the time on the clock stands the
    time for which the main thread itself was computing: on a busy machine the clock also counts
    what other processes took; and the line of Python in which it was seen meanwhile, if Python it
    was.
    """

    def __init__(self):
        self.gaps, self.last, self.busy = [], time.perf_counter(), time.thread_time()
        self.seen, self.watching = "", True
        threading.Thread(target=self.watch, args=(threading.get_ident(),), daemon=True).start()
        self.timer = QTimer()
        self.timer.setInterval(0)
        self.timer.timeout.connect(self.tick)
        self.timer.start()

    def tick(self):
        now, busy = time.perf_counter(), time.thread_time()
        if now - self.last > 0.01:
            gap, computing = round((now - self.last) * 1000, 1), round((busy - self.busy) * 1000, 1)
            self.gaps.append((gap, computing, shown("limn_stage"), self.seen))
        self.last, self.busy, self.seen = now, busy, ""

    def watch(self, main):
        while self.watching:
            time.sleep(0.01)
            if time.perf_counter() - self.last > 0.02:
                frame = sys._current_frames().get(main)
                self.seen = (
                    f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
                    if frame
                    else "no Python"
                )

    def stop(self):
        self.timer.stop()
        self.watching = False
        gaps = sorted(self.gaps, reverse=True)
        return {
            "worst ms": gaps[0][0] if gaps else 0.0,
            "worst computing ms": max((gap[1] for gap in gaps), default=0.0),
            "above 50 ms": sum(gap[0] > 50 for gap in gaps),
            "longest: clock ms, computing ms, stage, line": gaps[:8],
        }
