"""The painter's sentence -> an Instruction: what to change, item by item, and what the picture
shows now.

    box       = [ "image:" text newline ] edit
    edit      = item { separator item }
    separator = newline | ";" | ", then " | " then " | ( "," | " and " | ". " ) when the next word
    is an imperative verb
    item      = text arrow text | imperative | phrase
    arrow     = "=>" | "->" | "→"
    mark      = "[" words [ ":" number ] "]"        the words that show the place; the number is that item's strength

Deterministic, case-insensitive, driven by the tables in lexicon.py. str(instruction) writes it in
one canonical way, and parse(str(instruction)) gives an equal instruction back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from ..errors import EditError
from .grammar import Operation, Reading, begins_imperative, is_imperative, read
from .phrases import Tokens, head, tokens

# the text encoder reads 75 tokens, about 400 characters; beyond this nothing could be meant
MAX_CHARACTERS = 2000
MAX_ITEMS = 16  # 75 tokens hold no more instructions than that
MAX_STRENGTH = 10.0  # a mark's number: FoI's alpha is a nudge at 1 and at its useful limit at 10

ARROW = re.compile("=>|->|→")
CAPTION = re.compile(r"image[ ]*:[ ]*", re.IGNORECASE)
MARK = re.compile(r"\[([^\[\]:;\n]+)(?::[ ]*([0-9]{1,6}(?:\.[0-9]{0,6})?)[ ]*)?\]")
SEPARATOR = re.compile(r";|,? and then |,? then |, and |, | and |\. |,", re.IGNORECASE)
EDGE = " ,.;:!?"  # punctuation that says nothing at an item's edge
LEADING = re.compile(r"(?:(?:and|then)(?: |$)|[ ,.;:!?])+", re.IGNORECASE)

Span = tuple[int, int]
Form = Literal["arrow", "imperative", "phrase"]


@dataclass(frozen=True)
class Mark:
    """Words that the painter put into brackets: their characters in the item's text."""

    text: str
    span: Span
    strength: float | None = None


@dataclass(frozen=True)
class Item:
    """One thing to do.

    text: as written, without brackets. form: `A => B`, a sentence with a verb, or a mere phrase.
    subject, target: what is changed and what it becomes; for add, the place and the new thing, with
    `relation` between them; all as written, "" where the sentence has none. keyword: the word whose
    attention shows the place, "" if none can be told; span: its characters in text. strength: 1
    unless a mark says otherwise.
    """

    text: str
    form: Form
    operation: Operation
    subject: str
    relation: str
    target: str
    keyword: str
    span: Span
    strength: float = 1.0
    marks: tuple[Mark, ...] = ()

    def __str__(self) -> str:
        pieces, at = [], 0
        for mark in self.marks:
            number = (
                ""
                if mark.strength is None
                else ":" + f"{mark.strength:.4f}".rstrip("0").rstrip(".")
            )
            pieces += [self.text[at : mark.span[0]], f"[{mark.text}{number}]"]
            at = mark.span[1]
        return "".join([*pieces, self.text[at:]])


@dataclass(frozen=True)
class Instruction:
    """All that the painter asked for.

    caption: what the picture shows now, "" if unknown. notes: what could not be taken as written.
    """

    items: tuple[Item, ...]
    caption: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        lines = [str(item) for item in self.items]
        if self.caption or CAPTION.match(lines[0]):
            lines.insert(0, f"image: {self.caption}".strip())
        return "\n".join(lines)


def parse(text: str, caption: str = "") -> Instruction:
    """Read an instruction. A caption in the box ("image: ...") goes before the caption field.

    Raises EditError: "empty-instruction", "instruction-too-long", "too-many-items".
    """
    for what, value in (("instruction", text), ("caption", caption)):
        if len(value) > MAX_CHARACTERS:
            sentence = f"The {what} has {len(value)} characters; {MAX_CHARACTERS} is the limit."
            raise EditError(f"{what}-too-long", sentence, "Make it shorter.")
    notes: list[str] = []
    lines = [line for line in (_squeeze(line) for line in _clean(text).split("\n")) if line]
    shown = " ".join(_squeeze(line) for line in _clean(caption).split("\n")).strip()
    if lines and (match := CAPTION.match(lines[0])):
        shown = lines.pop(0)[match.end() :].strip() or shown
    items = [item for line in lines for item in _items(line, notes)]
    if not items:
        raise EditError(
            "empty-instruction",
            "There is no instruction.",
            'Write what to change, for example "make the star blue".',
        )
    if len(items) > MAX_ITEMS:
        sentence = f"There are {len(items)} instructions; {MAX_ITEMS} is the limit."
        raise EditError("too-many-items", sentence, "Give the last ones in a second edit.")
    notes += _foreign(*(item.text for item in items), shown)
    return Instruction(tuple(items), shown, tuple(notes))


def _foreign(*texts: str) -> list[str]:
    """A note where a word has letters that English does not; nothing is translated."""
    words = [
        t.word
        for text in texts
        for t in tokens(text)
        if any(c.isalpha() and not c.isascii() for c in t.word)
    ]
    return (
        [f"The model learned its words in English; {words[0]!r} may not reach it as it is meant."]
        if words
        else []
    )


def _clean(text: str) -> str:
    """NFC, straight quotes, plain spaces; without control characters and the tokenizer's own marks."""
    text = re.sub(r"<\|[^|<>\n]{0,40}\|>", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = []
    for c in text:
        kind = unicodedata.category(c)
        if (
            c == "\n" or kind[0] not in "CZ" or c in "\u200c\u200d"
        ):  # joiners hold letters and pictographs together
            kept.append(c)
        else:
            kept.append("" if kind in ("Cf", "Cs", "Cn", "Co") else " ")
    return unicodedata.normalize("NFC", "".join(kept).translate(QUOTES))


QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})


def _squeeze(line: str) -> str:
    return (
        " ".join(line.split(" ")).strip() if "  " not in line else re.sub(" +", " ", line).strip()
    )


def _items(line: str, notes: list[str]) -> list[Item]:
    """The items of one line."""
    text, marks = _take_marks(line, notes)
    found = []
    for start, end in _pieces(text, marks):
        lead = LEADING.match(text, start, end)
        start = lead.end() if lead else start
        while end > start and text[end - 1] in EDGE:
            end -= 1
        if any(
            c.isalnum() or unicodedata.category(c)[0] == "S" for c in ARROW.sub("", text[start:end])
        ):
            inside = [_clip(mark, start, end) for mark in marks]
            found.append(_item(text[start:end], tuple(m for m in inside if m is not None)))
    return found


def _take_marks(line: str, notes: list[str]) -> tuple[str, list[Mark]]:
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


def _clip(mark: Mark, start: int, end: int) -> Mark | None:
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


def _pieces(text: str, marks: list[Mark]) -> list[Span]:
    """Where the items of a line lie."""
    cuts: list[Span] = []
    for match in SEPARATOR.finditer(text):
        if (
            any(a < match.end() and match.start() < b for a, b in (m.span for m in marks))
            and match[0] != ";"
        ):
            continue
        sure = match[0] == ";" or match[0].lower().endswith("then ")
        if sure or begins_imperative(tokens(text[match.end() : match.end() + LOOKAHEAD])):
            cuts.append(match.span())
    edges = [0, *(edge for cut in cuts for edge in cut), len(text)]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return [piece for span in spans for piece in _arrows(text, span)]


LOOKAHEAD = 80  # characters after a separator that can decide whether an item begins there


def _arrows(text: str, span: Span) -> list[Span]:
    """`A => B, C => D` without a verb: the commas part the items where every part has its own
    arrow.
    """
    start, end = span
    if len(ARROW.findall(text, start, end)) < 2:
        return [span]
    commas = [m.start() for m in re.finditer(",", text[start:end])]
    edges = [start, *(edge for c in commas for edge in (start + c, start + c + 1)), end]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return spans if all(len(ARROW.findall(text, a, b)) == 1 for a, b in spans) else [span]


def _item(text: str, marks: tuple[Mark, ...]) -> Item:
    arrow = ARROW.search(text)
    if arrow is None:
        reading = read(text)
        form: Form = "imperative" if is_imperative(text) else "phrase"
        subject, relation, target = (
            _words(text, part) for part in (reading.subject, reading.relation, reading.target)
        )
    else:
        form = "arrow"
        subject, relation = text[: arrow.start()].strip(EDGE), ""
        target = ARROW.sub(" ", text[arrow.end() :]).strip(EDGE)
        operation: Operation = "replace" if subject and target else "remove" if subject else "add"
        side = tokens(text[: arrow.start()]) if subject else tokens(text)
        reading = Reading(operation, key=head(side))
    span = (reading.key[0].start, reading.key[-1].end) if reading.key else (0, 0)
    if marks:
        span = marks[0].span
    strengths = [m.strength for m in marks if m.strength is not None]
    strength = strengths[0] if strengths else 1.0
    return Item(
        text,
        form,
        reading.operation,
        subject,
        relation,
        target,
        text[span[0] : span[1]],
        span,
        strength,
        marks,
    )


def _words(text: str, part: Tokens) -> str:
    return text[part[0].start : part[-1].end] if part else ""
