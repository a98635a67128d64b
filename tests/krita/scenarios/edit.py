"""The whole way of an edit, as a painter goes it."""

from help import (
    HEIGHT,
    WIDTH,
    QApplication,
    QByteArray,
    QTimer,
    QtWidgets,
    Scene,
    X,
    Y,
    activate,
    app,
    choose,
    composed,
    digest,
    docker,
    edit,
    ended,
    final_mask,
    fingerprints,
    keys,
    layers,
    listening,
    names,
    new_document,
    new_layer,
    note,
    paint,
    panel,
    picture,
    pixels,
    press,
    quick,
    ready,
    redo,
    row_of,
    save,
    screenshot,
    select,
    selection_bytes,
    spread,
    start,
    submitting,
    under_way,
    undo,
    untouched,
    widget,
    write,
)

GOOD, FEW = 30, 12
"""Steps, where it is looked at what has become of the picture, and where not."""

LARGE = 4096
"""Side of a picture that Krita takes some tenths of a second to draw."""


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


def check_again(result):
    """The same layer once more with a new seed.

    The second result lies above the first.
    """
    scene = Scene("recolour")
    document, _ = yield from picture("recolour")
    yield from quick(FEW)
    yield from edit(scene.instruction)
    first = names(document)[-1]
    yield from press("ctrl+shift+o")
    yield from ended()
    result["note"], result["layers"], result["first"] = note(), names(document), first


def check_next_instruction(result):
    """After an edit its result is the active layer.

    The next instruction goes on with the picture as the painter sees it.
    """
    from limn.krita_plugin.plugin import application

    scene = Scene("two")
    document, layer = yield from picture("two")
    first, second = scene.instruction.split(", ")
    yield from quick(GOOD)
    with submitting() as drafts:
        yield from edit(first)
        rect = application().edits.last.of(document).source.rect
        seen = composed(document, (rect.x, rect.y, rect.width, rect.height))
        yield from edit(second)
        result["layers"], result["active"] = names(document), document.activeNode().name()
        save("next-seen-after.bgra", composed(document))
        yield from screenshot("next-instruction")
        layers(document)[-2].setVisible(False)
        document.refreshProjection()
        yield 0.5
        unseen = composed(document, (rect.x, rect.y, rect.width, rect.height))
        yield from edit("make the star green")
        yield from activate(document, layer)
        yield from edit("make the star green")
    sent = [b"".join(draft.pixels) for draft in drafts]
    result["sent and seen"] = [farthest(sent[1], seen), farthest(sent[2], unseen)]
    result["with and without a result"] = [farthest(sent[1], sent[0]), farthest(seen, unseen)]
    result["from the painting again"] = sent[3] == sent[0]


def farthest(one, other):
    """The largest difference between two pictures' bytes."""
    assert len(one) == len(other)
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def check_laid_over(result):
    """A result that lets something through, over a painting that does so too.

    In 8 and in 16 bits: what is sent of both.
    """
    for depth, size in (("U8", 1), ("U16", 2)):
        yield from laid_over(result, depth, size)


def laid_over(result, depth, size):
    from limn.krita_plugin.document import cooperative, geometry, reading, writing

    document, layer = yield from new_document(WIDTH, HEIGHT, depth=depth)
    painted, laid = geometry.Rect(40, 30, 256, 64), geometry.Rect(100, 50, 160, 128)
    layer.setPixelData(
        QByteArray(blend(painted, size, 40)), painted.x, painted.y, painted.width, painted.height
    )
    ends = []

    def ended_well(steps):
        before = len(ends)
        cooperative.Task(steps, ends.append, ends.append)
        came = yield lambda: len(ends) > before, 20
        assert came and not isinstance(ends[-1], Exception), ends
        return ends[-1]

    for number, step in enumerate((90, 201)):
        area = laid.moved(8 * number, 4 * number)
        pixels_ = blend(area, size, step)
        steps = writing.insert(
            reading.take(None), area, pixels_, "bgra8" if size == 1 else "bgra16", "result"
        )
        yield from activate(document, (yield from ended_well(steps)))
    ends[0].setOpacity(128)
    source = reading.take(None)
    rect = source.rect
    strips, *_ = yield from ended_well(reading.read(source))
    result[depth] = [rect.width, rect.height, len(source.copies)]
    save(f"over-{depth}.raw", b"".join(strips))
    for number, copy in enumerate(source.copies):
        save(
            f"over-{depth}-{number}.raw",
            pixels(copy.node, rect=(rect.x, rect.y, rect.width, rect.height)),
        )


def blend(rect, size, step):
    """Pixels of all kinds of colour and opacity, among them clear and opaque ones.

    `size` bytes a channel.
    """
    out = bytearray()
    for at in range(rect.width * rect.height):
        for value in (
            at * step % 256,
            at * 7 % 256,
            (at // rect.width) * 3 % 256,
            min(255, max(0, at * step // 16 % 512 - 128)),
        ):
            out += value.to_bytes(1, "little") * size
    return bytes(out)


def check_again_with_a_selection(result):
    """Again means the selection that the edit began with.

    Not the one that its result has left.
    """
    document, layer = yield from picture("equal")
    yield from select(document, X, Y, 64, 128)
    yield from quick(FEW)
    with submitting() as drafts:
        yield from edit("make the star blue")
        yield from press("ctrl+shift+o")
        yield from ended()
        yield from activate(document, layer)
        yield from edit("make the star blue")  # not again: what a result has left guides nothing
        yield from select(document, X + 64, Y, 64, 128)
        yield from press("ctrl+shift+o")
        yield from ended()
    result["hints"] = [draft.hint and digest(b"".join(draft.hint)) for draft in drafts]
    result["layers"] = names(document)


def check_own_selections(result):
    """What results have left selected counts in neither of two pictures.

    Whichever was edited last.
    """
    pictures = []
    with submitting() as drafts:
        for name in ("one", "two"):
            pictures.append((yield from picture("recolour", name)))
            yield from quick(FEW)
            yield from edit("make the star blue")
        for document, layer in pictures:
            app().activeWindow().views()[pictures.index((document, layer))].setVisible()
            yield 0.5
            assert app().activeDocument() == document
            result.setdefault("selected", []).append(selection_bytes(document) is not None)
            yield from activate(document, layer)
            yield from edit("make the star green")
    result["hints"] = [draft.hint for draft in drafts]
    result["layers"] = [len(names(document)) for document, _ in pictures]


def check_mask_then_edit(result):
    """A mask that the painter has had found is a selection of the painter's.

    It limits the next edit.
    """
    from limn.krita_plugin.plugin import application

    document, layer = yield from picture("recolour")
    yield from quick(FEW)
    yield from edit("make the star blue", "ctrl+shift+m")
    found = document.selection().duplicate()
    with submitting() as drafts:
        yield from activate(document, layer)
        yield from edit("make the star green")
    rect = application().edits.last.of(document).source.rect
    result["sent"] = bytes(found.pixelData(rect.x, rect.y, rect.width, rect.height)) == b"".join(
        drafts[0].hint or ()
    )
    result["layers"] = names(document)


def check_another_layer_meanwhile(result):
    """The same words for another layer while the first is being edited.

    That is another edit; for the same layer it is not.
    """
    document, first = yield from picture("recolour")
    second = document.createNode("second", "paintlayer")
    document.rootNode().addChildNode(second, first)
    yield from paint(document, second, Scene("recolour"), X, Y)
    yield from quick(FEW)
    yield from activate(document, first)
    yield from start("make the star blue")
    app().action("limn_edit").trigger()
    result["the same"] = note()
    yield from activate(document, second)
    app().action("limn_edit").trigger()
    result["the other"], result["waiting"] = note(), panel().work.waiting
    yield from ended()
    result["layers"] = names(document)


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


def check_history(result):
    """Shift+Enter makes a line; Up and Down walk through what was written before."""
    box = widget("limn_instruction")
    yield from new_document(64, 64)  # without one, 5.2 and later hide all dockers
    yield from write("make the star green")
    keys("key", "Up")
    yield 0.3
    result["up"] = box.toPlainText()
    keys("key", "Down")
    yield 0.3
    result["down"] = box.toPlainText()
    keys("key", "shift+Return")
    yield 0.3
    result["new line"] = box.toPlainText()
    result["working"] = panel().work is not None
    keys("key", "ctrl+a", "Delete")
    yield 0.3


def check_controls(result):
    """Every control has a name and a tooltip."""
    yield from choose("foi")
    widget("limn_more_button").click()
    yield 0.5
    kinds = (
        QtWidgets.QAbstractButton,
        QtWidgets.QAbstractSpinBox,
        QtWidgets.QComboBox,
        QtWidgets.QPlainTextEdit,
        QtWidgets.QProgressBar,
    )
    controls = [one for kind in kinds for one in widget("limn_panel").findChildren(kind)]
    result["without name"] = [type(one).__name__ for one in controls if not one.objectName()]
    result["without tooltip"] = [one.objectName() for one in controls if not one.toolTip()]
    result["names"] = sorted(one.objectName() for one in controls)
    result["width"] = max(
        widget("limn_panel").minimumWidth(),
        docker().widget()._scrolled.widget().minimumSizeHint().width() + 20,
    )
    result["parameters"] = sorted(one.name for one in panel().chosen().parameters)
    forms = [widget(form) for form in ("limn_front_parameters", "limn_back_parameters")]
    result["labels"] = [
        label.text() for form in forms for label in form.findChildren(QtWidgets.QLabel)
    ]
    yield from screenshot("more")
    keys("mousemove", "700", "400")
    widget("limn_instruction").setFocus()
    result["wheel"] = {}
    for control in [
        widget("limn_seed"),
        *(widget(f"limn_parameter_{one.name}") for one in panel().chosen().parameters),
    ]:
        before = str(panel().remembered())
        widget("limn_scrolled").ensureWidgetVisible(control)
        yield 0.2
        middle = control.mapToGlobal(control.rect().center())
        keys(
            "mousemove", str(middle.x()), str(middle.y()), "click", "4", "click", "5", "click", "5"
        )
        yield 0.3
        result["wheel"][control.objectName()] = panel().remembered() == before
    widget("limn_more_button").click()
    yield from choose("auto")


def check_keyboard(result):
    """With Tab through the whole docker, and back with Shift+Tab.

    From the instruction on. For Krita, Tab means to hide all dockers.
    """
    yield from new_document(256, 192)
    yield from ready()
    app().action("limn_focus").trigger()
    widget("limn_more_button").click()
    yield 0.5
    first = "limn_instruction"
    for way, key in (("there", "Tab"), ("back", "shift+Tab")):
        widget(first).setFocus()
        result[way] = reached = []
        while QApplication.focusWidget().objectName() not in reached and docker().isAncestorOf(
            QApplication.focusWidget()
        ):
            focused = QApplication.focusWidget()
            reached.append(focused.objectName())
            keys("key", key)
            yield lambda focused=focused: QApplication.focusWidget() is not focused, 10
        first = reached[-1]
    result["without everything else"] = app().action("view_show_canvas_only").isChecked()
    widget("limn_more_button").click()
    yield 0.3


def check_shortcuts(result):
    """Our keys against those of every action that Krita has."""
    owners = {}
    for action in app().actions():
        for key in action.shortcuts():
            owners.setdefault(key.toString(), []).append(action.objectName())
    result["ours"] = {
        name: key for key, names_ in owners.items() for name in names_ if name.startswith("limn_")
    }
    result["clashes"] = {
        key: who
        for key, who in owners.items()
        if len(who) > 1 and any(name.startswith("limn_") for name in who)
    }
    yield 0
