"""A result for one drawing of an animated layer.

It is shown as long as that drawing, and no longer. Krita's Python has no call that makes a
keyframe; its actions for that work on the active layer at the time that is shown, and each is a
step to undo. But Krita imports picture files as frames: two empty ones, at the drawing's time and
at that of the next, make two layers in a hidden document, which merged have the right keyframes.
The one layer is filled there, and goes into the painter's in one step.

Two files are never imported at once. Krita opens them in one document of its own, one after the
other; at each opening a job begins in the background that asks the document for its picture, and
that which still waits as the next file is opened ends Krita (seen in 5.3.4 and 6.0.4 on a busy
machine).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from krita import Document, Krita, Node

from ..qt import QImage
from .colour import CanvasProblem, Space
from .cooperative import Steps
from .stack import bounds_of

BEYOND = 1000
"""Frames behind the end of the animation in which a keyframe is still looked for."""

STRIP_ROWS = 64
"""Rows copied at a time."""


def span(layer: Node, time: int, last: int) -> tuple[int, int | None] | None:
    """The times of the keyframe that is shown at a time, and of the one after it.

    None for a layer that isn't animated. last: of the animation.
    """
    if not layer.animated():
        return None
    begins = next((at for at in range(time, -1, -1) if layer.hasKeyframeAtTime(at)), None)
    if begins is None:
        return None
    later = range(time + 1, max(time, last) + BEYOND)
    return begins, next((at for at in later if layer.hasKeyframeAtTime(at)), None)


class Frames:
    """A layer that is seen for a part of an animation.

    And the hidden document that it comes from. That has to stay until the layer is in the
    painter's: Krita would look for it otherwise.
    """

    def __init__(self, document: Document) -> None:
        space = document.colorModel(), document.colorDepth(), document.colorProfile()
        self._hidden = Krita.instance().createDocument(
            document.width(), document.height(), "Limn: animation", *space, 72.0
        )
        self._hidden.setBatchmode(True)

    def made(self, layer: Node, begins: int, ends: int | None) -> Steps[Node]:
        """A layer that shows another one's pixels for part of the time.

        Neither is in the picture yet. Raises CanvasProblem if Krita does not make it.
        """
        hidden = self._hidden
        times = [begins] if ends is None else [begins, ends]
        with tempfile.TemporaryDirectory(prefix="limn-") as folder:
            file = _blank(Path(folder))
            for time in times:
                hidden.importAnimation([str(file)], time, 1)
                yield None
        if len(times) > 1:
            hidden.rootNode().childNodes()[-1].mergeDown()
        made = hidden.rootNode().childNodes()[-1]
        if not all(made.hasKeyframeAtTime(time) for time in times):
            raise CanvasProblem("Krita made no layer with keyframes for the result.")
        space = Space.of(layer)
        if Space.of(made) != space:
            made.setColorSpace(space.model, space.depth, space.profile)
        yield None
        hidden.setCurrentTime(begins)
        hidden.waitForDone()
        bounds = bounds_of(layer)
        for y in range(bounds.y, bounds.bottom, STRIP_ROWS):
            place = bounds.x, y, bounds.width, min(STRIP_ROWS, bounds.bottom - y)
            made.setPixelData(layer.pixelData(*place), *place)
            yield None
        copy = made.duplicate()
        copy.setName(layer.name())
        return copy

    def close(self) -> None:
        """The layer is where it belongs, or nowhere."""
        self._hidden.setModified(False)
        self._hidden.close()


def _blank(folder: Path) -> Path:
    """A file of a single clear pixel."""
    clear = QImage(1, 1, QImage.Format.Format_ARGB32)
    clear.fill(0)
    file = folder / "clear.png"
    clear.save(str(file))
    return file
