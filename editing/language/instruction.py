"""Reads the painter's sentence into an Instruction.

That tells what to change, item by item, and what the picture shows now.

    box       = [ "image:" text newline ] edit
    edit      = item { separator item }
    separator = newline | ";" | ", then " | " then "
              | ( "," | " and " | " but " | ". " ) when an imperative or a clause follows
    item      = text arrow text | imperative | wish | question | phrase
    arrow     = "=>" | "->" | "→"
    mark      = "[" words [ ":" number ] "]"        see marks.py; the number is the item's strength

Deterministic, case-insensitive, driven by the tables in lexicon.py. str(instruction) writes it in
one canonical way, and parse(str(instruction)) gives an equal instruction back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from ..errors import EditError
from ..said import say
from . import pieces
from .grammar import is_imperative, read
from .marks import MARK, Mark, Span, clip, place, take
from .outcome import Operation, Reading
from .phrases import Tokens, head, is_noun_phrase, tokens
from .pieces import ARROW
from .questions import Question, doubted, unclear
from .references import resolved
from .replacing import whole_line
from .rewriting import imperative

# the text encoder reads 75 tokens, about 400 characters; beyond this nothing could be meant
MAX_CHARACTERS = 2000


MAX_ITEMS = 16  # 75 tokens hold no more instructions than that


CAPTION = re.compile(r"image[ ]*:[ ]*", re.IGNORECASE)


EDGE = " ,.;:!?"  # punctuation that says nothing at an item's edge


LEADING = re.compile(r"(?:(?:and|then)(?: |$)|[ ,.;:!?])+", re.IGNORECASE)


Form = Literal["arrow", "imperative", "phrase"]


@dataclass(frozen=True)
class Item:
    """One thing to do.

    text: as written, without brackets; wishes and questions as the imperative that they stand for
    (rewriting.py). form: `A => B`, a sentence with a verb, or a mere phrase. subject, target: what
    is changed and what it becomes; for add, the place and the new thing, with `relation` between
    them; "" where the sentence has none. keyword: the word whose attention shows the place, "" if
    none can be told; span: its characters in text. strength: 1 unless a mark says otherwise.
    outside: the edit acts everywhere but at the keyword ("everything except the tree"). sure:
    whether the sentence was read; if not, the keyword is a guess, to be held against the model's
    attention.
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
    outside: bool = False
    sure: bool = True

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
    question: what has to be answered first, None where it is clear.
    """

    items: tuple[Item, ...]
    caption: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)
    question: Question | None = field(default=None, compare=False)

    def __str__(self) -> str:
        lines = [str(item) for item in self.items]
        if self.caption or CAPTION.match(lines[0]):
            lines.insert(0, f"image: {self.caption}".strip())
        return "\n".join(lines)


def parse(text: str, caption: str = "") -> Instruction:
    """Read an instruction.

    A caption in the box ("image: ...") goes before the caption field. Raises EditError:
    "empty-instruction", "instruction-too-long", "too-many-items".
    """
    for what, value in (("instruction", text), ("caption", caption)):
        if len(value) > MAX_CHARACTERS:
            sentence = say(
                "The {what} has {count} characters; {most} is the limit.",
                what=what,
                count=len(value),
                most=MAX_CHARACTERS,
            )
            raise EditError(f"{what}-too-long", sentence, say("Make it shorter."))
    notes: list[str] = []
    written = _unlisted(_clean(text)).split("\n")
    lines = [line for line in map(_squeeze, written) if line]
    shown = " ".join(filter(None, map(_squeeze, _clean(caption).split("\n"))))
    if lines and (match := CAPTION.match(lines[0])):
        shown = lines.pop(0)[match.end() :].strip() or shown
    marked = [tuple(m.span() for m in MARK.finditer(line)) for line in lines]
    question, meant = doubted(lines, marked)
    seen: list[str] = []
    items = [item for line in meant for item in _items(line, notes, seen)]
    if not items:
        raise EditError(
            "empty-instruction",
            say("There is no instruction."),
            say('Write what to change, for example "make the star blue".'),
        )
    if len(items) > MAX_ITEMS:
        sentence = say(
            "There are {count} instructions; {most} is the limit.",
            count=len(items),
            most=MAX_ITEMS,
        )
        raise EditError("too-many-items", sentence, say("Give the last ones in a second edit."))
    named = [
        _item(plain, ())
        if text != item.text and pieces.settled(plain := imperative(text))
        else item
        for item, text in zip(items, resolved(items, shown, seen), strict=True)
    ]
    if sum(len(item.text) + 1 for item in named) <= MAX_CHARACTERS - len(shown) - len("image: "):
        items = named
    notes += _foreign(*(item.text for item in items), shown)
    question = question or next((q for item in items if (q := unclear(item)) is not None), None)
    if question is None:
        notes += [
            say("Not sure what {text} asks: it goes to the model as it is.", text=repr(i.text))
            for i in items
            if not i.sure
        ]
    return Instruction(tuple(items), shown, tuple(notes), question)


def _foreign(*texts: str) -> list[str]:
    """A note where a word has letters that English does not; nothing is translated."""
    words = [
        t.word
        for text in texts
        for t in tokens(text)
        if any(c.isalpha() and not c.isascii() for c in t.word)
    ]
    return (
        [
            say(
                "The model learned its words in English; {word} may not reach it as it is meant.",
                word=repr(words[0]),
            )
        ]
        if words
        else []
    )


def _clean(text: str) -> str:
    """Cleans a text: NFC, straight quotes, plain spaces.

    Control characters and the tokenizer's own marks are taken out.
    """
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


def _unlisted(text: str) -> str:
    """Without the numbers and bullets of a list; each of its entries is a line."""
    if re.match(r"\s*1[.)] ", text):
        text = re.sub(r"[ ;,]+(?=\d{1,2}[.)] +[^\W\d])", "\n", text)
    return re.sub(r"(?m)^[ ]*(?:\d{1,2}[.)]|[-*\u2022\u2013])[ ]+(?=\S)", "", text)


QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})


def _squeeze(line: str) -> str:
    return (
        " ".join(line.split(" ")).strip() if "  " not in line else re.sub(" +", " ", line).strip()
    )


def _items(line: str, notes: list[str], seen: list[str]) -> list[Item]:
    """The items of one line.

    Notes, and nouns that are said to be there, are appended to the lists that are passed in.
    """
    text, marks = take(line, notes)
    if not ARROW.search(text) and (plain := whole_line(text)) != text:
        placed = place(tuple(marks), text, plain)
        if len(placed) == len(marks):
            text, marks = plain, list(placed)
    found: list[tuple[str, tuple[Mark, ...]]] = []
    for start, end in pieces.cut(text, [m.span for m in marks]):
        lead = LEADING.match(text, start, end)
        start = lead.end() if lead else start
        while end > start and text[end - 1] in EDGE:
            end -= 1
        plain = ARROW.sub("", text[start:end])
        if any(c.isalnum() or unicodedata.category(c)[0] == "S" for c in plain):
            inside = [clip(mark, start, end) for mark in marks]
            found.append((text[start:end], tuple(m for m in inside if m is not None)))
    items: list[Item] = []
    for piece, own in found:
        if len(found) > 1 and pieces.stays(piece):
            notes.append(say(KEPT, text=repr(piece)))
        elif len(found) > 1 and pieces.context(piece, [other for other, _ in found]):
            seen += pieces.things(piece)
        else:
            items += _of_piece(piece, own, notes)
    if found and not items:  # all that is said is what shall stay
        items = [_item(*found[0])]
    return items


def _of_piece(piece: str, own: tuple[Mark, ...], notes: list[str]) -> list[Item]:
    """The items of one piece.

    The piece stays as it stands where rewriting would lose a mark or would not end.
    """
    plains, kept = pieces.said(piece)
    placed = [place(own, piece, plain) for plain in plains]
    lost = sum(len(p) for p in placed) < len(own)
    if lost or not all(plain == piece or pieces.settled(plain) for plain in plains):
        return [_item(piece, own)]
    if kept:
        notes.append(say(KEPT, text=repr(kept)))
    return [_item(plain, where) for plain, where in zip(plains, placed, strict=True)]


KEPT = "Kept as it is anyway, outside of what changes: {text}."


def _item(text: str, marks: tuple[Mark, ...]) -> Item:
    arrow = ARROW.search(text)
    if arrow is None:
        reading = read(text)
        form: Form = "imperative" if is_imperative(text) else "phrase"
        sure = reading.operation != "raw" or (form == "phrase" and is_noun_phrase(tokens(text)))
        subject, relation, target = (
            _words(text, part) for part in (reading.subject, reading.relation, reading.target)
        )
    else:
        form = "arrow"
        sure = True
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
        bool(reading.exception),
        sure or bool(marks),
    )


def _words(text: str, part: Tokens) -> str:
    if not part:
        return ""
    start, end = part[0].start, part[-1].end
    if text[start:end].count("(") > text[start:end].count(")"):
        end += text[end : end + 1] == ")"
    if text[start:end].count('"') % 2:  # a quoted word at an edge keeps both its quotes
        end += text[end : end + 1] == '"'
        start -= text[start:end].count('"') % 2 and text[:start].endswith('"')
    return text[start:end]
