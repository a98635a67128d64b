"""A picture with a drawing without symmetry, and the server's answer to its edit."""

import scripted
from help import QByteArray
from painting import (
    activate,
    new_document,
)

WIDE, HIGH = 200, 150
AREA = (70, 40, 24, 18)
"""Where the drawing lies: x, y, width, height."""


def drawing(size=1):
    """Pixels of AREA without symmetry, opaque but for a corner."""
    out = bytearray()
    for y in range(AREA[3]):
        for x in range(AREA[2]):
            clear = x + y < 6
            values = (x * 9, y * 13, (x * y) % 256, 0 if clear else 255)
            out += b"".join(bytes([0 if clear else value]) * size for value in values)
    return bytes(out)


def drawn(depth="U8", name="picture"):
    """A picture with the drawing on its layer; returns (document, layer)."""
    document, layer = yield from new_document(WIDE, HIGH, depth=depth, name=name)
    size = 1 if depth == "U8" else 2
    layer.setPixelData(QByteArray(drawing(size)), *AREA)
    other = document.createNode("other", "paintlayer")
    other.setPixelData(
        QByteArray(bytes((9, 90, 200, 255)[: 4 * size]) * size * 400), 5, 100, 20, 20
    )
    document.rootNode().addChildNode(other, layer)
    yield 0.4  # until Krita has made it the active one
    document.refreshProjection()
    yield from activate(document, layer)
    return document, layer


def finished(document, edit, depth="U8"):
    """The server's answer, some pixels inside of what was sent."""
    size = 1 if depth == "U8" else 2
    form = "bgra8" if size == 1 else "bgra16"
    scripted.answer(edit, 3, 4, 15, 11, scripted.mark(15, 11, size), form)
    return (yield from scripted.settled())


def visible(data):
    """Pixels of 8 bits, those without any opacity all alike."""
    pixels_ = (data[at : at + 4] for at in range(0, len(data), 4))
    return [pixel if pixel[3] else b"" for pixel in pixels_]
