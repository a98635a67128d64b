"""Pictures with known layers, and what is seen in them.

Runs inside Krita, without numpy.
"""

import hashlib
import json
import sys

from help import OUTPUT, SCENES, SRGB, QByteArray, QtWidgets, app, keys, note, ready
from krita import Selection

WIDTH, HEIGHT, X, Y = 512, 384, 237, 151
"""Of a picture, and where its scene lies.

Off-centre, with transparent surroundings.
"""


class Scene:
    """A scene that the tests have drawn.

    Its instruction, its size, and its pixels as B, G, R, A.
    """

    def __init__(self, name):
        with open(f"{SCENES}/{name}.json", encoding="utf-8") as file:
            told = json.load(file)
        self.instruction, self.width, self.height = (
            told["instruction"],
            told["width"],
            told["height"],
        )
        with open(f"{SCENES}/{name}.bgra", "rb") as file:
            self.pixels = file.read()


def enlarged(scene, factor):
    """The scene's pixels with each one repeated so often in both directions."""
    stride = scene.width * 4
    lines = (scene.pixels[y * stride : (y + 1) * stride] for y in range(scene.height))
    return b"".join(
        b"".join(line[x : x + 4] * factor for x in range(0, stride, 4)) * factor for line in lines
    )


def new_document(width, height, model="RGBA", depth="U8", profile=SRGB, name="picture"):
    """A document with one transparent layer named "painting" above its background.

    Yields, returns (document, layer).
    """
    document = app().createDocument(width, height, name, model, depth, profile, 72.0)
    app().activeWindow().addView(document)
    yield 0.3
    layer = document.createNode("painting", "paintlayer")
    document.rootNode().addChildNode(layer, document.rootNode().childNodes()[-1])
    yield from activate(document, layer)
    return document, layer


def is_open(document):
    """Whether Krita still has this picture; it has hidden ones of Limn's, too."""
    return any(one == document for one in app().documents())


def activate(document, layer):
    app().activeWindow().qwindow().activateWindow()
    document.setActiveNode(layer)
    came = yield (
        lambda: (
            document.activeNode() is not None
            and document.activeNode().uniqueId() == layer.uniqueId()
        ),
        10,
    )
    assert came, f"the layer {layer.name()} did not become active"


def paint(document, layer, scene, x, y):
    """Put the scene's pixels onto the layer, in the layer's own colour space."""
    pixels = QByteArray(scene.pixels)
    if (layer.colorModel(), layer.colorDepth(), layer.colorProfile()) != ("RGBA", "U8", SRGB):
        hidden = app().createDocument(
            scene.width, scene.height, "painting", "RGBA", "U8", SRGB, 72.0
        )
        node = hidden.createNode("p", "paintlayer")
        node.setPixelData(pixels, 0, 0, scene.width, scene.height)
        assert node.setColorSpace(layer.colorModel(), layer.colorDepth(), layer.colorProfile())
        pixels = node.pixelData(0, 0, scene.width, scene.height)
        hidden.setModified(False)
        hidden.close()
    layer.setPixelData(pixels, x, y, scene.width, scene.height)
    document.refreshProjection()
    yield 0.3


def picture(scene, name="picture"):
    """A picture with the scene on its layer, and Limn connected.

    Returns (document, layer).
    """
    document, layer = yield from new_document(WIDTH, HEIGHT, name=name)
    yield from paint(document, layer, Scene(scene), X, Y)
    yield from ready()
    return document, layer


def layers(document):
    """The document's layers, bottom first.

    Krita lists its selection among them, as a mask of the root; that is no layer.
    """
    return [node for node in document.rootNode().childNodes() if node.type() != "selectionmask"]


def names(document):
    return [node.name() for node in layers(document)]


def new_layer(document, before):
    """The one layer that the document has besides those named `before`."""
    new = [node for node in layers(document) if node.name() not in before]
    assert len(new) == 1, (names(document), note())
    return new[0]


def pixels(node, document=None, rect=None):
    """All of a node's bytes over the canvas, or a part of it.

    As seen through its masks; of a group what is seen of it.
    """
    x, y, width, height = rect or (0, 0, document.width(), document.height())
    is_seen = masks(node) or node.type() == "grouplayer"
    read = node.projectionPixelData if is_seen else node.pixelData
    return bytes(read(x, y, width, height))


def masks(node):
    """The transparency masks of a layer."""
    return [one for one in node.childNodes() if one.type() == "transparencymask"]


def mask_of(layer):
    """The pixels of a layer's first mask, over the canvas of `picture`."""
    return bytes(masks(layer)[0].pixelData(0, 0, WIDTH, HEIGHT))


def farthest(one, other):
    """The largest difference between two pictures' bytes."""
    assert len(one) == len(other)
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def fingerprints(document):
    """A digest of every layer's pixels, by name."""
    return {
        node.name(): digest(pixels(node, document))
        for node in layers(document)
        if node.type() == "paintlayer"
    }


def untouched(document, before):
    """Whether every layer still has the pixels of these fingerprints."""
    after = fingerprints(document)
    return all(after[name] == before[name] for name in before)


def spread(region, width, height, x=0, y=0):
    """A region's bytes, one a pixel, within a larger area.

    The region's own picture lies in it at x, y; nothing for None.
    """
    whole = bytearray(width * height)
    for row in range(region.pixels.height if region else 0):
        start, wide = (y + region.y + row) * width + x + region.x, region.pixels.width
        whole[start : start + wide] = region.pixels.data[row * wide : (row + 1) * wide]
    return bytes(whole)


def selection_bytes(document):
    """The selection over the canvas, 8 bit; None without one."""
    selection = document.selection()
    return (
        None
        if selection is None
        else bytes(selection.pixelData(0, 0, document.width(), document.height()))
    )


def select(document, x, y, width, height):
    """A rectangular selection, made as a painter makes it as far as undo is concerned.

    Before everything else.
    """
    selection = Selection()
    selection.select(x, y, width, height, 255)
    document.setSelection(selection)
    yield 0.3


def undo():
    """One step back, by the real key."""
    yield from stepped("ctrl+z")


def redo():
    """One step forth again, by the real key."""
    yield from stepped("ctrl+shift+z")


def stepped(key):
    """A step by a key, pressed again where Krita dropped it.

    Its undo stack does nothing where the picture is busy, and 5.2 and later draw the layer list's
    small pictures some time after each change.
    """
    for _ in range(3):
        yield at_rest, 30
        before = steps_done()
        keys("key", key)
        came = yield lambda before=before: steps_done() != before, 1.5
        if came:
            break
        print(f"{key}: no step, in {app().version()}", file=sys.stderr, flush=True)
    yield at_rest, 30
    yield 0.3


def steps_done():
    """How many steps of the picture in front are done, as Krita's History docker says."""
    history = next(one for one in app().dockers() if one.objectName() == "History")
    return history.findChild(QtWidgets.QListView).currentIndex().row()


def at_rest():
    """Whether Krita has nothing to do for the picture in front."""
    document = app().activeDocument()
    if document is None:
        return True
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True


def save(name, data):
    """Bytes for the tests to look at."""
    with open(f"{OUTPUT}/{name}", "wb") as file:
        file.write(data)


def composed(document, rect=None):
    """What the painter sees, as sRGB bytes B, G, R, A, converted by Krita."""
    x, y, width, height = rect or (0, 0, document.width(), document.height())
    image = document.projection(x, y, width, height)
    image = image.convertToFormat(image.Format.Format_ARGB32)
    return bytes(image.constBits().asarray(width * height * 4))
