"""FoI's sub-instructions as tokens of one joined prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from torch import Tensor

from ..diffusion import tokens
from ..diffusion.model import Model
from ..errors import EditError
from ..language import lexicon, phrases
from ..language.instruction import Item
from ..language.outline import gives_way, keeps_detail, keeps_outline
from ..naming import mask_of

JOINER = ", "

NONE: Mapping[str, Tensor] = MappingProxyType({})
"""No masks by name."""


@dataclass(frozen=True)
class Part:
    """One sub-instruction within the joined prompt.

    Tells where its tokens, its keyword's and its content words' stand among the 77.
    """

    text: str
    keyword: str
    strength: float
    everywhere: bool  # a global instruction
    tokens: tuple[int, ...]
    keyword_tokens: tuple[int, ...]
    content: tuple[int, ...] = ()
    outside: bool = False  # acts everywhere but at the keyword
    sure: bool = True  # whether the keyword was read from the sentence, or is a guess
    words: tuple[tuple[str, tuple[int, ...]], ...] = ()  # the content words, and their tokens
    keeps_outline: bool = False
    keeps_detail: bool = False
    gives_way: bool = False
    goes: bool = False
    given: Tensor | None = field(default=None, compare=False)  # the painter's own mask


def read(
    items: Sequence[Item], model: Model, named: Mapping[str, Tensor] = NONE
) -> tuple[str, tuple[Part, ...]]:
    """The joined prompt, and where each sub-instruction stands in it.

    Raises EditError at the one that no longer fits.
    """
    prompt = tokens.read(model.tokenizer, "")
    for last, item in enumerate(items):
        try:
            prompt = tokens.read(
                model.tokenizer, JOINER.join(i.text for i in items[: last + 1]), model.max_tokens
            )
        except EditError as error:
            raise EditError(
                error.code,
                f"The instructions are longer than the {model.max_tokens - 2} tokens that the "
                "model "
                f"reads; {item.text!r} no longer fits.",
                "Make them shorter, or give the last ones in a second edit.",
            ) from error
    parts = []
    start = 0
    for item in items:
        whole = prompt.positions((start, start + len(item.text)))
        keyword = prompt.positions((start + item.span[0], start + item.span[1]))
        spans = [
            (start + t.start, start + t.end)
            for t in phrases.tokens(item.text)
            if t.word not in lexicon.CONTENTLESS
        ]
        content = tuple(place for span in spans for place in prompt.positions(span))
        words = tuple((prompt.text[slice(*span)], prompt.positions(span)) for span in spans)
        parts.append(
            Part(
                item.text,
                item.keyword,
                item.strength,
                item.operation == "global",
                whole,
                keyword,
                content,
                item.outside,
                item.sure,
                words,
                keeps_outline(item) and not item.outside,
                keeps_detail(item),
                gives_way(item) and not item.outside,
                item.operation == "remove" and not item.outside,
                mask_of(item, named),
            )
        )
        start += len(item.text) + len(JOINER)
    return prompt.text, tuple(parts)


def keyword_map(maps: Tensor, part: Part) -> Tensor:
    """The mean map of the keyword's tokens, (h, w).

    Without a keyword: of the content word's token with the largest peak over its mean.
    """
    if part.keyword_tokens:
        return tokens.columns(maps, part.keyword_tokens)
    candidates = maps[list(part.content or part.tokens)]
    return candidates[(candidates.amax((1, 2)) / candidates.mean((1, 2))).argmax()]


def looked_for(maps: Tensor, part: Part) -> Part:
    """The part with the keyword that the model looks at most.

    For a sentence that was not read: the content word whose map has the largest peak over its mean
    (difference 18).
    """
    if part.sure or not part.words:
        return part
    seen = {places: tokens.columns(maps, places) for _, places in part.words if places}
    word, places = max(
        ((word, places) for word, places in part.words if places),
        key=lambda named: float(seen[named[1]].max() / seen[named[1]].mean()),
        default=("", ()),
    )
    return replace(part, keyword=word, keyword_tokens=places) if places else part
