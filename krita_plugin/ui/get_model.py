"""*Get a model*: what can be fetched, its size and licence, how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Protocol

from ...protocol.messages import ModelList, ModelOffered, ModelProgress
from ..qt import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    Qt,
    QVBoxLayout,
    QWidget,
    sure,
)
from ..state import Panel
from ..translations import tr
from .widgets import advance, named, outlined, progress, quiet

if TYPE_CHECKING:
    from ..qt import BoundSignal

LOOKING = "Looking at what is there…"


class Commands(Protocol):
    """What fetches and uses models: `wire.model_commands.ModelCommands`."""

    @property
    def listed(self) -> BoundSignal: ...
    @property
    def progressed(self) -> BoundSignal: ...
    @property
    def ended(self) -> BoundSignal: ...
    def ask(self) -> None: ...
    def get(self, models: Sequence[ModelOffered]) -> None: ...
    def use(self, name: str) -> None: ...
    def use_loras(self, percents: Mapping[str, int]) -> None: ...
    def cancel(self) -> None: ...


class GetModel(QDialog):
    """Nothing is fetched before the painter has agreed to the licences."""

    def __init__(self, panel: Panel, commands: Commands, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName("limn_get_model_window")
        self.setWindowTitle(tr("Limn: Get a Model"))
        self.setMinimumSize(520, 440)
        self._panel, self._commands = panel, commands
        column = QVBoxLayout(self)
        self.models = named(QListWidget(), "limn_models_to_get", tr("Tick what you want"))
        self.models.setWordWrap(True)
        self.models.setSpacing(3)
        self.models.itemChanged.connect(lambda _: self._refresh())
        column.addWidget(self.models, 1)
        self.licences = quiet("limn_licences", tr("What you agree to"))
        self.licences.setTextFormat(Qt.TextFormat.RichText)
        self.licences.setOpenExternalLinks(True)
        column.addWidget(self.licences)
        self.agree = named(QCheckBox(tr("I agree to the licences")), "limn_agree", "")
        self.agree.toggled.connect(lambda _: self._refresh())
        column.addWidget(self.agree)
        self.bar, self.told = progress(column, "limn_get")
        row = QHBoxLayout()
        self.get = named(QPushButton(tr("Get")), "limn_get", tr("Fetch what is ticked, and use it"))
        self.get.clicked.connect(lambda _: self._begin())
        tip = tr("It goes on there another time")
        self.stop = named(QPushButton(tr("Stop")), "limn_get_stop", tip)
        self.stop.clicked.connect(lambda _: commands.cancel())
        close = QPushButton(tr("Close"))
        close.clicked.connect(lambda _: self.hide())
        for button in (self.get, self.stop, close):
            row.addWidget(button)
        column.addLayout(row)
        self._fetches = self._may = False
        commands.listed.connect(self._listed)
        commands.progressed.connect(self._progressed)
        commands.ended.connect(self._ended)
        self.told.setText(tr(LOOKING))
        self._refresh()

    def _listed(self, answer: ModelList | None) -> None:
        ticked = {one.name for one in self._ticked()}
        self.models.clear()
        for entry in () if answer is None else answer.offered:
            if entry.there:
                continue
            first = f"{entry.title} · {entry.size / 1e9:.2f} GB · {entry.licence}"
            second = entry.what_for + f" · {tr(entry.fits)}" * bool(entry.fits)
            item = QListWidgetItem(f"{first}\n{second}")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            is_ticked = entry.name in ticked
            item.setCheckState(Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked)
            item.setData(Qt.ItemDataRole.UserRole, entry)
            self.models.addItem(item)
        self._may = answer is not None and answer.may
        self._fetches = answer is not None and bool(answer.getting)
        if answer is None:
            self.told.setText(tr("The list can't be had: see `limn doctor`."))
        elif not answer.may:
            self.told.setText(f"{tr(answer.why)} {tr(answer.remedy)}".strip())
        elif self.told.text() == tr(LOOKING):
            self.told.setText(tr("Tick what you want."))
        self._refresh()

    def _ticked(self) -> list[ModelOffered]:
        items = [sure(self.models.item(row)) for row in range(self.models.count())]
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        ]

    def _refresh(self) -> None:
        for ticking in (self.models, self.agree):
            outlined(ticking)
        ticked = self._ticked()
        pages = [
            f'{escape(one.licence)}: <a href="{escape(one.page)}">{escape(one.page)}</a>'
            for one in ticked
        ]
        self.licences.setText("<br>".join(pages))
        self.get.setEnabled(
            bool(ticked) and self.agree.isChecked() and self._may and not self._fetches
        )
        self.stop.setEnabled(self._fetches)
        self.bar.setVisible(self._fetches)
        self.models.setEnabled(not self._fetches)

    def _begin(self) -> None:
        wanted = self._ticked()
        self._fetches = True
        self.bar.setValue(0)
        self.told.setText(tr("Fetching…"))
        self._refresh()
        self._commands.get(wanted)

    def _progressed(self, told: ModelProgress) -> None:
        if not self._fetches:
            self._fetches = True
            self._refresh()
        advance(self.bar, told.done, told.of)
        self.told.setText(f"{told.name}: {told.done / 1e6:.0f} / {told.of / 1e6:.0f} MB")

    def _ended(self, what: str, why: str) -> None:
        if what != "get":
            return
        self._fetches = False
        self.told.setText(tr(why) if why else tr("Done. The model is used from now on."))
        self._refresh()
        self._commands.ask()
