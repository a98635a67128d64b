"""A word becomes its item's mark: "make the box red" -> "make the [box] red".

The mark is how a painter tells whose place is looked for, where the sentence was read otherwise. No
Krita, no Qt.
"""

from __future__ import annotations

import re

NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")

MARK = re.compile(r"\[([^\[\]:;\n]+)(:[ ]*[0-9.]+[ ]*)?\]")
"""Words and perhaps a strength, as the server reads it (language/marks.py)."""


def marked(instruction: str, item: str, word: str) -> str:
    """The instruction with this word of one of its items as that item's mark.

    item: as the server has read it, without brackets. The item's earlier mark goes, its strength
    stays. Where the word does not stand in the painter's own text, nothing changes.
    """
    start, end = _place(instruction, item)
    own, strength = instruction[start:end], ""
    if found := MARK.search(own):
        strength = found[2] or ""
        own = MARK.sub(lambda match: match[1], own)
    there = re.search(rf"(?<![\w\[]){re.escape(word)}(?!\w)", own, re.IGNORECASE)
    if there is None:
        return instruction
    own = f"{own[: there.start()]}[{there[0]}{strength}]{own[there.end() :]}"
    return instruction[:start] + own + instruction[end:]


def plain(instruction: str) -> str:
    """The instruction without its marks."""
    return MARK.sub(lambda match: match[1], instruction)


def own_words(instruction: str, item: str) -> str:
    """How the painter has written an item, with its marks.

    The item itself where that is unclear.
    """
    start, end = _place(instruction, item)
    return item if (start, end) == (0, len(instruction)) else instruction[start:end]


def strength(instruction: str, item: str) -> float:
    """How strongly an item acts, as its mark says; 1 without one."""
    found = MARK.search(own_words(instruction, item))
    number = NUMBER.search(found[2]) if found and found[2] else None
    return float(number[0]) if number else 1.0


def strengthened(instruction: str, item: str, word: str, value: float) -> str:
    """The instruction with an item that acts so strongly: "make the [star:0.5] blue".

    word: that is marked, where the item has no mark yet. A strength of 1 is not written.
    """
    start, end = _place(instruction, item)
    own = instruction[start:end]
    found = MARK.search(own)
    if found is None:
        return (
            instruction
            if value == 1
            else strengthened(marked(instruction, item, word), item, "", value)
            if word
            else instruction
        )
    words = found[1] if value == 1 else f"[{found[1]}:{value:g}]"
    own = own[: found.start()] + words + own[found.end() :]
    return instruction[:start] + own + instruction[end:]


def _place(instruction: str, item: str) -> tuple[int, int]:
    """Where an item stands in the instruction, with marks; all of it where unclear."""
    between = r"(?:[\[\]\s]|:[ ]*[0-9.]+[ ]*\])*"
    words = [re.escape(word) for word in re.findall(r"\w+|[^\w\s]", item)]
    if not words:
        return 0, len(instruction)
    whole = r"\[?" + between.join(words) + r"(?::[ ]*[0-9.]+[ ]*\])?\]?"
    found = re.search(whole, instruction, re.IGNORECASE)
    return found.span() if found else (0, len(instruction))
