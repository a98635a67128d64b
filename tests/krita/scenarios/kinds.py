"""Layers of every kind that Krita has, and what lies on them.

What is sent of each.
"""

import os

import scripted
from drawn import AREA, HIGH, WIDE, drawing, drawn, finished, visible
from help import OUTPUT, QByteArray, app, note, panel
from krita import InfoObject, Selection
from painting import activate, composed, names, new_document, pixels, undo

STYLE = """<!DOCTYPE asl><asl>
<node classId="null" name="" type="Descriptor">
 <node key="Nm  " type="Text" value="shadow"/>
 <node key="Idnt" type="Text" value="b7b5e2ad-0f0f-4d5a-9d44-2f1f0d9f8a11"/></node>
<node classId="Styl" name="" type="Descriptor">
 <node classId="documentMode" key="documentMode" name="" type="Descriptor"/>
 <node classId="Lefx" key="Lefx" name="" type="Descriptor">
  <node key="Scl " type="UnitFloat" unit="#Prc" value="100"/>
  <node key="masterFXSwitch" type="Boolean" value="1"/>
  <node classId="DrSh" key="DrSh" name="" type="Descriptor">
   <node key="enab" type="Boolean" value="1"/>
   <node key="Md  " type="Enum" typeId="BlnM" value="Mltp"/>
   <node classId="RGBC" key="Clr " name="" type="Descriptor">
    <node key="Rd  " type="Double" value="0"/><node key="Grn " type="Double" value="0"/>
    <node key="Bl  " type="Double" value="0"/></node>
   <node key="Opct" type="UnitFloat" unit="#Prc" value="75"/>
   <node key="uglg" type="Boolean" value="1"/>
   <node key="lagl" type="UnitFloat" unit="#Ang" value="120"/>
   <node key="Dstn" type="UnitFloat" unit="#Pxl" value="5"/>
   <node key="Ckmt" type="UnitFloat" unit="#Pxl" value="0"/>
   <node key="blur" type="UnitFloat" unit="#Pxl" value="5"/>
  </node></node></node></asl>"""


def settle(document):
    document.refreshProjection()
    yield 0.5
    yield lambda: document.tryBarrierLock() and (document.unlock() or True), 10


def above(node):
    """The next layer above one, in its group."""
    siblings = node.parentNode().childNodes()
    return siblings[[other.uniqueId() for other in siblings].index(node.uniqueId()) + 1]


def sends(document, node, times=1):
    """What is sent of a node, how it looks by itself, and what becomes of the result."""
    with scripted.server() as wire:
        yield from activate(document, node)
        panel().set_instruction("make the star blue")
        for _ in range(times - 1):
            app().action("limn_edit").trigger()
            yield 0.2
        offered = [note(), panel().note.remedy] if panel().note else None
        assert not wire.drafts or times == 1
        edit = yield from scripted.begin(wire)
        rect = edit.source.rect
        place = (rect.x, rect.y, rect.width, rect.height)
        sent = visible(scripted.sent(wire.drafts[-1]).pixels.data)
        seen = visible(bytes(node.projectionPixelData(*place)))
        painted = visible(bytes(node.pixelData(*place)))
        said = yield from finished(document, edit)
        made = document.activeNode()
        told = {
            "as seen": sent == seen,
            "as painted": sent == painted,
            "anything": any(sent),
            "rect": list(place),
            "said": said["sentence"],
            "above": made.uniqueId() == above(node).uniqueId(),
            "offered": offered if times > 1 else None,
            "locked": made.locked(),
        }
        made.remove()
        yield 0.4
    return told


def filter_mask(document, layer):
    mask = document.createFilterMask("mask", app().filter("invert"), whole())
    layer.addChildNode(mask, None)


def hidden_filter_mask(document, layer):
    filter_mask(document, layer)
    layer.childNodes()[0].setVisible(False)


def whole():
    everywhere = Selection()
    everywhere.select(0, 0, WIDE, HIGH, 255)
    return everywhere


def transform_mask(document, layer):
    """One that moves nothing: Krita 5.1 has no call that sets a transform."""
    app().action("add_new_transform_mask").trigger()


def colorize_mask(document, layer):
    app().action("add_new_colorize_mask").trigger()


MASKS = {
    "filter": filter_mask,
    "hidden filter": hidden_filter_mask,
    "transform": transform_mask,
    "colorize": colorize_mask,
}


def check_masks(result):
    """A mask of each kind on a paint layer."""
    for kind, make in MASKS.items():
        document, layer = yield from drawn()
        make(document, layer)
        yield 0.6
        yield from settle(document)
        children = [(child.type(), child.visible()) for child in layer.childNodes()]
        told = yield from sends(document, layer)
        result[kind] = {**told, "children": children}


def check_style(result):
    """A layer style: refused in words, then the layer without it."""
    document, layer = yield from drawn()
    result["set"] = layer.setLayerStyleFromAsl(STYLE)
    yield from settle(document)
    result["style"] = bool(layer.layerStyleToAsl())
    result["sent"] = yield from sends(document, layer, times=2)


def check_file_layer(result):
    """A file layer: offered, then what is seen of it."""
    picture, _ = yield from drawn(name="file")
    file = os.path.join(OUTPUT, "linked.png")
    picture.setBatchmode(True)
    result["exported"] = picture.exportImage(file, InfoObject())
    document, layer = yield from drawn()
    linked = document.createFileLayer("linked", file, "None")
    document.rootNode().addChildNode(linked, layer)
    yield 1.0
    yield from settle(document)
    result["sent"] = yield from sends(document, linked, times=2)


def check_flags(result):
    """Locked, alpha locked, labelled, in a pass-through group, isolated."""
    for name in ("locked", "alpha locked", "labelled", "isolated"):
        document, layer = yield from drawn()
        if name == "locked":
            layer.setLocked(True)
        elif name == "alpha locked":
            layer.setAlphaLocked(True)
        elif name == "labelled":
            layer.setColorLabel(3)
        else:
            app().action("isolate_active_layer").trigger()
            yield 0.5
        result[name] = yield from sends(document, layer)
        if name == "isolated":
            app().action("isolate_active_layer").trigger()
            yield 0.5


def check_pass_through(result):
    """A layer in a pass-through group, and that group itself."""
    document, layer = yield from drawn()
    group = document.createGroupLayer("group")
    document.rootNode().addChildNode(group, layer)
    yield 0.4
    inner = document.createNode("inner", "paintlayer")
    inner.setPixelData(QByteArray(drawing()), *AREA)
    group.addChildNode(inner, None)
    yield 0.4
    group.setPassThroughMode(True)
    yield from settle(document)
    result["inner"] = yield from sends(document, inner)
    yield from activate(document, group)
    with scripted.server() as wire:
        panel().set_instruction("make the star blue")
        said = []
        for _ in range(2):
            app().action("limn_edit").trigger()
            yield 0.6
            said.append([note(), panel().note.remedy if panel().note else ""])
        result["group"] = said
        result["group sent"] = None
        if wire.drafts:
            sent = scripted.sent(wire.drafts[-1]).pixels
            result["group sent"] = any(visible(sent.data))
            app().action("limn_cancel").trigger()
            yield 0.3


def check_beyond_the_canvas(result):
    """Layers that lie beside the canvas, in part or wholly."""
    for name, (x, y) in {
        "partly": (-10, -8),
        "right": (WIDE - 9, HIGH - 7),
        "off": (-400, 5),
    }.items():
        document, layer = yield from new_document(WIDE, HIGH)
        layer.setPixelData(QByteArray(drawing()), x, y, AREA[2], AREA[3])
        yield from settle(document)
        if name == "off":
            with scripted.server() as wire:
                yield from activate(document, layer)
                panel().set_instruction("make the star blue")
                app().action("limn_edit").trigger()
                yield 0.4
                result[name] = [len(wire.drafts), note()]
        else:
            result[name] = yield from sends(document, layer)


def solid(width, height):
    return bytes((200, 120, 10, 255)) * (width * height)


def point(document):
    """What is seen in the middle of the result."""
    return list(composed(document, (AREA[0] + 12, AREA[1] + 9, 1, 1)))


def check_half_transparent(result):
    """A layer of 60 %: it is seen below the result.

    That is said, and what is said helps.
    """
    document, layer = yield from drawn()
    layer.setOpacity(153)
    layer.setVisible(False)
    yield from settle(document)
    result["below"] = point(document)
    layer.setVisible(True)
    yield from settle(document)
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire)
        scripted.answer(edit, 6, 4, 15, 11, solid(15, 11))
        result["said"] = yield from scripted.settled()
    before = pixels(layer, document)
    yield from settle(document)
    result["piled up"] = point(document)
    yield from activate(document, layer)
    app().action("clear").trigger()
    yield from settle(document)
    result["replaced"] = point(document)
    yield from undo()
    result["undone"] = pixels(layer, document) == before


def check_cleared(result):
    """Something removed from a shape: its place is selected, and Delete clears it."""
    document, layer = yield from drawn()
    count = len(names(document))
    with scripted.server() as wire:
        edit = yield from scripted.begin(wire, "remove the star")
        scripted.answer(edit, 6, 4, 15, 11, solid(15, 11), clears=True)
        result["said"] = yield from scripted.settled()
        result["acknowledged"] = len(wire.acknowledged)
    yield 0.4
    result["layers"] = len(names(document)) - count
    result["active"] = document.activeNode().name()
    app().action("clear").trigger()
    yield from settle(document)
    here = bytes(layer.pixelData(AREA[0] + 12, AREA[1] + 9, 1, 1))
    beside = bytes(layer.pixelData(AREA[0] + 23, AREA[1] + 17, 1, 1))
    result["alpha"] = [here[3], beside[3]]
    yield from undo()
    yield from undo()
    result["selection gone"] = document.selection() is None
