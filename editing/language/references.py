"""Pronouns: "make the woman smile and give her a hat" -> "give the woman a hat".

Resolved by what the instruction itself named before, then by the caption, at last by what the
pronoun says (her: the woman). "it" is the whole picture unless something was named before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from . import english
from . import lexicon as lex
from .phrases import Tokens, head, tokens
from .predicates import owns

WOMEN = frozenset(
    "woman girl lady mother queen princess bride wife daughter sister nurse actress grandmother "
    "witch waitress ballerina".split()
)
MEN = frozenset(
    "man boy guy father king prince groom husband son brother grandfather wizard gentleman "
    "waiter policeman fireman".split()
)
PEOPLE = (
    frozenset(
        (
            "person",
            "child",
            "baby",
            "kid",
            "player",
            "model",
            "dancer",
            "worker",
            "chef",
            "doctor",
            "rider",
            "figure",
            "toddler",
        )
    )
    | WOMEN
    | MEN
)
GENERIC = {
    "him": "the man",
    "her": "the woman",
    "them": "the people",
    "he": "the man",
    "she": "the woman",
    "they": "the people",
}
OBJECTS = frozenset(GENERIC) | {"it"}
WHOLE_STATES = (
    lex.TIMES
    | lex.PICTURES
    | lex.STYLES
    | frozenset(
        "snowy rainy sunny cloudy foggy misty stormy snow rain snowing raining weather "
        "season".split()
    )
)


class Referring(Protocol):
    """What is needed of an item."""

    @property
    def text(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def marks(self) -> Sequence[object]: ...


def resolved(items: Sequence[Referring], caption: str, seen: Sequence[str] = ()) -> Iterator[str]:
    """Each item's text, its pronouns replaced by what they stand for.

    Texts with marks or arrows stay. seen: nouns that the painter said are there.
    """
    named: list[Tokens] = [tokens(word) for word in seen]
    for item in items:
        text = item.text
        if item.form != "arrow" and not item.marks:
            text = _replaced(item, named, caption)
        yield text
        for part in (
            (item.subject, item.target) if item.operation in ("add", "replace") else (item.subject,)
        ):
            noun = head(tokens(part))
            if noun and noun[0].word not in lex.PRONOUNS and noun[0].word not in lex.WHOLE:
                named.insert(0, noun)


def _replaced(item: Referring, named: list[Tokens], caption: str) -> str:
    text = item.text
    words = tokens(text)
    for i in reversed(range(len(words))):
        word = words[i].word
        if word in ("one", "ones") and i > 0 and words[i - 1].word in ONE_BEHIND and named:
            text = text[: words[i].start] + named[0][0].word + text[words[i].end :]
            continue
        if (
            word in OBJECTS
            and not (
                word == "her"
                and (
                    owns(words[i + 1 :], words[0].word if i == 1 or words[0].word != "give" else "")
                    or _owns_behind_preposition(words, i)
                )
            )
            and (thing := _thing(word, item, words, named, caption))
        ):
            text = text[: words[i].start] + thing + text[words[i].end :]
    return text


ONE_BEHIND = frozenset("the that this left right other last first second third".split())
"""Before "one" that stands for a thing named earlier: the one on the right."""


def _owns_behind_preposition(words: Tokens, at: int) -> bool:
    """A smile on | her face; not: a cat behind | her, next to her in the garden."""
    following = words[at + 1].word if at + 1 < len(words) else ""
    plain = following not in lex.DETERMINERS | lex.PREPOSITIONS | lex.RELATIVES
    noun = "n" in english.classes(following) or lex.is_adjective(following)
    return at > 0 and words[at - 1].word in lex.PREPOSITIONS and plain and noun


def _thing(word: str, item: Referring, words: Tokens, named: list[Tokens], caption: str) -> str:
    """What a pronoun stands for; "" if nothing but the picture."""
    before = [noun[0].word for noun in named]
    if word == "it":
        state = item.operation == "global" and {t.word for t in tokens(item.target)} & WHOLE_STATES
        if state or words[0].word in ("let",):
            return ""
        if before:
            return f"the {before[0]}"
        target = [t.word for t in tokens(item.target)]
        alive = (
            [w for w in _nouns(caption) if english.singular(w) in lex.ANIMATE]
            if target
            and target[0]
            in lex.POSE_VERBS - {"look", "turn", "become", "be", "glow", "rest", "fall"}
            else []
        )
        return f"the {alive[0]}" if alive else ""
    for known in (before, _nouns(caption)):
        if fit := next((w for w in known if _fits(word, w)), None):
            return f"the {fit}"
    if word in ("him", "her", "he", "she"):
        alive = [w for w in (*before, *_nouns(caption)) if w in lex.ANIMATE and w not in PEOPLE]
        if alive:
            return f"the {alive[0]}"
    elif before:
        return f"the {before[0]}"
    return GENERIC[word]


def _fits(word: str, noun: str) -> bool:
    one = english.singular(noun)
    if word in ("them", "they"):
        return one != noun
    others = MEN if word in ("her", "she") else WOMEN
    return noun in PEOPLE - others


def _nouns(caption: str) -> list[str]:
    return [
        t.word
        for t in tokens(caption)
        if t.word in lex.ANIMATE | PEOPLE or english.singular(t.word) in lex.ANIMATE | PEOPLE
    ]
