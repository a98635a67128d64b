"""Marks: words in brackets show the place of an edit.

Example: "make the [dog:2] sit".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

Span = tuple[int, int]


MAX_STRENGTH = 10.0  # a mark's number: FoI's alpha is a nudge at 1 and at its useful limit at 10


MARK = re.compile(r"\[([^\[\]:;\n]+)(?::[ ]*([0-9]{1,6}(?:\.[0-9]{0,6})?)[ ]*)?\]")


@dataclass(frozen=True)
class Mark:
    """Words that the painter put into brackets: their characters in the item's text."""

    text: str
    span: Span
    strength: float | None = None


def take(line: str, notes: list[str]) -> tuple[str, list[Mark]]:
    """The line without brackets, and what stood in them."""
    plain: list[str] = []
    marks: list[Mark] = []
    at = 0
    length = 0

    def add(text: str) -> None:
        nonlocal length
        if not plain or plain[-1].endswith(" "):
            text = text.lstrip(" ")
        if text:
            plain.append(text)
            length += len(text)

    for match in MARK.finditer(line):
        add(_unbracketed(line[at : match.start()], notes))
        if match[1].startswith(" "):
            add(" ")
        start = length
        words = match[1].strip()
        if words:
            add(words)
            strength = None if match[2] is None else float(match[2])
            if strength is not None and strength > MAX_STRENGTH:
                notes.append(
                    f"The strength {strength:g} of {words!r} was lowered to {MAX_STRENGTH:g}."
                )
                strength = MAX_STRENGTH
            marks.append(
                Mark(words, (start, length), None if strength is None else round(strength, 4))
            )
        if match[1].endswith(" "):
            add(" ")
        at = match.end()
    add(_unbracketed(line[at:], notes))
    text = "".join(plain)
    composed = unicodedata.normalize("NFC", text)
    return (text, marks) if composed == text else (composed, [])


def _unbracketed(text: str, notes: list[str]) -> str:
    """Brackets that are no mark."""
    if "[" in text or "]" in text:
        notes.append("A bracket without its partner, or with nothing readable in it, was ignored.")
        return re.sub(" +", " ", text.replace("[", "").replace("]", ""))
    return text


def clip(mark: Mark, start: int, end: int) -> Mark | None:
    """A mark as part of text[start:end], or None if nothing of it lies there."""
    a, b = max(mark.span[0], start), min(mark.span[1], end)
    if a >= b:
        return None
    cut = mark.text[a - mark.span[0] : b - mark.span[0]]
    left = len(cut) - len(cut.lstrip(" "))
    cut = cut.strip(" ")
    return (
        Mark(cut, (a - start + left, a - start + left + len(cut)), mark.strength) if cut else None
    )


def place(marks: tuple[Mark, ...], before: str, after: str) -> tuple[Mark, ...]:
    """The marks of a text, found again in its rewritten form.

    A mark that is no longer there is left out.
    """
    if before == after:
        return marks
    found: list[Mark] = []
    for mark in marks:
        there = re.search(rf"(?<!\w){re.escape(mark.text)}(?!\w)", after)
        free = there and not any(
            m.span[0] < there.end() and there.start() < m.span[1] for m in found
        )
        if there and free:
            found.append(Mark(mark.text, there.span(), mark.strength))
    return tuple(sorted(found, key=lambda m: m.span))
