"""Layers of all kinds: masked, blended, grouped, animated, hardly selected."""

import scripted
from drawn import AREA, HIGH, WIDE, drawing, drawn, finished, visible
from help import QByteArray, app, note, panel, screenshot
from krita import InfoObject, Selection
from painting import (
    activate,
    is_open,
    layers,
    names,
    new_document,
    redo,
    select,
    undo,
)


def masked():
    """A picture whose layer has a transparency mask.

    It shows the left part of the drawing.
    """
    document, layer = yield from drawn()
    yield from select(document, AREA[0], AREA[1], 12, AREA[3])
    app().action("add_new_transparency_mask").trigger()
    yield 0.6
    app().action("deselect").trigger()
    yield 0.3
    return document, layer


def check_masked(result):
    """What a transparency mask hides is not sent; a press on the mask edits its layer."""
    document, layer = yield from masked()
    result["active"] = document.activeNode().type()
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        submit, rect = scripted.sent(wire.drafts[-1]), edit.source.rect
        place = (rect.x, rect.y, rect.width, rect.height)
        sent = visible(submit.pixels.data)
        result["as seen"] = sent == visible(bytes(layer.projectionPixelData(*place)))
        result["as painted"] = sent == visible(bytes(layer.pixelData(*place)))
        yield from finished(document, edit)
        result["layers"] = names(document)


def check_lies_as_its_layer(result):
    """A result takes opacity, blending mode and inherit alpha.

    The next edit sees it as replacing.
    """
    document, layer = yield from drawn()
    layer.setOpacity(128)
    layer.setBlendingMode("multiply")
    layer.setInheritAlpha(True)
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        yield from finished(document, edit)
        made = document.activeNode()
        result["result"] = [made.opacity(), made.blendingMode(), made.inheritAlpha()]
        result["layer"] = [layer.opacity(), layer.blendingMode(), layer.inheritAlpha()]
        edit = yield from scripted.begin(wire, "make the star green")
        copies = edit.source.copies
        result["next sees"] = [[one.opacity, one.mode, one.inside] for one in copies]
        yield from finished(document, edit)
        made.setBlendingMode("screen")
        yield from activate(document, layers(document)[-2])
        edit = yield from scripted.begin(wire, "make the star red")
        result["other mode"] = [one.mode for one in edit.source.copies]
        yield from finished(document, edit)


def others(document, layer):
    """Layers without pixels of their own, in the picture: by kind."""
    group = document.createGroupLayer("group")
    document.rootNode().addChildNode(group, layer)
    yield 0.3
    inner = document.createNode("inner", "paintlayer")
    inner.setPixelData(QByteArray(drawing()), *AREA)
    inner.setOpacity(128)
    group.addChildNode(inner, None)
    yield 0.3
    clone = document.createCloneLayer("clone", layer)
    document.rootNode().addChildNode(clone, group)
    yield 0.3
    vector = document.createVectorLayer("vector")
    document.rootNode().addChildNode(vector, clone)
    yield 0.3
    vector.addShapesFromSvg(
        '<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="100pt">'
        '<rect x="10" y="10" width="50" height="40" fill="#ff0000"/></svg>'
    )
    properties, everywhere = InfoObject(), Selection()
    properties.setProperty("color", "#3060ff")
    everywhere.select(0, 0, WIDE, HIGH, 255)
    fill = document.createFillLayer("fill", "color", properties, everywhere)
    document.rootNode().addChildNode(fill, vector)
    yield 0.3
    document.refreshProjection()
    yield 0.6
    return {"group": group, "clone": clone, "vector": vector, "fill": fill}


def check_offers(result):
    """Other kinds of layers: first in words, then what is seen of them."""
    document, layer = yield from drawn()
    kinds = yield from others(document, layer)
    for kind, node in kinds.items():
        with scripted.server() as wire:
            yield from activate(document, node)
            panel().set_instruction("make the star blue")
            app().action("limn_edit").trigger()
            yield 0.2
            offered, refused = note(), not wire.drafts
            edit = yield from scripted.begin(wire)
            rect = edit.source.rect
            seen = bytes(node.projectionPixelData(rect.x, rect.y, rect.width, rect.height))
            same = scripted.sent(wire.drafts[-1]).pixels.data == seen
            yield from finished(document, edit)
            siblings = names(document)
            result[kind] = {
                "offered": offered,
                "remedy": panel().note.remedy,
                "refused": refused,
                "as seen": same and any(seen),
                "above": siblings.index(node.name()) + 1
                == siblings.index(document.activeNode().name()),
            }
            document.activeNode().remove()
            yield 0.4
    yield from screenshot("offers")


def frames(node):
    return [time for time in range(30) if node.hasKeyframeAtTime(time)]


def check_animated(result):
    """A result on one frame of an animated layer."""
    document, layer = yield from drawn()
    app().action("add_duplicate_frame").trigger()
    yield 0.4
    for time in (5, 9):
        document.setCurrentTime(time)
        yield 0.4
        app().action("add_duplicate_frame").trigger()
        yield 0.4
    result["frames"] = frames(layer)
    document.setCurrentTime(6)
    yield 0.4
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        said = yield from finished(document, edit)
    result["said"] = said
    for step in (undo, undo, redo, redo):
        yield from step()
        result.setdefault("undone and redone", []).append(names(document))
    made = document.activeNode()
    result["layers"], result["of the result"] = names(document), frames(made)
    rect = made.bounds()
    place = (rect.x() + 5, rect.y() + 5, 1, 1)
    result["at"] = {}
    for time in (2, 6, 10):
        document.setCurrentTime(time)
        yield 0.6
        shown = bytes(made.projectionPixelData(*place))
        result["at"][time] = any(shown)
    document.setCurrentTime(6)
    yield 0.4
    yield from screenshot("animated")
    result["source frames"] = frames(layer)


def check_faint_selection(result):
    """One far pixel that is hardly selected doesn't make a large crop.

    It lies in the corner.
    """
    document, layer = yield from new_document(2000, 1500)
    layer.setPixelData(QByteArray(bytes((40, 160, 20, 255)) * (2000 * 1500)), 0, 0, 2000, 1500)
    sent = []
    for corner in (False, True):
        selection = Selection()
        selection.select(900, 700, 60, 50, 255)
        if corner:
            selection.setPixelData(QByteArray(b"\1"), 0, 0, 1, 1)
        document.setSelection(selection)
        yield 0.3
        with scripted.server() as wire:
            edit = yield from scripted.begin(wire)
            rect = edit.source.rect
            sent.append([rect.x, rect.y, rect.width, rect.height])
            app().action("limn_cancel").trigger()
            yield 0.3
    result["sent"] = sent


def disc(side):
    """A blue disc on nothing."""
    out, middle = bytearray(), (side - 1) / 2
    for y in range(side):
        for x in range(side):
            inside = (x - middle) ** 2 + (y - middle) ** 2 <= middle**2
            out += bytes((200, 80, 40, 255)) if inside else bytes(4)
    return bytes(out)


def check_margin(result):
    """A shape gets a margin, a picture none."""
    for name, pixels_ in (("disc", disc(60)), ("picture", bytes((9, 9, 90, 255)) * 3600)):
        _, layer = yield from new_document(400, 300)
        layer.setPixelData(QByteArray(pixels_), 100, 80, 60, 60)
        with scripted.server() as wire:
            edit = yield from scripted.begin(wire)
            rect = edit.source.rect
            result[name] = [rect.x, rect.y, rect.width, rect.height]
            app().action("limn_cancel").trigger()
            yield 0.3


def check_closed_after_mask_only(result):
    """A picture closed while a mask is about to become its selection.

    Again and again. Not in the half second after a selection is made: there Krita 5.1.5 ends by
    itself, without Limn, within 12 tries: by "selectopaque" and "file_close", by "select_all" or
    `Document.setSelection` and `Document.close`.
    """
    result["closed"] = 0
    for wait in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.11, 0.15, 0.2, 0.3, 0.5, 0.8):
        with scripted.server() as wire:
            document, layer = yield from drawn()
            edit = yield from scripted.begin(wire, action="limn_mask")
            scripted.answer(edit, 3, 4, 15, 11, scripted.mark(15, 11))
            yield wait
            if document.selection() is not None:
                yield 1
            document.setModified(False)
            app().action("file_close").trigger()
            for _ in range(500):  # a mask that comes now would make Krita ask whether to save
                if not is_open(document):
                    break
                document.setModified(False)
                yield 0.01
            del document, layer, edit
            ended = yield lambda: panel().work is None, 60  # its note goes with the picture
            assert ended, panel().work
            yield 0.3
            result["closed"] += 1
    yield 1
