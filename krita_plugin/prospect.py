"""What a press of Enter would do.

That is: of which part of the layer, and with which meaning of the selection.
It is looked at now and then while there are words and no edit runs. Nothing of the picture is
copied for it.
"""

from __future__ import annotations

from collections.abc import Callable

from .document import reading
from .document.colour import CanvasProblem
from .panel_values import Prospect
from .qt import QObject, QTimer, QUuid
from .selections import Selections
from .state import Panel

LOOK_MS = 900


class Prospects(QObject):
    """Keeps the panel's prospect up to date."""

    def __init__(
        self, panel: Panel, selections: Selections, last: Callable[[], QUuid | None]
    ) -> None:
        """last: the id of the layer that was edited last in the picture in front."""
        super().__init__()
        self._last = last
        self._panel = panel
        self._selections = selections
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def _look(self) -> None:
        panel = self._panel
        if panel.work is None:
            self._selections.look(panel)
        if panel.work is not None or panel.link.kind != "ready" or not panel.instruction.strip():
            return
        try:
            hint = self._selections.hint(panel.request(), None)
            size = reading.prospect(hint, self._last())
        except CanvasProblem:
            panel.foresees(None)
            return
        mode = panel.mode() if hint is not None else ""
        panel.foresees(None if size is None else Prospect(mode, *size))
