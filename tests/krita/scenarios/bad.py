"""Situations in which an edit can't be done, or only just.

A clear message, never a traceback.
"""

from help import (
    QByteArray,
    app,
    docker,
    edit,
    ended,
    keys,
    listening,
    note,
    panel,
    quick,
    screenshot,
    shown,
    start,
    under_way,
    widget,
    write,
)
from painting import (
    HEIGHT,
    WIDTH,
    X,
    Y,
    activate,
    digest,
    fingerprints,
    layers,
    names,
    new_document,
    picture,
    pixels,
    select,
    selection_bytes,
    undo,
    untouched,
)


def told(result):
    said = panel().note
    result["note"], result["kind"], result["working"] = (
        note(),
        said.kind if said else "",
        panel().work is not None,
    )
    result["code"] = said.details.partition("\n")[0] if said else ""


def refused(result, instruction="make the star blue"):
    """What is said where no edit begins."""
    yield from write(instruction)
    keys("key", "Return")
    yield 1
    told(result)


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
    document, _ = yield from new_document(WIDTH, HEIGHT)
    for node in document.rootNode().childNodes():
        node.remove()
    yield 0.5
    yield from refused(result)


def check_empty_layer(result):
    yield from new_document(WIDTH, HEIGHT)
    yield from refused(result)


def check_group_layer(result):
    document, layer = yield from new_document(WIDTH, HEIGHT)
    group = document.createGroupLayer("people")
    document.rootNode().addChildNode(group, layer)
    yield from activate(document, group)
    yield from refused(result)


def check_vector_layer(result):
    document, layer = yield from new_document(WIDTH, HEIGHT)
    shapes = document.createVectorLayer("shapes")
    document.rootNode().addChildNode(shapes, layer)
    yield from activate(document, shapes)
    yield from refused(result)


def check_hidden_layer(result):
    _, layer = yield from picture("recolour")
    layer.setVisible(False)
    yield from refused(result)


def check_locked_layer(result):
    """A locked layer is edited: nothing is written to it."""
    document, layer = yield from picture("recolour")
    yield from quick()
    layer.setLocked(True)
    before = fingerprints(document)
    yield from edit("make the star blue")
    told(result)
    result["layers"], result["untouched"] = names(document), untouched(document, before)


def check_empty_instruction(result):
    yield from picture("recolour")
    yield from refused(result, "   ")
    yield from screenshot("empty-instruction")


def check_unreadable_instruction(result):
    document, _ = yield from picture("recolour")
    yield from quick()
    before = names(document)
    with (
        listening() as arrived
    ):  # the refusal comes at once: the edit may be over before anyone looks
        yield from write("??? !!")
        keys("key", "Return")
        came = yield lambda: any(type(one).__name__ == "Failed" for one in arrived), 60
    assert came, note()
    yield from ended()
    told(result)
    result["layers"], result["before"] = names(document), before
    yield from screenshot("unreadable")


def check_not_english(result):
    """Another language: it is said what to write instead."""
    document, _ = yield from picture("recolour")
    yield from quick()
    widget("limn_instruction").setPlainText("mach den Stern blau")
    yield lambda: "not English" in shown("limn_reading"), 30
    result["under the box"] = shown("limn_reading")
    yield from refused(result, "mach den Stern blau")
    yield from ended()
    told(result)
    result["layers"] = names(document)
    yield from screenshot("not-english")


def check_one_colour(result):
    """A layer of one colour shows no star: asked first, then done."""
    document, layer = yield from new_document(WIDTH, HEIGHT)
    colour = bytes((90, 120, 150, 255)) * (WIDTH * HEIGHT)
    layer.setPixelData(QByteArray(colour), 0, 0, WIDTH, HEIGHT)
    document.refreshProjection()
    yield from quick(4)
    yield from edit("make the star blue")
    told(result)
    result["layers"] = names(document)
    yield from screenshot("one-colour")
    with listening() as arrived:
        keys("key", "Return")
        yield lambda: any(type(one).__name__ in ("Done", "Failed") for one in arrived), 120
    yield from ended()
    result["all the same"] = note()


def check_one_pixel(result):
    document, layer = yield from new_document(1, 1)
    layer.setPixelData(QByteArray(bytes((20, 20, 200, 255))), 0, 0, 1, 1)
    document.refreshProjection()
    yield from quick()
    yield from edit("make it blue")
    told(result)
    result["layers"] = names(document)


def check_selection_elsewhere(result):
    document, _ = yield from picture("recolour")
    yield from select(document, 400, 300, 50, 50)
    yield from refused(result)


def check_document_closed(result):
    """Closed while the job runs.

    The result is kept, and can be opened as a picture of its own.
    """
    document, _ = yield from picture("recolour")
    yield from quick()
    yield from start("make the star blue")
    yield from under_way(1)
    document.setModified(False)
    document.close()
    yield from ended()
    told(result)
    yield from screenshot("closed")
    if not docker().isVisible():  # Krita 5.2 and later hide all dockers while no picture is open
        yield from new_document(64, 64)
    result["documents"] = len(app().documents())
    result["button"] = widget("limn_open_kept").isVisible()
    widget("limn_open_kept").click()
    yield 2
    result["documents after"] = len(app().documents())
    result["opened layers"] = names(app().activeDocument())


def check_documents_closed(result):
    """Two pictures are closed, each while its job runs.

    Both results are kept, whatever is said in between, and can be opened.
    """
    yield from quick()
    documents = []
    for name in ("first", "second"):
        document, _ = yield from picture("recolour", name)
        documents.append(document)
        yield from start("make the star blue")
    for document in documents:
        document.setModified(False)
        document.close()
    yield from ended()
    result["words"], result["note"] = widget("limn_open_kept").text(), note()
    yield from refused({})  # no picture is open: another note takes the place of that
    result["words later"], result["documents"] = (
        widget("limn_open_kept").text(),
        len(app().documents()),
    )
    for _ in range(2):
        widget("limn_open_kept").click()
        yield 2
    result["opened"] = [names(document)[-1] for document in app().documents()]
    result["button"] = widget("limn_open_kept").isVisible()


def to_front(document):
    """Go from picture to picture, as Ctrl+Tab does, until this one is in front."""
    for _ in app().documents():
        if app().activeDocument() == document:
            return
        app().action("windows_next").trigger()
        yield 0.5
    assert app().activeDocument() == document, "the picture does not come to the front"


def away_during(result, key, chosen=None):
    """The painter turns to another picture while the job runs.

    Sees from there how it ends, comes back, and undoes it.
    """
    document, _ = yield from picture("recolour", "first")
    if chosen:
        yield from select(document, *chosen)
    yield from quick()
    result["first before"], result["selection before"] = (
        fingerprints(document),
        digest(selection_bytes(document) or b""),
    )
    yield from start("make the star blue", key)
    other, _ = yield from picture("recolour", "second")
    result["second before"] = fingerprints(other)
    yield from ended()
    told(result)
    result["first"], result["second"] = names(document), names(other)
    result["selected meanwhile"] = (
        digest(selection_bytes(document) or b"") != result["selection before"],
        other.selection() is not None,
    )
    yield from to_front(document)
    before = result["note"]
    yield lambda: note() != before, 30
    told_then = {}
    told(told_then)
    new = layers(document)[-1]
    result["upon return"] = {
        **told_then,
        "layers": names(document),
        "selection": digest(selection_bytes(document) or b""),
    }
    result["alpha"] = digest(pixels(new, document)[3::4])
    result["second after"] = fingerprints(other)
    yield from screenshot(result["name"])
    app().activeWindow().qwindow().activateWindow()
    yield from undo()
    result["after one undo"] = {
        "layers": names(document),
        "selection": digest(selection_bytes(document) or b""),
    }
    yield from undo()
    result["after two undos"] = {
        "fingerprints": fingerprints(document),
        "selection": digest(selection_bytes(document) or b""),
    }


def check_document_switched(result):
    """The layer goes where it belongs, its selection is made upon return.

    Both can be undone.
    """
    result["name"] = "switched"
    yield from away_during(result, "Return")


def check_document_switched_selection(result):
    """The same where the painter had a selection.

    It is there until the return, and again after an undo.
    """
    result["name"] = "switched-selection"
    yield from away_during(result, "Return", (X, Y, 100, 128))


def check_document_switched_mask(result):
    """A mask that is found meanwhile waits as well, and leaves no layer."""
    result["name"] = "switched-mask"
    yield from away_during(result, "ctrl+shift+m")


def check_painting_on(result):
    """The painter paints on the layer, and moves it, while the job runs.

    The result follows the layer; the new paint stays.
    """
    document, layer = yield from picture("recolour")
    yield from quick()
    yield from start("make the star blue")
    yield from under_way(1)
    layer.setPixelData(QByteArray(bytes((0, 255, 0, 255)) * 400), 0, 0, 20, 20)
    layer.move(layer.position().x() + 10, layer.position().y() + 5)
    yield from ended()
    told(result)
    new = layers(document)[-1]
    result["layers"] = names(document)
    result["new paint"] = list(bytes(layer.pixelData(15, 10, 1, 1)))
    result["bounds"] = [
        new.bounds().x(),
        new.bounds().y(),
        new.bounds().right(),
        new.bounds().bottom(),
    ]
