"""Pictures of arrays: pixels without end, nodes, steps that can be undone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .clock import Timer, clock

ACTIVATION_SECONDS = 0.02
DRAWING_SECONDS = 0.03


@dataclass(frozen=True)
class Plane:
    """Pixels without end: those of a rectangle, and nothing beside it.

    Never changed in place.
    """

    pixels: np.ndarray
    x: int = 0
    y: int = 0

    def read(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        out = np.zeros((height, width, self.pixels.shape[2]), np.uint8)
        left, top = max(x, self.x), max(y, self.y)
        right = min(x + width, self.x + self.pixels.shape[1])
        bottom = min(y + height, self.y + self.pixels.shape[0])
        if left < right and top < bottom:
            part = self.pixels[top - self.y : bottom - self.y, left - self.x : right - self.x]
            out[top - y : bottom - y, left - x : right - x] = part
        return out

    def written(self, pixels: np.ndarray, x: int, y: int) -> Plane:
        high, wide = pixels.shape[:2]
        left, top = min(x, self.x), min(y, self.y)
        right = max(x + wide, self.x + self.pixels.shape[1])
        bottom = max(y + high, self.y + self.pixels.shape[0])
        whole = self.read(left, top, right - left, bottom - top)
        whole[y - top : y - top + high, x - left : x - left + wide] = pixels
        return Plane(whole, left, top)

    def bounds(self) -> tuple[int, int, int, int]:
        """x, y, width and height of what is not nothing."""
        some = self.pixels.any(2)
        rows, columns = np.flatnonzero(some.any(1)), np.flatnonzero(some.any(0))
        if not rows.size:
            return 0, 0, 0, 0
        wide, high = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
        return self.x + int(columns[0]), self.y + int(rows[0]), int(wide), int(high)


def empty(channels: int) -> Plane:
    return Plane(np.zeros((0, 0, channels), np.uint8))


_numbers = itertools.count(1)


def _new_id() -> str:
    return f"{{00000000-0000-4000-8000-{next(_numbers):012x}}}"


@dataclass(eq=False)
class Thing:
    """A node itself."""

    kind: str
    name: str
    plane: Plane
    place: tuple[int, int] = (0, 0)
    visible: bool = True
    opacity: int = 255
    mode: str = "normal"
    inherits: bool = False
    children: list[Thing] = field(default_factory=list)
    parent: Thing | None = None
    uuid: str = field(default_factory=_new_id)

    def copy(self) -> Thing:
        """Of the same pixels, with an id of its own, in no picture."""
        made = replace(self, children=[], parent=None, uuid=_new_id())
        for child in self.children:
            made.children.append(child.copy())
            made.children[-1].parent = made
        return made

    def below(self) -> list[Thing]:
        """Itself and all under it."""
        return [self, *(one for child in self.children for one in child.below())]

    def seen(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Its pixels through its masks."""
        pixels = self.plane.read(x, y, width, height)
        for mask in self.children:
            if mask.kind == "transparencymask" and mask.visible:
                veil = mask.plane.read(x, y, width, height)[..., 0].astype(np.uint16)
                pixels[..., 3] = (pixels[..., 3] * veil + 127) // 255
        return pixels


@dataclass(frozen=True)
class Step:
    """A step that can be undone. whose: "painter", or "limn"."""

    whose: str
    back: Callable[[], None]


@dataclass(eq=False)
class Image:
    """A picture itself. ghosts: nodes that move with the picture, and are not in it."""

    width: int
    height: int
    name: str = "picture"
    root: Thing = field(default_factory=lambda: Thing("grouplayer", "root", empty(4)))
    selection: Plane | None = None
    steps: list[Step] = field(default_factory=list)
    active: Thing | None = None
    held: bool = False
    open: bool = True
    busy_until: float = 0.0
    notes: dict[str, bytes] = field(default_factory=dict)
    ghosts: list[Thing] = field(default_factory=list)
    whose: str = "limn"

    def nodes(self) -> list[Thing]:
        return self.root.below()[1:]

    def step(self, back: Callable[[], None]) -> None:
        self.steps.append(Step(self.whose, back))
        self.busy_until = clock.now + DRAWING_SECONDS

    def change(self, values: list[tuple[Any, str, Any]]) -> None:
        """Set attributes, as one step."""
        old = [(thing, name, getattr(thing, name)) for thing, name, _ in values]

        def put(those: list[tuple[Any, str, Any]]) -> None:
            for thing, name, value in those:
                setattr(thing, name, value)

        put(values)
        self.step(lambda: put(old))

    def add(self, thing: Thing, parent: Thing, above: Thing | None) -> None:
        where = parent.children.index(above) + 1 if above in parent.children else 0
        if above is not None and above not in parent.children:
            where = len(parent.children)
        parent.children.insert(where, thing)
        thing.parent = parent
        self.step(lambda: self._take(thing))
        self._activate_later(thing)

    def remove(self, thing: Thing) -> None:
        parent = thing.parent
        assert parent is not None
        at = parent.children.index(thing)
        self._take(thing)

        def back() -> None:
            parent.children.insert(min(at, len(parent.children)), thing)
            thing.parent = parent

        self.step(back)

    def _activate_later(self, thing: Thing) -> None:
        """Krita's layer list makes a new node the active one some time later."""

        def activate() -> None:
            if thing.parent is not None and screen.front is self:
                self.active = thing

        timer = Timer()
        timer.timeout.connect(activate)
        timer.start(round(ACTIVATION_SECONDS * 1000))

    def _take(self, thing: Thing) -> None:
        parent = thing.parent
        if parent is None:
            return
        at = parent.children.index(thing)
        parent.children.remove(thing)
        thing.parent = None
        if self.active is not None and self.active in thing.below():
            left = parent.children
            self.active = left[min(max(at - 1, 0), len(left) - 1)] if left else None


class Screen:
    """What the painter looks at."""

    front: Image | None = None


screen = Screen()
"""The one there is."""
