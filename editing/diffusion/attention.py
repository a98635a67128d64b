"""Attention sites, taps, and the one attention processor.

Of what runs in an edit, this is the only file that touches diffusers' attention. A site is one
attention layer, addressed by level instead of resolution: level k has ceil(h / 2^k) x ceil(w / 2^k)
positions for h x w latents. A tap is a function that stands in for attention at a site during one
forward: it is shown the queries, keys and values of every branch in the batch and returns the
output. Sites without a tap run diffusers' own fused attention, so an untapped model is the stock
one.

    def tap(a: Attention) -> Tensor:
        seen.append(a.probabilities("text"))      # read: the output below is the untapped one
        return a.attend()

    def tap(a: Attention) -> Tensor:              # change one branch from another
        return a.attend(target=a.probabilities("source"))

    def tap(a: Attention) -> Tensor:                       # exchange keys and values
        return a.using(key=a.swap("key", target="source"), value=a.swap("value",
        target="source")).attend()
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Site:
    """One attention layer of the UNet."""

    name: str
    kind: Literal["cross", "self"]
    place: Literal["down", "mid", "up"]
    level: int
    heads: int


@dataclass(frozen=True)
class Rows:
    """The names of the batch's branches, in order.

    Each branch has `samples` neighbouring rows.
    """

    names: tuple[str, ...]
    samples: int

    def of(self, name: str) -> slice:
        """The rows of one branch."""
        start = self.names.index(name) * self.samples
        return slice(start, start + self.samples)


@dataclass(frozen=True)
class Attention:
    """What a tap is shown.

    Rows are the batch's; `grid` is (height, width) of the positions.
    """

    site: Site
    rows: Rows
    grid: tuple[int, int]
    hidden: Tensor  # (row, position, channel), the site's input
    query: Tensor  # (row, head, position, d)
    key: Tensor  # (row, head, token or position, d)
    value: Tensor  # (row, head, token or position, d)

    @property
    def scale(self) -> float:
        """1 / sqrt(d)."""
        return float(self.query.shape[-1] ** -0.5)

    def logits(self, branch: str) -> Tensor:
        """Q K^T of one branch, float32 (sample, head, position, key), not yet divided by
        sqrt(d).
        """
        rows = self.rows.of(branch)
        return upcast(self.query[rows]) @ upcast(self.key[rows]).transpose(-1, -2)

    def probabilities(self, branch: str) -> Tensor:
        """The attention of one branch: softmax(Q K^T / sqrt(d)).

        The softmax runs over the last axis; float32 (sample, head, position, key).
        """
        return torch.softmax(self.logits(branch) * self.scale, dim=-1)

    def attend(self, **probabilities: Tensor) -> Tensor:
        """The site's output (row, head, position, d): fused attention, but with the given
        probabilities for the named branches.
        """
        output = F.scaled_dot_product_attention(self.query, self.key, self.value)
        if not probabilities:
            return output
        output = output.clone()
        for branch, weights in probabilities.items():
            rows = self.rows.of(branch)
            output[rows] = (weights @ upcast(self.value[rows])).to(output.dtype)
        return output

    def swap(self, what: Literal["query", "key", "value"], **sources: str) -> Tensor:
        """Queries, keys or values in which branches have those of others.

        swap("key", target="source") gives the target the source's keys.
        """
        before: Tensor = getattr(self, what)
        after = before.clone()
        for branch, source in sources.items():
            after[self.rows.of(branch)] = before[self.rows.of(source)]
        return after

    def using(
        self, query: Tensor | None = None, key: Tensor | None = None, value: Tensor | None = None
    ) -> Attention:
        """The same attention with other queries, keys or values."""
        return replace(
            self,
            query=self.query if query is None else query,
            key=self.key if key is None else key,
            value=self.value if value is None else value,
        )

    def parted(self, edits: int) -> list[Attention]:
        """The rows of each of several edits; a branch holds those of one after the other."""
        rows = Rows(self.rows.names, self.rows.samples // edits)

        def part(x: Tensor, edit: int) -> Tensor:
            return x.unflatten(0, (len(rows.names), edits, rows.samples))[:, edit].flatten(0, 1)

        return [
            replace(
                self,
                rows=rows,
                hidden=part(self.hidden, edit),
                query=part(self.query, edit),
                key=part(self.key, edit),
                value=part(self.value, edit),
            )
            for edit in range(edits)
        ]


Tap = Callable[[Attention], Tensor]
Taps = Mapping[Site, Tap]


def side_by_side(taps: Sequence[Taps]) -> Taps:
    """The taps of several edits in one batch of (branch x edit x sample).

    Each edit's own see its own rows alone, as if it went through the network by itself.
    """
    edits = len(taps)

    def at(site: Site) -> Tap:
        def tap(a: Attention) -> Tensor:
            outputs = [
                own[site](part) if site in own else part.attend()
                for own, part in zip(taps, a.parted(edits), strict=True)
            ]
            branches = len(a.rows.names)
            return torch.stack([x.unflatten(0, (branches, -1)) for x in outputs], 1).flatten(0, 2)

        return tap

    return {site: at(site) for own in taps for site in own}


class Sites:
    """The attention sites of one UNet, with the processor installed at each."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        """Installs the processor, once.

        Until taps are held, every site computes what the stock one computes.
        """
        self._held: tuple[Taps, Rows, tuple[int, int]] | None = None
        processors = {}
        sites = []
        modules = dict(unet.named_modules())
        levels = len(unet.config["block_out_channels"])
        for key in unet.attn_processors:
            name = key.removesuffix(".processor")
            site = _site(name, modules[name].heads, levels)
            sites.append(site)
            processors[key] = _Processor(site, self)
        unet.set_attn_processor(processors)
        self.all: tuple[Site, ...] = tuple(sites)

    def at(self, kind: Literal["cross", "self"], level: int | None = None) -> tuple[Site, ...]:
        """Sites of a kind, at one level or at all.

        Where down and up blocks share a level with the mid block, mid is left out.
        """
        found = tuple(s for s in self.all if s.kind == kind and level in (None, s.level))
        outer = tuple(s for s in found if s.place != "mid")
        return outer if level is not None and outer else found

    @staticmethod
    def grid(size: tuple[int, int], level: int) -> tuple[int, int]:
        """A level's grid (height, width) for latents (h, w).

        Each halving rounds up.
        """
        h, w = size
        for _ in range(level):
            h, w = -(-h // 2), -(-w // 2)
        return h, w

    @contextlib.contextmanager
    def held(self, taps: Taps, rows: Rows, size: tuple[int, int]) -> Iterator[None]:
        """Hold taps for one forward of latents (h, w). Never around a yield."""
        self._held = (taps, rows, size) if taps else None
        try:
            yield
        finally:
            self._held = None

    def call(self, site: Site) -> tuple[Tap, Rows, tuple[int, int]] | None:
        """The tap held at a site, the rows' names and the site's grid.

        None if the site runs fused.
        """
        if self._held is None or site not in self._held[0]:
            return None
        taps, rows, size = self._held
        return taps[site], rows, self.grid(size, site.level)


class _Processor(AttnProcessor2_0):
    """diffusers' fused processor, which lets the tap of its site stand in."""

    def __init__(self, site: Site, sites: Sites) -> None:
        super().__init__()
        self._site = site
        self._sites = sites

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        call = self._sites.call(self._site)
        if call is None:
            output: Tensor = super().__call__(
                attn, hidden_states, encoder_hidden_states, attention_mask, temb
            )
            return output
        tap, rows, size = call
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def split(x: Tensor) -> Tensor:  # (row, position, channel) -> (row, head, position, d)
            return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        query, key, value = (
            split(attn.to_q(hidden_states)),
            split(attn.to_k(context)),
            split(attn.to_v(context)),
        )
        output = tap(Attention(self._site, rows, size, hidden_states, query, key, value))
        output = attn.to_out[0](output.transpose(1, 2).flatten(2))
        return output / attn.rescale_output_factor


class AverageMap:
    """A reading tap that averages one branch's cross-attention maps.

    Heads, sites, samples and forwards count alike.
    """

    def __init__(self, branch: str) -> None:
        self.branch = branch
        self._sum: Tensor | None = None
        self._count = 0

    def __call__(self, a: Attention) -> Tensor:
        maps = a.probabilities(self.branch).mean(dim=(0, 1))  # (position, token)
        maps = maps.T.unflatten(-1, a.grid)  # (token, h, w)
        self._sum = maps if self._sum is None else self._sum + maps
        self._count += 1
        return a.attend()

    @property
    def value(self) -> Tensor:
        """(token, h, w), float32; the tokens of one position sum to 1."""
        if self._sum is None:
            raise LookupError("no forward has passed through this tap yet")
        return self._sum / self._count


def choose_kernels() -> None:
    """Leave cuDNN out of fused attention on CUDA, for this process.

    torch prefers it on a Hopper card, where the backward pass of its kernel gave NaN for some
    queries (the middle block's self-attention of 64 positions, bfloat16, torch 2.11) and the other
    kernels did not. Inversion, text optimisation and training go backwards.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)


def upcast(x: Tensor) -> Tensor:
    """At least float32: softmax and maps are never formed in half precision."""
    return x if x.dtype == torch.float64 else x.float()


def _site(name: str, heads: int, levels: int) -> Site:
    block = re.match(r"(down|mid|up)_blocks?(?:\.(\d+))?", name)
    if block is None:
        raise ValueError(f"attention layer {name!r} lies in no block known here")
    place = block[1]
    level = {"down": int(block[2] or 0), "mid": levels - 1, "up": levels - 1 - int(block[2] or 0)}[
        place
    ]
    return Site(name, "cross" if name.endswith("attn2") else "self", place, level, heads)  # type: ignore[arg-type]
