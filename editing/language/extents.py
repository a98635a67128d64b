"""How far a thing changes: by ten years, to the left, a little."""

from __future__ import annotations

from . import lexicon as lex
from .phrases import Tokens

EXTENTS = frozenset("bit little lot half third quarter few notch touch shade fraction".split())


def _measures(word: str) -> bool:
    return word in EXTENTS or lex.is_number(word) or word[:1].isdigit() or word.endswith("ty")


def without_extent(rest: Tokens) -> Tokens:
    """A thing without how far it changes: age him | by ten years.

    Or where to: tilt his head | to the left.
    """
    for i in range(1, len(rest)):
        word, following = rest[i].word, [t.word for t in rest[i + 1 :]]
        amount = following[1:2] if following[:1] == ["a"] else following[:1]
        measured = word == "by" and bool(amount) and _measures(amount[0])
        turned = (
            word in ("to", "towards", "toward")
            and len(following) <= 2
            and lex.PLACES & set(following)
        )
        if measured or turned:
            return rest[:i]
    return rest
