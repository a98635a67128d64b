"""One item of an instruction -> what it asks for: an operation on a subject, and the word whose
attention shows the place.

The first word's pattern (lexicon.VERBS) decides how the rest is cut. Where a verb has two readings
("paint", "turn") what follows decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import lexicon as lex
from .phrases import (
    Tokens,
    find,
    head,
    is_predicate,
    is_whole,
    last_content,
    longest_head,
    name_of,
    predicate_at,
    relation_at,
    tokens,
    trailing_adjectives,
    whole_prefix,
    without_attribute,
    without_fillers,
)

Operation = Literal["replace", "add", "remove", "modify", "global", "raw"]

LINKS = frozenset(
    "look looks like be become to into as if appear seem".split()
)  # make X look like C


@dataclass(frozen=True)
class Reading:
    """What an item asks for. Parts are token runs of its text, empty where the sentence has none.

    replace: subject -> target. add: target, placed by `relation` to subject. remove: subject (from
    the place that `relation` names). modify: subject becomes target ("blue", "sit", "two stars").
    global: everything becomes target. raw: as written.
    key: the tokens that name the place of the edit.
    """

    operation: Operation
    subject: Tokens = ()
    target: Tokens = ()
    relation: Tokens = ()
    key: Tokens = ()


def is_imperative(text: str) -> bool:
    """Whether a text begins with a verb that asks for something."""
    words = without_fillers(tokens(text))
    return bool(words) and (words[0].word in lex.VERBS or words[0].word == "there")


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
    words = without_fillers(tokens(text))
    if not words:
        return Reading("raw")
    if words[0].word == "there":
        return _there(words)
    pattern = lex.VERBS.get(words[0].word)
    if pattern is None:
        return _phrase(words)
    return READERS[pattern](words[0].word, words[1:]) or _raw(words[1:])


# ---------------------------------------------------------------- one reader for each pattern; None: it does not fit after all


def _replace(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("with", "by", "for"))
    if cut is None:
        return None
    before, after = rest[:cut], rest[cut + 1 :]
    if not after:
        return None
    if verb == "substitute" and rest[cut].word == "for":
        before, after = after, before
    return Reading("replace", before, after, key=name_of(before) or head(after))


def _change(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("into",))
    if cut is None:
        close = ("next", "close")
        cut = next(
            (
                i
                for i, t in enumerate(rest)
                if t.word in ("to", "as") and (i == 0 or rest[i - 1].word not in close)
            ),
            None,
        )
    if cut is None or cut + 1 == len(rest):
        return None
    origin = find(rest[:cut], ("from",))
    return _becomes(rest[: cut if origin is None else origin], rest[cut + 1 :])


def _add(verb: str, rest: Tokens) -> Reading | None:
    if verb == "set" and (changed := _change(verb, rest)):
        return changed
    for i in range(1, len(rest)):
        if (length := relation_at(rest[i:])) and i + length < len(rest):
            place = rest[i + length :]
            if is_whole(place) and place[-1].word in lex.PICTURES:
                return Reading("add", (), rest[:i], key=head(rest[:i]))
            return Reading("add", place, rest[:i], rest[i : i + length], head(rest[:i]))
    return Reading("add", (), rest, key=head(rest)) if rest else None


def _remove(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("from", "off"))
    subject = rest[:cut]
    return (
        Reading("remove", subject, relation=rest[len(subject) :], key=name_of(subject))
        if subject
        else None
    )


def _make(verb: str, rest: Tokens) -> Reading | None:
    if rest and rest[0].word == "there":
        return _there(rest)
    cut = find(rest, ("into",))
    if cut is not None:
        return _becomes(rest[:cut], rest[cut + 1 :])
    whole = whole_prefix(rest)
    if whole:
        return _becomes(rest[:whole], rest[whole:]) if rest[whole:] else None
    k = predicate_at(rest)
    return None if k is None else _becomes(rest[:k], rest[k:], described=True)


def _paint(verb: str, rest: Tokens) -> Reading | None:
    if find(rest, ("into",)) is not None:
        return _make(verb, rest)
    k = trailing_adjectives(rest)
    definite = bool(rest) and rest[0].word not in ("a", "an", "another", "some")
    if k is not None and definite:
        return _becomes(rest[:k], rest[k:])
    if whole := whole_prefix(rest):
        return _becomes(rest[:whole], rest[whole:]) if rest[whole:] else None
    return _cover(verb, rest) or (_add(verb, rest) if verb == "paint" or not definite else None)


def _give(verb: str, rest: Tokens) -> Reading | None:
    if not rest:
        return None
    cut = 1
    if rest[0].word not in lex.PRONOUNS:
        later = [
            i
            for i, t in enumerate(rest)
            if i > 1 and (t.word in lex.DETERMINERS or lex.is_number(t.word))
        ]
        cut = later[0] if later else len(rest) - 1
    receiver, gift = rest[:cut], rest[cut:]
    if not receiver or not gift:
        return None
    if gift[-1].word in lex.PATTERNS:
        return Reading("modify", receiver, gift, key=name_of(receiver))
    return Reading("add", receiver, gift, key=head(gift))


def _cover(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("with", "in"))
    if not cut or cut + 1 == len(rest):
        return None
    return Reading("add", rest[:cut], rest[cut + 1 :], rest[cut : cut + 1], head(rest[cut + 1 :]))


def _state(verb: str, rest: Tokens) -> Reading | None:
    """open the box; the target is empty, because the verb says it."""
    if not rest:
        return None
    if is_whole(rest):
        return Reading("global", rest)
    if verb in ("raise", "lower") and rest[-1].word in ("arms", "hands"):
        return Reading("modify", rest, key=head(rest))
    return Reading("modify", rest, key=name_of(rest))


def _switch(verb: str, rest: Tokens) -> Reading | None:
    for at in (0, len(rest) - 1):
        if len(rest) > 1 and rest[at].word in ("on", "off"):
            subject = rest[1:] if at == 0 else rest[:-1]
            return Reading("modify", subject, rest[at : at + 1], key=name_of(subject))
    if verb == "switch" and (swapped := _replace(verb, rest)):
        return swapped
    return _change(verb, rest) or _make(verb, rest)


def _raw_verb(verb: str, rest: Tokens) -> Reading | None:
    words = [t.word for t in rest]
    if verb == "get":
        return _remove(verb, rest[2:]) if words[:2] == ["rid", "of"] else _make(verb, rest)
    if verb in ("take", "cut"):
        for at in (0, len(rest) - 1):
            if words and words[at] in ("away", "out", "off"):
                return _remove(verb, rest[1:] if at == 0 else rest[:-1])
        return _remove(verb, rest) if find(rest, ("off", "from")) else None
    if verb.startswith(("styli", "colo")) and (changed := _change(verb, rest)):
        return changed
    return None


READERS: dict[lex.Pattern, Callable[[str, Tokens], Reading | None]] = {
    "replace": _replace,
    "change": _change,
    "add": _add,
    "remove": _remove,
    "make": _make,
    "paint": _paint,
    "give": _give,
    "cover": _cover,
    "state": _state,
    "switch": _switch,
    "raw": _raw_verb,
}


def _there(words: Tokens) -> Reading:
    """there should be two stars; there is a cat."""
    rest = words[1:]
    while rest and rest[0].word in ("should", "must", "shall", "will", "is", "are", "be"):
        rest = rest[1:]
    if rest and lex.is_number(rest[0].word):
        return Reading("modify", head(rest), rest, key=head(rest))
    return Reading("add", (), rest, key=head(rest)) if rest else Reading("raw")


def _phrase(words: Tokens) -> Reading:
    """No verb: a style, "X into Y", or a description of what should be there ("a bird flying into
    the sun").
    """
    if words[-1].word in lex.STYLES or [t.word for t in words[:1]] == ["in"]:
        return Reading("global", (), words, key=last_content(words))
    cut = find(words, ("into",))
    if (
        cut
        and not lex.is_adjective(words[cut - 1].word)
        and words[cut + 1 : cut + 2]
        and words[cut + 1].word != "the"
    ):
        return _becomes(words[:cut], words[cut + 1 :]) or Reading(
            "raw", (), words, key=longest_head(words)
        )
    return Reading("raw", (), words, key=longest_head(words))


def _raw(rest: Tokens) -> Reading:
    return Reading("raw", (), rest, key=longest_head(rest))


def _becomes(subject: Tokens, target: Tokens, described: bool = False) -> Reading | None:
    """subject becomes target: global, modify or replace, by what they are. described: an unknown
    single word is an adjective.
    """
    named = without_attribute(subject)
    while len(target) > 1 and target[0].word in LINKS:
        target = target[1:]
    if not target:
        return None
    nameless = not named or is_whole(named)
    if lex.is_number(target[0].word) and len(target) > 1:
        return Reading(
            "modify",
            head(target) if nameless else named,
            target,
            key=head(target) if nameless else name_of(named),
        )
    if nameless:
        return Reading("global", subject, target, key=last_content(target))
    if len(named) == len(subject) and not is_predicate(target, described):
        return Reading("replace", named, target, key=name_of(named) or head(target))
    return Reading("modify", named, target, key=name_of(named))
