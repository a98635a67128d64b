"""The list of algorithms, and what Auto has chosen of it."""

from __future__ import annotations

from ...protocol.messages import Algorithm
from ..qt import QComboBox, QStandardItemModel, Qt, sure
from ..state import Panel
from ..translations import tr
from .widgets import quiet, scroll_past


def called(algorithm: Algorithm) -> str:
    """What an algorithm is called in the list: by what it does, then by its name."""
    purpose = tr(algorithm.purpose) if algorithm.purpose else ""
    return f"{purpose} · {algorithm.title}" if purpose else tr(algorithm.title)


class AlgorithmChoice:
    """Two widgets, one below the other: the list, and a line of Auto's."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._offered: tuple[Algorithm, ...] = ()
        self.list = QComboBox()
        self.list.setObjectName("limn_algorithm")
        self.list.setAccessibleName(tr("How the edit is made"))
        self.list.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.list.setMinimumContentsLength(8)
        self.list.setMinimumWidth(80)
        scroll_past(self.list)
        self.list.activated.connect(
            lambda row: self._panel.set_algorithm(str(self.list.itemData(row)))
        )
        self.line = quiet(
            "limn_choice",
            "The algorithm that Auto has chosen for the last edit, and why; choose another above",
        )

    def refresh(self) -> None:
        """Show what can be chosen, what is, and what Auto has said."""
        panel = self._panel
        offered = panel.offered()
        if offered != self._offered:
            self._offered = offered
            self.list.clear()
            for row, one in enumerate(offered):
                self.list.addItem(called(one), one.name)
                self.list.setItemData(
                    row, tr(one.unavailable or one.summary), Qt.ItemDataRole.ToolTipRole
                )
                model = self.list.model()
                assert isinstance(model, QStandardItemModel)
                sure(model.item(row)).setEnabled(not one.unavailable)
        self.list.setEnabled(bool(offered))
        self.list.setPlaceholderText(tr("the server tells what it can do"))
        row = self.list.findData(panel.algorithm)
        if row >= 0 and row != self.list.currentIndex():
            self.list.setCurrentIndex(row)
        self.line.setText(panel.choice)
        self.line.setVisible(bool(panel.choice))
        chosen = panel.chosen()
        self.list.setToolTip(
            f"{tr('How the edit is made')}.\n{tr(chosen.summary)}"
            if chosen
            else tr("How the edit is made")
        )
