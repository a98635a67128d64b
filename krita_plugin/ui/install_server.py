"""*Install the server*: what it takes, how far it is, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..installing import Outlook, Stage, failure
from ..qt import (
    QApplication,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    Qt,
    QVBoxLayout,
    QWidget,
    sure,
)
from ..translations import tr
from .widgets import PROGRESS_STEPS, advance, named, outlined, progress

if TYPE_CHECKING:
    from ..qt import BoundSignal


class Commands(Protocol):
    """What installs the server: `wire.installation.Installation`."""

    @property
    def foreseen(self) -> BoundSignal: ...
    @property
    def progressed(self) -> BoundSignal: ...
    @property
    def ended(self) -> BoundSignal: ...
    @property
    def running(self) -> bool: ...
    def look(self, source: str) -> None: ...
    def install(self, source: str) -> None: ...
    def stop(self) -> None: ...


class InstallServer(QDialog):
    """Nothing is fetched or written before the painter presses Install."""

    def __init__(self, commands: Commands, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName("limn_install_window")
        self.setWindowTitle(tr("Limn: Install the Server"))
        self.setMinimumSize(520, 280)
        self._commands = commands
        self._installs = False
        self._details = ""
        column = QVBoxLayout(self)
        self.outlook = QLabel(tr("Looking at this computer…"))
        self.outlook.setObjectName("limn_install_outlook")
        self.outlook.setWordWrap(True)
        self.outlook.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.outlook)
        column.addWidget(QLabel(tr("Packages come from:")))
        row = QHBoxLayout()
        tip = tr("The address of a mirror, a folder of packages, or Limn's wheel")
        self.source = named(QLineEdit(), "limn_install_source", tip)
        self.source.setPlaceholderText(tr("where pip takes them from"))
        choose = named(QPushButton(tr("Folder…")), "limn_install_choose", tr("Choose a folder"))
        choose.clicked.connect(lambda _: self._choose())
        row.addWidget(self.source, 1)
        row.addWidget(choose)
        column.addLayout(row)
        self.bar, self.told = progress(column, "limn_install")
        column.addStretch(1)
        row = QHBoxLayout()
        tip = tr("Fetch and install it now")
        self.install = named(QPushButton(tr("Install")), "limn_install_begin", tip)
        self.install.clicked.connect(lambda _: self._begin())
        tip = tr("It goes on there another time")
        self.stop = named(QPushButton(tr("Stop")), "limn_install_stop", tip)
        self.stop.clicked.connect(lambda _: commands.stop())
        tip = tr("Copy the details, for a report")
        self.report = named(QPushButton(tr("details")), "limn_install_details", tip)
        self.report.clicked.connect(lambda _: sure(QApplication.clipboard()).setText(self._details))
        close = QPushButton(tr("Close"))
        close.clicked.connect(lambda _: self.hide())
        for button in (self.install, self.stop, self.report, close):
            row.addWidget(button)
        column.addLayout(row)
        commands.foreseen.connect(self._foreseen)
        commands.progressed.connect(self._progressed)
        commands.ended.connect(self._ended)
        self._refresh()

    def open(self) -> None:
        """Show it beside Krita; nothing waits for it."""
        self.show()
        self.raise_()
        if not self._commands.running:
            self._commands.look(self.source.text())

    def _refresh(self) -> None:
        outlined(self.source)
        self.install.setEnabled(not self._installs)
        self.source.setEnabled(not self._installs)
        self.stop.setEnabled(self._installs)
        self.bar.setVisible(self._installs)
        self.report.setVisible(bool(self._details))

    def _choose(self) -> None:
        """A folder, by a dialog that is not waited for."""
        dialog = QFileDialog(self, tr("A folder of packages"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.source.setText)
        dialog.show()

    def _begin(self) -> None:
        self._installs, self._details = True, ""
        self.bar.setRange(0, 0)
        self.told.setText("")
        self._refresh()
        self._commands.install(self.source.text())

    def _foreseen(self, outlook: Outlook) -> None:
        self.outlook.setText(outlook.words())

    def _progressed(self, stage: Stage) -> None:
        if not self._installs:
            return
        self.bar.setRange(0, PROGRESS_STEPS if stage.of else 0)
        advance(self.bar, stage.done, stage.of)
        self.told.setText(stage.words())

    def _ended(self, code: str, details: str) -> None:
        self._installs = False
        self._details = "" if code in ("done", "stopped") else details
        if code == "done":
            self.told.setText(tr("Done. The server starts now."))
        else:
            self.told.setText(" ".join(failure(code)))
        self._refresh()
