"""The model's name, a menu: what is there, another one, *Get a model*."""

from __future__ import annotations

from ...protocol.messages import ModelList
from ..panel_values import Note
from ..qt import QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget, sure
from ..state import Panel
from ..translations import tr
from .get_model import Commands, GetModel
from .widgets import ElidedButton, may_shrink, named

BUNDLED = "sketchbook"

PERCENTS = (40, 60, 80, 100)
"""Weights of a LoRA file to choose from."""


class ModelMenu(QWidget):
    """A part of the docker's last row.

    `get`, the offer of a model, stands in a row of its own, where a narrow docker has room for it.
    The server changes its model when no edit runs; jobs in the queue go on with it.
    """

    def __init__(self, panel: Panel, commands: Commands) -> None:
        """commands: what carries out what the painter wants of models."""
        super().__init__()
        self.setObjectName("limn_models")
        self._panel, self._commands = panel, commands
        self._dialog: GetModel | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._tip = tr("The model that edits use; click to change it")
        self.button = named(ElidedButton(), "limn_model", self._tip)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        may_shrink(self.button)
        self.menu = QMenu(self)
        self.menu.setObjectName("limn_model_menu")
        self.menu.aboutToShow.connect(self._opened)
        self.button.setMenu(self.menu)
        tip = tr("Models for paintings and photographs: what they are for, size, licence")
        self.get = named(QPushButton(tr("Get a model…"), self), "limn_get_a_model", tip)
        self.get.clicked.connect(lambda _: self.open_dialog())
        row.addWidget(self.button, 1)
        commands.listed.connect(self._listed)
        commands.ended.connect(self._ended)
        self._listed(None)
        panel.listeners.append(self.refresh)
        self.destroyed.connect(lambda: panel.listeners.remove(self.refresh))
        self.refresh()

    def refresh(self) -> None:
        """Show the state as it is now."""
        name = self._panel.model or "–"
        words = tr("Model: {name}", name=name)
        self.button.show_words(words, name)
        self.button.setToolTip(f"{words}\n{self._tip}")
        self.get.setVisible(self._panel.lacks_model)

    def open_dialog(self) -> None:
        """The list of models to fetch. It stands beside Krita; nothing waits for it."""
        if self._dialog is None:
            self._dialog = GetModel(self._panel, self._commands, self.window())
        self._dialog.show()
        self._dialog.raise_()
        self._commands.ask()

    def _opened(self) -> None:
        self._commands.ask()

    def _listed(self, answer: ModelList | None) -> None:
        self.menu.clear()
        self.menu.setToolTipsVisible(True)
        if answer is not None:
            for words in (answer.why, answer.remedy):
                if words:
                    sure(self.menu.addAction(tr(words))).setEnabled(False)
            self._add(tr("sketchbook (bundled)"), BUNDLED, answer.bundled, answer.may, answer.why)
            for one in answer.there:
                words = f"{one.name} · {one.variant} · {one.size / 1e9:.1f} GB"
                words += f" · {tr(one.fits)}" * bool(one.fits)
                may = answer.may and not one.trouble and one.variant != "previews"
                self._add(words, one.name, one.used, may, one.trouble or answer.why)
            if answer.loras and not answer.bundled:
                self._add_loras(answer)
        self.menu.addSeparator()
        sure(self.menu.addAction(tr("Get a model…"))).triggered.connect(
            lambda _: self.open_dialog()
        )

    def _add(self, words: str, name: str, is_used: bool, may: bool, why: str) -> None:
        action = sure(self.menu.addAction(words))
        action.setCheckable(True)
        action.setChecked(is_used)
        action.setEnabled(may)
        action.setToolTip(tr(why))
        action.triggered.connect(lambda _: self._commands.use(name))

    def _add_loras(self, answer: ModelList) -> None:
        """Each LoRA file with a choice of weights, those of others as they are."""
        used = {one.name: one.percent for one in answer.loras if one.percent}
        self.menu.addSeparator()
        menu = sure(self.menu.addMenu("LoRA"))
        menu.setObjectName("limn_loras")
        for one in answer.loras:
            words = f"{one.name} · {one.percent} %" if one.percent else one.name
            below = sure(menu.addMenu(words))
            below.setEnabled(answer.may and not one.trouble)
            below.setToolTip(tr(one.trouble or answer.why))
            others = {name: percent for name, percent in used.items() if name != one.name}
            for percent in sorted({0, one.percent, *PERCENTS}):
                action = sure(below.addAction(f"{percent} %" if percent else tr("not used")))
                action.setCheckable(True)
                action.setChecked(percent == one.percent)
                wanted = others | ({one.name: percent} if percent else {})
                action.triggered.connect(lambda _, wanted=wanted: self._commands.use_loras(wanted))

    def _ended(self, _: str, why: str) -> None:
        if why:
            self._panel.noted(Note("error", tr(why)))
            return
        self._panel.lacks_model = False
        self.refresh()
