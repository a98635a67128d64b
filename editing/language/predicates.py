"""Where a noun phrase ends and what is said of it begins.

Example: "make the cat | lick its nose". The dictionary says what a word can be, the words around it
what it is here. A statistical tagger was tried instead (HanTa 1.2.1, which carries its model): it
takes half a second to load, and reads "box red" as two nouns.
"""

from __future__ import annotations

from . import english
from . import lexicon as lex
from .phrases import Token, Tokens, leads

CAUSING = ("make", "let", "have", "see", "get", "help", "give", "")
"""Verbs behind which "her" may be who does something: make her smile."""


MULTIPLES = ("twice", "thrice", "half", "double", "triple")


def is_predicate(words: Tokens, described: bool) -> bool:
    """Whether words say how something is or what it does, rather than name a thing."""
    if words[0].word in ("a", "an"):
        return len(words) > 2 and words[-1].word in lex.ATTRIBUTES  # a warmer colour
    if (
        words[0].word in lex.POSE_VERBS
        or words[0].word in lex.PREPOSITIONS
        or all(lex.joins(t.word) for t in words)
    ):
        return True
    if words[0].word in ("made", "covered", "filled", "dressed", "full", "out") or (
        words[0].word.endswith("ing") and lex.is_adjective(words[0].word)
    ):
        return True
    one = words[0].word
    named = described and len(words) == 1 and one not in lex.MATERIALS and english.zipf(one) > 0
    if named and english.classes(one) in ("n", "") and not lex.is_adjective(one):
        return False  # a chef, Batman
    if all(t.word in lex.MATERIALS or lex.is_adjective(t.word) for t in words):
        return True
    if english.is_base_verb(words[0].word) and len(words) > 1 and _follows_verb(words[1].word):
        return True
    return described and not {t.word for t in words} & (lex.SCENERY | lex.TIMES | lex.DETERMINERS)


def _follows_verb(word: str) -> bool:
    return word in lex.DETERMINERS or word in lex.PREPOSITIONS or lex.is_number(word)


def predicate_at(rest: Tokens) -> int | None:
    """Where "make X C" parts into X and C; None if it does not."""
    start = 0
    while start < len(rest) and leads(rest[start].word):
        start += 1
    first = start + 1  # X keeps at least one word
    if (
        rest
        and rest[0].word in lex.PRONOUNS
        and (
            rest[0].word not in lex.POSSESSIVES
            or (rest[0].word == "her" and not owns(rest[1:], "make"))
        )
    ):
        first = 1
    run = trailing_adjectives(rest)
    if first == 1 and len(rest) == 2 and lex.is_adjective(rest[1].word):
        return 1  # make these blue
    for k in range(first, len(rest)):
        word = rest[k].word
        noun = any(not lex.is_adjective(t.word) for t in rest[start:k]) or k == 1
        if not noun or (rest[k - 1].word in lex.RELATIVES and k > 1):
            continue
        loose = rest[k - 1].word not in lex.PREPOSITIONS and not _is_clause(rest, k)
        article = word in ("a", "an") and loose and not _is_object(rest, k)
        following = rest[k + 1].word if k + 1 < len(rest) else ""
        number = lex.is_number(word) and k + 1 < len(rest) and loose
        number = number and not (word == "one" and lex.is_adjective(rest[k + 1].word))
        number = number or (word in MULTIPLES and following in ("as", "the"))
        raised = word in ("arms", "hands", "put") and rest[-1].word == "up"
        if (
            article
            or number
            or raised
            or word == "be"
            or (word in lex.POSE_VERBS and not _is_noun_here(rest, k))
            or _is_verb_here(rest, k, run)
        ):
            return k
        if f"{word} {following}" in lex.STATE_PHRASES or _made_of(rest, k):
            return k
    if run is not None and run >= first:
        return run
    doing = next((k for k in range(first, len(rest)) if _is_doing(rest, k)), None)
    if doing is not None:
        return doing
    last = len(rest) - 1
    return (
        last
        if last >= first and rest[last - 1].word not in lex.PREPOSITIONS | lex.DETERMINERS
        else None
    )


def _is_doing(rest: Tokens, k: int) -> bool:
    """A participle behind a noun: make the boy | riding a skateboard."""
    word, before = rest[k].word, rest[k - 1].word
    doing = word.endswith("ing") and lex.is_adjective(word) and "v" in english.classes(word)
    return doing and not lex.is_adjective(before) and not leads(before)


def _is_clause(rest: Tokens, k: int) -> bool:
    """Whether the word before is the verb of a relative clause.

    Example: the man who has | a hat.
    """
    return any(t.word in lex.RELATIVES for t in rest[1:k]) and "v" in english.classes(
        rest[k - 1].word
    )


def _is_object(rest: Tokens, k: int) -> bool:
    """Whether somebody holds, wears or has what begins here.

    Example: the man holding | a cup.
    """
    before = rest[k - 1].word
    return (
        k > 1
        and before.endswith("ing")
        and lex.is_adjective(before)
        and "n" not in english.classes(before)
    )


def _is_verb_here(rest: Tokens, k: int, run: int | None) -> bool:
    """Whether a word that no table holds is a verb here.

    What stands around it tells: make the cat | lick its nose.
    """
    word, before = rest[k].word, rest[k - 1].word
    if _is_her(rest, k):
        before = "him"
    if (
        not english.is_base_verb(word)
        or lex.is_adjective(word)
        or _is_noun_here(rest, k)
        or word in lex.PREPOSITIONS
    ):
        return False
    if (
        before in lex.PREPOSITIONS
        or before in lex.POSSESSIVES
        or lex.is_adjective(before)
        or lex.is_number(before)
        or word in ("and", "or")
    ):
        return False
    if k + 1 == len(rest):
        return (
            before in lex.ANIMATE
            or english.singular(before) in lex.ANIMATE
            or (k == 1 and before in lex.PRONOUNS)
        )
    if "n" in english.classes(word) and run is not None:
        return False
    following = rest[k + 1].word
    if english.classes(word) == "v" and "n" in english.classes(following):
        return True  # make the dragon breathe fire
    return (
        following in lex.DETERMINERS
        or following in lex.PRONOUNS
        or following in lex.PREPOSITIONS
        or lex.is_number(following)
    )


def _made_of(rest: Tokens, k: int) -> bool:
    """Whether a participle here says what a thing is like.

    Examples: the floor | made of wood, the roof | covered in snow.
    """
    if rest[k].word == "of" and k + 2 == len(rest) and rest[k + 1].word in lex.MATERIALS:
        return True
    said = rest[k].word in ("made", "covered", "filled", "dressed", "full", "out") and k + 2 < len(
        rest
    )
    return said and rest[k + 1].word in ("of", "in", "with", "from")


def _is_her(rest: Tokens, k: int) -> bool:
    """Whether "her" before this word is who does it: have her | wear a crown."""
    return k == 1 and rest[0].word == "her" and not owns(rest[1:], "make")


def _is_noun_here(rest: Tokens, k: int) -> bool:
    """A pose verb's homonym: "the dog's look", "the lemon drink red"."""
    before = rest[k - 1].word
    return before.endswith("'s") or (before in lex.DETERMINERS and not _is_her(rest, k))


def trailing_adjectives(rest: Tokens) -> int | None:
    """Where the run of adjectives at the end begins.

    At least one word other than a determiner stays in front of it.
    """
    start = 0
    while start < len(rest) and leads(rest[start].word):
        start += 1
    k = len(rest)
    while k > start + 1 and lex.joins(rest[k - 1].word):
        k -= 1
    while k < len(rest) and rest[k].word in ("and", "but"):
        k += 1
    return k if k < len(rest) and k > 0 else None


def owns(after: Tokens, verb: str) -> bool:
    """Whether "her" before these words is a possessive.

    It is in: her hair, her red dress. It is not in: make her smile, give her red hair. verb: the
    one that the sentence begins with, "her" behind it.
    """
    if not after:
        return False
    if after[0].word in lex.DETERMINERS:
        return False
    if verb == "give":
        return any(t.word in lex.DETERMINERS or lex.is_number(t.word) for t in after[1:])
    first = after[0].word
    if verb == "make" and len(after) == 1 and "a" in english.classes(first):
        return False
    if first in lex.DETERMINERS or first in lex.PREPOSITIONS or first in ("be", "look", "and"):
        return False
    if lex.is_adjective(first):
        plain = all(
            lex.is_adjective(t.word) or t.word in ("and", "than", "much") for t in after[1:]
        )
        return len(after) > 1 and not plain and not _begins_more(after[1])
    if verb not in CAUSING and "n" in english.classes(first):
        return True  # turn her head to the right
    acts = first in lex.POSE_VERBS and len(after) > 1 and not lex.is_adjective(after[1].word)
    bare = acts or (english.is_base_verb(first) and (len(after) == 1 or _begins_more(after[1])))
    return not bare or (
        len(after) == 1
        and first not in lex.POSE_VERBS
        and verb not in ("make", "let", "have", "see")
    )


def _begins_more(token: Token) -> bool:
    return (
        token.word in lex.DETERMINERS
        or token.word in lex.PREPOSITIONS
        or lex.is_number(token.word)
        or token.word.endswith("ly")
    )
