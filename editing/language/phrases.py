"""Cutting a sentence's words into phrases: where a noun phrase has its head, where "make X C"
parts, what means the whole picture.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

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


def head(phrase: Tokens) -> Tokens:
    """The noun that a phrase is about; empty where there is none.

    Without determiners, possessives and numbers in front, cut at the first preposition, without
    colours and predicate adjectives behind, it is the last word left.
    """
    start = 0
    while start < len(phrase) and (
        _leads(phrase[start].word) or phrase[start].word in lex.PREPOSITIONS
    ):
        start += 1
    end = start
    while end < len(phrase) and (end == start or phrase[end].word not in lex.PREPOSITIONS):
        end += 1
    noun = end
    while noun > start and lex.is_adjective(phrase[noun - 1].word):
        noun -= 1
    last = noun if noun > start else end
    return phrase[last - 1 : last] if last > start else ()


def is_predicate(words: Tokens, described: bool) -> bool:
    """Whether words say how something is or what it does, rather than name a thing."""
    if words[0].word in ("a", "an"):
        return False
    if (
        words[0].word in lex.POSE_VERBS
        or words[0].word in lex.PREPOSITIONS
        or all(_joins(t.word) for t in words)
    ):
        return True
    return described and not {t.word for t in words} & (lex.SCENERY | lex.TIMES | lex.DETERMINERS)


def _joins(word: str) -> bool:
    return lex.is_adjective(word) or word in ("and", "but", "a")


def predicate_at(rest: Tokens) -> int | None:
    """Where "make X C" parts into X and C; None if it does not."""
    start = 0
    while start < len(rest) and _leads(rest[start].word):
        start += 1
    first = start + 1  # X keeps at least one word
    if rest and rest[0].word in lex.PRONOUNS:
        first = 1
    for k in range(first, len(rest)):
        word = rest[k].word
        noun = any(not lex.is_adjective(t.word) for t in rest[start:k]) or k == 1
        article = word in ("a", "an") and rest[k - 1].word not in lex.PREPOSITIONS
        number = (
            lex.is_number(word) and k + 1 < len(rest) and rest[k - 1].word not in lex.PREPOSITIONS
        )
        raised = word in ("arms", "hands", "put") and rest[-1].word == "up"
        if noun and (
            article or number or raised or (word in lex.POSE_VERBS and not _is_noun_here(rest, k))
        ):
            return k
    run = trailing_adjectives(rest)
    if run is not None and run >= first:
        return run
    last = len(rest) - 1
    return (
        last
        if last >= first and rest[last - 1].word not in lex.PREPOSITIONS | lex.DETERMINERS
        else None
    )


def _is_noun_here(rest: Tokens, k: int) -> bool:
    """A pose verb's homonym: "the dog's look", "the lemon drink red"."""
    return rest[k - 1].word.endswith("'s") or rest[k - 1].word in lex.DETERMINERS


def trailing_adjectives(rest: Tokens) -> int | None:
    """Where the run of adjectives at the end begins; at least one word other than a determiner
    stays in front of it.
    """
    start = 0
    while start < len(rest) and _leads(rest[start].word):
        start += 1
    k = len(rest)
    while k > start + 1 and _joins(rest[k - 1].word):
        k -= 1
    while k < len(rest) and rest[k].word in ("and", "but"):
        k += 1
    return k if k < len(rest) and k > 0 else None


def without_attribute(subject: Tokens) -> Tokens:
    """The colour of the heart -> the heart; the heart's colour -> the heart."""
    words = [t.word for t in subject]
    if "of" in words:
        at = words.index("of")
        if at and words[at - 1] in lex.ATTRIBUTES and at + 1 < len(words):
            return subject[at + 1 :]
    if len(words) > 1 and words[-1] in lex.ATTRIBUTES and words[-2].endswith("'s"):
        owner = subject[-2]
        return (*subject[:-2], Token(owner.word[:-2], owner.start, owner.end - 2))
    if len(words) > 2 and words[-1] in lex.ATTRIBUTES:
        return subject[:-1]
    return subject


def is_whole(words: Tokens) -> bool:
    return bool(words) and whole_prefix(words) == len(words)


def whole_prefix(words: Tokens) -> int:
    """How many words in front mean the whole picture: it, everything, the entire image."""
    k = 0
    while k < len(words) and (
        words[k].word in lex.DETERMINERS or words[k].word in ("whole", "entire")
    ):
        k += 1
    if k < len(words) and words[k].word in lex.PICTURES:
        return k + 1
    if not words or words[0].word not in lex.WHOLE:
        return 0
    if words[0].word == "it" or len(words) == 1 or words[1].word in ("a", "an", "look"):
        return 1
    return (
        1 if all(_joins(t.word) for t in words[1:]) else 0
    )  # "make this red", but not "make this red star blue"


def relation_at(words: Tokens) -> int:
    """How many words at the front are a preposition that places one thing by another; 0: none."""
    for relation in lex.RELATIONS:
        parts = relation.split()
        if [t.word for t in words[: len(parts)]] == parts:
            return len(parts)
    return 0


def find(words: Tokens, wanted: Collection[str]) -> int | None:
    return next((i for i, t in enumerate(words) if t.word in wanted), None)


def _leads(word: str) -> bool:
    """Determiners, possessives and numbers in front of a noun."""
    return word in lex.DETERMINERS or word.endswith("'s") or lex.is_number(word)


def name_of(phrase: Tokens) -> Tokens:
    """The head, unless it is a pronoun that names nothing."""
    noun = head(phrase)
    return () if noun and noun[0].word in (*lex.WHOLE, "them", "these", "those") else noun


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
