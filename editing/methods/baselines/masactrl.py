"""MasaCtrl (Cao et al., ICCV 2023).

The target's self-attention looks up the picture's own keys and values. No mask. Differences. Layers
are counted as in the authors' code, down, middle, up; their 10 to 15 of Stable Diffusion's 16 are
here the same share of another network's. The source branch is the stored trajectory of a direct
inversion. Without a caption the source text is empty. mask_guided is the paper's second kind
(its Eq. 4 to 6): masks of the thing, of both pictures, from the cross-attention of the words that
two captions share, less articles, at the semantic level, mean of the steps so far, above a tenth of
their range; the thing looks into the thing, the rest into the rest. The authors ask for the token's
number; here the first noun that both captions have is taken.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...diffusion import tokens
from ...diffusion.attention import Attention, Site, Sites
from ...diffusion.masks import normalise
from ...diffusion.model import Branch, Model
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import Timestep
from ...errors import EditError
from ...events import Event
from ...language import lexicon
from ...request import parameter
from ...task import Algorithm, Outcome, Task
from ..common import origin
from .common import ground

MASK_AT = 0.1  # of the range of a map, as the authors' code has it
FIRST_LAYER = 10 / 16  # up_blocks.2 and up_blocks.3 of Stable Diffusion 1.x
DONORS = {
    "null source": "null source",
    "null": "null source",
    "source": "source",
    "target": "source",
}


@dataclass(frozen=True)
class Settings:
    """MasaCtrl's parameters, with its paper's defaults."""

    start_step: int = parameter(
        4,
        "Step from which the picture's own content is looked up.",
        minimum=0,
        maximum=500,
        front=True,
        title="content from step",
    )
    guidance: float = parameter(
        7.5, "How much the target text counts.", minimum=0.0, maximum=30.0, front=True
    )
    mask_guided: bool = parameter(
        False,
        "Keep thing and background apart: each is looked up in its own part of the picture.",
        front=True,
        title="thing apart",
    )
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)
    origin: str = origin()


def mutual_attention(query: Tensor, key: Tensor, value: Tensor, donors: Sequence[int]) -> Tensor:
    """Self-attention in which row r looks into the keys and values of row donors[r].

    (row, head, position, d) -> the same.
    """
    rows = list(donors)
    return F.scaled_dot_product_attention(query, key[rows], value[rows])


def mutual(a: Attention) -> Tensor:
    """The tap of mutual self-attention.

    Conditional rows look into the conditional source, unconditional ones into the unconditional.
    """
    return mutual_attention(
        a.query, a.key, a.value, [a.rows.names.index(DONORS[name]) for name in a.rows.names]
    )


class Thing:
    """Where the thing is, before and after: from the attention of its word."""

    def __init__(self, places: Mapping[str, tuple[int, ...]]) -> None:
        """places: the tokens of its word, by branch "source" and "target"."""
        self._places = places
        self._sums: dict[str, Tensor] = {}

    def watch(self, a: Attention) -> Tensor:
        """A reading tap of cross-attention."""
        for branch, places in self._places.items():
            seen = a.probabilities(branch)[..., list(places)].mean(dim=(0, 1, 3))
            seen = seen.unflatten(0, a.grid)
            self._sums[branch] = self._sums[branch] + seen if branch in self._sums else seen
        return a.attend()

    def mask(self, branch: str, grid: tuple[int, int]) -> Tensor:
        """(position) bool at a grid."""
        where = F.interpolate(normalise(self._sums[branch])[None, None], size=grid, mode="bilinear")
        return where.flatten() > MASK_AT

    def mutual(self, a: Attention) -> Tensor:
        """Mutual self-attention that keeps the thing apart.

        It looks into the thing before, the rest into the rest.
        """
        output = mutual(a)
        if not self._sums:
            return output
        before, after = (self.mask(branch, a.grid) for branch in ("source", "target"))
        if bool(before.all()) or not bool(before.any()):
            return output
        output = output.clone()
        for name in ("null", "target"):
            own, donor = a.rows.of(name), a.rows.of(DONORS[name])
            thing, rest = (
                F.scaled_dot_product_attention(
                    a.query[own], a.key[donor], a.value[donor], attn_mask=seen[None, None, None]
                )
                for seen in (before, ~before)
            )
            output[own] = torch.where(after[:, None], thing, rest)
        return output


def thing_of(task: Task, model: Model) -> dict[str, tuple[int, ...]]:
    """The tokens of the first noun that both captions have, by branch.

    Raises EditError where they have none in common.
    """
    texts = task.captions
    source, target = (
        tokens.read(model.tokenizer, text, model.max_tokens)
        for text in (texts.source, texts.target)
    )
    others = {word.text.lower(): word.positions for word in source.words if word.positions}
    for word in target.words:
        name = word.text.lower()
        is_noun = name not in lexicon.CONTENTLESS and not lexicon.is_adjective(name)
        if word.positions and is_noun and name in others:
            return {"source": others[name], "target": word.positions}
    raise EditError(
        "needs-caption",
        "To keep the thing apart, the caption must name it in the words of the instruction.",
        "Write a caption, or leave the thing with its background.",
    )


def decoder_layers(sites: Sites) -> list[Site]:
    """The self-attention layers from FIRST_LAYER on."""
    order = ("down", "mid", "up")
    layers = sorted(
        sites.at("self"), key=lambda site: order.index(site.place)
    )  # stable: within a place in the network's order
    return layers[round(FIRST_LAYER * len(layers)) :]


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """50 rows of inversion, then four a step: 250 in all."""
    start = ground(task, settings.steps)
    model = start.model
    source = Branch("source", start.null.text) if start.texts.derived else start.source
    branches = [Branch("null source", start.null.text), start.null, source, start.target]
    thing = Thing(thing_of(task, model)) if settings.mask_guided else None
    tap = mutual if thing is None else thing.mutual
    taps = dict.fromkeys(decoder_layers(model.sites), tap)
    semantic = model.sites.at("cross", model.semantic_level)
    seen = {} if thing is None else dict.fromkeys(semantic, thing.watch)
    trajectory = yield from start.pinned(source, settings.origin, settings.guidance)

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        own = trajectory.at(now)
        latents = {"null source": own, "null": z, "source": own, "target": z}
        noise = model.predict(
            latents, now.t, branches, taps | seen if now.index >= settings.start_step else seen
        )
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    z = yield from start.sampled(trajectory.noisiest, start.timesteps, predict)
    return start.finished(z)


ALGORITHM = Algorithm(
    name="masactrl",
    title="MasaCtrl",
    summary="Changes poses and layout while textures are looked up in the original.",
    needs=("text-to-image",),
    caption="useful",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=15,
    seeded=False,
    presets={
        "paper": {"start_step": 4, "guidance": 7.5, "steps": 50},
        "fast": {"steps": 20, "start_step": 2},
        "quick": {"steps": 10, "start_step": 1},
    },
)
