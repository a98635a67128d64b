"""What a selection in the picture means for the edit: a row of buttons."""

from __future__ import annotations

from ...protocol.messages import HINT_MODES
from ..qt import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPalette,
    QPushButton,
    QWidget,
    sure,
)
from ..state import Panel
from ..translations import tr
from .widgets import may_shrink, named

HINTS = {
    "off": ("ignore", "The selection plays no part"),
    "guide": ("guide", "Look for the change near the selection; it may reach beyond it"),
    "limit": ("limit", "Change nothing outside the selection"),
    "exactly": ("exactly", "The selection is the mask: no place is looked for"),
}


class SelectionChoice(QHBoxLayout):
    """One button for each mode; the chosen one is filled."""

    def __init__(self, panel: Panel, frame: QWidget) -> None:
        """frame: the widget whose colours the buttons have."""
        super().__init__()
        self._panel = panel
        self._frame = frame
        self.setSpacing(1)
        label = QLabel(tr("Selection"))
        label.setToolTip(tr("What a selection in the picture means for the edit"))
        self.addWidget(label)
        self.addSpacing(6)
        self._hints = QButtonGroup(frame)
        for number, mode in enumerate(HINT_MODES):
            words, tip = map(tr, HINTS[mode])
            button = named(QPushButton(words), f"limn_hint_{mode}", tip)
            button.setCheckable(True)
            may_shrink(button)
            self._hints.addButton(button, number)
            self.addWidget(button, 1)
        self._hints.buttonClicked.connect(
            lambda _: self._panel.set_hint_mode(HINT_MODES[self._hints.checkedId()])
        )

    @property
    def controls(self) -> list[QAbstractButton]:
        """The buttons, in the order of Tab."""
        return list(self._hints.buttons())

    def refresh(self) -> None:
        """Fill the button of the mode that is chosen.

        By its palette: a style sheet would take Krita's small font from it.
        """
        for number, mode in enumerate(HINT_MODES):
            button, chosen = sure(self._hints.button(number)), mode == self._panel.mode()
            button.setChecked(chosen)
            colours = QPalette(self._frame.palette())
            if chosen:
                colours.setColor(
                    QPalette.ColorRole.Button, colours.color(QPalette.ColorRole.Highlight)
                )
                colours.setColor(
                    QPalette.ColorRole.ButtonText, colours.color(QPalette.ColorRole.HighlightedText)
                )
            button.setPalette(colours)
