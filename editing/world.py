"""What a model of a small world does not know: words, and pictures.

Measured with the bundled model on 150 held-out scenes of its own, 52 crops of photographs and 41
textures, drawings and brush strokes of Krita's: the median over the pixels of the autoencoder's
largest error in a channel was at most 0.0154 for its scenes, at least 0.081 for photographs and at
least 0.032 for the rest. With 0.02, which its limn.json says, all were told right.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from .diffusion import tokens
from .diffusion.model import Model
from .events import Note
from .language.instruction import Instruction
from .said import say

MOST_WORDS = 5
"""That are named; the rest is implied."""


def strange_words(model: Model, instruction: Instruction) -> tuple[str, ...]:
    """Words of what is to be changed that the model does not know.

    It has no token of its own for them. In their order.
    """
    said = " ".join(f"{i.subject} {i.target} {i.keyword}" for i in instruction.items)
    words = dict.fromkeys(re.findall(r"[^\W\d_]+", said.lower()))
    return tuple(word for word in words if strange(model, word))


def strange(model: Model, word: str) -> bool:
    """Whether the model has no token of its own for a word."""
    return len(tokens.read(model.tokenizer, word.lower(), model.max_tokens).content) > 1


@torch.no_grad()
def error(model: Model, image: Tensor) -> float:
    """How far a picture (1, 3, H, W) in 0..1 comes back from the autoencoder.

    See above.
    """
    again = model.round_trip(image).to(image)
    return float((again - image).abs().amax(dim=1).median())


def notes(model: Model, instruction: Instruction, image: Tensor) -> list[Note]:
    """What is to be said before an edit with a model of a small world.

    Nothing for any other model.
    """
    if model.world is None:
        return []
    found: list[Note] = []
    facts = {"model": model.name, "world": model.world.about}
    if words := strange_words(model, instruction):
        named = ", ".join(f"'{word}'" for word in words[:MOST_WORDS])
        template = "The model {model} knows only {world}; {words} is not in it."
        if len(words) > 1:
            template = "The model {model} knows only {world}; {words} are not in it."
        found.append(Note(say(template, "unknown-words", **facts, words=named)))
    if error(model, image) > model.world.error:
        template = "This picture is not of the world that {model} knows ({world})."
        found.append(Note(say(template, "foreign-picture", **facts)))
    if found:
        found.append(Note(say("For other pictures get a model: `limn models`.", "get-a-model")))
    return found
