"""Two sliders for the mask of the chosen result: smaller to larger, and softer."""

from __future__ import annotations

from ..preview_data import MOST
from ..qt import QHBoxLayout, QLabel, QSlider, Qt, QVBoxLayout, QWidget, Signal
from ..state import Panel
from ..translations import tr
from .widgets import named, scroll_past

LOW, TALL = 16, 1_000
"""Pixels of height at the most."""

LOW_SPACING, SPACING = 1, 5
"""Pixels between the rows of the panel."""


class MaskSliders(QWidget):
    """Follows a Panel. `controls`: what can be reached by Tab."""

    moved = Signal(int, int)
    """Growth and softness, as they stand now."""
    let_go = Signal()

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setObjectName("limn_mask_sliders")
        self._panel = panel
        self._low = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.growth = self._slider(
            row, tr("Mask"), "limn_mask_growth", -MOST, "Make the result's mask smaller or larger"
        )
        self.softness = self._slider(
            row, tr("Soft"), "limn_mask_softness", 0, "Make the edge of the result's mask softer"
        )
        self.controls = [self.growth, self.softness]

    def stand_above(self, widget: QWidget, column: QVBoxLayout, low: bool) -> None:
        """Stand above another widget of a column; low: where height is scarce."""
        if low != self._low:
            self._low = low
            self.setMaximumHeight(LOW if low else TALL)
            column.setSpacing(LOW_SPACING if low else SPACING)
            column.removeWidget(self)
            column.insertWidget(column.indexOf(widget), self)

    def refresh(self) -> None:
        """Show the state as it is now."""
        self.setVisible(bool(self._panel.results))
        for slider, value in zip((self.growth, self.softness), self._panel.shape(), strict=True):
            if slider.value() != value and not slider.isSliderDown():
                slider.blockSignals(True)
                slider.setValue(value)
                slider.blockSignals(False)

    def _slider(self, row: QHBoxLayout, title: str, name: str, least: int, tip: str) -> QSlider:
        slider = named(QSlider(Qt.Orientation.Horizontal), name, tip)
        slider.setAccessibleName(tip)
        slider.setRange(least, MOST)
        slider.setPageStep(MOST // 5)
        scroll_past(slider)
        label = QLabel(title)
        label.setBuddy(slider)
        row.addWidget(label)
        row.addWidget(slider, 1)
        slider.valueChanged.connect(self._moved)
        slider.sliderReleased.connect(self.let_go.emit)
        return slider

    def _moved(self, _: int) -> None:
        self.moved.emit(self.growth.value(), self.softness.value())
        if not (self.growth.isSliderDown() or self.softness.isSliderDown()):
            self.let_go.emit()
