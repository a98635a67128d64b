"""How the sentence is understood, asked of the server while the painter writes.

Nothing is asked where no server is connected, and nothing is started for it.
"""

from __future__ import annotations

from ..protocol.messages import Read, Reading
from .qt import QObject, QTimer
from .state import Panel
from .wire.client import Client

PAUSE_MS = 350
"""After a key before a sentence is sent: who types slowly takes less between two."""


class ReadingAhead(QObject):
    """Keeps the panel's reading up to date with its words."""

    def __init__(self, panel: Panel, client: Client) -> None:
        super().__init__()
        self._panel = panel
        self._client = client
        self._asked = ("", "")
        self._number = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask)
        panel.listeners.append(self._look)
        client.read.connect(self._answered)

    def _now(self) -> tuple[str, str]:
        """What is to be read; nothing where there is nobody to read it."""
        panel = self._panel
        if panel.link.kind != "ready" or not panel.instruction.strip():
            return "", ""
        return panel.instruction, "" if panel.caption_use() == "unused" else panel.caption

    def _look(self) -> None:
        now = self._now()
        if now == self._asked:
            return
        self._asked = now
        self._number += 1
        if now[0]:
            self._timer.start(PAUSE_MS)
        else:
            self._timer.stop()
            self._panel.was_read(None)

    def _ask(self) -> None:
        if self._asked[0]:
            self._client.ask(Read(self._number, *self._asked))

    def _answered(self, reading: Reading) -> None:
        if reading.number == self._number:
            self._panel.was_read(reading)
