"""Layers that are deleted while they are edited, and layers of rare kinds."""

import os

import scripted
from drawn import AREA, HIGH, WIDE, drawn, finished
from help import OUTPUT, QByteArray, app, note, panel
from kinds import point, sends, settle, solid
from krita import InfoObject
from layers import GEOMETRY, moved_before, whole
from painting import activate, layers, names, new_document, undo


def remove(document, layer):
    layer.remove()
    yield from settle(document)


def begun():
    """A picture whose layer is being edited."""
    document, layer = yield from drawn()
    return document, layer


def check_deleted_meanwhile(result):
    """The picture is changed and the layer deleted, in both orders."""
    for name in ("mirrored", "turned right", "cropped"):
        reference, _, there = yield from moved_before(GEOMETRY[name], "U8")
        for order in ("then deleted", "after it was deleted"):
            with scripted.server() as wire:
                document, layer = yield from drawn()
                edit = yield from scripted.begin(wire)
                if order == "then deleted":
                    yield from GEOMETRY[name](document, layer)
                    yield from remove(document, layer)
                else:
                    yield from remove(document, layer)
                    yield from GEOMETRY[name](document, layers(document)[-1])
                said = yield from finished(document, edit)
            found = next((node for node in layers(document) if "seed" in node.name()), None)
            result[f"{name}, {order}"] = {
                "said": said["sentence"],
                "same": found is not None and whole(document, found) == whole(reference, there),
            }
            document.setModified(False)
            document.close()
            yield 0.2
        reference.setModified(False)
        reference.close()
        yield 0.2


def check_moved_and_deleted(result):
    """Its own pixels tell how a layer was moved before it was deleted."""
    with scripted.server() as wire:
        document, layer = yield from drawn()
        edit = yield from scripted.begin(wire)
        x, y = edit.source.rect.x + 3, edit.source.rect.y + 4
        layer.move(layer.position().x() + 13, layer.position().y() - 7)
        yield from settle(document)
        yield from remove(document, layer)
        result["said"] = (yield from finished(document, edit))["sentence"]
    bounds = document.activeNode().bounds()
    result["off"] = [bounds.x() - x, bounds.y() - y]


def check_multiply(result):
    """A layer that multiplies: both count, and what is said about it helps."""
    document, layer = yield from drawn()
    layer.setBlendingMode("multiply")
    layer.setVisible(False)
    yield from settle(document)
    result["below"] = point(document)
    layer.setVisible(True)
    yield from settle(document)
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        scripted.answer(edit, 6, 4, 15, 11, solid(15, 11))
        result["said"] = (yield from scripted.settled())["remedy"]
    yield from settle(document)
    result["both"] = point(document)
    yield from activate(document, layer)
    app().action("clear").trigger()
    yield from settle(document)
    result["replaced"] = point(document)
    yield from undo()


def check_clone_of_a_clone(result):
    document, layer = yield from drawn()
    below = layer
    for name in ("clone", "clone of the clone"):
        made = document.createCloneLayer(name, below)
        document.rootNode().addChildNode(made, below)
        yield from settle(document)
        below = made
    result["sent"] = yield from sends(document, below, times=2)


def check_file_that_is_gone(result):
    """A file layer whose file was deleted: as it was last seen, or the reason why not."""
    picture, _ = yield from drawn(name="file")
    file = os.path.join(OUTPUT, "going.png")
    picture.setBatchmode(True)
    picture.exportImage(file, InfoObject())
    document, layer = yield from drawn()
    linked = document.createFileLayer("linked", file, "None")
    document.rootNode().addChildNode(linked, layer)
    yield 1.0
    os.remove(file)
    yield 2.5
    yield from settle(document)
    with scripted.server() as wire:
        yield from activate(document, linked)
        panel().set_instruction("make the star blue")
        for _ in range(2):
            app().action("limn_edit").trigger()
            yield 0.6
        result["sent"] = len(wire.drafts)
        result["said"] = note()
        if wire.drafts:
            app().action("limn_cancel").trigger()
            yield 0.4


def check_one_pixel(result):
    document, layer = yield from new_document(1, 1)
    layer.setPixelData(QByteArray(b"\x10\x20\x30\xff"), 0, 0, 1, 1)
    yield from settle(document)
    yield from activate(document, layer)
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        rect = edit.source.rect
        result["rect"] = [rect.x, rect.y, rect.width, rect.height]
        scripted.answer(edit, 0, 0, 1, 1, b"\x01\x02\x03\xff")
        result["said"] = (yield from scripted.settled())["sentence"]
    result["layers"] = names(document)


def check_channels(result):
    """A layer of which one channel is not seen: nor is it of the result."""
    document, layer = yield from drawn()
    layer.channels()[0].setVisible(False)
    yield from settle(document)
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        yield from finished(document, edit)
    result["layer"] = [one.visible() for one in layer.channels()]
    result["result"] = [one.visible() for one in document.activeNode().channels()]


def check_lab(result):
    """A picture in CIELAB, and one of floats with 16 bits: colours survive both ways."""
    for model, depth, profile in (("LABA", "U16", ""), ("RGBA", "F16", ""), ("GRAYA", "U16", "")):
        document, layer = yield from new_document(WIDE, HIGH, model, depth, profile)
        small = bytes((40, 80, 160, 255)) * (AREA[2] * AREA[3])
        node = document.createNode("drawn", "paintlayer")
        assert node.setColorSpace("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
        document.rootNode().addChildNode(node, layer)
        node.setPixelData(QByteArray(bytes((200, 120, 10, 255)) * (AREA[2] * AREA[3])), *AREA)
        yield from settle(document)
        own = point(document)  # Krita's own conversion of this colour, there and back
        node.setPixelData(QByteArray(small), *AREA)
        yield from settle(document)
        yield from activate(document, node)
        with scripted.server() as wire:
            edit = yield from scripted.begin(wire)
            deep = edit.source.format == "bgra16"
            pixel = b"".join(bytes((one, one)) for one in (200, 120, 10, 255))
            colour = pixel if deep else pixel[::2]
            form = edit.source.format
            scripted.answer(edit, 6, 4, 15, 11, colour * 165, form)
            said = yield from scripted.settled()
        yield from settle(document)
        result[f"{model} {depth}"] = {
            "said": said["sentence"],
            "seen": point(document),
            "own": own,
            "space": [document.activeNode().colorModel(), document.activeNode().colorDepth()],
        }
