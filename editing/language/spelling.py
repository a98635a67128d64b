"""Finds slips of the finger and other languages.

The painter is told of them before anything is computed. A word is known if a table of the grammar
has it or an English dictionary does (english.py). An unknown word that is near a known one is a
slip, with the known one as the proposal; where a verb, colour or little word is expected, those
come first. Many unknown words without one English little word are another language.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from . import english
from . import lexicon as lex
from .phrases import Token, Tokens, tokens

LITTLE = frozenset(
    (
        *lex.DETERMINERS, *lex.PRONOUNS, *lex.PREPOSITIONS, *lex.FILLERS, *lex.RELATIVES,
        *lex.ADVERBS, *lex.NUMBERS,
        *(
            "is are was were be been being am has have had should must shall will would could "
            "can may might do does did not and or but if "
          "than then so because except instead rather too very let's i'd i'm it's there's don't "
          "doesn't isn't shouldn't can't won't").split(),
    )
)  # fmt: skip
"""Words that hold an English sentence together."""
EVIDENCE = LITTLE - frozenset(
    "a an as at do in is it me my no of off on or so to we he any all at by hat was war per man "
    "i up".split()
) | {"of", "the", "style", "painting", "sketch", "drawing", "portrait"}
FOREIGN = frozenset(
    "der die das den dem des ein eine einen einem einer und mit auf aus von zu zum zur ist "
    "soll wird sein nicht bitte mach mache "  # German
    "le la les un une du des au aux et avec dans sur sous est sont plus moins "  # French
    "el los las una uno del al y con en por para es una "  # Spanish
    "il lo gli uno della del nel con sul che "  # Italian
    "o os um uma do da dos das no na com em "  # Portuguese
    "de het een en van met op naar uit zijn "  # Dutch
    "och ett en att av med og og til av fra pa det den "  # Swedish, Danish, Norwegian
    "jest nie na i w z do itu dan yang di ke "  # Polish, Indonesian
    "ve bir ile ja on".split()
) - frozenset("do no on a i".split())
"""Little words of other languages."""
CORE = frozenset(
    (
        *lex.VERBS,
        *lex.ADJECTIVES,
        *lex.POSE_VERBS,
        *LITTLE,
        *lex.TIMES,
        *lex.SCENERY,
        *lex.ANIMATE,
        *lex.STYLES,
        *lex.PICTURES,
        *lex.MEDIA,
    )
)
# Zipf times 10: how much more common the right word is than what was written, if that is ever seen
# in English
SURE = 20
RARE = 30  # a dictionary word below this may be a slip of a word that belongs where it stands


def is_known(word: str) -> bool:
    """Whether a word is in the grammar's tables or an English dictionary.

    Compounds and possessives count by their parts.
    """
    if word in CORE or word in lex.COLOURS or word.isdecimal() or english.classes(word):
        return True
    for ending in ("'s", "s'", "'", "'d", "'ll", "'re", "n't"):
        if word.endswith(ending) and len(word) > len(ending):
            return is_known(word[: -len(ending)])
    if "-" in word:
        return all(is_known(part) for part in word.split("-") if part)
    if len(word) < 3:
        return word in (
            "hd",
            "3d",
            "2d",
            "4k",
            "8k",
            "tv",
            "uv",
            "ai",
            "cd",
            "id",
            "vr",
            "dj",
            "pc",
            "uk",
            "us",
        )
    if word.endswith("est") and lex.positive(f"{word[:-2]}r") != f"{word[:-2]}r":
        return True
    if lex.positive(word) != word:
        return True
    stem = english.singular(word)
    return stem != word and (stem in CORE or bool(english.classes(stem)))


def foreign(words: Tokens) -> list[str]:
    """The words that show that a text is in another language.

    Empty where it is English.
    """
    strange = [t.word for t in words if any(c.isalpha() and not c.isascii() for c in t.word)]
    if len(strange) * 2 > len(words) or any(not _latin(w) for w in strange):
        return strange
    if any(t.word in EVIDENCE for t in words):
        return []
    unknown = [t.word for t in words if not is_known(t.word)]
    little = [t.word for t in words if t.word in FOREIGN]
    signs = {*unknown, *little, *strange}
    if (
        signs
        and len([t for t in words if t.word in signs]) * 2 >= len(words)
        and (little or len(unknown) > 1)
        and len(words) > 1
    ):
        return [t.word for t in words if t.word in unknown or t.word in strange] or little
    return []


def little(words: Tokens) -> bool:
    """Whether a little word of another language is among them."""
    return any(t.word in FOREIGN for t in words)


def _latin(word: str) -> bool:
    return all("LATIN" in unicodedata.name(c, "") for c in word if c.isalpha())


def slips(text: str, marks: tuple[tuple[int, int], ...] = ()) -> dict[tuple[int, int], str]:
    """The words of a text that look like slips of the finger.

    Each stands as its characters (from, to), with the word that was meant. Words in marks and names
    (a capital inside the sentence, "painted by monet") are left alone.
    """
    words = tokens(text)
    found = {}
    for i, token in enumerate(words):
        written = text[token.start : token.end]
        name = written[:1].isupper() and i > 0 and not text.isupper()
        name = name or (i > 1 and words[i - 1].word == "by" and not is_known(token.word))
        if (
            name
            or any(a < token.end and token.start < b for a, b in marks)
            or not token.word.isascii()
        ):
            continue
        if meant := _meant(token, words, i):
            found[(token.start, token.end)] = meant.capitalize() if written[:1].isupper() else meant
    return found


def _meant(token: Token, words: Tokens, at: int) -> str:
    """The word that was meant, or nothing where the word may stand."""
    word = token.word
    if not word.isalpha() or len(word) < 2 or word in CORE or lex.positive(word) != word:
        return ""
    leads = (
        at == 0
        or words[at - 1].word in ("and", "then", "please")
        or re.fullmatch(r"please|then|now|just", words[at - 1].word) is not None
    )
    object_follows = at + 1 < len(words) and (
        words[at + 1].word in lex.DETERMINERS or words[at + 1].word in lex.PRONOUNS
    )
    last = at + 1 == len(words)
    own = english.zipf(word)
    known = is_known(word)
    if known:
        if last and own < RARE and at > 1:
            return _best(
                word, frozenset((*lex.COLOURS, *lex.POSES, *lex.TEXTURES)), own + SURE // 2
            )
        return ""
    if len(word) < 3 or (leads and object_follows):
        return _best(word, frozenset(lex.VERBS), own) if leads and object_follows else ""
    for end in ("the", "a", "it"):
        if leads and word.endswith(end) and word[: -len(end)] in lex.VERBS:
            return f"{word[: -len(end)]} {end}"
    if leads and (best := _best(word, frozenset(lex.VERBS), own)):
        return best
    led = at > 0 and words[at - 1].word in lex.DETERMINERS
    best = _best(word, None, own)
    return _best(word, _nouns(), own) if led and best in LITTLE else best


@cache
def _nouns() -> frozenset[str]:
    """What can stand behind "the": no word that only holds sentences together."""
    return frozenset((*english.common_words(30), *CORE)) - LITTLE


@cache
def _best(word: str, among: frozenset[str] | None, own: int) -> str:
    """The likeliest of the near words.

    A word that English texts know (own > 0) gives way only to a far more common one. among: the
    words to choose from; None: all common ones, those of the grammar first. Of a distance of two
    only those that begin alike.
    """
    pool = {**english.common_words(30), **dict.fromkeys(CORE, 0)} if among is None else among
    best, most = "", -100
    for near, distance in english.nearest(word, pool):
        core = near in CORE
        margin = (SURE if core else SURE + 5) if own and among is None else 0
        if (
            len(near) < 2
            or not near.isalpha()
            or _weight(near) < own + margin
            or (distance > 1 and (near[0] != word[0] or len(word) < 5))
        ):
            continue
        score = (
            _weight(near)
            - 14 * distance
            + 5 * (near[0] == word[0])
            + 6 * (sorted(near) == sorted(word))
            + 6 * core
        )
        if (score, near) > (most, best):
            best, most = near, score
    return best


def _weight(word: str) -> int:
    return max(english.zipf(word), 30 if word in CORE else 0)
