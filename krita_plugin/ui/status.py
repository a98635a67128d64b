"""The lines below the panel's controls, always in view.

How far the edit is, how the last one ended, what runs where.
"""

from __future__ import annotations

from ..panel_values import Link, Note, Work
from ..qt import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QResizeEvent,
    QSizePolicy,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
    Signal,
    sure,
)
from ..sentences import progress_words
from ..state import Panel
from ..translations import tr
from .widgets import named, quiet, tint

LINK_MARGIN = 6
"""Pixels beside the words in the last line."""

COLOURS = {
    "off": "#8a8a8a",
    "starting": "#d9a32b",
    "ready": "#4caf6a",
    "silent": "#d9a32b",
    "trouble": "#d9534f",
}
"""The colours of the connection's dot.

Its words say the same, for those who don't tell the colours apart.
"""

ERROR_COLOUR = "#e0736c"


class Status(QWidget):
    """Progress, note and connection of a Panel.

    `controls`: what can be reached by Tab, from top to bottom.
    """

    cancel_wanted = Signal()
    open_kept_wanted = Signal()
    start_wanted = Signal()
    stop_wanted = Signal()
    install_wanted = Signal()

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setObjectName("limn_status")
        self._panel = panel
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        self._build_progress(column)
        self._build_note(column)
        self._build_link(column)
        self.controls = [self.cancel, self.details, self.keep, self.install, self.link]

    def refresh(self) -> None:
        """Show the state as it is now."""
        self._show_work(self._panel.work)
        self._show_note(self._panel.note)
        self._show_kept(self._panel.kept)
        self._show_link(self._panel.link)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self._fit_link)

    # --- building ---------------------------------------------------------------------------------

    def _build_progress(self, column: QVBoxLayout) -> None:
        self.work = QWidget()
        self.work.setObjectName("limn_work")
        row = QHBoxLayout(self.work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.progress = named(QProgressBar(), "limn_progress", "How far the edit is")
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.stage = quiet("limn_stage", "What is being done")
        words.addWidget(self.progress)
        words.addWidget(self.stage)
        self.cancel = named(
            QToolButton(), "limn_cancel_button", "Stop this edit; the picture stays as it is"
        )
        self.cancel.setText("✕")
        self.cancel.clicked.connect(lambda _: self.cancel_wanted.emit())
        row.addLayout(words, 1)
        row.addWidget(self.cancel)
        column.addWidget(self.work)

    def _build_note(self, column: QVBoxLayout) -> None:
        self.note = quiet("limn_note", "How the last edit ended")
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.keep = named(
            QPushButton(tr("Open the result")),
            "limn_open_kept",
            "Open the kept result as a picture of its own",
        )
        self.keep.clicked.connect(lambda _: self.open_kept_wanted.emit())
        self.install = named(
            QPushButton(tr("Install the server…")),
            "limn_install",
            "What it takes is said first; nothing is fetched before you agree",
        )
        self.install.clicked.connect(lambda _: self.install_wanted.emit())
        self.details = named(QToolButton(), "limn_details", "")
        self.details.setAutoRaise(True)
        self.details.clicked.connect(self._copy_details)
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.note, 1)
        row.addWidget(self.details, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        self.offers = QVBoxLayout()  # what to press next, each in the docker's full width
        self.offers.addWidget(self.keep)
        self.offers.addWidget(self.install)
        column.addLayout(self.offers)

    def _build_link(self, column: QVBoxLayout) -> None:
        self.link = named(QPushButton(), "limn_link", "")
        self.link.setFlat(True)
        self.link.setStyleSheet("text-align: left; padding: 1px; border: none;")
        self.link.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.link.clicked.connect(self._link_clicked)
        row = QHBoxLayout()
        row.setSpacing(2)
        self.dot = QLabel("●")
        self.dot.setObjectName("limn_dot")
        row.addWidget(self.dot)
        row.addWidget(self.link, 1)
        self.last = row  # the model's menu stands here, too
        column.addLayout(row)
        self._menu = QMenu(self)
        self._menu.setObjectName("limn_link_menu")
        self._start = sure(self._menu.addAction(tr("Start the server")))
        self._start.triggered.connect(lambda _: self.start_wanted.emit())
        self._stop = sure(self._menu.addAction(tr("Stop the server")))
        self._stop.triggered.connect(lambda _: self.stop_wanted.emit())
        copy = sure(self._menu.addAction(tr("Copy a report")))
        copy.triggered.connect(lambda: sure(QApplication.clipboard()).setText(self._report()))

    # --- showing ----------------------------------------------------------------------------------

    def _show_work(self, work: Work | None) -> None:
        self.work.setVisible(work is not None)
        if work is not None:
            self.stage.setText(progress_words(work))
            self.progress.setRange(0, work.count)
            self.progress.setValue(work.step)

    def _show_note(self, note: Note | None) -> None:
        self.note.setVisible(note is not None)
        self.details.setVisible(note is not None and bool(note.details))
        self.details.setText(tr("details"))
        if note is not None:
            sentence, remedy = tr(note.sentence), tr(note.remedy)
            ended = sentence.endswith((".", "!", "?", "。", "！", "？")) or not remedy
            self.note.setText(f"{sentence}{'' if ended else '.'} {remedy}".strip())
            self.note.setProperty("kind", note.kind)
            tint(self.note, ERROR_COLOUR if note.kind == "error" else "")
            self.details.setToolTip(
                tr("Copy the details, for a report:") + "\n" + note.details[:1000]
            )

    def _show_kept(self, count: int) -> None:
        self.keep.setVisible(count > 0)
        self.keep.setText(
            tr("Open the result") if count == 1 else tr("Open a kept result ({count})", count=count)
        )

    def _show_link(self, link: Link) -> None:
        tint(self.dot, COLOURS[link.kind])
        self.install.setVisible(link.installable)
        self._fit_link()
        self.link.setToolTip(
            "\n".join(
                words
                for words in (tr(link.words), link.details, tr("Click: start, stop, copy a report"))
                if words
            )
        )
        self._start.setEnabled(link.kind in ("off", "trouble"))
        self._stop.setEnabled(link.kind in ("ready", "silent", "starting"))

    def _fit_link(self) -> None:
        """The connection's words as far as there is room; all of them are in the tooltip."""
        self.link.setFont(self.details.font())  # a style sheet loses the docker's small font
        room = self.link.width() - LINK_MARGIN
        self.link.setText(
            self.link.fontMetrics().elidedText(
                tr(self._panel.link.words), Qt.TextElideMode.ElideRight, room
            )
        )

    def _link_clicked(self) -> None:
        """Start where nothing runs; else show what can be done.

        The menu stands by itself: nothing waits for it.
        """
        if self._panel.link.kind in ("off", "trouble"):
            self.start_wanted.emit()
        else:
            self._menu.popup(self.link.mapToGlobal(self.link.rect().topLeft()))

    def _copy_details(self) -> None:
        if self._panel.note is not None:
            sure(QApplication.clipboard()).setText(self._report())
            self.details.setText(tr("copied"))

    def _report(self) -> str:
        note, link = self._panel.note, self._panel.link
        lines = [f"connection: {link.words}", link.details]
        if note is not None:
            lines = [note.sentence, note.remedy, note.details, *lines]
        return "\n".join(line for line in lines if line)
