"""The line for the caption: what the picture shows now.

An algorithm may need to know it. Enter edits.
"""

from __future__ import annotations

from ...protocol import limits
from ..qt import QEvent, QKeyEvent, QLineEdit, Qt, Signal
from ..translations import tr
from .widgets import keep_from_krita

OWN_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
"""Keys that Krita's shortcuts must not take while the line has the focus."""


class CaptionBox(QLineEdit):
    """One line, as wide as the panel."""

    submitted = Signal()
    edited = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("limn_caption")
        self.setAccessibleName(tr("What the picture shows now"))
        self.setPlaceholderText("a red star on a pink background")
        self.setToolTip(
            tr(
                "What the picture shows now, for algorithms that compare two descriptions\n"
                "Enter: edit."
            )
        )
        self.setMaxLength(limits.MAX_INSTRUCTION)
        self.setMinimumWidth(80)
        self.textEdited.connect(self.edited.emit)

    def show_text(self, text: str) -> None:
        if text != self.text():
            self.setText(text)

    def event(self, event: QEvent) -> bool:
        return keep_from_krita(event, OWN_KEYS) or bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in OWN_KEYS:
            self.submitted.emit()
        else:
            super().keyPressEvent(event)
