"""The model's name, a menu: what is there, another one, *Get a model*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..catalogue import tr
from ..panel_values import Note
from ..qt import QAction, QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget, sure
from ..state import Panel
from .get_model import Commands, GetModel
from .widgets import may_shrink, named

BUNDLED = "sketchbook"


class ModelMenu(QWidget):
    """A row of the docker. `controls`: what can be reached by Tab.

    A change waits until no edit runs; then the server starts anew.
    """

    def __init__(self, panel: Panel, commands: Commands, restart: Callable[[], bool]) -> None:
        """commands: `wire.model_commands.ModelCommands`.

        restart: starts the server anew; False where this Krita may not.
        """
        super().__init__()
        self.setObjectName("limn_models")
        self._panel, self._commands, self._restart = panel, commands, restart
        self._waits = self._is_shown = False
        self._dialog: GetModel | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        tip = tr("The model that edits use; click to change it")
        self.button = named(QToolButton(), "limn_model", tip)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        may_shrink(self.button)
        self.menu = QMenu(self)
        self.menu.setObjectName("limn_model_menu")
        self.menu.aboutToShow.connect(self._opened)
        self.button.setMenu(self.menu)
        tip = tr("Models for paintings and photographs: what they are for, size, licence")
        self.get = named(QPushButton(tr("Get a model…")), "limn_get_a_model", tip)
        self.get.clicked.connect(lambda _: self.open_dialog())
        self.controls = [self.button, self.get]
        row.addWidget(self.button, 1)
        row.addWidget(self.get, 1)
        commands.listed.connect(self._listed)
        commands.ended.connect(self._ended)
        self._listed({})
        panel.listeners.append(self.refresh)
        self.destroyed.connect(lambda: panel.listeners.remove(self.refresh))
        self.refresh()

    def refresh(self) -> None:
        """Show the state as it is now."""
        self.button.setText(tr("Model: {name}", name=self._panel.model or "–"))
        self.get.setVisible(self._panel.lacks_model)
        if self._waits and self._panel.work is None:
            self._waits = False
            self._start_anew()

    def open_dialog(self) -> None:
        """The list of models to fetch. It stands beside Krita; nothing waits for it."""
        if self._dialog is None:
            self._dialog = GetModel(self._panel, self._commands, self.window())
        self._dialog.show()
        self._dialog.raise_()
        self._commands.ask()

    def _opened(self) -> None:
        self._commands.ask()

    def _listed(self, answer: dict[str, Any]) -> None:
        self.menu.clear()
        there = answer.get("there")
        models = [one for one in there if isinstance(one, dict)] if isinstance(there, list) else []
        used = [one for one in models if one.get("used")]
        self._add(tr("sketchbook (bundled)"), BUNDLED, not used and bool(answer))
        for one in models:
            words = f"{one.get('name')} · {one.get('variant')} · {one.get('bytes', 0) / 1e9:.1f} GB"
            action = self._add(words, str(one.get("name")), bool(one.get("used")))
            action.setEnabled(not one.get("trouble"))
            action.setToolTip(str(one.get("trouble") or one.get("place")))
        self.menu.addSeparator()
        sure(self.menu.addAction(tr("Get a model…"))).triggered.connect(
            lambda _: self.open_dialog()
        )

    def _add(self, words: str, name: str, is_used: bool) -> QAction:
        action = sure(self.menu.addAction(words))
        action.setCheckable(True)
        action.setChecked(is_used)
        action.triggered.connect(lambda _: self._commands.use([name]))
        return action

    def _ended(self, what: str, why: str) -> None:
        if why:
            self._panel.noted(Note("error", why))
            return
        self._panel.lacks_model = False
        self._waits = True
        self.refresh()

    def _start_anew(self) -> None:
        if not self._restart():
            words = tr(
                "This server was not started by Krita: start it anew, then it uses the model."
            )
            self._panel.noted(Note("quiet", words))
