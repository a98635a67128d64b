"""What a caption says of a whole picture, changed: its time and its medium."""

from __future__ import annotations

from . import lexicon as lex
from .instruction import Item
from .phrases import head, tokens
from .wording import Words, bare, joined

TELLING = frozenset("at in on during into like a an the".split())
"""Words before a time or a medium: at night, in winter."""


AT = frozenset("night dawn dusk noon midday midnight sunset sunrise twilight nighttime".split())
PARTS_OF_DAY = frozenset("evening morning daytime day".split())


def setting_changed(words: Words, item: Item) -> str:
    """A caption whose time or medium the item changes; "" where it tells neither.

    Night becomes daytime, and a photo of a lighthouse a painting of a lighthouse.
    """
    low = [w.lower() for w in words]
    new = bare(item.target)
    while new and new[0].lower() in TELLING:
        new = new[1:]
    noun = head(tokens(" ".join(new)))
    kind = noun[0].word if noun else ""
    times = [i for i, w in enumerate(low) if w in lex.TIMES]
    if kind in lex.TIMES and len(times) == 1:
        start = times[0]
        while start > 0 and low[start - 1] in TELLING:
            start -= 1
        tie = ["at"] if kind in AT else ["in", "the"] if kind in PARTS_OF_DAY else ["in"]
        return joined([*words[:start], *(tie if start else []), *new, *words[times[0] + 1 :]])
    media = lex.MEDIA | lex.PICTURES | {"portrait"}
    of = next((i for i in range(1, min(3, len(low))) if low[i] == "of"), 0)
    if kind in media and of and low[of - 1] in media:
        return joined(["a", *new, *words[of:]])
    return ""
