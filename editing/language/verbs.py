"""An imperative verb's words -> what it asks for.

The verb's pattern (lexicon.VERBS) decides how the rest is cut. Where a verb has two readings
("paint", "turn") what follows decides. A reader returns None where its pattern does not fit after
all.
"""

from __future__ import annotations

from collections.abc import Callable

from . import lexicon as lex
from .extents import without_extent
from .outcome import Reading, becomes
from .phrases import (
    Tokens,
    find,
    head,
    is_whole,
    last_content,
    name_of,
    relation_at,
    whole_prefix,
    without_attribute,
)
from .predicates import owns, predicate_at, trailing_adjectives


def there(words: Tokens) -> Reading:
    """there should be two stars; there is a cat."""
    rest = words[1:]
    while rest and rest[0].word in ("should", "must", "shall", "will", "is", "are", "be"):
        rest = rest[1:]
    if rest and lex.is_number(rest[0].word):
        return Reading("modify", head(rest), rest, key=head(rest))
    return Reading("add", (), rest, key=head(rest)) if rest else Reading("raw")


def _replace(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("with", "by", "for"))
    if cut is None:
        return None
    before, after = rest[1 if rest[0].word in ("out", "up") else 0 : cut], rest[cut + 1 :]
    if len(before) > 1 and before[-1].word == "out":
        before = before[:-1]  # swap the sky out for a sunset
    if not after:
        return None
    if verb == "substitute" and rest[cut].word == "for":
        before, after = after, before
    return Reading("replace", before, after, key=name_of(before) or head(after))


def _elsewhere(rest: Tokens) -> Reading | None:
    """Turn the head to the left, move the cup to the corner."""
    cut = find(rest, ("to", "towards", "toward"))
    if cut and any(t.word in lex.PLACES for t in rest[cut + 1 :]) and len(rest) - cut <= 4:
        return Reading("raw", rest[:cut], rest[cut:], key=name_of(rest[:cut]))
    return None


def _change(verb: str, rest: Tokens) -> Reading | None:
    if (moved := _elsewhere(rest)) is not None:
        return moved
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
    if cut is None:
        cut = find(rest, ("for", "with"))
    if cut is None or cut + 1 == len(rest):
        return None
    origin = find(rest[:cut], ("from",))
    return becomes(rest[: cut if origin is None else origin], rest[cut + 1 :])


def _add(verb: str, rest: Tokens) -> Reading | None:
    if verb == "set" and (changed := _change(verb, rest)):
        return changed
    if verb in ("put", "place", "set", "move", "show", "draw", "render") and (
        moved := _moved(rest)
    ):
        return moved
    if (gone := _put_out(verb, rest)) is not None:
        return gone
    if len(rest) > 2 and rest[-1].word in ("there", "here"):
        rest = rest[:-1]
    if len(rest) > 1 and rest[0].word in ("me", "us"):
        rest = rest[1:]
    if rest and rest[-1].word in lex.STYLES:
        return Reading("global", (), rest, key=last_content(rest))
    if verb == "add" and len(rest) > 1 and rest[0].word in ("in", "on", "back"):
        rest = rest[1:]
    for i in range(1, len(rest)):
        if (
            i > 1
            and rest[i - 1].word.endswith("ing")
            and lex.is_adjective(rest[i - 1].word)
            and not lex.is_adjective(rest[i - 2].word)
            and rest[i - 2].word not in lex.DETERMINERS
        ):
            return Reading("add", (), rest, key=head(rest))  # a bird sitting on the branch
        if (length := relation_at(rest[i:])) and i + length < len(rest):
            place = rest[i + length :]
            if is_whole(rest[:i]):  # render it in 3d
                return Reading("global", rest[:i], rest[i:], key=last_content(place))
            if is_whole(place) and place[-1].word in lex.PICTURES:
                return Reading("add", (), rest[:i], key=head(rest[:i]))
            return Reading("add", place, rest[:i], rest[i : i + length], head(rest[:i]))
    return Reading("add", (), rest, key=head(rest)) if rest else None


def _put_out(verb: str, rest: Tokens) -> Reading | None:
    """Put out the fire, put the fire out, drop the hat: what is there goes."""
    out = find(rest, ("out",)) if verb == "put" and len(rest) > 1 else None
    thing = rest if out is None else rest[1:] if out == 0 else rest[:out]
    placed = any(relation_at(rest[k:]) for k in range(1, len(rest)))
    goes = out in (0, len(rest) - 1) or (verb == "drop" and not placed)
    there = bool(thing) and thing[0].word in lex.DEFINITE | lex.PRONOUNS
    return _remove(verb, thing) if goes and there else _add(verb, thing) if out == 0 else None


def _moved(rest: Tokens) -> Reading | None:
    """Reads how a thing that is there goes to another place.

    Examples: put him in the forest, put the dog on a skateboard, set it on fire.
    """
    definite = rest[:1] and (rest[0].word in lex.DEFINITE or rest[0].word in lex.PRONOUNS)
    at = next(
        (
            i
            for i in range(1, len(rest))
            if relation_at(rest[i:]) and i + relation_at(rest[i:]) < len(rest)
        ),
        None,
    )
    if not definite or at is None:
        return None
    thing, where, place = rest[:at], rest[at:], rest[at + relation_at(rest[at:]) :]
    if " ".join(t.word for t in where[:2]) in lex.STATE_PHRASES:
        return becomes(thing, where)
    noun = head(place)
    if (
        noun
        and where[0].word in ("in", "on", "at", "into")
        and noun[0].word in lex.SCENERY | lex.TIMES
    ):
        return Reading("global", thing, where, key=noun)
    if noun and place[0].word in ("a", "an", "some"):
        return Reading("add", thing, place, where[: len(where) - len(place)], noun)
    if noun and noun[0].word in lex.PLACES and len(place) <= 3:
        return Reading("raw", thing, where, key=name_of(thing))
    return None


def _remove(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("from", "off"))
    subject = rest[:cut]
    key = name_of(subject)
    if not key and len(subject) > 1 and is_whole(subject[:1]):  # everything on the table
        key = head(subject[1:])
    return Reading("remove", subject, relation=rest[len(subject) :], key=key) if subject else None


def _make(verb: str, rest: Tokens) -> Reading | None:
    if rest and rest[0].word == "there":
        return there(rest)
    cut = find(rest, ("into",))
    if cut is not None:
        return becomes(rest[:cut], rest[cut + 1 :])
    whole = whole_prefix(rest)
    if whole:
        return becomes(rest[:whole], rest[whole:]) if rest[whole:] else None
    if (
        (out := find(rest, ("out",)))
        and rest[out + 1 : out + 2]
        and rest[out + 1].word == "of"
        and rest[0].word in ("a", "an", "some")
    ):
        return (
            Reading("replace", rest[out + 2 :], rest[:out], key=name_of(rest[out + 2 :]))
            if rest[out + 2 :]
            else None
        )
    if (out := find(rest, ("out",))) and verb == "get" and out + 1 <= len(rest):
        return _remove(verb, rest[:out])
    if rest and all(lex.is_adjective(t.word) for t in rest):
        return Reading("global", (), rest, key=rest[-1:])
    k = predicate_at(rest)
    if k is None and rest and rest[0].word in ("a", "an", "some"):
        return _add("add", rest)
    return None if k is None else becomes(rest[:k], rest[k:], described=True)


def _paint(verb: str, rest: Tokens) -> Reading | None:
    if find(rest, ("into",)) is not None:
        return _make(verb, rest)
    if rest and rest[0].word in ("over", "out") and len(rest) > 1:
        return _remove(verb, rest[1:])
    if len(rest) > 1 and rest[0].word in lex.WHOLE and rest[1].word in ("like", "in", "as"):
        return becomes(rest[:1], rest[1:])
    k = trailing_adjectives(rest)
    definite = bool(rest) and rest[0].word not in ("a", "an", "another", "some")
    if k is not None and definite:
        return becomes(
            rest[: k - 1 if k > 1 and rest[k - 1].word in ("to", "in", "into") else k], rest[k:]
        )
    if whole := whole_prefix(rest):
        return becomes(rest[:whole], rest[whole:]) if rest[whole:] else None
    return _cover(verb, rest) or (_add(verb, rest) if verb == "paint" or not definite else None)


def _give(verb: str, rest: Tokens) -> Reading | None:
    if not rest:
        return None
    cut = 1
    if rest[0].word not in lex.PRONOUNS or (rest[0].word == "her" and owns(rest[1:], "give")):
        later = [
            i
            for i, t in enumerate(rest)
            if i > 1
            and rest[i - 1].word not in {"and"} | lex.PREPOSITIONS
            and (t.word in lex.DETERMINERS or lex.is_number(t.word))
        ]
        cut = later[0] if later else _receives(rest)
    receiver, gift = rest[:cut], rest[cut:]
    if not receiver or not gift or not (name_of(receiver) or receiver[-1].word in lex.PRONOUNS):
        return None
    if is_whole(receiver) and (gift[-1].word in lex.STYLES or gift[-1].word in lex.TIMES):
        return Reading("global", receiver, gift, key=last_content(gift))
    if is_whole(receiver) and receiver[-1].word in lex.PICTURES:
        return Reading("global", receiver, gift, key=head(gift))
    if gift[-1].word in lex.PATTERNS:
        return Reading("modify", receiver, gift, key=name_of(receiver))
    return Reading("add", receiver, gift, key=head(gift))


def _receives(rest: Tokens) -> int:
    """How many words name who gets something.

    No article parts them from what is got: the woman | red hair, the horse | wings.
    """
    if len(rest) > 2 and rest[0].word in lex.DEFINITE and rest[1].word in lex.ANIMATE:
        return 2  # the man | cat ears
    noun = next(
        (
            i
            for i, t in enumerate(rest)
            if t.word not in lex.DETERMINERS
            and not t.word.endswith("'s")
            and not lex.is_adjective(t.word)
        ),
        0,
    )
    following = rest[noun + 1].word if noun + 2 < len(rest) else ""
    if following.endswith("'s") or (following and lex.is_adjective(following)):
        return noun + 1
    return len(rest) - 1


def _cover(verb: str, rest: Tokens) -> Reading | None:
    cut = find(rest, ("with", "in"))
    if not cut or cut + 1 == len(rest):
        return None
    if all(lex.is_adjective(t.word) for t in rest[cut + 1 :]):
        return Reading("modify", rest[:cut], rest[cut + 1 :], key=name_of(rest[:cut]))
    return Reading("add", rest[:cut], rest[cut + 1 :], rest[cut : cut + 1], head(rest[cut + 1 :]))


def _counted(rest: Tokens) -> Reading | None:
    """Reduce the birds to two, decrease the number of birds to two."""
    numbered = len(rest) > 2 and rest[-2].word == "to" and lex.is_number(rest[-1].word)
    key = name_of(rest[:-2]) if numbered else ()
    return Reading("modify", without_attribute(rest[:-2]), rest[-1:], key=key) if key else None


def _state(verb: str, rest: Tokens) -> Reading | None:
    """open the box; the target is empty, because the verb says it."""
    if not rest:
        return None
    if (counted := _counted(rest)) is not None:
        return counted
    if verb == "grow" and rest[0].word in ("a", "an", "some"):
        return _add(verb, rest)
    if is_whole(rest) or rest[-1].word in lex.MEASURES:
        return Reading("global", rest, key=head(rest) if rest[-1].word in lex.MEASURES else ())
    if verb in ("raise", "lower") and rest[-1].word in ("arms", "hands"):
        return Reading("modify", rest, key=head(rest))
    rest = without_extent(rest)
    return Reading("modify", rest, key=name_of(rest))


def _switch(verb: str, rest: Tokens) -> Reading | None:
    if len(rest) > 1 and rest[0].word in ("up", "down") and rest[-1].word in lex.MEASURES:
        return Reading("global", rest[1:], key=head(rest[1:]))  # turn up the brightness
    for at in (0, len(rest) - 1):
        if len(rest) > 1 and rest[at].word in ("on", "off"):
            subject = rest[1:] if at == 0 else rest[:-1]
            return Reading("modify", subject, rest[at : at + 1], key=name_of(subject))
    if verb == "switch" and (swapped := _replace(verb, rest)):
        return swapped
    return _change(verb, rest) or _make(verb, rest)


def _raw_verb(verb: str, rest: Tokens) -> Reading | None:
    words = [t.word for t in rest]
    if verb in ("increase", "decrease") and (counted := _counted(rest)) is not None:
        return counted
    if (
        verb == "move"
        and (cut := find(rest, ("to", "into")))
        and is_whole(rest[:cut])
        and rest[cut + 1 :]
    ):
        return Reading("global", rest[:cut], rest[cut:], key=last_content(rest[cut + 1 :]))
    if verb == "get":
        off = (find(rest, ("off",)) or 0) > 0
        gone = rest[2:] if words[:2] == ["rid", "of"] else rest if off else ()
        return _remove(verb, gone) if gone else _make(verb, rest)
    if verb in ("take", "cut", "crop"):
        for at in (0, len(rest) - 1):
            if words and words[at] in ("away", "out", "off"):
                return _remove(verb, rest[1:] if at == 0 else rest[:-1])
        return _remove(verb, rest) if find(rest, ("off", "from")) else None
    if words and words[-1] in lex.MEASURES:
        return Reading("global", rest, key=head(rest))
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
