"""The alignment of two prompts, token by token.

It is that of prompt-to-prompt (Hertz et al. 2022, "refinement"), with one difference. Padding is
paired by rank, the k-th with the k-th, instead of by place, so that a longer source's words are
never taken for padding. torch and numpy are loaded by what returns their arrays, so that reading a
sentence needs neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Pair = tuple[
    int | None, int | None
]  # a source token's place and a target token's; None: no partner
MAX_TOKENS = 77  # what CLIP's text encoder reads at once


def span_of(phrase: str, text: str) -> tuple[int, int] | None:
    """Where a phrase stands in a text for the first time, in whole words and any case."""
    match = re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE)
    return match.span() if match else None


def align(source: Sequence[int], target: Sequence[int]) -> tuple[Pair, ...]:
    """Global alignment of two lists of token ids, start and end included.

    A gap counts 0, a match +1, a mismatch -1 (google/prompt-to-prompt, seq_aligner.py). Ties prefer
    a target token without partner, then a source token without partner, then the pair. Two gaps
    beat a mismatch, so only equal tokens are ever paired. Pairs come in reading order.
    """
    score = [[0] * (len(target) + 1) for _ in range(len(source) + 1)]
    for i, a in enumerate(source, start=1):
        for j, b in enumerate(target, start=1):
            both = score[i - 1][j - 1] + (1 if a == b else -1)
            score[i][j] = max(score[i][j - 1], score[i - 1][j], both)
    pairs: list[Pair] = []
    i, j = len(source), len(target)
    while i or j:
        if j and score[i][j] == score[i][j - 1]:
            j -= 1
            pairs.append((None, j))
        elif i and score[i][j] == score[i - 1][j]:
            i -= 1
            pairs.append((i, None))
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return tuple(reversed(pairs))


def refinement(
    source: Sequence[int], target: Sequence[int], places: int = MAX_TOKENS
) -> tuple[np.ndarray, np.ndarray]:
    """prompt-to-prompt's refinement mapper.

    Gives the source place of each target place, (places,), -1 for none; and alpha, (places,), 0
    where there is none. Ids from start to end token. Behind the target's end token every place maps
    to itself, as the authors' does.
    """
    import numpy as np

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
    """Neighbouring unpaired tokens.

    A substitution has tokens on both sides, an insertion on the target's only, a deletion on the
    source's only.
    """

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


def reindexing(source: Sequence[int], target: Sequence[int], places: int = MAX_TOKENS) -> Tensor:
    """The matrix R (places, places) that carries the source's map to the target.

    M_src R is the source's map over the target's tokens; its rows sum to 1 as M_src's do. A paired
    token takes its partner's column. A substitution's target tokens share the mass of its source
    tokens evenly. An inserted token gets 0. A deleted token's mass goes to the start token. The
    k-th padding takes the k-th padding; surplus source padding goes to the last target padding (to
    the end token where the target has none). Ids from start to end token.
    """
    import torch

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
