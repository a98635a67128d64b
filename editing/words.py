"""Words <-> tokens <-> columns of a map, and the alignment of two prompts.

A prompt is a fixed row of places (77 for CLIP): start, content tokens, end, padding. Words are its whitespace-separated pieces; a token
belongs to the words whose characters it covers, found by character offsets and never by comparing decoded strings.

The alignment is that of prompt-to-prompt (Hertz et al. 2022, "refinement"), with one difference: padding is paired by rank, the k-th with
the k-th, instead of by place, so that a longer source's words are never taken for padding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from .errors import EditError

Span = tuple[int, int]  # characters from..to of a text
Pair = tuple[int | None, int | None]  # a source token's place and a target token's; None: no partner

PLACES = 77  # what CLIP's text encoder reads at once


@dataclass(frozen=True)
class Word:
    """A whitespace-separated piece of a prompt: its characters and the places of its tokens (none, if it holds no readable character)."""

    text: str
    span: Span
    places: tuple[int, ...]


@dataclass(frozen=True)
class Prompt:
    """A text as the text encoder reads it.

    ids: token ids at all places. spans: characters of each content token; content token k stands at place k + 1.
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
        return tuple(Word(m[0], m.span(), self.places(m.span())) for m in re.finditer(r"\S+", self.text))

    def places(self, span: Span) -> tuple[int, ...]:
        """The places of the tokens that share a character with text[span[0]:span[1]]."""
        return tuple(k + 1 for k, (a, b) in enumerate(self.spans) if a < span[1] and b > span[0])


def read(tokenizer: CLIPTokenizer, text: str, places: int = PLACES) -> Prompt:
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
            f"The text has {len(spans)} tokens, but the model reads {places - 2}; the limit is reached at {word!r}.",
            "Make it shorter, or edit in two steps.",
        )
    ids = [tokenizer.bos_token_id, *plain["input_ids"], tokenizer.eos_token_id]
    ids += [tokenizer.pad_token_id] * (places - len(ids))
    return Prompt(text, tuple(ids), spans)


def span_of(phrase: str, text: str) -> Span | None:
    """Where a phrase stands in a text for the first time, in whole words and any case."""
    match = re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE)
    return match.span() if match else None


def columns(maps: Tensor, places: Sequence[int]) -> Tensor:
    """The mean of a word's maps: (token, h, w) and the places of its tokens -> (h, w). Raises ValueError for a word without tokens."""
    if not places:
        raise ValueError("a word without tokens has no map")
    return maps[list(places)].mean(dim=0)


# ---------------------------------------------------------------- alignment of two prompts


def align(source: Sequence[int], target: Sequence[int]) -> tuple[Pair, ...]:
    """Global alignment of two id lists, start and end included: gap 0, match +1, mismatch -1 (google/prompt-to-prompt, seq_aligner.py).

    Ties prefer a target token without partner, then a source token without partner, then the pair. Two gaps beat a mismatch, so only equal
    tokens are ever paired. Pairs come in reading order.
    """
    score = np.zeros((len(source) + 1, len(target) + 1), dtype=np.int64)
    for i, a in enumerate(source, start=1):
        for j, b in enumerate(target, start=1):
            score[i, j] = max(score[i, j - 1], score[i - 1, j], score[i - 1, j - 1] + (1 if a == b else -1))
    pairs: list[Pair] = []
    i, j = len(source), len(target)
    while i or j:
        if j and score[i, j] == score[i, j - 1]:
            j -= 1
            pairs.append((None, j))
        elif i and score[i, j] == score[i - 1, j]:
            i -= 1
            pairs.append((i, None))
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return tuple(reversed(pairs))


def refinement(source: Sequence[int], target: Sequence[int], places: int = PLACES) -> tuple[np.ndarray, np.ndarray]:
    """prompt-to-prompt's refinement mapper: (places,) the source place of each target place, -1 for none; (places,) alpha, 0 for those.

    Ids from start to end token. Behind the target's end token every place maps to itself, as the authors' does.
    """
    mapper = np.arange(places)
    for a, b in align(source, target):
        if b is not None:
            mapper[b] = -1 if a is None else a
    return mapper, (mapper >= 0).astype(np.float32)


def key_places(pairs: Sequence[Pair]) -> tuple[int, ...]:
    """Places of the target's key tokens: those without a partner."""
    return tuple(b for a, b in pairs if a is None and b is not None)


@dataclass(frozen=True)
class Block:
    """Neighbouring unpaired tokens: a substitution (both sides), an insertion (target only) or a deletion (source only)."""

    source: tuple[int, ...]
    target: tuple[int, ...]


def blocks(pairs: Sequence[Pair]) -> tuple[Block, ...]:
    """The unpaired tokens between two consecutive pairs, together."""
    found: list[Block] = []
    left: list[int] = []
    right: list[int] = []
    for a, b in (*pairs, (0, 0)):
        if a is not None and b is not None:
            if left or right:
                found.append(Block(tuple(left), tuple(right)))
            left, right = [], []
        elif a is not None:
            left.append(a)
        elif b is not None:
            right.append(b)
    return tuple(found)


def reindexing(source: Sequence[int], target: Sequence[int], places: int = PLACES) -> Tensor:
    """R (places, places), so that M_src R is the source's map over the target's tokens; its rows sum to 1 as M_src's do.

    A paired token takes its partner's column. A substitution's target tokens share the mass of its source tokens evenly. An inserted token
    gets 0. A deleted token's mass goes to the start token. The k-th padding takes the k-th padding; surplus source padding goes to the last
    target padding (to the end token where the target has none). Ids from start to end token.
    """
    pairs = align(source, target)
    matrix = torch.zeros(places, places)
    for a, b in pairs:
        if a is not None and b is not None:
            matrix[a, b] = 1
    for block in blocks(pairs):
        heirs = block.target or (0,)
        for a in block.source:
            matrix[a, list(heirs)] = 1 / len(heirs)
    for k in range(places - len(source)):
        matrix[len(source) + k, min(len(target) + k, places - 1)] = 1
    return matrix
