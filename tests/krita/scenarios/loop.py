"""The painter's loop: a result that can be corrected and gone on with.

It is kept with its picture.
"""

from help import OUTPUT, QByteArray, edit, final_mask, listening, note, quick, screenshot, widget
from painting import (
    Scene,
    X,
    Y,
    composed,
    fingerprints,
    layers,
    masks,
    names,
    new_layer,
    picture,
    pixels,
    redo,
    selection_bytes,
    spread,
    undo,
    untouched,
)

WIDTH, HEIGHT = 512, 384


def check_mask(result):
    """A result holds all that was worked on, behind a mask.

    Painting on that shows and hides it.
    """
    document, _ = yield from picture("recolour")
    yield from quick()
    before, names_before, seen = fingerprints(document), names(document), composed(document)
    with listening() as arrived:
        yield from edit(Scene("recolour").instruction)
    yield 1
    result["note"], result["layers"] = note(), names(document)
    new = new_layer(document, names_before)
    (mask,) = masks(new)
    found = spread(final_mask(arrived).area, WIDTH, HEIGHT, X, Y)
    whole, through = pixels_of(new), pixels(new, document)
    result["raw alpha in the crop"] = sorted(
        {whole[4 * (y * WIDTH + x) + 3] for y in range(Y, Y + 128) for x in range(X, X + 128)}
    )
    result["raw pixels beside it"] = sum(
        whole[4 * at + 3] > 0
        for at in range(WIDTH * HEIGHT)
        if not (X <= at % WIDTH < X + 128 and Y <= at // WIDTH < Y + 128)
    )
    result["the mask is the one found"] = bytes(mask.pixelData(0, 0, WIDTH, HEIGHT)) == found
    result["seen through it"] = through[3::4] == found
    result["selected"] = selection_bytes(document) == found
    after = composed(document)
    result["changed beside the mask"] = differing(
        seen, after, [at for at in range(len(found)) if not found[at]]
    )
    yield from screenshot("masked")
    yield from undo()
    result["after one undo"] = [names(document), selection_bytes(document) is None]
    yield from undo()
    result["after two undos"] = [names(document), composed(document) == seen]
    yield from redo()
    yield from redo()
    result["after two redos"] = [
        names(document),
        composed(document) == after,
        len(masks(new_layer(document, names_before))),
        untouched(document, before),
    ]
    # the painter paints on the mask: white shows the edit, black hides it
    new = new_layer(document, names_before)
    (mask,) = masks(new)
    place = X + 2, Y + 2, 12, 12
    mask.setPixelData(QByteArray(b"\xff" * 144), *place)
    document.refreshProjection()
    yield 0.5
    result["shown"] = composed(document, place) == bytes(new.pixelData(*place))
    bounds = mask_middle(found)
    mask.setPixelData(QByteArray(bytes(144)), *bounds)
    document.refreshProjection()
    yield 0.5
    result["hidden"] = composed(document, bounds) == cut(seen, bounds)
    result["was changed there"] = cut(after, bounds) != cut(seen, bounds)
    # the mask of a second wish is found while the result's layer is active: its own mask stays
    own = bytes(mask.pixelData(0, 0, WIDTH, HEIGHT))
    yield from edit("make the background green", "ctrl+shift+m")
    yield 1
    left = masks(new)
    result["its own mask after Find mask"] = [
        len(left),
        bytes(left[0].pixelData(0, 0, WIDTH, HEIGHT)) == own,
        composed(document, bounds) == cut(seen, bounds),
    ]


def check_flat(result):
    """With the setting, the mask is in the layer's own alpha, as before."""
    document, _ = yield from picture("recolour")
    yield from quick(10)
    widget("limn_flat").click()
    names_before = names(document)
    with listening() as arrived:
        yield from edit(Scene("recolour").instruction)
    widget("limn_flat").click()
    new = new_layer(document, names_before)
    found = spread(final_mask(arrived).area, WIDTH, HEIGHT, X, Y)
    result["masks"], result["note"] = len(masks(new)), note()
    result["alpha"] = pixels_of(new)[3::4] == found


def check_saved(result):
    """An edit, saved with its picture: another Krita goes on with it."""
    document, _ = yield from picture("recolour")
    yield from quick(10)
    yield from edit(Scene("recolour").instruction)
    yield 1
    result["kept"] = [one for one in document.annotationTypes() if one.startswith("limn-result-")]
    result["id"] = layers(document)[-1].uniqueId().toString()
    document.setBatchmode(True)
    result["saved"] = document.saveAs(f"{OUTPUT}/painting.kra")
    yield 1


def pixels_of(node):
    """Its own pixels, whatever masks lie under it."""
    return bytes(node.pixelData(0, 0, WIDTH, HEIGHT))


def differing(one, other, places):
    return sum(one[4 * at : 4 * at + 4] != other[4 * at : 4 * at + 4] for at in places)


def mask_middle(found):
    """A square of 12 pixels in the middle of what was found."""
    inside = [at for at in range(len(found)) if found[at] == 255]
    x = sum(at % WIDTH for at in inside) // len(inside)
    y = sum(at // WIDTH for at in inside) // len(inside)
    return x - 6, y - 6, 12, 12


def cut(data, place):
    x, y, width, height = place
    return b"".join(
        data[4 * (row * WIDTH + x) : 4 * (row * WIDTH + x + width)] for row in range(y, y + height)
    )
