"""The setting whether a result is cut out, or has a mask to paint on."""

from __future__ import annotations

from ..qt import QCheckBox
from ..state import Panel
from .widgets import named


class FlatBox(QCheckBox):
    """A check box that follows a Panel."""

    def __init__(self, panel: Panel) -> None:
        super().__init__("Flat layer")
        named(
            self,
            "limn_flat",
            "The result is cut out by its mask, for good; otherwise the mask lies under the layer,"
            " where you can paint on it to show or hide the edit",
        )
        self._panel = panel
        self.clicked.connect(lambda checked: panel.set_flat(bool(checked)))

    def refresh(self) -> None:
        """Show the state as it is now."""
        self.setChecked(self._panel.flat)
