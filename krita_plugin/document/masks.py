"""A layer with a transparency mask, made where the painter does not see it.

In Krita 5.1 a transparency mask that Python makes has no selection, and so takes no pixels; and
each node that is put under another is a step to undo, in whatever picture it was made. A mask that
was read from a file has a selection. So a picture of one layer and one mask is opened once, hidden;
its layer's duplicate, with its mask, goes into the painter's picture as one step.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from krita import Document, Krita, Node

from ..qt import QByteArray, QThread, sure
from .colour import PREPARE_SECONDS, SRGB, Space
from .cooperative import Steps

KIND = "transparencymask"
"""Krita's name for a mask that makes its layer transparent."""

SELECTION = "selectionmask"
"""Krita's name for a selection that lies under a layer."""

NAME = "limn"
"""Of the hidden picture; its layer's pixels lie under this name in the file."""

MAIN = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE DOC PUBLIC '-//KDE//DTD krita 2.0//EN' 'http://www.calligra.org/DTD/krita-2.0.dtd'>
<DOC xmlns="http://www.calligra.org/DTD/krita" syntaxVersion="2.0" editor="Limn">
 <IMAGE mime="application/x-kra" name="{NAME}" width="64" height="64" description=""
  colorspacename="RGBA" profile="{SRGB}" x-res="72" y-res="72">
  <layers>
   <layer name="layer" nodetype="paintlayer" filename="layer" visible="1" locked="0" opacity="255"
    compositeop="normal" colorspacename="RGBA" profile="{SRGB}" channelflags=""
    channellockflags="" x="0" y="0" uuid="{{6a3fd6f4-7a7d-4f57-9b5c-2f6f2a1e0b01}}">
    <masks>
     <mask name="mask" nodetype="{KIND}" filename="mask" visible="1" locked="0" x="0" y="0"
      uuid="{{6a3fd6f4-7a7d-4f57-9b5c-2f6f2a1e0b02}}"/>
    </masks>
   </layer>
  </layers>
 </IMAGE>
</DOC>
"""
"""What is in the hidden picture, as Krita keeps it."""

TILES = "VERSION 2\nTILEWIDTH 64\nTILEHEIGHT 64\nPIXELSIZE {}\nDATA 0\n"
"""Pixels of which there are none, as Krita keeps them."""

_hidden: list[Document | None] = []
"""The hidden picture, once there was need for it.

None where this Krita can't open it.
"""


def prepare() -> Steps[None]:
    """Open the hidden picture when no event loop of Krita's is nested.

    Opening may run one itself.
    """
    yield PREPARE_SECONDS
    while sure(QThread.currentThread()).loopLevel() > 1:
        yield PREPARE_SECONDS
    _opened()


def blank(document: Document, name: str) -> Node | None:
    """An empty layer with an empty mask under it: nothing of it is seen.

    It is in the document's colour space. None: this Krita makes none. Takes some tenths of a second
    the first time.
    """
    hidden = _opened()
    if hidden is None:
        return None
    layer = hidden.rootNode().childNodes()[0].duplicate()
    space = Space.of(document)
    if Space.of(layer) != space:
        layer.setColorSpace(space.model, space.depth, space.profile)
        hidden.setModified(False)
    if Space.of(layer) != space or mask_of(layer) is None:
        return None
    layer.setName(name)
    return layer


def alone(document: Document) -> Node | None:
    """An empty mask that is under no layer; None where this Krita makes none."""
    layer = blank(document, "")
    mask = None if layer is None else mask_of(layer)
    return None if mask is None else mask.duplicate()


def mask_of(layer: Node) -> Node | None:
    """The layer's transparency mask, where no other kind of mask lies under it.

    Selection masks do not count: they change nothing that is seen.
    """
    masks = [one for one in layer.childNodes() if one.type() != SELECTION]
    return masks[0] if len(masks) == 1 and masks[0].type() == KIND else None


def close() -> None:
    """Close the hidden picture.

    Where one is open as Krita ends, 5.1.5 ends by a fault.
    """
    hidden = _hidden[0] if _hidden else None
    _hidden.clear()
    if hidden is not None and any(one == hidden for one in Krita.instance().documents()):
        hidden.close()


def _opened() -> Document | None:
    """The hidden picture."""
    is_there = _hidden and (
        _hidden[0] is None or any(one == _hidden[0] for one in Krita.instance().documents())
    )
    if not is_there:
        _hidden[:] = [_open()]
    return _hidden[0]


def _open() -> Document | None:
    krita = Krita.instance()
    quiet = krita.batchmode()
    with tempfile.TemporaryDirectory(prefix="limn-") as folder:
        path = Path(folder) / f"{NAME}.kra"
        _write(path)
        krita.setBatchmode(True)  # a failure is no dialog of the painter's
        try:
            hidden = krita.openDocument(str(path))
        finally:
            krita.setBatchmode(quiet)
    layers = [] if hidden is None else hidden.rootNode().childNodes()
    mask = mask_of(layers[0].duplicate()) if len(layers) == 1 else None
    if mask is None:
        return None
    mask.setPixelData(QByteArray(b"\xff"), 0, 0, 1, 1)
    return hidden if mask.pixelData(0, 0, 1, 1).data() == b"\xff" else None


def _write(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/x-krita")
        file.writestr("maindoc.xml", MAIN)
        for name, size in (("layer", 4), ("mask.pixelselection", 1)):
            file.writestr(f"{NAME}/layers/{name}", TILES.format(size))
            file.writestr(f"{NAME}/layers/{name}.defaultpixel", bytes(size))
