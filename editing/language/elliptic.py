"""Wishes without a verb -> the imperative that says the same.

"smaller nose", "the roof blue", "red eyes", "brighter": each rule returns None where a text has
not its form. No library does this.
"""

from __future__ import annotations

from . import english
from . import lexicon as lex
from .clauses import BE, MODALS, OPPOSITES, say
from .phrases import Tokens, ends_noun_phrase, head
from .politeness import STATEMENT
from .predicates import trailing_adjectives


def comparative(text: str, words: Tokens) -> str | None:
    """Smaller nose, bigger eyes."""
    while len(words) > 2 and words[0].word in ("much", "a", "bit", "little", "slightly", "way"):
        words = words[1:]
    first, noun = words[0].word, words[-1].word
    if len(words) != 2 or first in lex.DETERMINERS | {"fewer", "less", "more"}:
        return None
    named = "n" in english.classes(noun) and not lex.is_adjective(noun)
    return (
        f"make the {say(text, words[1:])} {first}"
        if lex.positive(first) != first and named
        else None
    )


def elliptic(text: str, words: Tokens) -> str | None:
    """Hair blonde; the roof blue, the walls yellow; red eyes; brighter."""
    last, first = words[-1].word, words[0].word
    if first in lex.POSE_VERBS or (len(words) == 1 and first in lex.VERBS) or STATEMENT.match(text):
        return None
    if first == "too" and last in OPPOSITES and len(words) == 2:
        return f"make it {OPPOSITES[last]}"
    asked = next((i for i, t in enumerate(words) if t.word not in MODALS | BE | {"way"}), 0)
    if asked and all(lex.joins(t.word) for t in words[asked:]):
        return f"make it {say(text, words[asked:])}"  # could be brighter
    if len(words) > 2 and words[-2].word == "in" and last in lex.COLOURS:
        thing = say(text, words[:-2])
        if head(words[:-2]) and first not in lex.VERBS | dict.fromkeys(("a", "an")):
            return f"make {thing if first in lex.DETERMINERS else f'the {thing}'} {last}"
    adjective = any(lex.is_adjective(t.word) for t in words)
    if adjective and all(lex.joins(t.word) for t in words) and first not in ("and", "but"):
        plain = last in lex.QUALITIES or "n" not in english.classes(last)
        return f"make it {text}" if first not in lex.COLOURS and plain else None
    clause_told = any(t.word in lex.FINITE for t in words)
    if first == "everything" and trailing_adjectives(words) and not clause_told:
        return f"make {text}"
    if last in lex.FEATURES and all(lex.is_adjective(t.word) for t in words[:-1]):
        return f"make the {say(text, words[-1:])} {say(text, words[:-1])}"
    if (
        first in lex.VERBS
        or first in lex.PREPOSITIONS
        or first in ("a", "an", *lex.NUMBERS, *lex.PRONOUNS - lex.DETERMINERS)
    ):
        return None
    k = trailing_adjectives(words)
    told = {t.word for t in words} & (
        lex.FINITE | lex.RELATIVES | lex.PREPOSITIONS
    ) or last.endswith("ing")
    if (
        not k
        or told
        or (
            english.is_base_verb(first)
            and (not lex.is_adjective(words[1].word) or words[1].word in ("up", "down"))
            and first not in lex.FEATURES
            and first not in lex.DETERMINERS
        )
    ):
        return None
    named = first in lex.DETERMINERS or first.endswith("'s")
    return f"make {'' if named else 'the '}{text}" if ends_noun_phrase(words) else None
