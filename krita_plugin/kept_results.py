"""Results that could not go into their pictures.

They are kept until the painter opens them.
"""

from __future__ import annotations

from ..protocol.messages import Pixels
from .document import writing
from .document.cooperative import Task
from .job import trace
from .state import Note, Panel

MAX_KEPT = 8
"""Results kept at once, each a picture in memory.

The oldest goes when there is one more.
"""

OPENED = Note("good", "The result is in a picture of its own.")


class KeptResults:
    """The kept results, newest last. The panel shows how many there are."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._kept: list[tuple[str, Pixels]] = []

    def keep(self, name: str, pixels: Pixels) -> None:
        """Keep a result under the name that its layer would have had."""
        self._kept = [*self._kept, (name, pixels)][-MAX_KEPT:]
        self._panel.keeps(len(self._kept))

    def open_newest(self) -> None:
        """Open the newest as a picture of its own; it stays kept if that fails."""
        if not self._kept:
            return
        name, pixels = self._kept.pop()
        self._panel.keeps(len(self._kept))

        def failed(error: Exception) -> None:
            self.keep(name, pixels)
            self._panel.noted(
                Note("error", "The result could not be opened.", "It is still kept.", trace(error))
            )

        steps = writing.open_as_new(
            name, pixels.width, pixels.height, pixels.data or b"", pixels.format
        )
        Task(steps, lambda _: self._panel.noted(OPENED), failed)
