"""How often absent things are called absent, and things that are there.

The held-out edits' own instructions, in all their wordings; for an absent thing the same with a
kind that the scene does not show.
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
from ..sketchbook.scenes import STATES, render, text
from ..sketchbook.verdict import to_tensor

TYPES = ("recolour", "retexture", "replace", "remove", "resize", "pose")
"""Types of edits that change one thing which is there."""


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
        type = TYPES[seed % len(TYPES)]
        made = edits.edit(seed, type)
        change, rng = made.changes[0], np.random.default_rng([seed, 5])
        yield (
            made,
            text(join([phrase(change, made.before, 0, rng)])),
            True,
        )
        shown = {thing.kind for thing in made.before.things}
        taken = shown | ({change.thing.kind} if change.thing else set())
        absent = [kind for kind in (STATES if type == "pose" else KINDS) if kind not in taken]
        if not absent or change.index is None:
            continue
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
