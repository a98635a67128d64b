"""What the panel's controls have in common.

Names and tooltips, narrowness, colours, and how they behave under wheel and Tab.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TypeVar

from ..qt import (
    QAbstractButton,
    QApplication,
    QColor,
    QEvent,
    QKeyEvent,
    QLabel,
    QObject,
    QPalette,
    QProgressBar,
    QResizeEvent,
    QSizePolicy,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    sure,
)
from ..translations import tr
from .contrast import legible

W = TypeVar("W", bound=QWidget)


def named(widget: W, name: str, tip: str) -> W:
    widget.setObjectName(name)
    widget.setToolTip(tr(tip))
    widget.setAccessibleName(tr(tip).partition("\n")[0])
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return widget


def takes_tab(widget: QWidget) -> bool:
    """Whether a painter expects the focus here."""
    wanted = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
    return wanted and widget.isVisible() and widget.isEnabled()


def tint(label: QLabel, colour: str) -> None:
    """Give a label's text a colour as it can be read here, or its usual one."""
    palette = QPalette(sure(label.parentWidget()).palette())
    if colour:
        ground = palette.color(QPalette.ColorRole.Window)
        seen = legible(_rgb(QColor(colour)), _rgb(ground))
        palette.setColor(QPalette.ColorRole.WindowText, QColor(*seen))
    label.setPalette(palette)


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def outlined(widget: QWidget) -> None:
    """Draw the boxes to tick in a colour that is seen on the theme's ground.

    Qt's Fusion style outlines them in a darker shade of the window: on a dark theme in nearly the
    colour that they lie on, so that one that is not ticked can't be seen.
    """
    palette = QPalette(sure(widget.parentWidget()).palette())
    outline = palette.color(QPalette.ColorRole.Text)
    palette.setColor(QPalette.ColorRole.Window, outline)
    if widget.palette().color(QPalette.ColorRole.Window) != outline:
        widget.setPalette(palette)


def may_shrink(button: QAbstractButton) -> None:
    """A row of buttons fits a narrow docker in any font."""
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    button.setMinimumWidth(36)


class ElidedButton(QToolButton):
    """A button that says less where there is less room."""

    def __init__(self) -> None:
        super().__init__()
        self._words = self._short = ""

    def show_words(self, words: str, short: str) -> None:
        """The words; where there is no room for them the short ones, without their middle."""
        self._words, self._short = words, short
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setText(self._words)
        metrics = self.fontMetrics()
        wanted = metrics.horizontalAdvance(self._words)
        room = self.width() - self.sizeHint().width() + wanted
        if wanted > room:
            self.setText(metrics.elidedText(self._short, Qt.TextElideMode.ElideMiddle, room))


def quiet(name: str, tip: str) -> QLabel:
    """A quiet label that wraps and never makes the docker wider."""
    label = QLabel()
    label.setObjectName(name)
    label.setToolTip(tr(tip))
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def keep_from_krita(event: QEvent, keys: Container[int]) -> bool:
    """Take these keys, unless Ctrl is held, before Krita's shortcuts do.

    Whether the event was about one of them.
    """
    if (
        not isinstance(event, QKeyEvent)
        or event.type() != QEvent.Type.ShortcutOverride
        or event.key() not in keys
        or event.modifiers() & Qt.KeyboardModifier.ControlModifier
    ):
        return False
    event.accept()
    return True


def step_back(panel: QWidget) -> bool:
    """Go to the control before the one with the focus; False where none has it.

    Qt's own search ends at a picture's frame, and so in the canvas, from everywhere.
    """
    focused = QApplication.focusWidget()
    if focused is None:
        return False
    control = sure(focused.previousInFocusChain())
    while control is not focused and not (panel.isAncestorOf(control) and takes_tab(control)):
        control = sure(control.previousInFocusChain())
    control.setFocus(Qt.FocusReason.BacktabFocusReason)
    return True


def leave(panel: QWidget) -> bool:
    """Have keys be for the picture again; whether there was a focus to give up."""
    focused = QApplication.focusWidget()
    if focused is None:
        return False
    focused.clearFocus()
    if (main := sure(panel.window()).parentWidget()) is not None:  # the docker floats
        main.activateWindow()
    return True


def scroll_past(control: QWidget) -> None:
    """Who scrolls the panel must not change a setting in passing."""
    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    control.installEventFilter(_Guard(control))


class _Guard(QObject):
    """Keeps the wheel from a control that has not the focus."""

    def __init__(self, control: QWidget) -> None:
        super().__init__(control)
        self._control = control

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and not self._control.hasFocus():
            event.ignore()  # the panel scrolls
            return True
        return False


PROGRESS_STEPS = 1000
"""Of a progress bar: bytes are too many for it."""


def progress(column: QVBoxLayout, name: str) -> tuple[QProgressBar, QLabel]:
    """A bar that tells how much has come, and words below it."""
    bar = named(QProgressBar(), f"{name}_progress", tr("How much has come"))
    bar.setRange(0, PROGRESS_STEPS)
    column.addWidget(bar)
    told = QLabel()
    told.setObjectName(f"{name}_told")
    told.setWordWrap(True)
    column.addWidget(told)
    return bar, told


def advance(bar: QProgressBar, done: int, of: int) -> None:
    """Show how many bytes have come."""
    bar.setValue(int(PROGRESS_STEPS * done / max(1, of)))
