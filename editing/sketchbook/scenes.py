"""The sketchbook's world: from a seed to a scene.

A scene gives a picture, a caption with the owner of every word, and an exact soft mask per object.
Everything is deterministic in the seed. Seeds below ``FIRST_HELD_OUT`` are for training; the rest
are held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .drawing import COLOURS, KINDS, paint

Array = np.ndarray
Owner = int | str | None  # index into a scene's objects, "background", or nobody's

SIZE = 128  # pixels on each side
FIRST_HELD_OUT = 1_000_000

TEXTURES = ("plain", "striped", "dotted")
STATES: dict[str, tuple[str, ...]] = {
    "person": ("standing", "sitting", "jumping", "arms up"),
    "cat": ("standing", "sitting"),
    "box": ("closed", "open"),
    "lamp": ("unlit", "lit"),
}
SIZES = {"small": (15.5, 17.5), "large": (22.5, 24.8)}
GROUP_SIZE = (15.0, 17.0)
PLURALS = {kind: kind + "s" for kind in KINDS} | {
    "cross": "crosses",
    "box": "boxes",
    "person": "people",
}
NUMBERS = ("zero", "one", "two", "three")
BACKGROUNDS = {
    "gray": "on a gray background",
    "pink": "on a pink background",
    "beige": "on a beige background",
    "meadow": "in a meadow",
    "room": "in a room",
    "night": "at night",
}
ROW = (0.19, 0.5, 0.81)  # where the members of a group may stand
NEAR, FAR = (
    0.28,
    0.73,
)  # the two places along an axis for things beside each other: far enough for two large ones


@dataclass(frozen=True)
class Thing:
    """One thing, or a group of equal things (``places`` has one entry for each)."""

    kind: str
    colour: str
    texture: str
    size: str  # small, large; "" for the members of a group
    state: str  # pose or state; "" where the kind has none
    places: tuple[tuple[float, float, float], ...]  # x, y, radius in pixels
    tint: tuple[float, float, float]  # jitter added to the colour

    @property
    def count(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Scene:
    seed: int
    things: tuple[Thing, ...]
    relations: tuple[
        str, ...
    ]  # of the first thing to each of the others: left of, right of, above, below
    background: str
    tone: tuple[float, float]  # jitter of the background: brightness, height of the horizon


@dataclass(frozen=True)
class Rendered:
    image: Array  # (128, 128, 3) uint8
    masks: tuple[Array, ...]  # each (128, 128) float, 0..1, one for each thing

    @property
    def background_mask(self) -> Array:
        """What no thing covers, (128, 128), 0..1."""
        uncovered = np.ones((SIZE, SIZE))
        for mask in self.masks:
            uncovered = uncovered * (1 - mask)
        return uncovered


@dataclass(frozen=True)
class Word:
    text: str
    owner: Owner


def _pick(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def new_thing(
    rng: np.random.Generator,
    x: float,
    y: float,
    kinds: tuple[str, ...] = tuple(KINDS),
    size: str = "",
    count: int = 1,
    slots: tuple[int, ...] = (),
) -> Thing:
    """A thing with everything drawn at random that is not given.

    x, y are shares of the picture's side.
    """
    kind = _pick(rng, kinds)
    size = "" if count > 1 else size or _pick(rng, ("small", "large"))
    low, high = SIZES.get(size, GROUP_SIZE)
    radius = float(rng.uniform(low, high))
    places = []
    for member in range(count):
        across = ROW[slots[member]] if count > 1 else x
        places.append(
            (
                SIZE * across + float(rng.uniform(-2.5, 2.5)),
                SIZE * y + float(rng.uniform(-3, 3)),
                radius,
            )
        )
    texture = _pick(rng, ("plain", "plain", "striped", "dotted"))
    state = _pick(rng, STATES[kind]) if kind in STATES else ""
    tint = tuple(float(t) for t in rng.uniform(-0.03, 0.03, 3))
    return Thing(kind, _pick(rng, list(COLOURS)), texture, size, state, tuple(places), tint)  # type: ignore[arg-type]


def scene(
    seed: int, things: int = 0, kinds: tuple[str, ...] = tuple(KINDS), group: int = 0
) -> Scene:
    """The scene of ``seed``.

    ``things`` 1..3 fixes how many stand in it, ``group`` 2..3 asks for a group of equal ones.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.random()
    if not things and not group:
        things, group = (
            (1, 0)
            if drawn < 0.5
            else (2, 0)
            if drawn < 0.78
            else (3, 0)
            if drawn < 0.9
            else (1, 2 + int(drawn > 0.95))
        )
    background, tone = (
        _pick(rng, list(BACKGROUNDS)),
        (float(rng.uniform(-0.04, 0.04)), float(rng.uniform(0.52, 0.62))),
    )
    if group:
        slots = (
            (0, 1, 2)
            if group == 3
            else tuple(sorted(int(s) for s in rng.choice(3, 2, replace=False)))
        )
        member = new_thing(rng, 0.5, float(rng.uniform(0.4, 0.62)), kinds, count=group, slots=slots)
        return Scene(seed, (member,), (), background, tone)
    if things == 1:
        one = new_thing(rng, float(rng.uniform(0.28, 0.72)), float(rng.uniform(0.3, 0.7)), kinds)
        return Scene(seed, (one,), (), background, tone)
    relations: list[str] = []
    x, y = 0.5 + float(rng.uniform(-0.1, 0.1)), 0.5 + float(rng.uniform(-0.1, 0.1))
    across, down = _pick(rng, ("left of", "right of")), _pick(rng, ("above", "below"))
    relations = [across, down] if things == 3 else [_pick(rng, (across, down))]
    if across in relations:
        x = NEAR if across == "left of" else FAR
    if down in relations:
        y = NEAR if down == "above" else FAR
    out = [new_thing(rng, x, y, kinds)]
    for relation in relations:
        there = (1 - x + 0.005, y) if relation in ("left of", "right of") else (x, 1 - y + 0.005)
        fresh = new_thing(rng, *there, kinds)
        while any(
            fresh.kind == other.kind for other in out
        ):  # every thing can be named by its kind
            fresh = new_thing(rng, *there, kinds)
        out.append(fresh)
    return Scene(seed, tuple(out), tuple(relations), background, tone)


def _backdrop(name: str, seed: int, tone: tuple[float, float]) -> Array:
    brightness, horizon = tone
    down = np.linspace(0, 1, SIZE)[:, None, None] * np.ones((1, SIZE, 1))
    plain = {"gray": (0.62, 0.62, 0.64), "pink": (0.96, 0.72, 0.78), "beige": (0.86, 0.79, 0.64)}
    if name in plain:
        canvas = np.array(plain[name]) * (1.06 - 0.13 * down)
    elif name == "night":
        canvas = np.array((0.10, 0.12, 0.30)) * (1 - down) + np.array((0.26, 0.24, 0.46)) * down
        for x, y in np.random.default_rng(seed).integers(3, SIZE - 3, (14, 2)):
            canvas[y : y + 2, x : x + 2] = (0.78, 0.78, 0.88)
    else:
        far, near = (
            ((0.62, 0.82, 0.97), (0.52, 0.78, 0.40))
            if name == "meadow"
            else ((0.72, 0.84, 0.82), (0.62, 0.45, 0.33))
        )
        ground = np.clip((down - horizon) * SIZE, 0, 1)
        canvas = (
            np.array(far) * (1.05 - 0.12 * down) * (1 - ground)
            + np.array(near) * (1.1 - 0.2 * down) * ground
        )
        if name == "room":
            board = np.clip(1.5 - np.abs(down - horizon) * SIZE, 0, 1)
            canvas = canvas + (np.array((0.95, 0.94, 0.9)) - canvas) * board
    return np.clip(canvas + brightness, 0, 1)


def render(scene: Scene) -> Rendered:
    """The scene's picture and the exact soft mask of each thing."""
    canvas = _backdrop(scene.background, scene.seed, scene.tone)
    masks = []
    for thing in scene.things:
        colour = np.clip(np.array(COLOURS[thing.colour]) + np.array(thing.tint), 0, 1)
        members = [
            paint(canvas, thing.kind, thing.state, colour, thing.texture, *place)
            for place in thing.places
        ]
        masks.append(np.max(members, axis=0))
    return Rendered((canvas * 255 + 0.5).astype(np.uint8), tuple(masks))


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def describe(
    thing: Thing, owner: Owner, rng: np.random.Generator | None = None, definite: bool = False
) -> list[Word]:
    """The thing's words, each with its owner.

    With ``rng`` some attributes go unsaid, as people do.
    """

    def said(share: float) -> bool:
        return rng is None or rng.random() < share

    adjectives = []
    if thing.size and said(0.6):
        adjectives.append(thing.size)
    if thing.texture != "plain" and said(0.9):
        adjectives.append(thing.texture)
    if thing.state and thing.state != "arms up" and said(0.85):
        adjectives.append(thing.state)
    if said(0.92):
        adjectives.append(thing.colour)
    noun = PLURALS[thing.kind] if thing.count > 1 else thing.kind
    words = [Word(text, owner) for text in (*adjectives, noun)]
    if thing.state == "arms up" and said(0.9):
        words += [Word("with", None), Word("arms", owner), Word("up", owner)]
    start = (
        "the" if definite else NUMBERS[thing.count] if thing.count > 1 else article(words[0].text)
    )
    return [Word(start, owner if thing.count > 1 and not definite else None), *words]


def caption(scene: Scene, rng: np.random.Generator | None = None) -> list[Word]:
    """The scene's caption.

    Complete and always the same without ``rng``, freely phrased with it.
    """
    words = describe(scene.things[0], 0, rng)
    for index, relation in enumerate(scene.relations, 1):
        words += [Word("and", None)] if index > 1 else []
        words += [Word(text, None) for text in relation.split()] + describe(
            scene.things[index], index, rng
        )
    if rng is None or rng.random() < 0.92:
        *before, place = BACKGROUNDS[scene.background].split()
        if place == "background":
            before, place = before[:-1], before[-1]
            words += [Word(text, None) for text in before] + [
                Word(place, "background"),
                Word("background", "background"),
            ]
        else:
            words += [Word(text, None) for text in before] + [Word(place, "background")]
    return words


def text(words: list[Word]) -> str:
    """Words as a sentence."""
    return " ".join(word.text for word in words).replace(" ,", ",")
