"""The panel: widgets only.

It shows a Panel's state, hands what the painter sets back to it, and asks for edits by signals.
"""

from __future__ import annotations

from itertools import pairwise

from ..qt import (
    QApplication,
    QEvent,
    QHBoxLayout,
    QKeyEvent,
    QPushButton,
    QResizeEvent,
    QScrollArea,
    QShowEvent,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
    Signal,
    sure,
)
from ..state import Panel
from ..translations import tr
from .algorithm_choice import AlgorithmChoice
from .caption_box import CaptionBox
from .instruction_box import InstructionBox
from .mask_sliders import MaskSliders
from .parameters import ParameterForm
from .part_rows import PartRows
from .pictures import Pictures
from .reading_line import ReadingLine
from .result_boxes import ResultBoxes
from .seed_row import SeedRow
from .selection_choice import SelectionChoice
from .server_choice import ServerChoice
from .status import Status
from .strip import Strip
from .widgets import keep_from_krita, leave, may_shrink, named, quiet, step_back

LEAST_WIDTH, LEAST_HEIGHT = 240, 160
"""On a small screen the panel scrolls.

Progress, messages and the connection's line stay in view.
"""

COMPACT_HEIGHT = 340
"""Below this, lines are saved: on a small screen Krita gives a docker 262 x 227."""


class PanelView(QWidget):
    """One docker's content. Several may show the same Panel."""

    edit_wanted = Signal(bool)
    """True: find the mask only."""
    again_wanted = Signal()
    answered = Signal()
    """The caption is written: the edit that asked for it, again."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setObjectName("limn_panel")
        self._panel = panel
        self._connected_once = False
        self._tabs: list[QWidget] = []
        self._working = False
        self._asked = False
        self.setMinimumSize(LEAST_WIDTH, LEAST_HEIGHT)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 4, 6, 4)
        outer.setSpacing(3)
        scrolled = self._scrolled = QScrollArea()
        scrolled.setObjectName("limn_scrolled")
        scrolled.setWidgetResizable(True)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        scrolled.setWidget(inside)
        outer.addWidget(scrolled, 1)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        self._build_instruction(column)
        self._build_buttons(column)
        self._build_pictures(column)
        self.parts = PartRows(panel)
        column.addWidget(self.parts)
        self.strip = Strip(panel)
        self.strip.changed.connect(lambda: QTimer.singleShot(0, self._show_strip))
        column.addWidget(self.strip)
        self._column = column
        self.mask_sliders = MaskSliders(panel)
        column.addWidget(self.mask_sliders)
        self.algorithm = AlgorithmChoice(panel)
        column.addWidget(self.algorithm.list)
        column.addWidget(self.algorithm.line)
        self.selection = SelectionChoice(panel, self)
        column.addLayout(self.selection)
        self._build_parameters(column)
        self.status = Status(panel)
        outer.addWidget(self.status)
        panel.listeners.append(self.refresh)
        self.destroyed.connect(lambda: panel.listeners.remove(self.refresh))
        self.refresh()

    def focus_instruction(self) -> None:
        """Puts the cursor where something is to be written.

        Into the instruction, or into the caption that was asked for.
        """
        sure(self.window()).activateWindow()
        box = self.caption if self._panel.question else self.instruction
        box.setFocus(Qt.FocusReason.ShortcutFocusReason)
        box.selectAll()

    def event(self, event: QEvent) -> bool:
        """Tab goes from control to control.

        What has the focus hands the key up to here before Krita hides all dockers with it.
        """
        keys = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Escape)
        return keep_from_krita(event, keys) or bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape leaves the panel."""
        if event.key() != Qt.Key.Key_Escape or not leave(self):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Shift+Tab within the panel."""
        return (not forward and step_back(self)) or bool(super().focusNextPrevChild(forward))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little height, an instruction of one line takes no more than one."""
        super().resizeEvent(event)
        self.instruction.set_least_lines(1 if self.height() < COMPACT_HEIGHT else 2)
        self._place_sliders()

    def showEvent(self, event: QShowEvent) -> None:
        """Starts the server the first time that the panel is seen.

        The painter then sees what it can do.
        """
        super().showEvent(event)
        if not self._connected_once:
            self._connected_once = True
            QTimer.singleShot(500, self.status.start_wanted.emit)

    # --- building ---------------------------------------------------------------------------------

    def _build_instruction(self, column: QVBoxLayout) -> None:
        self.instruction = InstructionBox()
        self.instruction.show_text(self._panel.instruction)
        self.instruction.edited.connect(self._panel.set_instruction)
        self.instruction.submitted.connect(lambda: self.edit_wanted.emit(False))
        column.addWidget(self.instruction)
        self.reading = ReadingLine(self._panel)
        column.addWidget(self.reading.label)
        self.question = quiet("limn_question", "What Limn needs to know for this edit")
        column.addWidget(self.question)
        self.caption = CaptionBox()
        self.caption.edited.connect(self._panel.set_caption)
        self.caption.submitted.connect(self.answered.emit)
        column.addWidget(self.caption)

    def _build_buttons(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.edit = named(
            QPushButton(tr("Edit")),
            "limn_edit_button",
            "Do what the instruction says, on a new layer (Enter)",
        )
        self.find_mask = named(
            QPushButton(tr("Find mask")),
            "limn_mask_button",
            "Select what the instruction would change, and change nothing",
        )
        self.more = named(
            QToolButton(),
            "limn_more_button",
            "Seed, earlier methods, and everything else that can be set",
        )
        self.more.setText(tr("more"))
        self.more.setCheckable(True)
        for button in (self.edit, self.find_mask, self.more):
            may_shrink(button)
        self.edit.clicked.connect(lambda: self.edit_wanted.emit(False))
        self.find_mask.clicked.connect(lambda: self.edit_wanted.emit(True))
        self.more.clicked.connect(lambda checked: self._panel.set_more(bool(checked)))
        row.addWidget(self.edit, 4)
        row.addWidget(self.find_mask, 4)
        row.addWidget(self.more, 3)
        column.addLayout(row)

    def _build_parameters(self, column: QVBoxLayout) -> None:
        """Those of the first page, and all others behind "more"."""
        self.front = ParameterForm("limn_front_parameters")
        self.front.changed.connect(self._panel.set_value)
        column.addWidget(self.front)
        self.rest = QWidget()
        self.rest.setObjectName("limn_more")
        inner = QVBoxLayout(self.rest)
        inner.setContentsMargins(0, 0, 0, 0)
        self.seeds = SeedRow(self._panel)
        self.seeds.again.clicked.connect(lambda _: self.again_wanted.emit())
        inner.addLayout(self.seeds)
        self.boxes = ResultBoxes(self._panel)
        inner.addLayout(self.boxes)
        self.back = ParameterForm("limn_back_parameters")
        self.back.changed.connect(self._panel.set_value)
        inner.addWidget(self.back)
        self.servers = ServerChoice(self._panel)
        inner.addWidget(self.servers)
        column.addWidget(self.rest)

    def _build_pictures(self, column: QVBoxLayout) -> None:
        self.pictures = Pictures(
            tr("The edit as it forms, as it will be seen in the layer"),
            tr("Where the edit happens: white is changed, black stays"),
        )
        self.preview, self.mask_picture = self.pictures.preview, self.pictures.found
        column.addWidget(self.pictures, 1)

    # --- showing ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the state as it is now.

        Called after every change; it touches only what differs.
        """
        panel = self._panel
        self.instruction.set_history(panel.history)
        self.instruction.show_text(panel.instruction)
        self.reading.refresh()
        self._show_caption()
        self._show_parameters()
        self.selection.refresh()
        self.seeds.refresh()
        self.boxes.refresh()
        self.more.setChecked(panel.more)
        if panel.more and self.rest.isHidden():
            QTimer.singleShot(0, lambda: self._scrolled.ensureWidgetVisible(self.rest))
        self.rest.setVisible(panel.more)
        working = panel.work is not None
        if working and not self._working:
            self.instruction.settle()
            if self.caption.hasFocus():
                self.instruction.setFocus(
                    Qt.FocusReason.OtherFocusReason
                )  # where Ctrl+Z means the picture again
            self._scrolled.ensureWidgetVisible(self.preview)
        self._working = working
        view = panel.view()
        self.preview.show_edit(panel.layer, panel.preview, panel.mask, view)
        self.mask_picture.show_grey(panel.mask, view)
        self.parts.refresh()
        self.strip.refresh()
        self.mask_sliders.refresh()
        self._place_sliders()
        self.servers.refresh()
        self.status.refresh()

    def _place_sliders(self) -> None:
        """In a low docker a result's sliders stand below the buttons, while no edit runs."""
        low = self.height() < COMPACT_HEIGHT and self._panel.work is None
        below = self.pictures if low else self.algorithm.list
        self.mask_sliders.stand_above(below, self._column, low)

    def _show_strip(self) -> None:
        if self.height() < COMPACT_HEIGHT:
            return  # it would take the words and the picture out of view
        self._scrolled.ensureWidgetVisible(self.strip)

    def _show_caption(self) -> None:
        """The caption, and the question for it.

        A new question brings the cursor, but never takes it from the canvas.
        """
        panel = self._panel
        self.caption.show_text(panel.caption)
        self.caption.setVisible(panel.caption_shown())
        self.question.setText(panel.question)
        self.question.setVisible(bool(panel.question))
        asked, self._asked = self._asked, bool(panel.question)
        if self._asked and not asked:
            QTimer.singleShot(0, self._ask)

    def _ask(self) -> None:
        self._scrolled.ensureWidgetVisible(self.question)
        self._scrolled.ensureWidgetVisible(self.caption)
        cursor = QApplication.focusWidget()
        if cursor is None or self.isAncestorOf(cursor):
            self.caption.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_parameters(self) -> None:
        panel = self._panel
        self.algorithm.refresh()
        chosen = panel.chosen()
        parameters = chosen.parameters if chosen else ()
        values = {one.name: panel.value(one) for one in parameters}
        self.front.show_parameters(tuple(one for one in parameters if one.front), values)
        self.back.show_parameters(tuple(one for one in parameters if not one.front), values)
        self._align()
        self._order_tabs()

    def _align(self) -> None:
        """The settings stand below each other.

        Though they are in two forms and a row of their own.
        """
        labels = [*self.front.labels, self.seeds.label, *self.back.labels]
        widest = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setMinimumWidth(widest)

    def _order_tabs(self) -> None:
        """Tab goes from top to bottom, whenever the controls were made."""
        settings = [
            *self.front.controls,
            self.seeds.seed,
            self.seeds.again,
            *self.boxes.controls,
            *self.back.controls,
            *self.servers.controls,
        ]
        order = [
            self.more,
            *self.parts.controls,
            *self.strip.controls,
            *self.mask_sliders.controls,
            self.algorithm.list,
            *self.selection.controls,
            *settings,
            *self.status.controls,
        ]
        if order != self._tabs:
            self._tabs = order
            for one, following in pairwise(order):
                QWidget.setTabOrder(one, following)
