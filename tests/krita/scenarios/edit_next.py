"""What comes after an edit: again, the next instruction, another layer."""

from help import (
    QByteArray,
    app,
    edit,
    ended,
    note,
    panel,
    press,
    quick,
    screenshot,
    start,
    submitting,
)
from painting import (
    HEIGHT,
    WIDTH,
    Scene,
    X,
    Y,
    activate,
    composed,
    digest,
    farthest,
    layers,
    names,
    new_document,
    paint,
    picture,
    pixels,
    save,
    select,
    selection_bytes,
)

GOOD, FEW = 30, 12
"""Steps, where it is looked at what has become of the picture, and where not."""

THEN = "edit_controls"


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
