"""Masks that the painter has given by name, and which instruction each is for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .language.english import singular
from .language.instruction import Item


def mask_of(item: Item, named: Mapping[str, Tensor]) -> Tensor | None:
    """The mask of an item's thing, (1, 1, H, W); None where none is called like it.

    It is called like it where its name is the word whose place would be looked for, in whatever
    number, or stands in the item word for word ("red star"). The longest such name counts.
    """
    fitting = [name for name in named if _fits(name, item)]
    return named[max(fitting, key=len)] if fitting else None


def _fits(name: str, item: Item) -> bool:
    words = re.findall(r"\w+", name.casefold())
    if not words:
        return False
    if len(words) == 1 and item.keyword:
        return singular(words[0]) == singular(item.keyword.casefold())
    pattern = r"\W+".join(map(re.escape, words))
    return re.search(rf"(?<!\w){pattern}(?!\w)", item.text.casefold()) is not None
