"""What a change leaves as it is.

That is a thing's outline, or the setting that it stood in.
"""

from __future__ import annotations

from . import lexicon as lex
from .instruction import Item
from .phrases import head, tokens
from .wording import bare, joined, split, state_of

SETTINGS = frozenset("in on at against inside outside under before".split())
CARRYING = frozenset("with wearing holding carrying has have having".split())
SHADES = frozenset("light lighter dark darker pale bright brighter deep".split())
BACKGROUNDS = frozenset(("background", "sky"))
MOVING = lex.POSES | lex.POSE_VERBS | lex.STATE_WORDS | lex.SIZES | {"arms", "open", "closed"}


def keeps_outline(item: Item) -> bool:
    """Whether a change keeps the outline of what it changes.

    True for what is taken away and for what only changes its colour, texture or quality. False for
    what is new, replaced, counted, resized or moved, and where the sentence does not tell.
    """
    if item.operation == "remove":
        return True
    if item.operation == "modify":
        return _surface(set(state_of(item)))
    if item.operation == "replace":
        old, new = tokens(item.subject), tokens(item.target)
        if [t.word for t in head(old)] == [t.word for t in head(new)]:
            return _surface({t.word for t in new} - {t.word for t in old} - lex.CONTENTLESS)
    return False


def gives_way(item: Item) -> bool:
    """Whether a thing that is there goes, and another takes its place."""
    return (
        item.operation == "replace"
        and bool(item.subject)
        and not keeps_outline(item)
        and item.keyword.lower() not in BACKGROUNDS
    )


def keeps_detail(item: Item) -> bool:
    """True for what only changes its colour, so that all drawn in it stays."""
    if not keeps_outline(item) or item.operation == "remove":
        return False
    if item.operation == "modify":
        return _colours(set(state_of(item)))
    old, new = ({t.word for t in tokens(side)} for side in (item.subject, item.target))
    return _colours(new - old) and _colours(old - new)


def _colours(words: set[str]) -> bool:
    """Whether these words name a colour, and nothing else."""
    named = words - lex.CONTENTLESS - SHADES
    return bool(named) and all(map(lex.is_colour, named))


def _surface(words: set[str]) -> bool:
    """Whether these words tell only how a thing's surface looks."""
    return bool(words) and not any(
        word in MOVING or lex.is_number(word) or word.endswith("ing") for word in words
    )


def setting(caption: str, gone: str) -> str:
    """A caption's setting, without the things in it.

    "a star on a pink background" gives "a pink background". "background" where the caption does not
    tell, or tells only of what is gone.
    """
    words = split(caption)
    for place in reversed(range(1, len(words) - 1)):
        if words[place].lower() in SETTINGS:
            rest = words[place + 1 :]
            named = {w.lower() for w in bare(gone)}
            return "background" if named & {w.lower() for w in rest} else joined(rest)
    return "background"


def is_carried(caption: str, thing: str) -> bool:
    """Whether the caption says that another thing has this one: "a cat with a hat"."""
    words, noun = [w.lower() for w in split(caption)], bare(thing)[-1].lower()
    if noun not in words:
        return False
    before = [
        w
        for w in words[: words.index(noun)]
        if (w not in lex.DETERMINERS and not lex.is_adjective(w)) or w in CARRYING
    ]
    return bool(before) and before[-1] in CARRYING
