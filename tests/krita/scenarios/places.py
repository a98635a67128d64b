"""A layer much larger than the model's size, and one too large to be sent whole.

The server takes 2048 x 2048 pixels at most here.
"""

import random

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


def through(steps):
    """What a generator of Limn's returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def noise(chance, count, deep):
    """Opaque pixels."""
    size = 2 if deep else 1
    return b"".join(
        bytes(chance.randrange(256) for _ in range(3 * size)) + b"\xff" * size for _ in range(count)
    )


def check_reduced(result):
    """Each pixel of a smaller layer is a mean, to a level of 255."""
    from limn.krita_plugin.document import pictures
    from limn.krita_plugin.document.geometry import Rect

    chance, result["farthest"] = random.Random(3), []
    wide, high, times = 13, 10, 3
    for deep in (False, True):
        size, step, worst = (8, 2, 0) if deep else (4, 1, 0)
        pixels = noise(chance, wide * high, deep)
        small = pictures.reduced(pixels, Rect(5, 6, wide, high), times, deep)
        for place in range(wide // times * (high // times)):
            y, x = divmod(place, wide // times)
            for channel in range(4):
                at = [
                    size * ((times * y + b) * wide + times * x + a) + step * channel + step - 1
                    for a in range(times)
                    for b in range(times)
                ]
                mean = sum(pixels[one] for one in at) / len(at)
                worst = max(worst, abs(small[4 * place + channel] - mean))
        result["farthest"].append(worst)
    yield 0


def check_enlarged(result):
    """A mask at the layer's own size, in whatever strips."""
    from limn.krita_plugin.course import Scale
    from limn.krita_plugin.document import reducing
    from limn.protocol.messages import Box, Pixels, Region

    scale, crop = Scale(4, 71, 71), Box(2, 3, 15, 14)
    hint = Region(8, 8, Pixels(4, 4, "gray8", b"\xff" * 16))
    whole = b"".join(through(reducing.enlarged(hint, crop, scale)))
    place, pixels = scale.box(crop), reducing.STRIP_PIXELS
    reducing.STRIP_PIXELS = 1
    in_strips = b"".join(through(reducing.enlarged(hint, crop, scale)))
    reducing.STRIP_PIXELS = pixels
    result["box"] = [place.x, place.y, place.width, place.height]
    result["whole"], result["same"] = len(whole), whole == in_strips
    row = whole[(40 - place.y) * place.width :]
    result["inside, edge, outside"] = [row[x - place.x] for x in (40, 33, 24)]
    yield 0


def check_joined(result):
    """Of two pieces that overlap, the one whose mask is larger is seen."""
    from limn.krita_plugin.document import reducing
    from limn.krita_plugin.document.geometry import Rect
    from limn.protocol.messages import Pixels, Region

    chance, result["wrong"] = random.Random(5), []
    for deep, layout in ((False, "bgra8"), (True, "bgra16")):
        size = 8 if deep else 4
        under = noise(chance, 63, deep), bytes(chance.randrange(256) for _ in range(63))
        over = noise(chance, 72, deep), bytes(chance.randrange(256) for _ in range(72))
        new = Rect(14, 12, 8, 9)
        parts = Pixels(8, 9, layout, over[0]), Pixels(8, 9, "gray8", over[1])
        earlier = [reducing.Piece(Rect(10, 10, 9, 7), *under)]
        regions = (Region(0, 0, one) for one in parts)
        piece = through(reducing.piece_of(new, *regions, new, earlier))
        wrong = 0
        for at in range(72):
            y, x = divmod(at, 8)
            back = (y + 2) * 9 + x + 4
            stays = y + 2 < 7 and x + 4 < 9 and under[1][back] > over[1][at]
            (data, mask), place = (under, back) if stays else (over, at)
            pixel = data[size * place : size * (place + 1)]
            wrong += piece.pixels[size * at : size * (at + 1)] != pixel
            wrong += piece.mask[at] != mask[place]
        result["wrong"].append(wrong)
    yield 0
