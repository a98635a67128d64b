"""Colours, converted by Krita's own colour management.

On a node of a small hidden document of ours. In the painter's own document each conversion would
add a step to the undo history, and have the whole picture drawn again.
"""

from __future__ import annotations

from dataclasses import dataclass

from krita import Document, Krita, Node

from ...protocol.errors import LimnError
from ..qt import QByteArray, QThread, sure
from ..translations import tr
from .cooperative import Steps

SRGB = "sRGB-elle-V2-srgbtrc.icc"
"""The profile of colours on the wire, by the name under which Krita carries it."""

PREPARE_SECONDS = 0.2
"""Between two looks at whether Krita has done with opening a picture."""

_hidden: list[Document] = []
"""The hidden document, once there was need for it."""


class CanvasProblem(LimnError):
    """Something about the picture prevents the edit."""

    code = "canvas"


@dataclass(frozen=True)
class Space:
    """A colour space by Krita's names."""

    model: str
    depth: str
    profile: str

    @classmethod
    def of(cls, thing: Document | Node) -> Space:
        """That of a layer or a document of Krita's."""
        return cls(thing.colorModel(), thing.colorDepth(), thing.colorProfile())

    @property
    def wire_format(self) -> str:
        return "bgra8" if self.depth == "U8" else "bgra16"


def wire(format: str) -> Space:
    """The colour space of a wire format.

    sRGB, 8 or 16 bits a channel, in the order in which Krita keeps them.
    """
    return Space("RGBA", "U8" if format == "bgra8" else "U16", SRGB)


def prepare() -> Steps[None]:
    """Make ready for the active document, if its colours will have to be converted.

    `createDocument` takes some tenths of a second in which Krita runs its event loop. In the middle
    of another call of Krita's (of `canvasChanged`, say) that can end Krita: so it is done when no
    event loop is nested.
    """
    yield PREPARE_SECONDS
    while sure(QThread.currentThread()).loopLevel() > 1:
        yield PREPARE_SECONDS
    document = Krita.instance().activeDocument()
    space = None if document is None else Space.of(document)
    if space is not None and space != wire(space.wire_format):
        _scratch()


def _scratch() -> Document:
    """The hidden document in which colours are converted."""
    if not _hidden or not _is_open(_hidden[0]):
        _hidden[:] = [
            Krita.instance().createDocument(
                64, 64, "Limn: colour conversion", "RGBA", "U8", SRGB, 72.0
            )
        ]
        _hidden[0].setBatchmode(True)
    return _hidden[0]


class Converter:
    """Converts strips from one colour space to another.

    By Krita's own colour management. Strips are copied where both spaces are the same.
    """

    def __init__(self, source: Space, target: Space) -> None:
        self.needed = source != target
        self._source = source
        self._target = target

    def __call__(self, strip: QByteArray, width: int, rows: int) -> bytes:
        if not self.needed:
            data: bytes = strip.data()
            return data
        node = _scratch().createNode("strip", "paintlayer")
        for space in (self._source, self._target):
            if Space.of(node) != space and not node.setColorSpace(
                space.model, space.depth, space.profile
            ):
                named = f"{space.model} {space.depth} “{space.profile}”"
                raise CanvasProblem(
                    tr("Krita can't convert colours of {colours}.", colours=named),
                    "Convert the layer to RGBA.",
                )
            if space is self._source:
                node.setPixelData(strip, 0, 0, width, rows)
        converted: bytes = node.pixelData(0, 0, width, rows).data()
        return converted

    def close(self) -> None:
        """Leave the hidden document unchanged in Krita's eyes: it is never to be saved."""
        if self.needed:
            _scratch().setModified(False)


def _is_open(document: Document) -> bool:
    return any(other == document for other in Krita.instance().documents())
