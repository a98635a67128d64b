"""The strip of results.

Every result of the picture in front is a small picture; buttons say what can be done with the
chosen one.
"""

from __future__ import annotations

from typing import Any

from ..preview_data import ResultLook
from ..qt import (
    QAbstractItemView,
    QEvent,
    QFocusEvent,
    QHBoxLayout,
    QIcon,
    QKeyEvent,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPixmap,
    QSize,
    QSpinBox,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
    Signal,
)
from ..results import MAX_VARIANTS
from ..state import Panel
from ..translations import tr
from .thumbnail import SIDE, Thumbnail, decoded
from .widgets import keep_from_krita, named, scroll_past

LOOK_MS = 1000
"""Between two looks at which layers there are: Krita tells nobody of an undo."""

KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Delete,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Space,
)


class Thumbnails(QListWidget):
    """The small pictures, and their keys.

    Enter keeps, Del discards, Space held down shows the picture before.
    """

    kept = Signal()
    discarded = Signal()
    compared = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        named(
            self,
            "limn_results",
            "The results in this picture: click one to see it; Enter keeps it and takes the others"
            " of its set out, Del takes it out, Space held down shows the picture before",
        )
        self.setAccessibleName(tr("Results"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setSpacing(1)
        self.setItemDelegate(Thumbnail(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(SIDE + 24)

    def event(self, event: QEvent) -> bool:
        return keep_from_krita(event, KEYS) or bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.kept.emit()
        elif key == Qt.Key.Key_Delete:
            self.discarded.emit()
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.compared.emit(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.compared.emit(False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.compared.emit(False)


class Strip(QWidget):
    """Follows a Panel; what the painter wants of a result comes as signals.

    `controls`: what can be reached by Tab, in order.
    """

    shown = Signal(str)
    """The id of a result."""
    kept = Signal()
    discarded = Signal()
    compared = Signal(bool)
    """True: the picture before is to be seen; False: the results again."""
    more_wanted = Signal()
    others_wanted = Signal()
    redo_wanted = Signal()
    changed = Signal()
    """There are other results than before."""
    looked = Signal()
    """It is time to look at which results there are."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setObjectName("limn_strip")
        self._panel = panel
        self._shown: tuple[ResultLook, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self.pictures = Thumbnails()
        self.pictures.kept.connect(self.kept.emit)
        self.pictures.discarded.connect(self.discarded.emit)
        self.pictures.compared.connect(self.compared.emit)
        self.pictures.currentItemChanged.connect(self._chose)
        column.addWidget(self.pictures)
        row = QHBoxLayout()
        row.setSpacing(2)
        self.seeds = named(
            QSpinBox(), "limn_seeds", "With how many seeds an edit is made, each a result"
        )
        self.seeds.setAccessibleName(tr("Seeds"))
        self.seeds.setRange(1, MAX_VARIANTS)
        scroll_past(self.seeds)
        self.seeds.valueChanged.connect(panel.set_seeds)
        label = QLabel(tr("Seeds"))
        label.setBuddy(self.seeds)
        row.addWidget(label)
        row.addWidget(self.seeds)
        row.addStretch(1)
        self._buttons = [
            self._button(row, "keep", "✓", "Keep this one: the others of its set go", self.kept),
            self._button(row, "discard", "✕", "Take this one out of the picture", self.discarded),
            self._button(row, "compare", "◐", "Held down: the picture before", None),
            self._button(row, "more", "+", "More like this, with new seeds", self.more_wanted),
            self._button(
                row, "others", "≠", "The same words by the other algorithms", self.others_wanted
            ),
            self._button(
                row, "redo", "↻", "Once more, on the painting as it is now", self.redo_wanted
            ),
        ]
        compare = self._buttons[2]
        compare.pressed.connect(lambda: self.compared.emit(True))
        compare.released.connect(lambda: self.compared.emit(False))
        column.addLayout(row)
        self.controls = [self.pictures, self.seeds, *self._buttons]
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.looked.emit)

    def refresh(self) -> None:
        """Show the state as it is now."""
        results = self._panel.results
        self.pictures.setVisible(bool(results))
        for button in self._buttons:
            button.setVisible(bool(results))
        if self.seeds.value() != self._panel.seeds:
            self.seeds.setValue(self._panel.seeds)
        self.pictures.blockSignals(True)
        if results != self._shown:
            self._shown = results
            self.pictures.clear()
            for one in results:
                item = QListWidgetItem(QIcon(QPixmap.fromImage(decoded(one.jpeg))), "")
                item.setToolTip(one.words)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, one.words)
                item.setData(Qt.ItemDataRole.UserRole, one.id)
                self.pictures.addItem(item)
            if results:
                self.changed.emit()
        rows = [one.id for one in results]
        if self._panel.result in rows:
            self.pictures.setCurrentRow(rows.index(self._panel.result))
        self.pictures.blockSignals(False)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show:
            self._timer.start()
            self.looked.emit()
        elif event.type() == QEvent.Type.Hide:
            self._timer.stop()
        return bool(super().event(event))

    def _button(
        self, row: QHBoxLayout, name: str, text: str, tip: str, signal: Any | None
    ) -> QToolButton:
        button = named(QToolButton(), f"limn_result_{name}", tip)
        button.setText(text)
        button.setAccessibleName(tip)
        if signal is not None:
            button.clicked.connect(lambda _: signal.emit())
        row.addWidget(button)
        return button

    def _chose(self, item: QListWidgetItem | None, _: QListWidgetItem | None) -> None:
        if item is not None:
            self.shown.emit(str(item.data(Qt.ItemDataRole.UserRole)))
