"""The box for the instruction.

Enter edits, Shift+Enter makes a new line, Up and Down walk through earlier instructions. After an
edit Ctrl+Z undoes the picture, though the cursor is still here: the text's own undo begins anew
with each edit.
"""

from __future__ import annotations

from ...protocol import limits
from ..qt import (
    QEvent,
    QKeyEvent,
    QKeySequence,
    QPlainTextEdit,
    QResizeEvent,
    QSizePolicy,
    Qt,
    Signal,
    sure,
)
from ..translations import tr
from .widgets import keep_from_krita

MOST_LINES = 6

OWN_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Up, Qt.Key.Key_Down)
"""Keys that Krita's shortcuts must not take while the box has the focus."""


class InstructionBox(QPlainTextEdit):
    """Two lines high, and growing with the text."""

    submitted = Signal()
    edited = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("limn_instruction")
        self.setPlaceholderText("make the star blue")
        self.setAccessibleName(tr("What should change"))
        self.setToolTip(
            tr(
                "What should change; several changes with commas: make the star blue, "
                "remove the cup\n"
                "[star:0.5] has that change half as strong, [star:2] twice.\n"
                "Enter: edit. Shift+Enter: new line. Up and Down: earlier instructions. Escape: "
                "back to the picture."
            )
        )
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._least_lines = 2
        self._history: list[str] = []
        self._place = 0
        self._own = ""
        self.textChanged.connect(self._text_changed)
        self._fit()

    def set_history(self, history: list[str]) -> None:
        """Earlier instructions, the newest last.

        The walk starts anew when they have changed.
        """
        if history != self._history:
            self._history = list(history)
            self._place = len(history)

    def text(self) -> str:
        words: str = self.toPlainText()
        return words

    def show_text(self, text: str) -> None:
        if text != self.text():
            self.setPlainText(text)

    def set_least_lines(self, count: int) -> None:
        """Be at least so many lines high."""
        if count != self._least_lines:
            self._least_lines = count
            self._fit()

    def settle(self) -> None:
        """The text has become an edit.

        Its undo begins anew, so that Ctrl+Z means the picture.
        """
        sure(self.document()).clearUndoRedoStacks()

    def event(self, event: QEvent) -> bool:
        if keep_from_krita(event, OWN_KEYS):
            return True
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and self._is_for_krita(event)
        ):
            event.ignore()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, shifted = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if shifted:
                self.insertPlainText("\n")
            else:
                self.submitted.emit()
        elif key == Qt.Key.Key_Up and not shifted and self.textCursor().blockNumber() == 0:
            self._walk(-1)
        elif (
            key == Qt.Key.Key_Down
            and not shifted
            and self.textCursor().blockNumber() == self.blockCount() - 1
        ):
            self._walk(1)
        else:
            super().keyPressEvent(event)

    def _is_for_krita(self, event: QKeyEvent) -> bool:
        """Undo and redo belong to the picture where nothing was typed since the last edit."""
        written = sure(self.document())
        return bool(
            (event.matches(QKeySequence.StandardKey.Undo) and not written.isUndoAvailable())
            or (event.matches(QKeySequence.StandardKey.Redo) and not written.isRedoAvailable())
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _walk(self, step: int) -> None:
        """To an earlier or later instruction; what was being written waits at the end."""
        place = self._place + step
        if not 0 <= place <= len(self._history):
            return
        if self._place == len(self._history):
            self._own = self.text()
        self._place = place
        self.setPlainText(self._own if place == len(self._history) else self._history[place])
        self.moveCursor(self.textCursor().MoveOperation.End)

    def _text_changed(self) -> None:
        if len(self.text()) > limits.MAX_INSTRUCTION:
            self.setPlainText(self.text()[: limits.MAX_INSTRUCTION])
            self.moveCursor(self.textCursor().MoveOperation.End)
        self._fit()
        self.edited.emit(self.text())

    def _fit(self) -> None:
        lines = max(
            self._least_lines, min(MOST_LINES, round(sure(self.document()).size().height()))
        )
        scrolls = sure(self.document()).size().height() > MOST_LINES
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded
            if scrolls
            else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        margins = 2 * (self.frameWidth() + round(sure(self.document()).documentMargin()))
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + margins)
