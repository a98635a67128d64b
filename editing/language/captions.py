"""Editing a caption as an instruction edits the picture: "a red star" and "make the star blue" ->
"a blue star".

A caption is a list of words; a noun phrase in it is found by its head and the words that the
instruction gives it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import EditError
from . import lexicon as lex
from .grammar import LINKS
from .instruction import Item
from .phrases import find, head, tokens

Words = list[str]

PIECE = re.compile(r"[^\W_]+(?:['\-][^\W_]+)*|[^\w\s]|_")
OPPOSITE = {
    "left of": "right of", "right of": "left of", "to the left of": "to the right of", "to the right of": "to the left of",
    "above": "below", "over": "below", "below": "above", "under": "above", "behind": "in front of", "in front of": "behind",
    "next to": "next to", "beside": "beside", "near": "near", "close to": "close to",
}  # fmt: skip
"""Y `relation` Z, said of Z."""
BOUNDARY = frozenset((*lex.PREPOSITIONS, "and", "or", "but", "is", "are", ",", ".", ";", ":"))
TIES = lex.PREPOSITIONS | {"left", "right", "front", "top"}  # what ties a thing to another
LIGHTS = frozenset("lamp light lantern candle torch fire fireplace".split())
ARMS_UP = ("with", "arms", "up")


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a caption: word indices of its start (determiner included), its head and its
    end.
    """

    start: int
    head: int
    end: int


def edited(caption: str, item: Item) -> str:
    """The caption after the item.

    Raises EditError("not-in-caption" or "no-target") where it cannot be told.
    """
    words = split(caption)
    if item.form == "arrow" and item.subject and item.target:
        return _arrow(words, item)
    if item.operation == "global":
        return f"{caption}, {_described(item)}"
    if item.operation == "add":
        return joined(_add(words, item))
    if item.operation == "raw":
        sentence = f"It is not clear what the picture shows after {item.text!r}."
        raise EditError("no-target", sentence, "Write it as: what is there => what to show.")
    if subject_head(item) == "background" and (changed := _background(words, item)) is not None:
        return joined(changed)
    phrase = locate(words, item.subject)
    if phrase is None:
        raise EditError(
            "not-in-caption",
            f"The caption {caption!r} does not mention {item.subject!r}.",
            "Name it in the caption, or write the edit as: what is there => what to show.",
        )
    change = {"replace": _replace, "remove": _remove, "modify": _modify}[item.operation]
    return joined(change(words, phrase, item))


def split(text: str) -> Words:
    """Words and punctuation marks."""
    return PIECE.findall(text)


def joined(words: Sequence[str]) -> str:
    """Words as a text, with a fitting "a" or "an" before each noun phrase."""
    fixed = list(words)
    for i in range(len(fixed) - 1):
        if fixed[i].lower() in ("a", "an"):
            right = lex.article(fixed[i + 1])
            fixed[i] = right.capitalize() if fixed[i][0].isupper() else right
    text = re.sub(r" ([,.;:!?])", r"\1", " ".join(fixed)).strip(" ,;:")
    return re.sub(r",(?:\s*,)+", ",", text)


def bare(text: str) -> Words:
    """The words of a phrase without its determiners."""
    words = split(text)
    while len(words) > 1 and words[0].lower() in lex.DETERMINERS:
        words = words[1:]
    return words


def subject_head(item: Item) -> str:
    """The noun that the item is about, in lower case."""
    noun = head(tokens(item.subject))
    return noun[0].word if noun else ""


def locate(words: Words, name: str) -> Phrase | None:
    """The noun phrase that `name` speaks of: with its head, and the most of its other words; the
    first of equals.
    """
    noun = head(tokens(name))
    if not noun:
        return None
    given = {w.lower() for w in bare(name)}
    best: tuple[int, Phrase] | None = None
    for i, word in enumerate(words):
        if lex.singular(word.lower()) != lex.singular(noun[0].word):
            continue
        phrase = _around(words, i)
        score = len(given & {w.lower() for w in words[phrase.start : phrase.end]})
        if best is None or score > best[0]:
            best = (score, phrase)
    return None if best is None else best[1]


def _around(words: Words, at: int) -> Phrase:
    start = at
    while start > 0 and words[start - 1].lower() not in BOUNDARY:
        start -= 1
        if words[start].lower() in lex.DETERMINERS or lex.is_number(words[start].lower()):
            break
    end = at + 1
    while end < len(words) and (
        words[end].lower() in lex.POSES or words[end].lower() in lex.STATE_WORDS
    ):
        end += 1
    if tuple(w.lower() for w in words[end : end + 3]) == ARMS_UP:
        end += 3
    return Phrase(start, at, end)


def _arrow(words: Words, item: Item) -> str:
    """A found in the caption (whole words, determiner ignored) becomes B."""
    old, new = bare(item.subject), bare(item.target)
    low = [w.lower() for w in words]
    for i in range(len(words) - len(old) + 1):
        if low[i : i + len(old)] == [w.lower() for w in old]:
            return joined(_with_article(words[:i], new) + words[i + len(old) :])
    raise EditError(
        "not-in-caption",
        f"The caption does not contain {item.subject!r}.",
        "Use the caption's own words before the arrow.",
    )


def _with_article(before: Words, new: Words) -> Words:
    """`new` behind `before`, whose last article goes where a number or a plural follows."""
    if (
        before
        and before[-1].lower() in ("a", "an")
        and (not new or lex.is_number(new[0].lower()) or _is_plural(new))
    ):
        before = before[:-1]
    return before + new


def _is_plural(words: Words) -> bool:
    noun = head(tokens(" ".join(words)))
    return bool(noun) and lex.singular(noun[0].word) != noun[0].word


def _replace(words: Words, phrase: Phrase, item: Item) -> Words:
    """The words that the instruction gives the old thing go, the new thing stands for its head;
    other attributes stay.
    """
    named = {w.lower() for w in bare(item.subject)}
    new = bare(item.target)
    if not {t.word for t in head(tokens(item.target))} & lex.ANIMATE:
        named |= lex.POSES | frozenset(
            (*lex.PLACES_OPEN, *lex.LIGHTS)
        )  # a triangle neither sits nor is lit
    before = words[: phrase.start] + [
        w for w in words[phrase.start : phrase.head] if w.lower() not in named
    ]
    after = [w for w in words[phrase.head + 1 : phrase.end] if w.lower() not in named]
    return _with_article(before, new) + after + words[phrase.end :]


def _remove(words: Words, phrase: Phrase, item: Item) -> Words:
    """The noun phrase goes, and the preposition or "and" that tied it to the rest."""
    start, end = phrase.start, phrase.end
    while end < len(words) and words[end].lower() == "of":  # a cup of tea
        end = _around(words, min(end + 1, len(words) - 1)).end
    if start == 0:
        while end < len(words) and words[end].lower() in BOUNDARY | TIES:
            end += 1
            if words[end - 1].lower() in ("of", "to", "on", "in", "at", "and", ","):
                break
        return words[end:]
    while start > 0 and words[start - 1].lower() in BOUNDARY | TIES:
        start -= 1
    if (
        words[end : end + 1] == ["and"]
        and words[end + 1 : end + 2]
        and words[end + 1].lower() in TIES
    ):
        end += 1  # left of a cup and below a star
    return words[:start] + words[end:]


def _add(words: Words, item: Item) -> Words:
    new = split(item.target)
    if (
        new
        and new[0].lower() in ("another", "more")
        and (one := locate(words, item.target)) is not None
    ):
        return _count(words, one, _number(words[one.start]) + 1)
    place = locate(words, item.subject) if item.subject else None
    tie = OPPOSITE.get(item.relation.lower(), "with").split()
    end = len(words) if place is None else place.end
    return words[:end] + (tie if place is not None else ["with"]) + new + words[end:]


def _number(word: str) -> int:
    return lex.NUMBERS.get(word.lower(), int(word) if word.isdecimal() and len(word) < 3 else 1)


def _count(words: Words, phrase: Phrase, number: int) -> Words:
    names = {n: word for word, n in lex.NUMBERS.items()}
    one = lex.singular(words[phrase.head].lower())
    inner = words[phrase.start : phrase.head]
    if inner and (inner[0].lower() in lex.DETERMINERS or lex.is_number(inner[0].lower())):
        inner = inner[1:]
    first = "a" if number == 1 else names.get(number, str(number))
    noun = one if number == 1 else lex.plural(one)
    return [*words[: phrase.start], first, *inner, noun, *words[phrase.head + 1 :]]


def _modify(words: Words, phrase: Phrase, item: Item) -> Words:
    target = split(item.target)
    if target and lex.is_number(target[0].lower()) and len(target) > 1:
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
    elif len(state) == 1 or all(lex.is_adjective(w.lower()) for w in state):
        rank = min((_rank(w) for w in state), default=0)
        at = next((i for i, w in enumerate(inner) if _rank(w) > rank), len(inner))
        inner = [*inner[:at], *state, *inner[at:]]
    else:
        after = [*state, *after]
    return [*words[: phrase.start], *inner, noun, *after, *words[phrase.end :]]


def _rank(word: str) -> int:
    """English puts size before pattern before state before colour; an unknown adjective stands
    before the colour, too.
    """
    ranks = (lex.SIZES, lex.TEXTURES, lex.POSES | lex.STATE_WORDS, lex.COLOURS)
    found = next((i for i, group in enumerate(ranks) if word.lower() in group), None)
    return found if found is not None else 2 if lex.is_adjective(word.lower()) else -1


def _group(state: Sequence[str]) -> frozenset[str]:
    """The words that exclude the state's last one."""
    return next(
        (g for g in lex.GROUPS for word in reversed(state) if word.lower() in g), frozenset()
    )


def state_of(item: Item) -> tuple[str, ...]:
    """What a modified thing is afterwards, as a caption says it: "sit down" -> sitting, "bigger" ->
    large, "open the box" -> open.
    """
    words = [t.word for t in tokens(item.target)]
    while words and (words[0] in LINKS or words[0] in lex.FILLERS):
        words = words[1:]
    verb = next((t.word for t in tokens(item.text) if t.word in lex.VERBS), "")
    raised = {"up", "raise", "lift"} & set(words) or verb == "raise"
    if raised and {"arms", "hands"} & {t.word for t in tokens(item.text)}:
        return ARMS_UP
    if not words:
        return tuple(lex.STATES.get(verb, verb).split())
    if words in (["on"], ["off"]):
        lit = "lit" if words == ["on"] else "unlit"
        return (lit,) if subject_head(item) in LIGHTS else ("switched", words[0])
    if words == ["close"]:
        return ("closed",)
    if words[0] in lex.POSE_VERBS and words[0] not in lex.ADJECTIVES:
        rest = words[1:] if words[1:] not in (["up"], ["down"]) else []
        return (lex.participle(words[0]), *rest)
    plain = [lex.PATTERNS.get(w, lex.BASES.get(w, w)) for w in words]
    return tuple(w for w in plain if w not in ("and", "very", "a", "more") or len(plain) == 1)


def _described(item: Item) -> str:
    return item.target or " ".join(state_of(item))


def _background(words: Words, item: Item) -> Words | None:
    """The phrase that says where everything is, changed; None if the caption has none."""
    if item.operation == "remove":
        return None
    new = list(state_of(item)) if item.operation == "modify" else bare(item.target)
    place = find(tokens(" ".join(new)), lex.SCENERY | lex.TIMES)
    if place is None:
        fresh = ["on", "a", *new] + ([] if "background" in new else ["background"])
    else:
        fresh = ["at", *new] if new[-1].lower() in lex.TIMES else ["in", "a", *new]
    low = [w.lower() for w in words]
    if "background" in low:
        end = low.index("background") + 1
        start = _around(words, end - 1).start
    else:
        where = next((i for i, w in enumerate(low) if w in lex.SCENERY | lex.TIMES), None)
        if where is None:
            return None
        end, start = where + 1, _around(words, where).start
    while start > 0 and low[start - 1] in ("on", "in", "at", "against", "with"):
        start -= 1
    return words[:start] + fresh + words[end:]
