"""A layer much larger than the model's size, and one too large to be sent whole."""

from help import QByteArray, edit, note, panel, quick, screenshot, shown, submitting, widget
from painting import (
    Scene,
    activate,
    composed,
    enlarged,
    fingerprints,
    masks,
    names,
    new_document,
    new_layer,
    paint,
    select,
    selection_bytes,
    untouched,
)

SIDE, TIMES = 4096, 32
WIDE = 16_384, 4_160


def check_places(result):
    """A layer of 4096 x 4096 is edited place by place, behind one mask."""
    scene = Scene("equal")
    document, layer = yield from new_document(SIDE, SIDE, name="large")
    layer.setPixelData(QByteArray(enlarged(scene, TIMES)), 0, 0, SIDE, SIDE)
    document.refreshProjection()
    yield 1
    yield from quick(4)
    before, names_before = fingerprints(document), names(document)
    widget("limn_instruction").setPlainText(scene.instruction)
    yield lambda: "place by place" in shown("limn_reading"), 30
    result["foretold"] = shown("limn_reading")
    with submitting() as drafts:
        yield from edit(scene.instruction)
    yield 1
    made = new_layer(document, names_before)
    result["note"], result["sent"] = note(), [drafts[0].width, drafts[0].height]
    bounds = made.bounds()
    result["layer"] = [bounds.width(), bounds.height(), len(masks(made))]
    found = selection_bytes(document)
    middle = SIDE // 2
    result["found"] = [
        sum(found[y * SIDE + x] for y in range(0, SIDE, 16) for x in half) > 0
        for half in (range(0, middle, 16), range(middle, SIDE, 16))
    ]
    result["untouched"] = untouched(document, before)
    yield from screenshot("places")


def check_too_large(result):
    """It is said before anything is done, and a selected part is edited all the same."""
    scene = Scene("recolour")
    document, layer = yield from new_document(*WIDE, name="wide")
    yield from paint(document, layer, scene, 9_000, 2_000)
    for x, y in ((0, 0), (WIDE[0] - 1, WIDE[1] - 1)):
        layer.setPixelData(QByteArray(b"\x80\x80\x80\xff"), x, y, 1, 1)
    yield from quick(4)
    yield from activate(document, layer)
    widget("limn_instruction").setPlainText(scene.instruction)
    yield lambda: "too large" in shown("limn_reading"), 30
    result["foretold"] = shown("limn_reading")
    yield from screenshot("too_large")
    widget("limn_edit_button").click()
    yield lambda: panel().note is not None, 10
    result["said"], result["running"] = note(), panel().work is not None
    yield from select(document, 9_000, 2_000, scene.width, scene.height)
    names_before, place = names(document), (9_000, 2_000, scene.width, scene.height)
    seen = composed(document, place)
    with submitting() as drafts:
        yield from edit(scene.instruction)
    made = new_layer(document, names_before)
    result["part sent"] = [drafts[0].width, drafts[0].height]
    result["edited"] = [note(), len(masks(made)), composed(document, place) != seen]
