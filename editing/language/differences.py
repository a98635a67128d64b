"""The sentence that leads from one caption to another.

Two captions are aligned word by word. What differs becomes "turn X into Y", "add X" or "remove X",
each with whole noun phrases.
"""

from __future__ import annotations

from . import english
from . import lexicon as lex
from .alignment import align, blocks
from .instruction import Item
from .wording import bare, joined, split


def changed_phrases(item: Item) -> str:
    """The sentence that leads from one caption to another.

    A changed span grows to the end of its noun phrase.
    """
    old, new = split(item.subject), split(item.target)
    ids = {word: i for i, word in enumerate(dict.fromkeys(w.lower() for w in old + new))}
    pairs = align(
        [-1, *(ids[w.lower()] for w in old), -2], [-1, *(ids[w.lower()] for w in new), -2]
    )
    said = []
    for block in blocks(pairs):
        gone = [old[i - 1] for i in block.source]
        come = [new[i - 1] for i in block.target]
        tail_old = noun_phrase_rest(
            old, block.source[-1] if block.source else _partner(pairs, block.target[0], True)
        )
        tail_new = noun_phrase_rest(
            new, block.target[-1] if block.target else _partner(pairs, block.source[0], False)
        )
        if not gone and _is_whole_phrase(come) and not tail_new:
            said.append(f"add {joined(indefinite(untied(come)))}")
        elif not come and _is_whole_phrase(gone) and not tail_old:
            said.append(f"remove {definite(untied(gone))}")
        else:
            said.append(
                f"turn {definite([*gone, *tail_old])} into {joined(indefinite([*come, *tail_new]))}"
            )
    return " and ".join(said) if said else f"turn {item.subject} into {item.target}"


def _partner(pairs: tuple[tuple[int | None, int | None], ...], place: int, in_target: bool) -> int:
    """The place on the other side behind which an inserted or deleted word belongs."""
    last = 0
    for a, b in pairs:
        mine, other = (b, a) if in_target else (a, b)
        if mine is not None and mine >= place:
            break
        if other is not None:
            last = other
    return last


def noun_phrase_rest(words: list[str], place: int) -> list[str]:
    """What follows a word up to the end of its noun phrase.

    Places are counted from 1.
    """
    rest: list[str] = []
    for i, word in enumerate(words[place:], start=place):
        joins = (
            word.lower() == "and"
            and i + 1 < len(words)
            and lex.is_adjective(words[i - 1].lower())
            and lex.is_adjective(words[i + 1].lower())
        )
        stop = (
            word.lower() in lex.PREPOSITIONS
            or not word[0].isalnum()
            or (word.lower() in ("and", "is", "are") and not joins)
        )
        if stop or (i and _ends_noun_phrase(words, i)):
            break
        rest.append(word)
    return rest


def _ends_noun_phrase(words: list[str], i: int) -> bool:
    """Whether a noun phrase ends before word i.

    It ends behind a noun that a participle or another determiner follows.
    """
    word, before = words[i].lower(), words[i - 1].lower()
    noun_before = not lex.is_adjective(before) and before not in lex.DETERMINERS
    return word in lex.DETERMINERS or (
        word.endswith("ing") and lex.is_adjective(word) and noun_before
    )


def _is_whole_phrase(words: list[str]) -> bool:
    return bool(words) and (
        words[0].lower() in lex.PREPOSITIONS
        or words[0].lower() in lex.DETERMINERS
        or not words[0][0].isalnum()
    )


def untied(words: list[str]) -> list[str]:
    """A phrase without the prepositions and ties that it begins with."""
    ties = lex.PREPOSITIONS | {"and", "wearing", "holding"}
    while len(words) > 1 and (words[0].lower() in ties or not words[0][0].isalnum()):
        words = words[1:]
    return words


def definite(words: list[str]) -> str:
    """A phrase with "the" before it."""
    return joined(["the", *bare(" ".join(words))])


def indefinite(words: list[str]) -> list[str]:
    """A phrase with an indefinite article.

    It gets none where a determiner or a number stands there, or the noun is a plural.
    """
    first = words[0].lower() if words else ""
    last = words[-1].lower() if words else ""
    uncounted = english.singular(last) != last or last in lex.TIMES
    return (
        words
        if not words or first in lex.DETERMINERS or lex.is_number(first) or uncounted
        else ["a", *words]
    )
