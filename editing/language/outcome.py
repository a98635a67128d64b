"""What an item of an instruction asks for: the result of reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import lexicon as lex
from .phrases import (
    Tokens,
    head,
    is_whole,
    last_content,
    longest_head,
    name_of,
    without_attribute,
)
from .predicates import is_predicate
from .verb_table import PARTICLES

Operation = Literal["replace", "add", "remove", "modify", "global", "raw"]


LINKS = frozenset(
    "look looks like be become to into as if appear seem being painted".split()
)  # make X look like C


@dataclass(frozen=True)
class Reading:
    """What an item asks for.

    Parts are token runs of its text, empty where the sentence has none. replace: subject -> target.
    add: target, placed by `relation` to subject. remove: subject (from the place that `relation`
    names). modify: subject becomes target ("blue", "sit", "two stars"). global: everything becomes
    target. raw: as written. key: the tokens that name the place of the edit. exception: what the
    edit spares; key names it then.
    """

    operation: Operation
    subject: Tokens = ()
    target: Tokens = ()
    relation: Tokens = ()
    key: Tokens = ()
    exception: Tokens = ()


def becomes(subject: Tokens, target: Tokens, described: bool = False) -> Reading | None:
    """The reading of "subject becomes target".

    It is global, modify or replace, by what the two are. described: an unknown single word is an
    adjective.
    """
    named = without_attribute(subject)
    looks = (
        len(target) > 1
        and target[0].word in ("look", "face", "turn")
        and target[1].word
        in lex.PREPOSITIONS - {"like"} | {"up", "down", "away", "left", "right", "back"}
    )
    while len(target) > 1 and target[0].word in LINKS and not looks:
        target = target[1:]
    if len(target) > 1 and target[0].word == "something" and lex.is_adjective(target[1].word):
        target = target[1:]
    if not target:
        return None
    bit = (
        target[0].word == "a"
        and len(target) > 2
        and target[1].word in ("bit", "little", "lot", "tad", "touch", "shade")
        and lex.is_adjective(target[2].word)
    )
    if not target:
        return None
    noun = head(named)
    whole = (
        bool(noun)
        and noun[0].word in lex.WHOLE_NOUNS | lex.TIMES
        and not any(t.word in lex.PREPOSITIONS - {"of"} for t in named)
        and len(head(target))
        and (noun[0].word not in lex.TIMES or target[-1].word in lex.TIMES)
    )
    nameless = not named or is_whole(named) or whole
    if lex.is_number(target[0].word) and len(target) > 1:
        return Reading(
            "modify",
            head(target) if nameless else named,
            target,
            key=head(target) if nameless else name_of(named),
        )
    if nameless:
        return Reading("global", subject, target, key=last_content(target))
    if len(named) == len(subject) and not bit and not is_predicate(target, described):
        return Reading("replace", named, target, key=name_of(named) or head(target))
    return Reading("modify", named, target, key=name_of(named))


def raw(rest: Tokens) -> Reading:
    """What no pattern reads: bring out the clouds."""
    if len(rest) > 1 and rest[0].word in PARTICLES:
        rest = rest[1:]
    return Reading("raw", (), rest, key=name_of(rest) or longest_head(rest))
