"""Results that could not go into their pictures.

They are kept until the painter opens them.
"""

from __future__ import annotations

from ..protocol.messages import Region
from .document import new_layer, writing
from .document.cooperative import Task
from .document.geometry import Rect
from .job import trace
from .panel_values import Note
from .state import Panel

MAX_KEPT = 8
"""Results kept at once, each a picture in memory.

The oldest goes when there is one more.
"""

OPENED = Note("good", "The result is in a picture of its own.")


class KeptResults:
    """The kept results, newest last. The panel shows how many there are."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._kept: list[tuple[str, Region, Region | None]] = []

    def keep(self, name: str, result: Region, mask: Region | None) -> bool:
        """Keep a result, its layer's name, and the mask that it is seen through.

        Returns whether the oldest had to go for it.
        """
        is_full = len(self._kept) == MAX_KEPT
        self._kept = [*self._kept, (name, result, mask)][-MAX_KEPT:]
        self._panel.keeps(len(self._kept))
        return is_full

    def open_newest(self) -> None:
        """Open the newest as a picture of its own; it stays kept if that fails."""
        if not self._kept:
            return
        name, result, mask = self._kept.pop()
        pixels = result.pixels
        self._panel.keeps(len(self._kept))

        def failed(error: Exception) -> None:
            self.keep(name, result, mask)
            self._panel.noted(
                Note("error", "The result could not be opened.", "It is still kept.", trace(error))
            )

        veil = None
        if mask is not None:
            place = Rect(
                mask.x - result.x, mask.y - result.y, mask.pixels.width, mask.pixels.height
            )
            veil = new_layer.Veil(place, mask.pixels.data or b"")
        steps = writing.open_as_new(
            name, pixels.width, pixels.height, pixels.data or b"", pixels.format, veil
        )
        Task(steps, lambda _: self._panel.noted(OPENED), failed)
