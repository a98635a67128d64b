"""What the docker tells: how a sentence is read, what an edit has really changed."""

from help import (
    OUTPUT,
    QByteArray,
    QtWidgets,
    app,
    docker,
    edit,
    ended,
    keys,
    note,
    panel,
    press,
    quick,
    screenshot,
    shown,
    start,
    under_way,
    widget,
    write,
)
from painting import HEIGHT, WIDTH, X, Y, activate, names, new_layer, picture, select

STEPS = 8


def read_as(text):
    """Write a sentence, and wait until it is read."""
    yield from write(text)
    came = yield lambda: panel().reading is not None and shown("limn_reading"), 20
    assert came, panel().reading
    yield 1
    return shown("limn_reading")


def check_reading(result):
    yield from picture("two")
    result["empty"] = shown("limn_reading")
    result["plain"] = yield from read_as("make the box red")
    yield from screenshot("reading")
    line = widget("limn_reading")
    line.linkActivated.emit("0:red")
    yield lambda: "[red]" in panel().instruction, 5
    result["marked"] = widget("limn_instruction").toPlainText()
    yield 1.5
    result["after the mark"] = shown("limn_reading")
    result["german"] = yield from read_as("mach den Stern blau")
    yield from screenshot("german")
    result["slip"] = yield from read_as("chnage the star to a circle")
    line.linkActivated.emit("proposal")
    yield 1
    result["taken"] = widget("limn_instruction").toPlainText()
    result["began nothing"] = panel().work is None


def check_counted(result):
    """The count on the layer that was written.

    And on one with a stain outside the mask.
    """
    from limn.krita_plugin.document import checking, cooperative
    from limn.krita_plugin.plugin import application

    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(STEPS)
    panel().set_flat(True)
    yield from write("make the star blue")
    yield from press("Return")
    edit = next(iter(application().edits.under_way))
    yield from ended()
    result["note"], result["counted"] = note(), vars(edit.counted)
    yield from screenshot("counted")
    layer = new_layer(document, before)
    alpha = bytes(layer.pixelData(0, 0, WIDTH, HEIGHT))[3::4]
    result["covered"] = sum(map(bool, alpha))
    result["whole"] = WIDTH * HEIGHT
    layer.setPixelData(QByteArray(bytes([0, 0, 255, 9]) * 60), 3, 5, 10, 6)
    mask = edit.mask.area
    found = []
    cooperative.Task(
        checking.changes(edit.source, layer, [(edit.placed(mask), mask.pixels.data)]),
        found.append,
        found.append,
    )
    yield lambda: found, 20
    result["with a stain"] = vars(found[0])
    panel().set_flat(False)


def seen(control):
    """How much of a control's height is in view."""
    region = control.visibleRegion().boundingRect()
    return round(region.height() / max(1, control.height()), 2)


def check_small(result):
    """Krita's default size of a docker on a screen of 1440 x 900."""
    yield from picture("recolour")
    window = app().activeWindow().qwindow()
    docker().setFloating(True)
    docker().resize(262, 227)
    yield 1
    result["size"] = [docker().width(), docker().height()]
    yield from quick(STEPS)
    yield from start("make the star blue")
    yield from under_way(1)
    docker().resize(262, 227)
    yield 0.5
    controls = {
        "instruction": widget("limn_instruction"),
        "edit": widget("limn_edit_button"),
        "preview": widget("limn_preview"),
        "progress": widget("limn_progress"),
    }
    result["in view"] = {name: seen(one) for name, one in controls.items()}
    result["heights"] = {name: one.height() for name, one in controls.items()}
    yield from screenshot("small")
    docker().grab().save(f"{OUTPUT}/small-docker.png")
    yield from ended()
    yield 0.5
    docker().grab().save(f"{OUTPUT}/small-done.png")
    controls["sliders"] = widget("limn_mask_sliders")
    result["in view when done"] = {
        name: seen(controls[name]) for name in ("instruction", "sliders", "preview")
    }
    docker().resize(262, 800)
    yield 1
    docker().grab().save(f"{OUTPUT}/tall-docker.png")
    result["tall"] = widget("limn_preview").height()
    docker().setFloating(False)
    window.activateWindow()
    yield 0.5


def check_masked_preview(result):
    """Outside the mask the preview shows the layer.

    Whatever the model's picture has there.
    """
    yield from picture("recolour")
    yield from quick(STEPS)
    yield from start("make the star blue")
    yield from under_way(2)
    yield from ended()
    shown_ = widget("limn_preview")
    over = shown_._over
    result["has alpha"] = over.hasAlphaChannel()
    result["corner"] = over.pixelColor(2, 2).alpha()
    result["most"] = max(
        over.pixelColor(x, over.height() // 2).alpha() for x in range(0, over.width(), 2)
    )


def check_pages(result):
    """Words, note and pictures belong to a picture; Again does what stands in its box."""
    first, _ = yield from picture("recolour", name="first")
    yield from quick(STEPS)
    yield from edit("make the star blue")
    result["first note"] = note()
    second, _ = yield from picture("two", name="second")
    yield 1
    result["second"] = [panel().instruction, note(), panel().layer is None]
    yield from write("make the circle yellow")
    keys("key", "ctrl+shift+o")
    yield lambda: panel().work is not None, 10
    yield from ended()
    result["again in the second"] = names(second)[-1]
    app().activeWindow().activeView().setDocument(first)
    yield 1.5
    result["first again"] = [panel().instruction, note() == result["first note"]]
    yield from write("make the star green")
    keys("key", "ctrl+shift+o")
    yield lambda: panel().work is not None, 10
    yield from ended()
    result["again with other words"] = names(first)[-1]


def check_not_found(result):
    """What is not there is asked about; Enter goes ahead."""
    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(STEPS)
    yield from start("remove the elephant")
    yield from ended()
    yield from screenshot("not-found")
    result["asked"], result["layers"] = note(), names(document) == before
    yield from press("Return")
    yield from ended()
    result["all the same"], result["new"] = note(), len(names(document)) - len(before)


def check_selection_mask(result):
    """Where a selection is corrected, its mask is active.

    The layer is edited all the same.
    """
    document, _ = yield from picture("recolour")
    yield from select(document, X, Y, 128, 128)
    app().action("show-global-selection-mask").trigger()
    yield 0.5
    mask = next(one for one in document.rootNode().childNodes() if one.type() == "selectionmask")
    yield from activate(document, mask)
    yield from quick(STEPS)
    before = names(document)
    yield from edit("make the star blue")
    result["note"], result["new"] = note(), len(names(document)) - len(before)
    app().action("show-global-selection-mask").trigger()


def check_named(result):
    """Every control has an accessible name, every label its buddy.

    Errors are legible.
    """
    from limn.krita_plugin.ui.contrast import contrast

    yield from picture("recolour")
    panel().set_more(True)
    yield 0.5
    kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox)
    kinds += (QtWidgets.QPlainTextEdit, QtWidgets.QProgressBar)
    controls = [one for kind in kinds for one in docker().widget().findChildren(kind)]
    own = [one for one in controls if one.objectName().startswith("limn_")]
    text = lambda one: one.text() if hasattr(one, "text") else ""  # noqa: E731
    result["controls"] = len(own)
    result["nameless"] = [
        one.objectName() for one in own if not one.accessibleName() and not text(one)
    ]
    yield from write(" ")
    keys("key", "Return")
    yield 1
    label = widget("limn_note")
    palette = label.palette()
    colours = (palette.color(palette.ColorRole.WindowText), palette.color(palette.ColorRole.Window))
    result["kind"] = panel().note.kind
    result["contrast"] = contrast(*(colour.getRgb()[:3] for colour in colours))
    panel().set_more(False)
