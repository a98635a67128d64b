"""Words <-> tokens <-> columns of a map.

A prompt is a fixed row of places (77 for CLIP): start, content tokens, end, padding. Words are its
whitespace-separated pieces. A token belongs to the words whose characters it covers. That is found
by character offsets and never by comparing decoded strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from transformers import CLIPTokenizer

from ..errors import EditError

Span = tuple[int, int]  # characters from..to of a text

MAX_TOKENS = 77  # what CLIP's text encoder reads at once


@dataclass(frozen=True)
class Word:
    """A whitespace-separated piece of a prompt.

    It has its characters and the positions of its tokens (none, if it holds no readable character).
    """

    text: str
    span: Span
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Prompt:
    """A text as the text encoder reads it.

    ids: token ids at all places. spans: characters of each content token; content token k stands at
    place k + 1.
    """

    text: str
    ids: tuple[int, ...]
    spans: tuple[Span, ...]

    @property
    def end(self) -> int:
        """The place of the end token; padding begins behind it."""
        return len(self.spans) + 1

    @property
    def used(self) -> tuple[int, ...]:
        """Ids from start to end token, without padding."""
        return self.ids[: self.end + 1]

    @property
    def content(self) -> tuple[int, ...]:
        """The places of the content tokens."""
        return tuple(range(1, self.end))

    @property
    def words(self) -> tuple[Word, ...]:
        """The whitespace-separated pieces, in order."""
        return tuple(
            Word(m[0], m.span(), self.positions(m.span())) for m in re.finditer(r"\S+", self.text)
        )

    def positions(self, span: Span) -> tuple[int, ...]:
        """The places of the tokens that share a character with text[span[0]:span[1]]."""
        return tuple(k + 1 for k, (a, b) in enumerate(self.spans) if a < span[1] and b > span[0])


def read(tokenizer: CLIPTokenizer, text: str, places: int = MAX_TOKENS) -> Prompt:
    """Text -> Prompt of `places` places.

    Raises EditError("text-too-long"), which names the word at which the limit is reached.
    """
    plain = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    spans = tuple((int(a), int(b)) for a, b in plain["offset_mapping"])
    if len(spans) > places - 2:
        first = spans[places - 2][0]
        word = next((m[0] for m in re.finditer(r"\S+", text) if m.end() > first), text[first:])
        raise EditError(
            "text-too-long",
            f"The text has {len(spans)} tokens, but the model reads {places - 2}; the limit is "
            f"reached at {word!r}.",
            "Make it shorter, or edit in two steps.",
        )
    ids = [tokenizer.bos_token_id, *plain["input_ids"], tokenizer.eos_token_id]
    ids += [tokenizer.pad_token_id] * (places - len(ids))
    return Prompt(text, tuple(ids), spans)


def columns(maps: Tensor, places: Sequence[int]) -> Tensor:
    """The mean of a word's maps.

    From (token, h, w) and the positions of the word's tokens to (h, w). Raises ValueError for a
    word without tokens.
    """
    if not places:
        raise ValueError("a word without tokens has no map")
    return maps[list(places)].mean(dim=0)
