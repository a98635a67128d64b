"""What the docker tells: how a sentence is read, what an edit has really changed."""

from help import (
    HEIGHT,
    WIDTH,
    QByteArray,
    ended,
    names,
    new_layer,
    note,
    panel,
    picture,
    press,
    quick,
    screenshot,
    shown,
    widget,
    write,
)

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
    """The count on the layer that was written, and on one with a stain outside the mask."""
    from limn.krita_plugin.document import checking, cooperative
    from limn.krita_plugin.plugin import application

    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(STEPS)
    yield from write("make the star blue")
    yield from press("Return")
    edit = next(iter(application().edits._edits.values()))
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
        checking.changes(edit.source, layer, edit.placed(mask), mask.pixels.data),
        found.append,
        found.append,
    )
    yield lambda: found, 20
    result["with a stain"] = vars(found[0])
