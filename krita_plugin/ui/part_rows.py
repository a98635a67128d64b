"""Several instructions below each other: each one's mask, words and strength.

The strength is written into the instruction as its mark, "make the [star:0.5] blue", so that it is
seen, kept and repeated with the words.
"""

from __future__ import annotations

from ..marking import plain, strength, strengthened
from ..preview_data import GreyPicture
from ..qt import (
    QHBoxLayout,
    QIcon,
    QImage,
    QLabel,
    QPixmap,
    QSize,
    QSlider,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    Signal,
)
from ..state import Panel
from ..translations import tr
from .widgets import named, scroll_past

SIDE = 24
"""Pixels of a mask's picture."""

STEPS = 10
"""Of a slider, for a strength of 1."""

MOST = 2 * STEPS
"""The largest strength of a slider is 2: as far as `limn bench strength` measures."""

MAX_ROWS = 12


class PartRows(QWidget):
    """Follows a Panel: a row for each of several instructions, none for one.

    `controls`: what can be reached by Tab, in order.
    """

    shown = Signal(str)
    """An instruction, whose layer is to be the active one."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setObjectName("limn_parts")
        self._panel = panel
        self._rows: list[_Row] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)

    @property
    def controls(self) -> list[QWidget]:
        """Of all rows."""
        return [one for row in self._rows for one in (row.mask, row.slider)]

    def refresh(self) -> None:
        """Show the state as it is now."""
        panel, reading = self._panel, self._panel.reading
        items = reading.items[:MAX_ROWS] if reading is not None else ()
        items = items if len(items) > 1 else ()
        while len(self._rows) > len(items):
            self._rows.pop().widget.deleteLater()
        while len(self._rows) < len(items):
            self._rows.append(_Row(self, len(self._rows)))
            self._column.addWidget(self._rows[-1].widget)
        acts = self._acts()
        for row, item in zip(self._rows, items, strict=True):
            row.text, row.word = item.text, item.keyword
            row.words.setText(item.text)
            row.words.setToolTip(item.text)
            row.mask.setIcon(_icon(panel.part_masks.get(item.text)))
            row.mask.setDown(plain(panel.part_words) == item.text)
            row.slider.setVisible(acts)
            value = round(STEPS * strength(panel.instruction, item.text))
            if not row.slider.isSliderDown():
                row.slider.blockSignals(True)
                row.slider.setValue(min(MOST, value))
                row.slider.blockSignals(False)
        self.setVisible(bool(items))

    def strengthen(self, text: str, word: str, value: int) -> None:
        """An instruction is to act so strongly, in steps of the slider."""
        panel = self._panel
        panel.set_instruction(strengthened(panel.instruction, text, word, value / STEPS))

    def _acts(self) -> bool:
        """Whether the algorithm that an edit would take has strengths."""
        panel, reading = self._panel, self._panel.reading
        auto = reading.algorithm if reading is not None else ""
        taken = [one for one in panel.algorithms if auto in (one.title, one.name)]
        chosen = panel.chosen()
        if chosen is not None and chosen.name != "auto":
            taken = [chosen]
        return any(one.name == "strength" for each in taken for one in each.parameters)


class _Row:
    """One instruction."""

    def __init__(self, rows: PartRows, number: int) -> None:
        self.text = self.word = ""
        self.widget = QWidget()
        line = QHBoxLayout(self.widget)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        tip = "Where this instruction acts; a click makes its layer the active one"
        self.mask = named(QToolButton(), f"limn_part_mask_{number}", tip)
        self.mask.setAccessibleName(tr(tip))
        self.mask.setIconSize(QSize(SIDE, SIDE))
        self.mask.clicked.connect(lambda _: rows.shown.emit(self.text))
        self.words = QLabel()
        self.words.setMinimumWidth(20)
        tip = "How strongly this instruction acts: more or less of its words within its mask"
        self.slider = named(QSlider(Qt.Orientation.Horizontal), f"limn_part_strength_{number}", tip)
        self.slider.setAccessibleName(tr(tip))
        self.slider.setRange(0, MOST)
        self.slider.setPageStep(STEPS // 2)
        scroll_past(self.slider)
        self.slider.valueChanged.connect(lambda value: rows.strengthen(self.text, self.word, value))
        self.words.setBuddy(self.slider)
        line.addWidget(self.mask)
        line.addWidget(self.words, 3)
        line.addWidget(self.slider, 2)


def _icon(mask: GreyPicture | None) -> QIcon:
    """A mask's picture; a dark one where it is not known yet."""
    if mask is None or not mask.width:
        image = QImage(SIDE, SIDE, QImage.Format.Format_Grayscale8)
        image.fill(0)
    else:
        grey = QImage.Format.Format_Grayscale8
        image = QImage(mask.data, mask.width, mask.height, mask.width, grey).copy()
    return QIcon(QPixmap.fromImage(image))
