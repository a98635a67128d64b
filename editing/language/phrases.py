"""Cuts a sentence's words into phrases.

Tells where a noun phrase has its head, where "make X C" parts, and which words mean the whole
picture.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from . import english
from . import lexicon as lex

WORD = re.compile(r"[^\W_]+(?:['\-][^\W_]+)*")


@dataclass(frozen=True)
class Token:
    """A word of a text in lower case, and its characters."""

    word: str
    start: int
    end: int


Tokens = Sequence[Token]


def tokens(text: str) -> list[Token]:
    """The words of a text."""
    return [Token(m[0].lower(), m.start(), m.end()) for m in WORD.finditer(text)]


def without_fillers(words: Tokens) -> Tokens:
    """Without "please", "then" and the like in front."""
    start = 0
    while start < len(words) and words[start].word in lex.FILLERS:
        start += 1
    return words[start:]


AMOUNTS = frozenset(
    "bit touch hint lot lots couple pair dash splash handful number plenty loads dozen kind"
    " sort".split()
)
"""They say how much there is of the noun behind them.

A hint of blush, a pair of glasses.
"""


def head(phrase: Tokens) -> Tokens:
    """The noun that a phrase is about; empty where there is none.

    Behind determiners, possessives, numbers and adjectives, before whatever tells more of it: a
    preposition, "who is ...", "holding a cup". Colours and predicate adjectives behind it do not
    count; it is the last word left.
    """
    start, end = noun_run(phrase)
    if end + 1 < len(phrase) and phrase[end].word == "of" and phrase[end - 1].word in AMOUNTS:
        return head(phrase[end + 1 :])
    noun = end
    while noun > start and lex.is_adjective(phrase[noun - 1].word):
        noun -= 1
    last = noun if noun > start else end
    return phrase[last - 1 : last] if last > start else ()


def noun_run(phrase: Tokens) -> tuple[int, int]:
    """Where a phrase's adjectives and nouns begin and end.

    What leads and what follows is left out.
    """
    start = 0
    while start < len(phrase) and (
        leads(phrase[start].word) or phrase[start].word in lex.PREPOSITIONS
    ):
        start += 1
    end = start
    noun = False
    while end < len(phrase) and not (end > start and _tells_more(phrase, end, noun)):
        noun = noun or not lex.is_adjective(phrase[end].word)
        end += 1
    return start, end


def _tells_more(phrase: Tokens, at: int, noun: bool) -> bool:
    """Whether a phrase's noun has been said before this word.

    noun: whether there was one.
    """
    word = phrase[at].word
    if (
        word in lex.PREPOSITIONS
        or word in lex.RELATIVES
        or (word in ("and", "or", "but") and at + 1 < len(phrase) and leads(phrase[at + 1].word))
    ):
        return True
    if not noun:
        return False
    if word in lex.DETERMINERS or word in lex.PRONOUNS or word in ("is", "are", "not"):
        return True
    following = phrase[at + 1].word if at + 1 < len(phrase) else ""
    kinds = english.classes(word)
    if word.endswith("ing") and lex.is_adjective(word):
        return bool(following) or "n" not in kinds or phrase[at - 1].word in lex.ANIMATE
    if word.endswith("ed") and "v" in kinds and lex.is_adjective(word):
        return following in lex.PREPOSITIONS
    return False


def ends_noun_phrase(words: Tokens) -> int:
    """How many words in front are a noun phrase: its determiners, adjectives and noun."""
    noun = head(words)
    return next((i + 1 for i, t in enumerate(words) if noun and t is noun[0]), 0)


def without_attribute(subject: Tokens) -> Tokens:
    """The colour of the heart -> the heart; the heart's colour -> the heart."""
    words = [t.word for t in subject]
    if "of" in words:
        at = words.index("of")
        if at and _is_attribute(words[at - 1]) and at + 1 < len(words):
            return subject[at + 1 :]
    if len(words) > 1 and _is_attribute(words[-1]) and words[-2].endswith("'s"):
        owner = subject[-2]
        return (*subject[:-2], Token(owner.word[:-2], owner.start, owner.end - 2))
    named = len(words) > 1 and not leads(words[-2]) and not lex.is_adjective(words[-2])
    if named and _is_attribute(words[-1]):
        return subject[:-1]
    return subject


def _is_attribute(word: str) -> bool:
    return english.singular(word) in lex.ATTRIBUTES


ENTIRE = ("whole", "entire")


def is_whole(words: Tokens) -> bool:
    return bool(words) and whole_prefix(words) == len(words)


def whole_prefix(words: Tokens) -> int:
    """How many words in front mean the whole picture.

    Such words are: it, everything, the entire image.
    """
    if words and words[0].word in ("a", "an", "another"):
        return 0  # hang a picture on the wall
    k = 0
    while k < len(words) and (words[k].word in lex.DETERMINERS or words[k].word in ENTIRE):
        k += 1
    if k and k < len(words) and words[k].word == "thing" and words[k - 1].word in ENTIRE:
        return k + 1
    if k < len(words) and words[k].word in lex.PICTURES:
        return k + 1
    if not words or words[0].word not in lex.WHOLE:
        return 0
    if (
        words[0].word == "it"
        or len(words) == 1
        or words[1].word in ("a", "an", "look", "like", "in", "as", "into")
    ):
        return 1
    return (
        1 if all(lex.joins(t.word) for t in words[1:]) else 0
    )  # "make this red", but not "make this red star blue"


def relation_at(words: Tokens) -> int:
    """How many words at the front form a preposition of place; 0 for none.

    It places one thing by another.
    """
    for relation in lex.RELATIONS:
        parts = relation.split()
        if [t.word for t in words[: len(parts)]] == parts:
            return len(parts)
    return 0


def find(words: Tokens, wanted: Collection[str]) -> int | None:
    return next((i for i, t in enumerate(words) if t.word in wanted), None)


def leads(word: str) -> bool:
    """Determiners, possessives and numbers in front of a noun."""
    return word in lex.DETERMINERS or word.endswith("'s") or lex.is_number(word)


def name_of(phrase: Tokens) -> Tokens:
    """The head, unless it is a pronoun that names nothing."""
    phrase = without_attribute(phrase)
    noun = head(phrase)
    return () if noun and noun[0].word in lex.NAMELESS else noun


def last_content(words: Tokens) -> Tokens:
    content = [i for i, t in enumerate(words) if t.word not in lex.CONTENTLESS | lex.STYLES]
    return words[content[-1] : content[-1] + 1] if content else ()


def longest_head(words: Tokens) -> Tokens:
    """The head of the longest noun phrase; the first of equals."""
    best: Tokens = ()
    run: list[Token] = []
    for token in (*words, None):
        if (
            token is not None
            and token.word not in lex.CONTENTLESS
            and token.word not in ("and", "but")
        ):
            run.append(token)
            continue
        if len(run) > len(best):
            best = tuple(run)
        run = []
    return head(best)


HANDLING = frozenset("eat drink ride use read play push pull throw catch kiss hug".split())


def _does(words: Tokens) -> bool:
    """Whether the words say what somebody does, without saying who: holding a flower."""
    first, following = words[0].word, words[1].word if len(words) > 1 else ""
    doing = first.endswith("ing") and lex.is_adjective(first)
    if doing and following and (first in lex.HOLDS or english.base(first) in HANDLING):
        return True  # wearing sunglasses
    object_follows = leads(following) or following in lex.PREPOSITIONS | {"up", "down"}
    return object_follows and (doing or english.is_base_verb(first))


def is_noun_phrase(words: Tokens) -> bool:
    """Whether words name a thing and say nothing of what it should do.

    "a dog wearing sunglasses" is one.
    """
    noun = head(words)
    if words and (words[-1].word == "instead" or words[0].word in lex.DEFINITE | lex.PREPOSITIONS):
        return False  # what is there already, or a place: nothing to be painted
    if (
        not noun
        or words[0].word in lex.PRONOUNS
        or lex.is_adjective(noun[0].word)
        or noun[0].word in lex.CONTENTLESS | lex.ACTIONS
    ):
        return False
    if _does(words) or words[-1].word in lex.ADVERBS | {"up", "down"}:
        return False  # what somebody does or how it is held: wearing a suit, tongue out
    if noun[0].word in lex.FEATURES and not leads(words[0].word) and len(words) > 1:
        return False  # what is there anyhow: hands in pockets
    loose = [t for i, t in enumerate(words) if i == 0 or words[i - 1].word not in lex.RELATIVES]
    if any(t.word in lex.FINITE for t in loose):
        return False
    following = words[1].word if len(words) > 1 else ""
    return not (english.is_base_verb(words[0].word) and following in lex.PRONOUNS)
