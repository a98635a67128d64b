"""Reads one item of an instruction.

The result is an operation on a subject, and the word whose attention shows the place. A known verb
in front is read by its pattern (verbs.py); without one it is a style, "X into Y", or a description
of what should be there.
"""

from __future__ import annotations

from . import english
from . import lexicon as lex
from .outcome import Operation, Reading, becomes, raw
from .phrases import (
    Tokens,
    find,
    head,
    is_whole,
    last_content,
    longest_head,
    name_of,
    relation_at,
    tokens,
    without_attribute,
    without_fillers,
)
from .predicates import trailing_adjectives
from .verb_table import PARTICLES, PICTURE_VERBS
from .verbs import READERS, there


def is_imperative(text: str) -> bool:
    """Whether a text begins with a verb that asks for something."""
    words = without_fillers(tokens(text))
    verb = bool(words) and words[0].word in lex.VERBS and not _names(words)
    return verb or (bool(words) and words[0].word == "there")


def begins_imperative(words: Tokens) -> bool:
    """Whether these words, found behind a comma or "and", begin an item of their own."""
    words = without_fillers(words)
    if not words or words[0].word not in lex.VERBS:
        return False
    if words[0].word not in lex.AMBIGUOUS:
        return len(words) > 1
    follows = words[1].word if len(words) > 1 else ""
    return follows in lex.DETERMINERS or follows in lex.PRONOUNS or lex.is_number(follows)


def read(text: str) -> Reading:
    """The reading of an item without an arrow."""
    return _read(without_fillers(tokens(text)))


CLEANING = frozenset(
    "clean wash scrub scrape rub rinse brush shave peel strip tear pull pluck knock chop shake "
    "dust blow".split()
)
"""What takes a thing off another: scrub the graffiti off the wall."""


def _names(words: Tokens) -> bool:
    """Whether a word that can be a verb is a noun here: light in the windows."""
    follows = words[1].word if len(words) > 1 else ""
    noun = words[0].word in lex.NOUNS_TOO - {"cut", "drop"}
    return noun and follows in ("in", "on", "from", "of", "at")


def _read(words: Tokens) -> Reading:
    words = _without_degree(_without_particle(words))
    if not words:
        return Reading("raw")
    if (spared := _except(words)) is not None:
        return spared
    if words[0].word == "there":
        return there(words)
    pattern = lex.VERBS.get(words[0].word)
    off = find(words[1:], ("off", "from")) if words[0].word in CLEANING else None
    if off and (removed := READERS["remove"]("remove", words[1:])):
        return removed
    if pattern is None or _names(words):
        return _phrase(words)
    if words[0].word in PICTURE_VERBS and (len(words) == 1 or is_whole(words[1:])):
        return Reading("global", words[1:])
    return READERS[pattern](words[0].word, words[1:]) or raw(words[1:])


def _without_particle(words: Tokens) -> Tokens:
    """A verb phrase without the particle that belongs to the verb.

    Examples: wipe out the clouds, clean up the desk.
    """
    pattern = lex.VERBS.get(words[0].word) if len(words) > 2 else None
    particle = (
        pattern in ("remove", "state", "add", "cover")
        and words[1].word in PARTICLES
        and words[2].word not in ("of", "from")
        and not (words[0].word == "put" and words[1].word == "out")  # the fire, not a chair
    )
    return (words[0], *words[2:]) if particle else words


def _without_degree(words: Tokens) -> Tokens:
    """Brighten the sky a bit, age him by 20 years: without the measure at the end.

    Behind "make" and the like, the measure belongs to what the thing becomes.
    """
    pattern = lex.VERBS.get(words[0].word) if words else None
    if pattern not in ("state", "raw"):
        return words
    said = [t.word for t in words]
    k = len(words)
    measure = said[-2:-1] in (["a"], ["quite"], ["one"]) and said[-1] in DEGREES
    count = k > 2 and (lex.is_number(said[-2]) or said[-2] in ("few", "some"))
    upwards = said[-1] == "up" and k > 2 and pattern == "state" and said[0] != "fold"
    if upwards or said[-1] in ("slightly", "somewhat", "more", "further", "half", "lots"):
        k -= 1
    elif measure or (count and said[-1] in UNITS):
        k -= 2
    elif lex.is_number(said[-1]) and said[-2:-1] == ["by"]:
        k -= 1
    if k < len(words) and k > 2 and said[k - 1] in ("by", "a", "just"):
        k -= 1
    return words[:k] if k > 1 else words


DEGREES = ("bit", "little", "lot", "tad", "touch", "notch", "shade", "while", "quarter", "third")
UNITS = (
    "years",
    "year",
    "percent",
    "degrees",
    "degree",
    "pixels",
    "px",
    "times",
    "stops",
    "inches",
    "steps",
)


EXCEPT = (
    "except for",
    "except",
    "excluding",
    "besides",
    "apart from",
    "other than",
    "aside from",
    "save for",
    "but for",
    "but",
)


def _except(words: Tokens) -> Reading | None:
    """Reads an exception: "turn everything except the car grey".

    Gives the reading without the exception, and the exception as its key.
    """
    for i in range(1, len(words) - 1):
        said = next(
            (
                e.split()
                for e in EXCEPT
                if [t.word for t in words[i : i + len(e.split())]] == e.split()
            ),
            None,
        )
        if said is None or (
            said[0] == "but" and words[i - 1].word not in ("everything", "all", "anything")
        ):
            continue
        before, after = words[:i], words[i + len(said) :]
        while before and before[-1].word == "else":
            before = before[:-1]
        if not after or len(before) < 2:
            return None
        behind = find(after, ("to", "into"))
        k = behind if behind else trailing_adjectives(after)
        pattern = lex.VERBS.get(words[0].word)
        if (
            k is None
            or pattern in ("remove", "state")
            or not is_whole(without_attribute(before[1:]))
        ):
            k = len(after)
        spared, rest = after[:k], after[k:]
        reading = _read((*before, *rest))
        if not (
            reading.operation in ("global", "remove", "modify")
            and (is_whole(without_attribute(reading.subject)) or reading.operation == "global")
        ):
            return None
        operation: Operation = "modify" if reading.operation == "global" else reading.operation
        return (
            Reading(
                operation, reading.subject, reading.target, key=name_of(spared), exception=spared
            )
            if name_of(spared)
            else None
        )
    return None


# ------------------------------------- one reader for each pattern; None: it does not fit after all


AUXILIARIES = frozenset("should must could can would will shall may might be is are".split())


def _phrase(words: Tokens) -> Reading:
    """Reads an item without a verb.

    It is a style, "X into Y", or a description of what should be there ("a bird flying into the
    sun").
    """
    said = [t.word for t in words]
    following = said[1] if len(said) > 1 else ""
    if (
        english.is_base_verb(said[0])
        and said[0] not in lex.PREPOSITIONS
        and (following in lex.DETERMINERS or following in lex.PRONOUNS)
    ):
        return raw(words[1:])  # a verb that no table holds
    particle = following in PARTICLES and len(words) > 2 and words[2].word in lex.DETERMINERS
    if english.is_base_verb(said[0]) and particle:
        measured = said[-1] in lex.MEASURES
        return Reading("global", words[2:], key=head(words[2:])) if measured else raw(words[2:])
    asked = [i for i, word in enumerate(said) if word not in AUXILIARIES]
    if asked and asked[0]:  # should be wearing a suit
        return _phrase(words[asked[0] :])
    if (changed := _fewer(words)) is not None:
        return changed
    if said[0].endswith("ing") and lex.is_adjective(said[0]) and head(words[1:]):
        return Reading("raw", (), words, key=head(words[1:]))  # wearing a suit
    if (
        head(words)
        and head(words)[0].word in lex.WHOLE_NOUNS - lex.STYLES
        and said[0] not in lex.DEFINITE
    ):
        return Reading("global", (), words, key=head(words))  # cinematic lighting
    if (placed := _placed(words)) is not None:
        return placed
    if (
        (said[-1] in lex.STYLES | lex.TIMES | lex.WEATHER and said[0] not in lex.DEFINITE)
        or said[0] in ("in", "as", "at", "like", "during", "on", "under")
        or (head(words) and head(words)[0].word in lex.VIEWS and said[0] not in lex.DEFINITE)
        or _is_medium(words)
    ):
        what = words[1:] if said[0] in ("as", "like") and len(words) > 1 else words
        return Reading("global", (), what, key=last_content(words))
    cut = find(words, ("into",))
    if (
        cut
        and not lex.is_adjective(words[cut - 1].word)
        and words[cut + 1 : cut + 2]
        and words[cut + 1].word != "the"
    ):
        return becomes(words[:cut], words[cut + 1 :]) or Reading(
            "raw", (), words, key=longest_head(words)
        )
    to = find(words, ("to",))
    if (
        to
        and len(words) <= 5
        and all(t.word not in lex.DETERMINERS and not lex.is_number(t.word) for t in words)
        and words[to + 1 :]
    ):
        return becomes(words[:to], words[to + 1 :]) or Reading(
            "raw", (), words, key=longest_head(words)
        )
    return Reading("raw", (), words, key=longest_head(words))


def _placed(words: Tokens) -> Reading | None:
    """Reads a thing at a place that is there already.

    Examples: stars in the sky, mountains behind the house.
    """
    if words[0].word in lex.DEFINITE | lex.PREPOSITIONS | {"a", "an"} or not head(words):
        return None
    for i in range(1, len(words) - 1):
        length = relation_at(words[i:])
        place = words[i + length :]
        if length and place and place[0].word in lex.DEFINITE and head(place):
            plain = not any(t.word in lex.RELATIVES or t.word.endswith("ing") for t in words[:i])
            relation = words[i : i + length]
            return Reading("add", place, words[:i], relation, head(words[:i])) if plain else None
    return None


def _fewer(words: Tokens) -> Reading | None:
    """Fewer people, more flowers, only one house."""
    first, rest = words[0].word, words[1:]
    if not rest or not head(rest):
        return None
    if first in ("more", "less") and rest[-1].word in lex.MEASURES:
        return Reading("global", (), words, key=head(rest))
    if first in ("fewer", "less"):
        return Reading("modify", rest, words[:1], key=head(rest))
    some = first in ("a", "some", "several") or lex.is_number(first)
    more = len(words) > 2 and some and "more" in (rest[0].word, rest[1].word)
    if first == "more" or first == "another" or more:
        return Reading("add", (), words, key=head(rest))
    if first == "only" and lex.is_number(rest[0].word) and len(rest) > 1:
        return Reading("modify", head(rest), rest, key=head(rest))
    return None


def _is_medium(words: Tokens) -> bool:
    """An oil painting, pencil sketch, black and white: what a whole picture can be."""
    if all(t.word in lex.COLOURS or t.word in ("and", "white") for t in words):
        return len(words) > 1
    return words[-1].word in lex.MEDIA and len(words) <= 4 and words[0].word not in ("the", "this")
