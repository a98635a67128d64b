"""Several instructions: a layer each, in a group that is one result.

One is hidden, its mask changed, redone; saved and opened again.
"""

from help import (
    OUTPUT,
    app,
    edit,
    ended,
    keys,
    listening,
    note,
    panel,
    press,
    quick,
    screenshot,
    submitting,
    widget,
)
from krita import Selection
from painting import (
    HEIGHT,
    WIDTH,
    Scene,
    X,
    Y,
    activate,
    composed,
    farthest,
    fingerprints,
    layers,
    mask_of,
    masks,
    names,
    new_layer,
    picture,
    redo,
    selection_bytes,
    undo,
    untouched,
)


def check_group(result):
    """The same picture as one layer of both, and each can be hidden."""
    document, _ = yield from picture("two")
    yield from quick(8)
    before, names_before, seen = fingerprints(document), names(document), composed(document)
    widget("limn_apart").click()
    yield from edit(Scene("two").instruction)
    yield 1
    one = composed(document)
    result["one layer"] = new_layer(document, names_before).type()
    yield from undo()
    yield from undo()
    widget("limn_apart").click()
    with listening() as arrived:
        yield from edit(Scene("two").instruction)
    yield 1
    result["parts on the wire"] = [
        len(each.message.parts) for each in arrived if type(each).__name__ == "MaskLook"
    ]
    group = new_layer(document, names_before)
    result["note"], result["group"] = note(), [group.type(), group.name()]
    result["layers"] = [node.name() for node in group.childNodes()]
    result["masks"] = [len(masks(node)) for node in group.childNodes()]
    result["as one layer"] = farthest(one, composed(document))
    result["selected"] = bool(selection_bytes(document))
    result["in the strip"] = len(panel().results)
    yield from screenshot("group")
    after = composed(document)
    first = group.childNodes()[0]
    first.setVisible(False)
    document.refreshProjection()
    yield 0.5
    half = composed(document)
    result["one hidden"] = [half != after, half != seen]
    first.setVisible(True)
    document.refreshProjection()
    yield 0.5
    yield from undo()
    yield from undo()
    result["two undos"] = [names(document), composed(document) == seen]
    yield from redo()
    yield from redo()
    group = new_layer(document, names_before)
    result["two redos"] = [len(group.childNodes()), composed(document) == after]
    result["untouched"] = untouched(document, before)

    # --- the mask of one changed, one redone, the whole gone on with
    yield from parts(document, result)
    yield from strengths(result)
    yield from reopened(document, result)


def parts(document, result):
    """The mask of one changed, one redone, the whole gone on with."""
    names_before = [name for name in names(document) if "(seed" not in name]
    group = new_layer(document, names_before)
    star, circle = group.childNodes()
    yield from activate(document, circle)
    yield lambda: panel().part == id_of(circle), 5
    result["whose mask"] = panel().part_words
    was, others, selected = mask_of(circle), mask_of(star), selection_bytes(document)
    keys("key", "ctrl+shift+F6")
    yield lambda: mask_of(circle) != was and at_rest(), 60
    larger = mask_of(circle)
    result["larger"] = [sum(was) < sum(larger), mask_of(star) == others]
    result["active stays"] = document.activeNode().name()
    result["selection grew"] = sum(selection_bytes(document)) > sum(selected)
    yield from screenshot("part_larger")
    yield from undo()
    yield 1.5
    result["one undo"] = [mask_of(circle) == was, selection_bytes(document) == selected]
    result["active after undo"] = document.activeNode().name()
    yield from activate(document, circle)
    yield from press("ctrl+shift+F4")
    yield from ended()
    yield 1
    result["redone"] = [names(document)[-1], circle.visible(), star.visible(), note()]
    result["in the strip then"] = len(panel().results)
    yield from screenshot("one_redone")
    keys("key", "ctrl+shift+Delete")
    yield circle.visible, 10
    yield 0.7
    result["discarded"] = [len(panel().results), circle.visible()]
    # on with a layer of the group active: the whole is edited
    yield from activate(document, star)
    document.setSelection(None)
    with submitting() as drafts:
        yield from edit("make the background green")
    result["sent"] = [drafts[0].width, drafts[0].height]
    result["above"] = [node.type() for node in layers(document)][-2:]


def strengths(result):
    """A slider for each instruction writes its strength into the words."""
    widget("limn_instruction").setPlainText("make the star blue, make the circle yellow")
    yield lambda: panel().reading is not None and len(panel().reading.items) == 2, 20
    yield 0.5
    slider = widget("limn_part_strength_0")
    slider.setValue(5)
    yield 0.3
    result["half"] = panel().instruction
    yield lambda: panel().reading is not None and len(panel().reading.items) == 2, 20
    yield 0.5
    yield from screenshot("strengths")
    widget("limn_part_strength_1").setValue(15)
    yield 0.3
    result["both"] = panel().instruction
    yield lambda: panel().reading is not None and len(panel().reading.items) == 2, 20
    yield 0.5
    widget("limn_part_strength_0").setValue(10)
    widget("limn_part_strength_1").setValue(10)
    result["plain again"] = panel().instruction


def reopened(document, result):
    """Opened from its file, the group is one result, and its masks can be changed."""
    document.setBatchmode(True)
    result["saved"] = document.saveAs(f"{OUTPUT}/apart.kra")
    document.close()
    yield 1
    document = app().openDocument(f"{OUTPUT}/apart.kra")
    app().activeWindow().addView(document)
    yield 2
    group = next(node for node in layers(document) if node.type() == "grouplayer")
    circle = group.childNodes()[1]
    yield from activate(document, circle)
    result["known"] = yield lambda: panel().part == id_of(circle), 30
    result["reopened in the strip"] = len(panel().results)
    was = mask_of(circle)
    keys("key", "ctrl+shift+F5")
    yield lambda: mask_of(circle) != was and at_rest(), 60
    result["smaller"] = [sum(mask_of(circle)) < sum(was), note()]


def at_rest():
    """Whether no slider is at work: meanwhile there are two masks in turn."""
    from limn.krita_plugin.plugin import application

    return application().edits.mask_slider._task is None


def id_of(node):
    return node.uniqueId().toString()


def check_named(result):
    """A selection mask under the layer, named like a thing, is that thing's mask."""
    document, layer = yield from picture("two")
    yield from quick(6)
    mask = document.createSelectionMask("star")
    layer.addChildNode(mask, None)
    yield 0.5
    chosen = Selection()
    chosen.select(X + 30, Y + 30, 20, 24, 255)
    mask.setSelection(chosen)
    yield 0.5
    yield from activate(document, layer)
    names_before = names(document)
    with submitting() as drafts:
        yield from edit(Scene("two").instruction)
    yield 1
    star, circle = new_layer(document, names_before).childNodes()
    inside = bytearray(WIDTH * HEIGHT)
    for y in range(Y + 30, Y + 54):
        inside[y * WIDTH + X + 30 : y * WIDTH + X + 50] = b"\xff" * 20
    result["named"] = [one.name for one in drafts[0].named]
    result["the star's"] = mask_of(star) == bytes(inside)
    result["the circle's"] = any(mask_of(circle)) and mask_of(circle) != bytes(inside)
    result["still there"] = [one.name() for one in layer.childNodes()]
    yield from screenshot("named")
