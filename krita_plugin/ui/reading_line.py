"""The line under the instruction: how it is understood, before anything is done.

"recolour · the box → red · FoI · 128 x 128 · about 8 s", the word whose place is looked for
underlined. A click on another word makes it the one, as a mark in the painter's own text; a
proposal is taken by a click, too.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from ...protocol.messages import Reading, ReadItem
from ..marking import marked
from ..panel_values import is_large, is_too_large
from ..qt import QPalette, Qt
from ..state import Panel
from ..translations import told, tr
from .widgets import quiet

PROPOSAL = "proposal"
MOST_ITEMS = 3
"""Items that are shown; of more, how many there are."""


class ReadingLine:
    """The label, and what its links do."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._shown: tuple[Any, ...] | None = None
        self.label = quiet(
            "limn_reading",
            tr("How the sentence is understood. Click a word to have its place looked for."),
        )
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.label.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.label.linkActivated.connect(self._clicked)

    def refresh(self) -> None:
        """Show the panel's reading; nothing where there is none."""
        reading, title = self._panel.reading, self._summary()
        colour = self.label.palette().color(QPalette.ColorRole.WindowText).name()
        if (reading, title, colour) == self._shown:
            return
        self._shown = reading, title, colour
        self.label.setText("" if reading is None else in_html(reading, title, colour))
        self.label.setVisible(reading is not None)

    def _summary(self) -> str:
        """What Enter would do: FoI · limit · 128 x 128 · about 8 s."""
        panel = self._panel
        chosen, reading, prospect = panel.chosen(), panel.reading, panel.prospect
        title = chosen.title if chosen is not None else ""
        if reading is not None and (chosen is None or chosen.name == "auto"):
            title = reading.algorithm
        parts = [title]
        large = False
        if prospect is not None:
            parts += [tr(prospect.mode)] if prospect.mode else []
            parts.append(f"{prospect.width} x {prospect.height}")
            too_large = is_too_large(prospect.width, prospect.height, panel.most_pixels)
            if too_large and (prospect.mode or not panel.full_resolution):
                return f"{parts[-1]} · {tr('too large for one edit: select a part')}"
            large = is_large(prospect.width, prospect.height, panel.native_size)
        if large:
            size = f"{panel.native_size} x {panel.native_size}"
            places = tr("place by place, each at {size}", size=size)
            parts.append(places if panel.full_resolution else tr("all at once"))
        name = next((one.name for one in panel.algorithms if one.title == title), "")
        if name in panel.seconds:
            pace = "about {seconds} s"
            seconds = panel.seconds[name] * panel.seeds
            if large and panel.full_resolution:
                pace = "about {seconds} s a pass"
            parts.append(tr(pace, seconds=round(seconds)))
        return " · ".join(part for part in parts if part)

    def _clicked(self, link: str) -> None:
        reading = self._panel.reading
        if reading is None:
            return
        if link == PROPOSAL:
            self._panel.set_instruction(reading.proposal)
            return
        number, _, word = link.partition(":")
        if number.isdigit() and int(number) < len(reading.items):
            item = reading.items[int(number)]
            self._panel.set_instruction(marked(self._panel.instruction, item.text, word))


def in_html(reading: Reading, title: str, colour: str) -> str:
    """A reading as the label shows it. title: of the algorithm; colour: of plain text."""
    if reading.question.template:
        words = escape(told(reading.question))
        if reading.proposal:
            return _link(PROPOSAL, words, colour, underlined=True)
        return "<br>".join(part for part in (words, escape(told(reading.remedy))) if part)
    shown = [_item(number, one, colour) for number, one in enumerate(reading.items[:MOST_ITEMS])]
    if more := len(reading.items) - len(shown):
        shown.append(escape(tr("and {count} more", count=more)))
    notes = [escape(told(note)) for note in reading.notes]
    return "<br>".join([*shown[:-1], " · ".join((*shown[-1:], escape(title))), *notes])


def _item(number: int, item: ReadItem, colour: str) -> str:
    """One item: recolour · the box → red."""

    def words(text: str) -> str:
        return _words(number, text, item.keyword, colour)

    parts = [escape(tr(item.does))]
    if not (item.subject or item.target):
        parts.append(words(item.text))
    elif item.relation and item.subject:
        between = escape(item.relation)
        parts.append(f"{words(item.target)} {between} {words(item.subject)}")
    elif item.subject and item.target:
        parts.append(f"{words(item.subject)} → {words(item.target)}")
    else:
        parts.append(words(item.subject or item.target))
    if item.outside:
        parts.append(escape(tr("not: {thing}", thing=item.keyword)))
    return " · ".join(parts)


def _words(number: int, text: str, keyword: str, colour: str) -> str:
    """A text whose words are links; those of the keyword are underlined."""
    kept = {word.lower() for word in re.findall(r"\w+", keyword)}
    pieces = []
    for piece in re.split(r"(\w+)", text):
        if re.fullmatch(r"\w+", piece):
            underlined = piece.lower() in kept
            pieces.append(_link(f"{number}:{piece}", escape(piece), colour, underlined))
        else:
            pieces.append(escape(piece))
    return "".join(pieces)


def _link(target: str, words: str, colour: str, underlined: bool) -> str:
    line = "underline" if underlined else "none"
    style = f"color:{colour}; text-decoration:{line};"
    return f'<a href="{escape(target, quote=True)}" style="{style}">{words}</a>'
