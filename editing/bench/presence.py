"""How often absent things are called absent, and things that are there.

The held-out edits' own instructions, in all their wordings, and in turn with them other people's,
of scenes with several of a kind, too; for an absent thing the same with a kind that the scene does
not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .. import presence
from ..diffusion.model import Model
from ..language.instruction import parse
from ..sketchbook import edits
from ..sketchbook.drawing import KINDS
from ..sketchbook.edit_sentences import join, phrase
from ..sketchbook.scenes import PLURALS, STATES, render, text
from ..sketchbook.verdict import to_tensor

TYPES = ("recolour", "retexture", "replace", "remove", "resize", "pose")
"""Types of edits that change one thing which is there."""

PHRASINGS = (
    "get rid of the {one}",
    "turn the {one} into a {other}",
    "{one} => {other}",
    "a red {one} -> a blue {one}",
    "I'd like the {one} to be green",
    "could you paint the {one} green?",
    "the {one} should be green",
    "make the {one}'s colour green",
    "delete all {several}",
    "make both {several} green",
    "make the big purple {one} smaller",
    "the {one} must go",
    "{one} in green",
    "take the {one} out",
    "I don't want the {one}",
    "swap the {one} for a {other}",
    "{one} to {other}",
    "the {one} turns green",
    "the {one} becomes a {other}",
    "Would you mind removing the {one}?",
)
"""How people say it who know no template; colour and number need not fit."""


@dataclass(frozen=True)
class Figures:
    """How many things were absent and present, and how many of each not found."""

    absent: int
    absent_missed: int
    present: int
    present_missed: int

    def __str__(self) -> str:
        share = self.absent_missed / max(1, self.absent)
        false = self.present_missed / max(1, self.present)
        return (
            f"not found: {share:.1%} of {self.absent} absent things, {false:.1%} of {self.present} "
            "that are there"
        )


def cases(first: int, count: int) -> Iterator[tuple[edits.Edit, str, bool]]:
    """Edits, an instruction for each scene before, and whether its thing is there.

    first: the first seed; count: seeds, each with one instruction of either kind where the scene
    leaves a kind out.
    """
    for seed in range(first, first + count):
        yield from (_own(seed) if seed % 2 else _others(seed))


def _others(seed: int) -> Iterator[tuple[edits.Edit, str, bool]]:
    """An instruction of either kind as other people say it."""
    made = edits.edit(seed, ("count", *TYPES)[seed // 2 % (len(TYPES) + 1)])
    rng = np.random.default_rng([seed, 6])
    shown = list(dict.fromkeys(thing.kind for thing in made.before.things))
    absent = [kind for kind in KINDS if kind not in shown]
    for kinds, is_there in ((shown, True), (absent, False)):
        one = kinds[int(rng.integers(len(kinds)))]
        other = next(kind for kind in absent if kind != one)
        words = PHRASINGS[int(rng.integers(len(PHRASINGS)))]
        yield made, words.format(one=one, several=PLURALS[one], other=other), is_there


def _own(seed: int) -> Iterator[tuple[edits.Edit, str, bool]]:
    """The edit's own instruction, and the same about a thing that is not there."""
    type = TYPES[seed // 2 % len(TYPES)]
    made = edits.edit(seed, type)
    change, rng = made.changes[0], np.random.default_rng([seed, 5])
    yield made, text(join([phrase(change, made.before, 0, rng)])), True
    shown = {thing.kind for thing in made.before.things}
    taken = shown | ({change.thing.kind} if change.thing else set())
    absent = [kind for kind in (STATES if type == "pose" else KINDS) if kind not in taken]
    if not absent or change.index is None:
        return
    kind = absent[int(rng.integers(len(absent)))]
    states = STATES.get(kind, ("",))
    things = list(made.before.things)
    things[change.index] = replace(things[change.index], kind=kind, state=states[0])
    if change.thing and type != "replace":
        state = states[int(rng.integers(len(states)))]
        change = replace(change, thing=replace(change.thing, kind=kind, state=state))
    other = replace(made.before, things=tuple(things))
    yield made, text(join([phrase(change, other, 0, rng)])), False


def figures(model: Model, first: int, count: int) -> Figures | None:
    """The counts over so many seeds; None for a model that cannot tell.

    model: the network for instructions.
    """
    if model.world is None or model.world.presence is None:
        return None
    seen = {True: [0, 0], False: [0, 0]}
    for made, words, there in cases(first, count):
        image = to_tensor(render(made.before).image)
        seen[there][0] += 1
        seen[there][1] += bool(presence.missing(model, parse(words), image))
    return Figures(*seen[False], *seen[True])
