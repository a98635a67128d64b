"""Edits a caption as an instruction edits the picture.

"a red star" with "make the star blue" becomes "a blue star". A caption is a list of words; a noun
phrase in it is found by its head and the words that the instruction gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import EditError
from ..said import say
from . import english
from . import lexicon as lex
from .instruction import Item
from .phrases import find, head, tokens
from .setting import setting_changed
from .wording import (
    ARMS_UP,
    BOUNDARY,
    Phrase,
    Words,
    around,
    bare,
    joined,
    locate,
    split,
    state_of,
    subject_head,
)

OPPOSITE = {
    "left of": "right of", "right of": "left of", "to the left of": "to the right of",
    "to the right of": "to the left of", "above": "below", "over": "below", "below": "above",
    "under": "above", "behind": "in front of", "in front of": "behind", "next to": "next to",
    "beside": "beside", "near": "near", "close to": "close to",
}  # fmt: skip
"""Y `relation` Z, said of Z."""


TIES = lex.PREPOSITIONS | {"left", "right", "front", "top"}  # what ties a thing to another


def edited(caption: str, item: Item) -> str:
    """The caption after the item.

    Raises EditError("not-in-caption" or "no-target") where it cannot be told.
    """
    words = split(caption)
    if item.form == "arrow" and item.subject and item.target:
        return _arrow(words, item)
    if item.operation == "global":
        return setting_changed(words, item) or f"{caption}, {_described(item)}"
    if item.operation == "add":
        return joined(_add(words, item))
    if item.operation == "raw":
        sentence = say("It is not clear what the picture shows after {text}.", text=repr(item.text))
        raise EditError("no-target", sentence, say("Write it as: what is there => what to show."))
    if subject_head(item) == "background" and (changed := _background(words, item)) is not None:
        return joined(changed)
    phrase = locate(words, item.subject)
    if phrase is None:
        facts = {"caption": repr(caption), "thing": repr(item.subject)}
        raise EditError(
            "not-in-caption",
            say("The caption {caption} does not mention {thing}.", **facts),
            say("Name it in the caption, or write the edit as: what is there => what to show."),
        )
    change = {"replace": _replace, "remove": _remove, "modify": _modify}[item.operation]
    return joined(change(words, phrase, item))


def _arrow(words: Words, item: Item) -> str:
    """A found in the caption (whole words, determiner ignored) becomes B."""
    old, new = bare(item.subject), bare(item.target)
    low = [w.lower() for w in words]
    for i in range(len(words) - len(old) + 1):
        if low[i : i + len(old)] == [w.lower() for w in old]:
            return joined(_with_article(words[:i], new) + words[i + len(old) :])
    raise EditError(
        "not-in-caption",
        say("The caption does not contain {thing}.", thing=repr(item.subject)),
        say("Use the caption's own words before the arrow."),
    )


def _with_article(before: Words, new: Words) -> Words:
    """Appends `new` to `before`.

    The last article of `before` is dropped where a number or a plural follows.
    """
    if (
        before
        and before[-1].lower() in ("a", "an")
        and (not new or lex.is_number(new[0].lower()) or _is_plural(new))
    ):
        before = before[:-1]
    return before + new


def _is_plural(words: Words) -> bool:
    noun = head(tokens(" ".join(words)))
    return bool(noun) and english.singular(noun[0].word) != noun[0].word


def _replace(words: Words, phrase: Phrase, item: Item) -> Words:
    """Replaces a thing in a caption.

    The words that the instruction gives the old thing go, and the new thing stands for its head.
    Other attributes stay.
    """
    attributes, more = _parted(item.subject)
    named = set(attributes)
    new = bare(item.target)
    end = (
        phrase.end + _owned(words[phrase.end :], more)
        if more[:1] and more[0] in HOLDING
        else phrase.end
    )
    if not {t.word for t in head(tokens(item.target))} & lex.ANIMATE:
        named |= lex.POSES | frozenset(
            (*lex.PLACES_OPEN, *lex.LIGHTS)
        )  # a triangle neither sits nor is lit
    before = words[: phrase.start] + [
        w for w in words[phrase.start : phrase.head] if w.lower() not in named
    ]
    after = [w for w in words[phrase.head + 1 : phrase.end] if w.lower() not in named]
    return _with_article(before, new) + after + words[end:]


HOLDING = frozenset("wearing holding with having carrying in".split())


HANDLING = frozenset("wearing holding carrying having using reading eating drinking riding".split())
"""What goes with the thing that somebody wears, holds or uses."""


def _parted(name: str) -> tuple[Words, Words]:
    """What a name says up to its noun, and what it says behind it.

    Both in lower case: the old man / holding a cup.
    """
    words = [w.lower() for w in bare(name)]
    noun = head(tokens(name))
    at = words.index(noun[0].word) + 1 if noun and noun[0].word in words else len(words)
    return words[:at], words[at:]


def _owned(words: Words, more: Words) -> int:
    """How many words of a caption repeat what a name says behind its noun.

    Articles may differ.
    """
    k = 0
    for wanted in (w for w in more if w not in lex.DETERMINERS):
        at = k + 1 if words[k : k + 1] and words[k].lower() in lex.DETERMINERS else k
        if words[at : at + 1] == [] or words[at].lower() != wanted:
            return 0
        k = at + 1
    return k


def _remove(words: Words, phrase: Phrase, item: Item) -> Words:
    """The noun phrase goes, and the preposition or "and" that tied it to the rest."""
    start, end = phrase.start, phrase.end
    there = _number(words[start]) if lex.is_number(words[start].lower()) else 0
    gone = _fewer(item.subject)
    if there > gone > 0:
        return _count(words, phrase, there - gone)
    if (
        gone
        and words[phrase.head].lower() != english.singular(words[phrase.head].lower())
        and not there
    ):
        return words  # of many, many are left
    end += _owned(words[end:], _parted(item.subject)[1])
    while end < len(words) and words[end].lower() == "of":  # a cup of tea
        end = around(words, min(end + 1, len(words) - 1)).end
    if start == 0:
        while end < len(words) and words[end].lower() in BOUNDARY | TIES:
            end += 1
            if words[end - 1].lower() in ("of", "to", "on", "in", "at", "and", ","):
                break
        return words[end:]
    listed = words[start - 1].lower() == "and" and "," in words[: start - 1]
    while start > 0 and words[start - 1].lower() in BOUNDARY | TIES:
        start -= 1
    if start > 1 and words[start - 1].lower() in HANDLING:
        start -= 1  # a woman holding | an umbrella
    last = max((i for i in range(start) if words[i] == ","), default=0)
    if listed and last:  # a house, a tree and | a dog
        words = [*words[:last], "and", *words[last + 1 : start], *words[start:]]
    if (
        words[end : end + 1] == ["and"]
        and words[end + 1 : end + 2]
        and words[end + 1].lower() in TIES
    ):
        end += 1  # left of a cup and below a star
    return words[:start] + words[end:]


def _fewer(name: str) -> int:
    """How many things a name speaks of, where it may not be all; 0 for all.

    Examples: one of the apples, two cups, the person on the left.
    """
    words = [t.word for t in tokens(name)]
    noun = head(tokens(name))
    if words and lex.is_number(words[0]):
        return _number(words[0])
    return (
        1
        if noun
        and english.singular(noun[0].word) == noun[0].word
        and words[0] not in ("all", "every", "both", "some")
        else 0
    )


def _add(words: Words, item: Item) -> Words:
    new = split(item.target)
    more = [w.lower() for w in new[:2]]
    if (
        more
        and (more[0] in ("another", "more") or "more" in more[1:])
        and (one := locate(words, item.target)) is not None
    ):
        return _count(
            words,
            one,
            _number(words[one.start]) + (_number(more[0]) if lex.is_number(more[0]) else 1),
        )
    place = locate(words, item.subject) if item.subject else None
    tie = OPPOSITE.get(item.relation.lower(), "with").split()
    end = len(words) if place is None else place.end
    return words[:end] + (tie if place is not None else ["with"]) + new + words[end:]


def _number(word: str) -> int:
    return lex.NUMBERS.get(word.lower(), int(word) if word.isdecimal() and len(word) < 3 else 1)


def _count(words: Words, phrase: Phrase, number: int) -> Words:
    names = {n: word for word, n in lex.NUMBERS.items()}
    one = english.singular(words[phrase.head].lower())
    inner = words[phrase.start : phrase.head]
    if inner and (inner[0].lower() in lex.DETERMINERS or lex.is_number(inner[0].lower())):
        inner = inner[1:]
    first = "a" if number == 1 else names.get(number, str(number))
    noun = one if number == 1 else english.plural(one)
    return [*words[: phrase.start], first, *inner, noun, *words[phrase.head + 1 :]]


def _modify(words: Words, phrase: Phrase, item: Item) -> Words:
    target = split(item.target)
    if target and lex.is_number(target[0].lower()):
        return _count(words, phrase, _number(target[0]))
    state = state_of(item)
    inner, after = words[phrase.start : phrase.head], words[phrase.head + 1 : phrase.end]
    noun = words[phrase.head]
    if tuple(w.lower() for w in after[-3:]) == ARMS_UP and (
        _group(state) == lex.POSES or state == ARMS_UP
    ):
        after = after[:-3]
    group = lex.POSES if state == ARMS_UP else _group(state)
    slots = [i for i, w in enumerate(inner) if w.lower() in group]
    tail = [i for i, w in enumerate(after) if w.lower() in group]
    if state == ARMS_UP:
        inner = [w for w in inner if w.lower() not in group]
        after = [*(w for w in after if w.lower() not in group), *state]
    elif slots:
        inner = [
            *inner[: slots[0]],
            *(() if state == ("plain",) else state),
            *inner[slots[-1] + 1 :],
        ]
    elif tail:
        after = [*after[: tail[0]], *state, *after[tail[-1] + 1 :]]
    elif group is lex.POSES and (at := _posed(words, phrase)) is not None:
        return [*words[:at], *state, *words[at + 1 :]]
    elif len(state) == 1 or all(lex.is_adjective(w.lower()) for w in state):
        rank = min((_rank(w) for w in state), default=0)
        at = next((i for i, w in enumerate(inner) if _rank(w) > rank), len(inner))
        inner = [*inner[:at], *state, *inner[at:]]
    else:
        after = [*state, *after]
    return [*words[: phrase.start], *inner, noun, *after, *words[phrase.end :]]


def _posed(words: Words, phrase: Phrase) -> int | None:
    """Where a pose is told of a thing further behind; None if that is not sure.

    A man in a suit | standing near a car. One pose and one living thing must be told of.
    """
    alive = [w for w in words if english.singular(w.lower()) in lex.ANIMATE]
    poses = [i for i in range(phrase.end, len(words)) if words[i].lower() in lex.POSES]
    return poses[0] if len(poses) == 1 and len(alive) == 1 else None


def _rank(word: str) -> int:
    """An adjective's rank in English word order.

    Size comes before pattern, state and colour. An unknown adjective stands before the colour, too.
    """
    ranks = (lex.SIZES, lex.TEXTURES, lex.POSES | lex.STATE_WORDS, lex.COLOURS)
    found = next((i for i, group in enumerate(ranks) if word.lower() in group), None)
    return found if found is not None else 2 if lex.is_adjective(word.lower()) else -1


def _group(state: Sequence[str]) -> frozenset[str]:
    """The words that exclude the state's last one."""
    return next(
        (g for g in lex.GROUPS for word in reversed(state) if word.lower() in g), frozenset()
    )


def _described(item: Item) -> str:
    return item.target or " ".join(state_of(item))


def _background(words: Words, item: Item) -> Words | None:
    """The phrase that says where everything is, changed; None if the caption has none."""
    if item.operation == "remove":
        return None
    new = list(state_of(item)) if item.operation == "modify" else bare(item.target)
    low = [w.lower() for w in words]
    where = next((i for i, w in enumerate(low) if w in lex.SCENERY | lex.TIMES), None)
    if (
        item.operation == "modify"
        and "background" not in low
        and where is not None
        and all(lex.is_adjective(w) and w not in lex.COLOURS | lex.TEXTURES for w in new)
    ):
        return _modify(words, around(words, where), item)  # a dog in a blurry garden
    place = find(tokens(" ".join(new)), lex.SCENERY | lex.TIMES)
    if place is None:
        fresh = ["on", "a", *new] + ([] if "background" in new else ["background"])
    else:
        tie = "on" if new[-1].lower() in lex.OPEN_PLACES else "in"
        fresh = ["at", *new] if new[-1].lower() in lex.TIMES else [tie, "a", *new]
    if "background" in low:
        end = low.index("background") + 1
        start = around(words, end - 1).start
    else:
        if where is None:
            return [*words, *fresh]
        end, start = where + 1, around(words, where).start
    while start > 0 and low[start - 1] in ("on", "in", "at", "against", "with"):
        start -= 1
    return words[:start] + fresh + words[end:]
