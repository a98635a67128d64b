"""What the source branch attends to, kept from one edit of a layer for the next.

Of a branch whose latents are a stored trajectory nothing depends on the edit: its queries and keys
are the same each time, and its maps are all that the target takes from it. Kept, they save its row:
2 instead of 3 a step. At 512 pixels a step of Stable Diffusion 1.x takes some 30 MB in half
precision, so that as many steps are kept as fit into the room; the others pay their row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..diffusion.attention import Attention, Site, Tap, upcast
from ..store import EditCache

ROOM = 256 * 1024 * 1024  # bytes: a quarter of what a server keeps between edits

Source = Callable[[Attention], Tensor]
"""The source's probabilities at a site, float32 (sample, head, position, key)."""


@dataclass(frozen=True)
class SourceAttention:
    """Queries and keys of the source branch, (sample, head, position or token, d).

    By step and site. They are kept on the CPU.
    """

    parts: Mapping[tuple[int, str], tuple[Tensor, Tensor]] = field(default_factory=dict)


def of_source(a: Attention) -> Tensor:
    """The source's probabilities from its own row."""
    return a.probabilities("source")


def self_tap(source_of: Source) -> Tap:
    """Self-attention while its window lasts: the source's."""
    return lambda a: a.attend(target=source_of(a))


class SourceMemory:
    """One edit's access to the source's attention, as far as it is known."""

    def __init__(self, cache: EditCache, ingredients: tuple[object, ...]) -> None:
        """ingredients: what the trajectory and the source text are made of."""
        self._cache, self._ingredients = cache, ingredients
        found = cache.get("source attention", SourceAttention, ingredients)
        self._parts = {} if found is None else dict(found.parts)
        self._bytes = sum(q.nbytes + k.nbytes for q, k in self._parts.values())
        self._grown = False

    def knows(self, step: int, sites: Collection[Site]) -> bool:
        """Whether a step's source needs no row of its own for these sites."""
        return all((step, site.name) in self._parts for site in sites)

    def at(self, step: int) -> Source:
        """The source's probabilities during a step: its own row's, else those kept."""

        def source(a: Attention) -> Tensor:
            if "source" not in a.rows.names:
                query, key = (x.to(a.query.device) for x in self._parts[step, a.site.name])
                logits = upcast(query) @ upcast(key).transpose(-1, -2)
                return torch.softmax(logits * a.scale, dim=-1)
            rows = a.rows.of("source")
            self._keep((step, a.site.name), a.query[rows], a.key[rows])
            return a.probabilities("source")

        return source

    def close(self) -> None:
        """Keep what was learnt for the next edit."""
        if self._grown:
            self._cache.put("source attention", self._ingredients, SourceAttention(self._parts))

    def _keep(self, place: tuple[int, str], query: Tensor, key: Tensor) -> None:
        size = query.nbytes + key.nbytes
        if self._cache.keeps and place not in self._parts and self._bytes + size <= ROOM:
            self._parts[place] = (query.clone().cpu(), key.clone().cpu())
            self._bytes += size
            self._grown = True
