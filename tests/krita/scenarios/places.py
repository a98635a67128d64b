"""A layer much larger than the model's size, and one too large to be sent whole.

The server takes 2048 x 2048 pixels at most here.
"""

from help import (
    QByteArray,
    edit,
    ended,
    note,
    panel,
    press,
    quick,
    screenshot,
    shown,
    submitting,
    widget,
    write,
)
from painting import (
    Scene,
    activate,
    composed,
    digest,
    enlarged,
    fingerprints,
    masks,
    names,
    new_document,
    new_layer,
    select,
    selection_bytes,
    undo,
    untouched,
)

LARGE = 2048, 16
TOO_LARGE = 3072, 24
"""A side in pixels, and how many of the scene's they are."""


def painted(name, side, times):
    """A picture with two stars that are equal, so large."""
    scene = Scene("equal")
    document, layer = yield from new_document(side, side, name=name)
    layer.setPixelData(QByteArray(enlarged(scene, times)), 0, 0, side, side)
    document.refreshProjection()
    yield 1
    yield from quick(4)
    return document, layer, scene.instruction


def halves(document):
    """Whether something is selected in the left half, and in the right."""
    found, side = selection_bytes(document), document.width()
    return [
        any(found[y * side + x] for y in range(0, side, 16) for x in half)
        for half in (range(0, side // 2, 16), range(side // 2, side, 16))
    ]


def check_places(result):
    """A layer is edited place by place, behind one mask."""
    document, _, words = yield from painted("large", *LARGE)
    before, names_before = fingerprints(document), names(document)
    widget("limn_instruction").setPlainText(words)
    yield lambda: "place by place" in shown("limn_reading"), 30
    result["foretold"] = shown("limn_reading")
    with submitting() as drafts:
        yield from edit(words)
    yield 1
    made = new_layer(document, names_before)
    result["note"], result["sent"] = note(), [drafts[0].width, drafts[0].height]
    bounds = made.bounds()
    result["layer"] = [bounds.width(), bounds.height(), len(masks(made))]
    result["found"] = halves(document)
    result["untouched"] = untouched(document, before)
    yield from screenshot("places")


def check_too_large(result):
    """A layer that can't be sent: small for its places to be found, then each of them."""
    document, layer, words = yield from painted("too large", *TOO_LARGE)
    before, names_before, was = fingerprints(document), names(document), digest(composed(document))
    widget("limn_instruction").setPlainText(words)
    yield lambda: "3072" in shown("limn_reading"), 30
    result["foretold"] = shown("limn_reading")
    with submitting() as drafts:
        yield from write(words)
        yield from press("Return")
        yield lambda: panel().note is not None or panel().work is None, 300
        result["said before"] = note()
        yield from ended()
    yield 1
    made = new_layer(document, names_before)
    result["sent"] = [[one.width, one.height] for one in drafts]
    result["note"], result["masks"] = note(), len(masks(made))
    result["found"], result["results"] = halves(document), len(panel().results)
    result["untouched"] = untouched(document, before)
    seen, mask = composed(document), bytes(masks(made)[0].pixelData(0, 0, *TOO_LARGE[:1] * 2))
    own = composed_layer(layer, document)
    result["changed beside the mask"] = beside(seen, own, mask)
    yield from screenshot("too_large")
    yield from undo()
    yield from undo()
    result["undone"] = [names(document) == names_before, digest(composed(document)) == was]


def composed_layer(layer, document):
    """The layer's own pixels: what was seen before."""
    return bytes(layer.pixelData(0, 0, document.width(), document.height()))


def beside(seen, before, mask):
    """How many pixels differ where the mask is 0."""
    veil = int.from_bytes(mask.translate(bytes([1] + [0] * 255)), "little")
    differ = 0
    for part in range(4):
        one, other = (int.from_bytes(data[part::4], "little") for data in (seen, before))
        differ |= int.from_bytes(
            (one ^ other).to_bytes(len(mask), "little").translate(bytes([0] + [1] * 255)), "little"
        )
    return (differ & veil).bit_count()


def check_too_large_cancelled(result):
    """Cancel ends it at the second place, and nothing of it is in the picture."""
    document, _, words = yield from painted("cancelled", *TOO_LARGE)
    names_before = names(document)
    yield from write(words)
    yield from press("Return")
    yield lambda: panel().work is not None and panel().work.number == 2, 300
    result["at"] = [panel().work.number, panel().work.passes]
    widget("limn_cancel_button").click()
    yield lambda: panel().work is None, 30
    yield 1
    result["said"], result["left"] = note(), names(document) == names_before


def check_too_large_selected(result):
    """A selection that is too large is refused; a part of it is edited."""
    document, layer, words = yield from painted("selected", *TOO_LARGE)
    side = TOO_LARGE[0]
    yield from select(document, 0, 0, side, side)
    yield from activate(document, layer)
    widget("limn_instruction").setPlainText(words)
    yield lambda: "too large" in shown("limn_reading"), 30
    result["foretold"] = shown("limn_reading")
    widget("limn_edit_button").click()
    yield lambda: panel().note is not None, 10
    result["said"], result["running"] = note(), panel().work is not None
    yield from select(document, side // 8, side // 4, 512, 512)
    names_before = names(document)
    seen = digest(composed(document))
    with submitting() as drafts:
        yield from edit(words)
    made = new_layer(document, names_before)
    result["part sent"] = [drafts[0].width, drafts[0].height]
    result["edited"] = [note(), len(masks(made)), digest(composed(document)) != seen]
