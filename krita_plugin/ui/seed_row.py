"""The seed, and the button for the same edit with a new one."""

from __future__ import annotations

from ...protocol import limits
from ..qt import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton
from ..state import Panel
from ..translations import tr
from .widgets import may_shrink, named, scroll_past


class SeedRow(QHBoxLayout):
    """A label, a number and a button: `label`, `seed`, `again`."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        self.label = QLabel(tr("Seed"))
        self.addWidget(self.label)
        tip = "Where the chance begins: the same seed gives the same edit again"
        self.seed = named(QDoubleSpinBox(), "limn_seed", tip)  # an int of Qt has 31 bits
        self.label.setBuddy(self.seed)
        self.seed.setMinimumWidth(56)
        scroll_past(self.seed)
        self.seed.setDecimals(0)
        self.seed.setRange(0, limits.MAX_SEED)
        self.seed.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.seed.valueChanged.connect(lambda seed: self._panel.set_seed(int(seed)))
        self.again = named(
            QPushButton(tr("Again")),
            "limn_again_button",
            "The same edit of the same layer, with a new seed",
        )
        may_shrink(self.again)
        self.addWidget(self.seed, 1)
        self.addWidget(self.again, 1)

    def refresh(self) -> None:
        """Show the panel's seed."""
        if self.seed.value() != self._panel.seed:
            self.seed.setValue(self._panel.seed)
