"""Captions as lists of words.

Finds noun phrases in them, and says what a thing is after an item was done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import english
from . import lexicon as lex
from .instruction import Item
from .outcome import LINKS
from .phrases import head, tokens

Words = list[str]

BECOMING = frozenset("become turn grow get go look appear seem stay".split())
"""Verbs that say nothing of their own before an adjective: turn red."""


PIECE = re.compile(r"[^\W_]+(?:['\-][^\W_]+)*|[^\w\s]|_")


BOUNDARY = frozenset((*lex.PREPOSITIONS, "and", "or", "but", "is", "are", ",", ".", ";", ":"))


LIGHTS = frozenset("lamp lights light lantern candle torch fire fireplace".split())


DEGREES = (
    frozenset("and very a an bit little lot much more slightly somewhat even shade".split())
    | lex.ATTRIBUTES
)


ARMS_UP = ("with", "arms", "up")


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a caption.

    It holds the word indices of its start (determiner included), its head and its end.
    """

    start: int
    head: int
    end: int


def split(text: str) -> Words:
    """Words and punctuation marks."""
    return PIECE.findall(text)


def joined(words: Sequence[str]) -> str:
    """Words as a text, with a fitting "a" or "an" before each noun phrase."""
    fixed = list(words)
    for i in range(len(fixed) - 1):
        if fixed[i].lower() in ("a", "an"):
            right = english.article(fixed[i + 1])
            fixed[i] = right.capitalize() if fixed[i][0].isupper() else right
    text = re.sub(r" ([,.;:!?])", r"\1", " ".join(fixed)).strip(" ,;:")
    return re.sub(r",(?:\s*,)+", ",", text)


def bare(text: str) -> Words:
    """The words of a phrase without its determiners."""
    words = split(text)
    while len(words) > 1 and words[0].lower() in lex.DETERMINERS:
        words = words[1:]
    return words


def subject_head(item: Item) -> str:
    """The noun that the item is about, in lower case."""
    noun = head(tokens(item.subject))
    return noun[0].word if noun else ""


def locate(words: Words, name: str) -> Phrase | None:
    """The noun phrase that `name` speaks of.

    It has the name's head, and the most of its other words; the first of equals.
    """
    noun = head(tokens(name))
    if not noun:
        return None
    given = {w.lower() for w in bare(name)}
    best: tuple[int, Phrase] | None = None
    for i, word in enumerate(words):
        if english.singular(word.lower()) != english.singular(noun[0].word):
            continue
        phrase = around(words, i)
        score = len(given & {w.lower() for w in words[phrase.start : phrase.end]})
        if best is None or score > best[0]:
            best = (score, phrase)
    return None if best is None else best[1]


def around(words: Words, at: int) -> Phrase:
    start = at
    while start > 0 and words[start - 1].lower() not in BOUNDARY:
        start -= 1
        if words[start].lower() in lex.DETERMINERS or lex.is_number(words[start].lower()):
            break
    end = at + 1
    while end < len(words) and (
        words[end].lower() in lex.POSES or words[end].lower() in lex.STATE_WORDS
    ):
        end += 1
    if tuple(w.lower() for w in words[end : end + 3]) == ARMS_UP:
        end += 3
    return Phrase(start, at, end)


def state_of(item: Item) -> tuple[str, ...]:
    """What a modified thing is afterwards, as a caption says it.

    "sit down" gives sitting, "bigger" large, "open the box" open.
    """
    words = [t.word for t in tokens(item.target)]
    while words and (words[0] in LINKS or words[0] in lex.FILLERS):
        words = words[1:]
    if len(words) > 1 and words[0] in BECOMING and all(map(lex.joins, words[1:])):
        words = words[1:]  # turn red, grow taller
    verb = next((t.word for t in tokens(item.text) if t.word in lex.VERBS), "")
    raised = {"up", "raise", "lift"} & set(words) or verb == "raise"
    if raised and {"arms", "hands"} & {t.word for t in tokens(item.text)}:
        return ARMS_UP
    if not words:
        return tuple(lex.STATES.get(verb, verb).split())
    if words in (["on"], ["off"]):
        lit = "lit" if words == ["on"] else "unlit"
        return (lit,) if english.singular(subject_head(item)) in LIGHTS else ("switched", words[0])
    if words == ["close"]:
        return ("closed",)
    bare_verb = (
        english.is_base_verb(words[0])
        and len(words) > 1
        and (words[1] in lex.DETERMINERS | lex.PREPOSITIONS or lex.is_number(words[1]))
    )
    alive = english.singular(subject_head(item)) in lex.ANIMATE and english.is_base_verb(words[0])
    if (words[0] in lex.POSE_VERBS or bare_verb or alive) and not lex.is_adjective(words[0]):
        rest = words[1:] if words[1:] not in (["up"], ["down"]) else []
        return (english.participle(words[0]), *rest)
    plain = [lex.PATTERNS.get(w, lex.positive(w)) for w in words]
    return tuple(w for w in plain if w not in DEGREES or len(plain) == 1)
