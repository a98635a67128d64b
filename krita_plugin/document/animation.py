"""A result for one drawing of an animated layer.

It is shown as long as that drawing, and no longer. Krita's Python has no call that makes a
keyframe; its actions for that work on the active layer at the time that is shown, and each is a
step to undo. But Krita imports picture files as frames: two empty ones, at the drawing's time and
at that of the next, make a layer with the right keyframes in a hidden document. It is filled there,
and goes into the painter's in one step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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
        with tempfile.TemporaryDirectory(prefix="limn-") as folder:
            files = [str(file) for file in _blanks(Path(folder), 1 if ends is None else 2)]
            done = hidden.importAnimation(files, begins, 1 if ends is None else ends - begins)
        made = hidden.rootNode().childNodes()[-1]
        if not done or not made.animated():
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


def _blanks(folder: Path, count: int) -> Iterator[Path]:
    """Files of a single clear pixel."""
    clear = QImage(1, 1, QImage.Format.Format_ARGB32)
    clear.fill(0)
    for number in range(count):
        file = folder / f"{number}.png"
        clear.save(str(file))
        yield file
