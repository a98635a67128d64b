"""What the panel's controls have in common.

Names and tooltips, narrowness, colours, and how they behave under wheel and Tab.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..catalogue import tr
from ..qt import QColor, QEvent, QLabel, QObject, QPalette, QSizePolicy, Qt
from .contrast import legible


def named(widget: Any, name: str, tip: str) -> Any:
    widget.setObjectName(name)
    widget.setToolTip(tr(tip))
    widget.setAccessibleName(tr(tip).partition("\n")[0])
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return widget


def takes_tab(widget: Any) -> bool:
    """Whether a painter expects the focus here."""
    wanted = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
    return wanted and widget.isVisible() and widget.isEnabled()


def tint(label: Any, colour: str) -> None:
    """Give a label's text a colour as it can be read here, or its usual one."""
    palette = QPalette(label.parentWidget().palette())
    if colour:
        ground = palette.color(QPalette.ColorRole.Window).getRgb()[:3]
        seen = legible(QColor(colour).getRgb()[:3], ground)
        palette.setColor(QPalette.ColorRole.WindowText, QColor(*seen))
    label.setPalette(palette)


def may_shrink(button: Any) -> None:
    """A row of buttons fits a narrow docker in any font."""
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    button.setMinimumWidth(36)


def quiet(name: str, tip: str) -> Any:
    """A quiet label that wraps and never makes the docker wider."""
    label = QLabel()
    label.setObjectName(name)
    label.setToolTip(tr(tip))
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def keep_from_krita(event: Any, keys: Container[Any]) -> bool:
    """Take these keys, unless Ctrl is held, before Krita's shortcuts do.

    Whether the event was about one of them.
    """
    if (
        event.type() != QEvent.Type.ShortcutOverride
        or event.key() not in keys
        or event.modifiers() & Qt.KeyboardModifier.ControlModifier
    ):
        return False
    event.accept()
    return True


def scroll_past(control: Any) -> None:
    """Who scrolls the panel must not change a setting in passing."""
    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    control.installEventFilter(_Guard(control))


class _Guard(QObject):  # type: ignore[misc]
    """Keeps the wheel from a control that has not the focus."""

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()  # the panel scrolls
            return True
        return False
