"""Situations in which an edit can't be done, or only just: a clear message, never a traceback."""

from help import (
    Scene,
    activate,
    app,
    edit,
    ended,
    fingerprints,
    keys,
    layers,
    names,
    new_document,
    note,
    paint,
    panel,
    quick,
    screenshot,
    select,
    under_way,
    widget,
    write,
)
from PyQt5.QtCore import QByteArray

X, Y = 37, 21


def told(result):
    result["note"], result["kind"], result["working"] = note(), panel().note.kind if panel().note else "", panel().work is not None


def check_no_document(result):
    yield from quick()
    app().action("limn_focus").trigger()
    widget("limn_instruction").setPlainText("make the star blue")
    app().action("limn_edit").trigger()
    yield 1
    told(result)
    app().action("limn_mask").trigger()
    app().action("limn_again").trigger()
    app().action("limn_cancel").trigger()
    yield 1


def check_no_layer(result):
    document, _ = yield from new_document(256, 192)
    for node in document.rootNode().childNodes():
        node.remove()
    yield 0.5
    yield from write("make the star blue")
    keys("key", "Return")
    yield 1
    told(result)


def check_empty_layer(result):
    yield from new_document(256, 192)
    yield from write("make the star blue")
    keys("key", "Return")
    yield 1
    told(result)


def check_group_layer(result):
    document, layer = yield from new_document(256, 192)
    group = document.createGroupLayer("people")
    document.rootNode().addChildNode(group, layer)
    yield from activate(document, group)
    yield from write("make the star blue")
    keys("key", "Return")
    yield 1
    told(result)


def check_vector_layer(result):
    document, layer = yield from new_document(256, 192)
    shapes = document.createVectorLayer("shapes")
    document.rootNode().addChildNode(shapes, layer)
    yield from activate(document, shapes)
    yield from write("make the star blue")
    keys("key", "Return")
    yield 1
    told(result)


def check_hidden_layer(result):
    document, layer = yield from new_document(256, 192)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    layer.setVisible(False)
    yield from write("make the star blue")
    keys("key", "Return")
    yield 1
    told(result)


def check_locked_layer(result):
    """A locked layer is edited: nothing is written to it."""
    document, layer = yield from new_document(256, 192)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from quick()
    layer.setLocked(True)
    before = fingerprints(document)
    yield from edit("make the star blue")
    told(result)
    after = fingerprints(document)
    result["layers"], result["untouched"] = names(document), all(after[name] == before[name] for name in before)


def check_empty_instruction(result):
    document, layer = yield from new_document(256, 192)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from write("   ")
    keys("key", "Return")
    yield 1
    told(result)
    yield from screenshot("empty-instruction")


def check_unreadable_instruction(result):
    document, layer = yield from new_document(256, 192)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from quick()
    before = names(document)
    yield from edit("??? !!")
    told(result)
    result["layers"], result["before"] = names(document), before
    yield from screenshot("unreadable")


def check_one_pixel(result):
    document, layer = yield from new_document(1, 1)
    layer.setPixelData(QByteArray(bytes((20, 20, 200, 255))), 0, 0, 1, 1)
    document.refreshProjection()
    yield from quick()
    yield from edit("make it blue")
    told(result)
    result["layers"] = names(document)


def check_selection_elsewhere(result):
    document, layer = yield from new_document(512, 384)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from select(document, 400, 300, 50, 50)
    yield from write("make the star blue")
    keys("key", "Return")
    yield 1
    told(result)


def check_document_closed(result):
    """Closed while the job runs: the result is kept, and can be opened as a picture of its own."""
    document, layer = yield from new_document(512, 384)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from quick()
    yield from write("make the star blue")
    keys("key", "Return")
    yield from under_way(1)
    document.setModified(False)
    document.close()
    yield from ended()
    told(result)
    yield from screenshot("closed")
    result["documents"] = len(app().documents())
    result["button"] = widget("limn_open_kept").isVisible()
    widget("limn_open_kept").click()
    yield 2
    result["documents after"] = len(app().documents())
    result["opened layers"] = names(app().activeDocument())


def check_document_switched(result):
    """The painter turns to another picture: the layer goes where it belongs, its selection is made upon return."""
    document, layer = yield from new_document(512, 384, name="first")
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from quick()
    yield from write("make the star blue")
    keys("key", "Return")
    yield from under_way(1)
    view = app().activeWindow().activeView()
    other, _ = yield from new_document(300, 200, name="second")
    yield from ended()
    told(result)
    result["first"], result["second"] = names(document), names(other)
    result["selected meanwhile"] = document.selection() is not None, other.selection() is not None
    app().activeWindow().showView(view)
    yield 0.5
    result["in front"] = app().activeDocument() == document
    yield lambda: document.selection() is not None, 15
    result["selected upon return"] = document.selection() is not None


def check_painting_on(result):
    """The painter paints on the layer, and moves it, while the job runs: the result follows the layer; the new paint stays."""
    document, layer = yield from new_document(512, 384)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from quick()
    yield from write("make the star blue")
    keys("key", "Return")
    yield from under_way(1)
    layer.setPixelData(QByteArray(bytes((0, 255, 0, 255)) * 400), 0, 0, 20, 20)
    layer.move(layer.position().x() + 10, layer.position().y() + 5)
    yield from ended()
    told(result)
    new = layers(document)[-1]
    result["layers"] = names(document)
    result["new paint"] = list(bytes(layer.pixelData(15, 10, 1, 1)))
    result["bounds"] = [new.bounds().x(), new.bounds().y(), new.bounds().right(), new.bounds().bottom()]
