"""The whole way of an edit, as a painter goes it."""

from help import (
    QByteArray,
    QTimer,
    edit,
    ended,
    final_mask,
    listening,
    note,
    panel,
    quick,
    row_of,
    screenshot,
    start,
    under_way,
    widget,
)
from painting import (
    HEIGHT,
    WIDTH,
    Scene,
    X,
    Y,
    composed,
    fingerprints,
    names,
    new_document,
    new_layer,
    paint,
    picture,
    pixels,
    redo,
    save,
    select,
    selection_bytes,
    spread,
    undo,
    untouched,
)

GOOD = 30
"""Steps, where it is looked at what has become of the picture."""

LARGE = 4096
"""Side of a picture that Krita takes some tenths of a second to draw."""

THEN = "edit_next"


def check_end_to_end(result):
    """A scene off-centre in 512 x 384 with transparent surroundings.

    Typed, started by its shortcut, undone twice.
    """
    scene = Scene("recolour")
    document, layer = yield from picture("recolour")
    yield from quick(GOOD)
    yield from screenshot("ready")
    before, names_before = fingerprints(document), names(document)
    seen = composed(document)
    yield from start(scene.instruction, "ctrl+shift+x")
    yield from under_way(2)
    result["stage while it works"] = widget("limn_stage").text()
    yield from screenshot("working")
    yield from ended()
    yield 1
    yield from screenshot("done")
    result["note"], result["details"] = note(), panel().note.details
    result["previews"] = panel().previews_shown
    result["layers"], result["layers before"] = names(document), names_before
    new = new_layer(document, names_before)
    bounds = new.bounds()
    result["bounds"] = [bounds.x(), bounds.y(), bounds.width(), bounds.height()]
    result["other layers untouched"] = untouched(document, before)
    result["active"] = document.activeNode().name()
    result["above"] = names(document).index(new.name()) - names(document).index("painting")
    changed, selected, seen_after = (
        pixels(new, document),
        selection_bytes(document),
        composed(document),
    )
    save("recolour-layer.bgra", changed)
    save("recolour-selection.gray", selected or b"")
    save("recolour-seen-before.bgra", seen)
    save("recolour-seen-after.bgra", seen_after)
    save("recolour-painting.bgra", pixels(layer, document))
    yield from undo()
    result["after one undo"] = {
        "layers": names(document),
        "selection": selection_bytes(document) is not None,
    }
    yield from undo()
    result["after two undos"] = {
        "layers": names(document),
        "same": fingerprints(document) == before,
    }
    result["seen as before"] = composed(document) == seen
    yield from redo()
    yield from redo()
    result["after two redos"] = {
        "layers": names(document),
        "same": untouched(document, before)
        and pixels(new_layer(document, names_before), document) == changed,
        "selected as before": selection_bytes(document) == selected,
        "seen as before": composed(document) == seen_after,
    }


def check_going_in(result):
    """A layer goes into a large picture, and Krita's event loop turns meanwhile."""
    from limn.krita_plugin.document import cooperative, geometry, native_call, reading, writing

    class Noted(native_call._Call):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            calls.append(self)

        def close(self):
            calls.remove(self)
            super().close()

    document, layer = yield from new_document(LARGE, LARGE)
    strip = QByteArray(bytes((90, 120, 150, 255)) * (LARGE * 64))
    for y in range(0, LARGE, 64):
        layer.setPixelData(strip, 0, y, LARGE, 64)
        yield 0
    document.refreshProjection()
    yield 1
    place = (96, 100, 8, 8)
    before, seen = names(document), composed(document, place)
    calls, ends, turns_meanwhile = [], [], []
    timer = QTimer()
    timer.timeout.connect(lambda: turns_meanwhile.extend(1 for one in calls if not one.over))
    timer.start(0)
    pixel = bytes((10, 200, 30, 255))
    area = geometry.Rect(100, 100, 256, 256)
    plain, native_call._Call = native_call._Call, Noted
    cooperative.Task(
        writing.insert(reading.take(None), area, pixel * 256 * 256, "bgra8", "result"),
        ends.append,
        ends.append,
    )
    came = yield lambda: ends, 60
    timer.stop()
    native_call._Call = plain
    assert came and not isinstance(ends[0], Exception), ends
    result["turns of the event loop"] = len(turns_meanwhile)
    result["layers"], result["layers before"] = names(document), before
    result["seen"] = list(composed(document, place)[:32])
    yield from undo()
    result["after undo"] = {
        "layers": names(document),
        "seen as before": composed(document, place) == seen,
    }
    yield from redo()
    result["after redo"] = {"layers": names(document), "seen": list(composed(document, place)[:32])}


def check_figure(result):
    """A figure on a layer of its own, soft at its edges, with nothing around it."""
    scene = Scene("figure")
    document, layer = yield from picture("figure")
    yield from quick(GOOD)
    before = fingerprints(document)
    yield from edit(scene.instruction)
    yield from screenshot("figure")
    result["note"] = note()
    save("figure-painting.bgra", pixels(layer, document))
    save("figure-layer.bgra", pixels(new_layer(document, before), document))
    save("figure-seen-after.bgra", composed(document))
    result["other layers untouched"] = untouched(document, before)


def check_two_instructions(result):
    """Two instructions at once; the server sends a mask for each."""
    scene = Scene("two")
    document, _ = yield from picture("two")
    yield from quick(GOOD)
    before = fingerprints(document)
    with listening() as arrived:
        yield from edit(scene.instruction)
    yield from screenshot("two")
    parts = final_mask(arrived).parts
    result["parts"] = [[part.instruction, part.keyword] for part in parts]
    for number, part in enumerate(parts):
        save(f"two-part-{number}.gray", spread(part.area, scene.width, scene.height))
    result["note"], result["details"] = note(), panel().note.details
    new = new_layer(document, before)
    save("two-layer.bgra", pixels(new, document))
    save("two-seen-after.bgra", composed(document))
    result["other layers untouched"] = untouched(document, before)


def check_selection_limits(result):
    """A selection around one of two equal things, with Selection at limit."""
    scene = Scene("equal")
    document, _ = yield from picture("equal")
    yield from quick(GOOD)
    yield from select(document, X, Y, scene.width // 2, scene.height)
    before, selected = fingerprints(document), selection_bytes(document)
    widget("limn_hint_limit").click()
    yield from edit(scene.instruction)
    widget("limn_hint_guide").click()
    result["note"], result["details"] = note(), panel().note.details
    new = new_layer(document, before)
    save("equal-layer.bgra", pixels(new, document))
    save("equal-seen-after.bgra", composed(document))
    result["other layers untouched"] = untouched(document, before)
    yield from undo()
    result["selection is back"] = selection_bytes(document) == selected
    yield from undo()
    result["layer is gone"] = new.name() not in names(document)


def check_preview_place(result):
    """On a large layer the work happens around the selection.

    The preview lies there, over the rest of the layer.
    """
    scene = Scene("recolour")
    document, layer = yield from new_document(WIDTH, HEIGHT)
    layer.setPixelData(
        QByteArray(bytes((40, 160, 20, 255)) * (WIDTH * HEIGHT)), 0, 0, WIDTH, HEIGHT
    )
    yield from paint(document, layer, scene, X, Y)
    yield from select(document, X, Y, scene.width, scene.height)
    yield from quick(GOOD)
    widget("limn_hint_limit").click()
    yield from edit(scene.instruction)
    widget("limn_hint_guide").click()
    shows, view = panel().preview.shows, panel().view()
    result["note"], result["details"] = note(), panel().note.details
    result["shows"], result["view"] = [[at.x, at.y, at.width, at.height] for at in (shows, view)]
    result["row"] = row_of("limn_preview")
    yield from screenshot("preview-place")


def check_mask_only(result):
    """Find the mask: a selection, no layer; undone step by step to what was."""
    scene = Scene("recolour")
    document, _ = yield from picture("recolour")
    yield from quick(GOOD)
    before = fingerprints(document)
    yield from edit(scene.instruction, "ctrl+shift+m")
    result["note"], result["layers"] = note(), names(document)
    result["active"] = document.activeNode().name()
    found = selection_bytes(document)
    assert found is not None, note()
    save("mask-only-selection.gray", found)
    after = fingerprints(document)
    result["layers untouched"] = after == before
    result["no mask is left"] = not document.rootNode().childNodes()[1].childNodes()
    yield from undo()
    result["after undo"] = {
        "layers": names(document),
        "selection": selection_bytes(document) is not None,
        "same": fingerprints(document) == before,
    }
