"""The settings of what comes of an edit."""

from __future__ import annotations

from ..qt import QCheckBox, QVBoxLayout
from ..state import Panel
from ..translations import tr
from .widgets import named, outlined


class ResultBoxes(QVBoxLayout):
    """Check boxes below each other, which follow a Panel."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        self.transparency = named(
            QCheckBox(tr("Keep the layer's transparency")),
            "limn_keep_transparency",
            "The result is as transparent as the layer, but for what is new;"
            " otherwise it is opaque wherever it changes something",
        )
        self.transparency.clicked.connect(lambda on: panel.set_keep_transparency(bool(on)))
        self.flat = named(
            QCheckBox(tr("Flat layer")),
            "limn_flat",
            "The result is cut out by its mask, for good; otherwise the mask lies under the layer,"
            " where you can paint on it to show or hide the edit",
        )
        self.flat.clicked.connect(lambda on: panel.set_flat(bool(on)))
        self.full_resolution = named(
            QCheckBox(tr("Full resolution, place by place")),
            "limn_full_resolution",
            "On a layer much larger than the model's size, each place is edited by itself, as"
            " sharp as the model can; otherwise all at once, which is quicker and softer",
        )
        self.full_resolution.clicked.connect(lambda on: panel.set_full_resolution(bool(on)))
        self.apart = named(
            QCheckBox(tr("One layer per instruction")),
            "limn_apart",
            "Of several instructions each has a layer and a mask of its own, in a group: hide,"
            " delete or redo one of them; otherwise all are one layer",
        )
        self.apart.clicked.connect(lambda on: panel.set_apart(bool(on)))
        for box in self.controls:
            self.addWidget(box)

    @property
    def controls(self) -> list[QCheckBox]:
        """In the order of Tab."""
        return [self.transparency, self.flat, self.apart, self.full_resolution]

    def refresh(self) -> None:
        """Show the state as it is now."""
        for box in self.controls:
            outlined(box)
        self.transparency.setChecked(self._panel.keep_transparency)
        self.flat.setChecked(self._panel.flat)
        self.apart.setChecked(self._panel.apart)
        self.full_resolution.setChecked(self._panel.full_resolution)
