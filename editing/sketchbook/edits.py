"""Exact edits in the sketchbook's world.

A seed gives the picture before, instruction, captions, the picture after, and the mask of what must
change. The picture after an edit differs from the one before inside the masks only, because both
are rendered from scenes that differ in the named things alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .drawing import COLOURS, KINDS
from .scenes import (
    BACKGROUNDS,
    ROW,
    SIZE,
    SIZES,
    STATES,
    TEXTURES,
    Array,
    Rendered,
    Scene,
    Thing,
    render,
    scene,
)

TYPES = (
    "recolour",
    "retexture",
    "replace",
    "add",
    "remove",
    "resize",
    "count",
    "pose",
    "background",
    "combined",
)
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Change:
    """One instruction's worth of change.

    To thing ``index`` of the scene before, to the background, or one thing more.
    """

    type: str
    index: int | None = None  # of the thing before; None for background and add
    thing: Thing | None = None  # what stands there afterwards; None when removed
    background: str = ""
    relation: str = ""  # add: of the new thing to thing ``anchor``
    anchor: int = 0


@dataclass(frozen=True)
class Edit:
    seed: int
    type: str
    before: Scene
    after: Scene
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class RenderedEdit:
    before: Rendered
    after: Rendered
    parts: tuple[Array, ...]  # per change, (128, 128) soft mask of what it may change, 0..1
    mask: Array  # their union


def _other(rng: np.random.Generator, options: list[str], *taken: str) -> str:
    left = [option for option in options if option not in taken]
    return left[int(rng.integers(len(left)))]


def _recolour(rng: np.random.Generator, before: Scene, index: int) -> Change:
    thing = before.things[index]
    return Change(
        "recolour", index, replace(thing, colour=_other(rng, list(COLOURS), thing.colour))
    )


def _retexture(rng: np.random.Generator, before: Scene, index: int) -> Change:
    thing = before.things[index]
    return Change(
        "retexture", index, replace(thing, texture=_other(rng, list(TEXTURES), thing.texture))
    )


def _replace(rng: np.random.Generator, before: Scene, index: int) -> Change:
    thing, kind = (
        before.things[index],
        _other(rng, list(KINDS), *(other.kind for other in before.things)),
    )
    return Change(
        "replace", index, replace(thing, kind=kind, state=STATES[kind][0] if kind in STATES else "")
    )


def _resize(rng: np.random.Generator, before: Scene, index: int) -> Change:
    thing = before.things[index]
    size = "small" if thing.size == "large" else "large"
    radius = float(rng.uniform(*SIZES[size]))
    return Change(
        "resize",
        index,
        replace(thing, size=size, places=tuple((x, y, radius) for x, y, _ in thing.places)),
    )


def _pose(rng: np.random.Generator, before: Scene, index: int) -> Change:
    thing = before.things[index]
    return Change(
        "pose", index, replace(thing, state=_other(rng, list(STATES[thing.kind]), thing.state))
    )


def _background(rng: np.random.Generator, before: Scene, index: int) -> Change:
    return Change("background", background=_other(rng, list(BACKGROUNDS), before.background))


def _count(rng: np.random.Generator, before: Scene, index: int) -> Change:
    thing = before.things[index]
    wanted = int(_other(rng, ["1", "2", "3"], str(thing.count)))
    places = list(thing.places)
    if wanted < thing.count:
        places = sorted(places)[:wanted]
    free = [x * SIZE for x in ROW if all(abs(x * SIZE - there) > 10 for there, _, _ in places)]
    for x in free[: wanted - len(places)]:
        places.append(
            (
                x + float(rng.uniform(-2.5, 2.5)),
                places[0][1] + float(rng.uniform(-3, 3)),
                places[0][2],
            )
        )
    return Change("count", index, replace(thing, places=tuple(sorted(places)), size=""))


CHANGES: dict[str, Callable[[np.random.Generator, Scene, int], Change]] = {
    "recolour": _recolour,
    "retexture": _retexture,
    "replace": _replace,
    "resize": _resize,
    "pose": _pose,
    "background": _background,
    "count": _count,
}


def apply(before: Scene, changes: tuple[Change, ...]) -> Scene:
    """The scene after the changes.

    A removed thing leaves its relation behind; an added one stands last.
    """
    by_index = {change.index: change for change in changes if change.index is not None}
    things, relations = [], []
    for index, thing in enumerate(before.things):
        after = by_index[index].thing if index in by_index else thing
        if after is not None:
            things.append(after)
            relations += [before.relations[index - 1]] if index and things[1:] else []
    for change in changes:
        if change.type == "add" and change.thing is not None:
            things.append(change.thing)
            relations.append(OPPOSITE[change.relation])
    background = next(
        (change.background for change in changes if change.background), before.background
    )
    return replace(before, things=tuple(things), relations=tuple(relations), background=background)


def _without(full: Scene, index: int) -> Scene:
    return apply(full, (Change("remove", index),))


def edit(seed: int, type: str = "", kinds: tuple[str, ...] = tuple(KINDS)) -> Edit:
    """The exact edit of ``seed``.

    ``type`` is one of ``TYPES``, drawn at random when empty. Raises ValueError for another.
    ``kinds`` narrows what the scene before is made of, for all types but pose, add, remove and
    count.
    """
    rng = np.random.default_rng([seed, 77])
    weights = np.array([3, 2, 3, 2, 2, 1.5, 1, 2, 2, 4.5])
    type = type or str(rng.choice(TYPES, p=weights / weights.sum()))
    if type not in TYPES:
        raise ValueError(f"no edits of type '{type}'; there are {', '.join(TYPES)}")
    number = int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    if type == "count":
        before = scene(seed, group=int(rng.integers(2, 4)))
        if rng.random() < 0.34:
            before = replace(
                before, things=(replace(before.things[0], places=before.things[0].places[:1]),)
            )
        changes: tuple[Change, ...] = (_count(rng, before, 0),)
    elif type in ("add", "remove"):
        full = scene(seed, things=max(number, 2))
        index = int(rng.integers(1, len(full.things)))
        if type == "remove":
            before, changes = (
                full,
                (Change("remove", index if len(full.things) > 2 else int(rng.integers(2))),),
            )
        else:
            before = _without(full, index)
            changes = (
                Change(
                    "add", None, full.things[index], relation=OPPOSITE[full.relations[index - 1]]
                ),
            )
    elif type == "combined":
        before, changes = _combined(rng, seed, kinds)
    else:
        before = scene(seed, things=number, kinds=tuple(STATES) if type == "pose" else kinds)
        changes = (CHANGES[type](rng, before, int(rng.integers(number))),)
    return Edit(seed, type, before, apply(before, changes), changes)


def _combined(
    rng: np.random.Generator, seed: int, kinds: tuple[str, ...]
) -> tuple[Scene, tuple[Change, ...]]:
    """Two to four instructions, each to another thing or to the background."""
    before = scene(seed, things=int(rng.choice([1, 2, 3], p=[0.2, 0.5, 0.3])), kinds=kinds)
    targets = [int(i) for i in rng.permutation(len(before.things) + 1)]
    wanted = max(2, min(len(targets), int(rng.choice([2, 3, 4], p=[0.65, 0.25, 0.1]))))
    changes: list[Change] = []
    for index in targets[:wanted]:
        if index == len(before.things):
            changes.append(_background(rng, before, index))
            continue
        options = ["recolour", "recolour", "retexture", "replace", "resize"] + ["pose"] * (
            before.things[index].kind in STATES
        ) * 2
        if (
            index
            and len(before.things) > 1
            and not any(change.type in ("remove", "replace") for change in changes)
        ):
            options.append("remove")
        if any(change.type in ("replace", "remove") for change in changes):
            options = [option for option in options if option != "replace"]
        kind = options[int(rng.integers(len(options)))]
        changes.append(
            Change("remove", index) if kind == "remove" else CHANGES[kind](rng, before, index)
        )
    return before, tuple(changes)


def render_edit(edit: Edit) -> RenderedEdit:
    """Both pictures and the exact masks of what each instruction changes."""
    before, after = render(edit.before), render(edit.after)
    removed = {change.index for change in edit.changes if change.type == "remove"}
    position, successor = 0, {}
    for index in range(len(edit.before.things)):
        if index not in removed:
            successor[index], position = position, position + 1
    parts = []
    for change in edit.changes:
        if change.type == "background":
            parts.append(np.maximum(before.background_mask, after.background_mask))
        elif change.type == "add":
            parts.append(after.masks[-1])
        elif change.index not in successor:
            parts.append(before.masks[change.index or 0])
        else:
            old, new = before.masks[change.index], after.masks[successor[change.index]]
            parts.append(np.abs(old - new) if change.type == "count" else np.maximum(old, new))
    return RenderedEdit(before, after, tuple(parts), np.max(parts, axis=0))
