"""The sentences of an exact edit: its instructions and its two captions."""

from __future__ import annotations

import numpy as np

from .edits import Change, Edit
from .scenes import (
    NUMBERS,
    PLURALS,
    Owner,
    Scene,
    Thing,
    Word,
    article,
    caption,
    describe,
    text,
)

VERBS = {
    ("person", "standing"): ("make X stand", "let X stand up", "make X standing"),
    ("person", "sitting"): ("make X sit", "let X sit down", "make X sitting"),
    ("person", "jumping"): ("make X jump", "let X jump", "make X jumping"),
    ("person", "arms up"): (
        "make X raise the arms",
        "let X raise the arms",
        "make X put the arms up",
    ),
    ("cat", "standing"): ("make X stand", "let X stand up", "make X standing"),
    ("cat", "sitting"): ("make X sit", "let X sit down", "make X sitting"),
    ("box", "open"): ("open X", "make X open"),
    ("box", "closed"): ("close X", "make X closed"),
    ("lamp", "lit"): ("light X", "switch on X", "make X lit"),
    ("lamp", "unlit"): ("switch off X", "make X unlit"),
}


TEMPLATES = {
    "recolour": (
        "make X C",
        "turn X C",
        "change X to C",
        "paint X C",
        "color X C",
        "make X look C",
    ),
    "striped": ("make X striped", "turn X striped", "give X stripes", "change X to striped"),
    "dotted": ("make X dotted", "turn X dotted", "give X dots", "change X to dotted"),
    "plain": ("make X plain", "turn X plain", "change X to plain"),
    "replace": ("replace X with Y", "change X into Y", "turn X into Y", "swap X for Y"),
    "add": ("add Y R Z", "put Y R Z", "place Y R Z", "draw Y R Z"),
    "remove": ("remove X", "delete X", "erase X", "take away X", "get rid of X"),
    "large": ("make X large", "make X bigger", "enlarge X"),
    "small": ("make X small", "make X smaller", "shrink X"),
    "count": ("make it N", "change X to N", "there should be N"),
    "background": ("make the background B", "turn the background B", "change the background to B"),
    "place": (
        "change the background to B",
        "replace the background with B",
        "turn the background into B",
    ),
}


def _name(thing: Thing, owner: Owner, rng: np.random.Generator | None) -> list[Word]:
    """How one speaks of a thing that is there: "the star", "the red star"."""
    noun = PLURALS[thing.kind] if thing.count > 1 else thing.kind
    share = 0.0 if rng is None else rng.random()
    if share > 0.92:
        return describe(thing, owner, None, definite=True)
    return [
        Word("the", None),
        *([Word(thing.colour, owner)] if share > 0.55 else []),
        Word(noun, owner),
    ]


def _template(change: Change, before: Scene, rng: np.random.Generator | None) -> str:
    thing = change.thing
    key = change.type
    if change.type == "retexture" and thing:
        key = thing.texture
    elif change.type == "resize" and thing:
        key = thing.size
    elif change.type == "background" and change.background in ("meadow", "room", "night"):
        key = "place"
    options = VERBS[thing.kind, thing.state] if change.type == "pose" and thing else TEMPLATES[key]
    if (
        change.type == "count"
        and thing
        and change.index is not None
        and thing.count == before.things[change.index].count + 1
    ):
        options = (*options, "add another K")
    return options[0] if rng is None else options[int(rng.integers(len(options)))]


def phrase(
    change: Change, before: Scene, owner: Owner, rng: np.random.Generator | None = None
) -> list[Word]:
    """The sentence of one change.

    A word's owner is ``owner``, the change's place among its edit's parts; a word that names a
    thing which only serves as the place of another is owned by ``"thing K"``.
    """
    old = before.things[change.index] if change.index is not None else None
    words: list[Word] = []
    for piece in _template(change, before, rng).split():
        if piece == "X" and old:
            words += _name(old, owner, rng)
        elif piece == "Y" and change.thing:
            added = change.type == "add"
            words += (
                describe(change.thing, owner, None if added and rng is None else rng)
                if added
                else [Word(article(change.thing.kind), None), Word(change.thing.kind, owner)]
            )
        elif piece == "Z":
            words += _name(before.things[change.anchor], f"thing {change.anchor}", rng)
        elif piece == "R":
            words += [Word(part, None) for part in change.relation.split()]
        elif piece == "C" and change.thing:
            words.append(Word(change.thing.colour, owner))
        elif piece == "N" and change.thing:
            noun = PLURALS[change.thing.kind] if change.thing.count > 1 else change.thing.kind
            words += [Word(NUMBERS[change.thing.count], owner), Word(noun, owner)]
        elif piece == "K" and change.thing:
            words.append(Word(change.thing.kind, owner))
        elif piece == "B":
            indoors = change.background in ("meadow", "room")
            words += [Word("a", None)] * indoors + [Word(change.background, owner)]
        else:
            words.append(Word(piece, owner if piece == "background" else None))
    return words


def instruction(edit: Edit, rng: np.random.Generator | None = None) -> list[list[Word]]:
    """The edit's instructions as sentences, one list for each change."""
    return [phrase(change, edit.before, part, rng) for part, change in enumerate(edit.changes)]


def join(parts: list[list[Word]], rng: np.random.Generator | None = None) -> list[Word]:
    """Several instructions as one sentence, joined by commas.

    Now and then by "and" when ``rng`` is given.
    """
    words: list[Word] = []
    for number, part in enumerate(parts):
        words += (
            [Word("and" if rng is not None and rng.random() < 0.25 else ",", None)]
            if number
            else []
        ) + part
    return words


def source_caption(edit: Edit) -> str:
    return text(caption(edit.before))


def target_caption(edit: Edit) -> str:
    return text(caption(edit.after))
