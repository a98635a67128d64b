"""Is the thing that an instruction speaks of in the picture at all?

A diffusion model edits something in any case: asked to remove an elephant that is not there, it
removes what looks most like one. Its cross-attention tells the two apart. The word for a thing that
is there looks at few places, and much; that for an absent one a little at all of them.

Measured are, for the thing's word in the sentence SENTENCE, whatever the painter's own, over NOISES
noises at timestep TIME, two logarithms:

    contrast   of the mean of the map's highest PEAK positions over its median, in the up blocks of
               the level below the semantic one
    peak       of the mean of the map's highest PEAK positions, in the down blocks of the semantic
               level

The score, contrast + peak / 2, is held against the model's own bound (`World.presence`, in its
limn.json). The bundled model's, 5.8, was set on held-out scenes: of 270 absent things 97.0% lie
below it, of 160 that are there alone none, and of 65 that are there two or three times 2. On 117
others of each, half of them in other people's sentences, it was 94.9% and 2.6% (as `limn bench
quality` counts them, seeds from 49001000). A model without such a bound, which is every other one,
says nothing: what its attention means is not known.

A plural is looked for as its singular. Of 160 things that were there once 14 lay below a bound of
6.0 by their plural, and none by their singular; of 65 that were there several times 14 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .diffusion import tokens
from .diffusion.attention import Attention
from .diffusion.model import Branch, Model
from .language import english, lexicon
from .language.instruction import Instruction, Item
from .said import Said, say
from .world import error, strange

TIME = 400
"""The timestep at which it is looked: of 400, 600 and 800 the most telling."""

NOISES = 4
SENTENCE = "make the {word} blue"
"""A plain one, of the kind that the model was trained with.

In the painter's own the verb moves the score: by 0.7 from "make" to "remove".
"""

PEAK = 0.05

BLANK = 1 / 255
"""What two pixels of a picture of one colour may differ by.

It is the smallest step of 8 bits.
"""


def looked_for(item: Item) -> str:
    """The word for the thing that must be there for an item, "" for none.

    That of something added need not be there, and a word that names no thing can't be looked for.
    """
    word = item.keyword.lower()
    acts = item.outside or item.operation in ("modify", "replace", "remove")
    if not acts:
        return ""
    told_of = item.outside or item.keyword in item.subject
    if not item.sure or not told_of or word == "background":
        return ""
    is_thing = not (word in lexicon.PRONOUNS or lexicon.is_adjective(word))
    return item.keyword if is_thing else ""


def things(instruction: Instruction) -> list[str]:
    """The words for what must be there, each once."""
    return list(dict.fromkeys(word for one in instruction.items if (word := looked_for(one))))


def is_blank(image: Tensor) -> bool:
    """Whether a picture (1, 3, h, w) in 0..1 is all of one colour.

    Nothing can be found in it.
    """
    return bool((image.amax((2, 3)) - image.amin((2, 3))).max() <= BLANK)


def missing(model: Model, instruction: Instruction, image: Tensor) -> tuple[str, ...]:
    """The things that an instruction speaks of and that are not found in a picture.

    In a picture that is not of the model's world its attention means nothing: there it is only the
    unknown words that are not found.

    image: (1, 3, h, w) in 0..1, at the model's working size. Nothing for a model without a bound.
    """
    if model.world is None or model.world.presence is None:
        return ()
    words = things(instruction)
    forms = {word: _form(model, word) for word in words}
    unknown = [word for word in words if strange(model, forms[word])]
    known = list(dict.fromkeys(forms[word] for word in words if word not in unknown))
    if known and error(model, image) > model.world.error:
        return tuple(unknown)
    found = dict(zip(known, scores(model, known, image), strict=True))
    bound = model.world.presence
    return tuple(word for word in words if word in unknown or found[forms[word]] < bound)


def _form(model: Model, word: str) -> str:
    """The singular of a word, where the model knows that: it scores higher, see above."""
    one = english.singular(word.lower())
    return word if strange(model, one) else one


def not_found(things: Sequence[str]) -> Said:
    """That these were not found, for a painter."""
    return say(
        "I could not find '{things}' in the picture.", "not-found", things="' and '".join(things)
    )


def nothing_there(words: Sequence[str]) -> Said:
    """That a layer of one colour shows none of these."""
    return say(
        "The layer is all of one colour: there is no '{things}' in it.",
        "not-found",
        things="' or '".join(words),
    )


class _Maps:
    """A reading tap: the maps of some tokens of each branch, averaged over samples."""

    def __init__(self, places: dict[str, tuple[int, ...]]) -> None:
        self._places = places
        self.maps: dict[str, list[Tensor]] = {name: [] for name in places}

    def __call__(self, a: Attention) -> Tensor:
        for name, places in self._places.items():
            maps = a.probabilities(name).mean(dim=(0, 1))  # (position, token)
            self.maps[name].append(maps[:, list(places)].mean(dim=1))
        return a.attend()

    def of(self, name: str) -> Tensor:
        """(position), the mean over the sites."""
        return torch.stack(self.maps[name]).mean(0)


@torch.no_grad()
def scores(model: Model, words: Sequence[str], image: Tensor) -> list[float]:
    """The score of each word, as above: higher where the thing is there.

    One forward of NOISES rows for each word. It is counted in no tally, and takes its noise from a
    generator of its own: an edit is the same whether it was looked or not.
    """
    if not words:
        return []
    unscaled = model.encode(image)
    shape = (NOISES, *unscaled.shape[1:])
    noise = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(0)).to(unscaled)
    signal = model.schedule.at(TIME)
    noised = signal**0.5 * model.scaling * unscaled + (1 - signal) ** 0.5 * noise
    branches, places = [], {}
    start = SENTENCE.index("{")
    for number, word in enumerate(words):
        sentence = SENTENCE.format(word=word)
        prompt = tokens.read(model.tokenizer, sentence, model.max_tokens)
        branches.append(Branch(str(number), model.embed(sentence), unscaled))
        places[str(number)] = prompt.positions((start, start + len(word)))
    coarse, sharp = _Maps(places), _Maps(places)
    level = model.semantic_level
    taps = {s: coarse for s in model.sites.at("cross", level + 1) if s.place == "up"}
    taps |= {s: sharp for s in model.sites.at("cross", level) if s.place == "down"}
    model.counting(type(model.tally)()).predict(noised, TIME, branches, taps)
    return [contrast(coarse.of(b.name)) + peak(sharp.of(b.name)) / 2 for b in branches]


def peak(positions: Tensor) -> float:
    """The logarithm of the mean of a map's highest share. positions: (n)."""
    return float(_highest(positions).log())


def contrast(positions: Tensor) -> float:
    """The same over the map's median."""
    return float((_highest(positions) / positions.median().clamp_min(1e-6)).log())


def _highest(positions: Tensor) -> Tensor:
    count = max(1, round(PEAK * len(positions)))
    return positions.topk(count).values.mean().clamp_min(1e-6)
