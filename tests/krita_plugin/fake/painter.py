"""A painter who acts in a picture, each time in one step to undo.

Every action is the same whether Limn's layers are in the picture or not: it names its layer. What
happens to the whole picture happens to all nodes in it, and to its ghosts: those show where a
result would be by now, had it been there from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .image import Image, Plane, Thing, empty
from .krita import app

WIDE, HIGH = 64, 48
Values = tuple[int, int, int]


def blocks(seed: int, wide: int, high: int) -> np.ndarray:
    """Opaque pixels that say where they lie: in large, each block its own."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (high // 6 + 1, wide // 6 + 1, 4), dtype=np.uint8)
    small[..., 3] = 255
    return small.repeat(6, 0).repeat(6, 1)[:high, :wide].copy()


def picture(seed: int) -> Image:
    """A new picture: a background, a painting that is active, a layer above."""
    image = Image(WIDE, HIGH)
    planes = (
        ("background", Plane(blocks(seed + 2, WIDE, HIGH))),
        ("painting", Plane(blocks(seed, 48, 36), 8, 6)),
        ("above", Plane(blocks(seed + 1, 14, 10), 3, 4)),
    )
    for name, plane in planes:
        image.root.children.append(Thing("paintlayer", name, plane, parent=image.root))
    image.active = image.root.children[1]
    app.images.append(image)
    app.front = image
    return image


def named(image: Image, name: str) -> Thing | None:
    return next((one for one in image.root.children if one.name.split("'")[0] == name), None)


class Painter:
    """Who acts in one picture."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._follow = True

    def act(self, action: str, name: str, values: Values, follow: bool = True) -> bool:
        """Do something; whether it was done.

        name: of the layer. values: each 0..99. follow: whether ghosts go with the painting.
        """
        image, self._follow = self.image, follow
        if action == "undo":
            return self.undo() == "painter"
        image.whose = "painter"
        try:
            whole = _WHOLE.get(action)
            if whole is not None:
                self._change(image.nodes(), *whole(image, *values))
                return True
            thing = named(image, name)
            if thing is None:
                return False
            image.active = thing
            _LAYER[action](self, thing, *values)
            return True
        finally:
            image.whose = "limn"

    def undo(self) -> str:
        """Take back the last step; whose it was."""
        if not self.image.steps:
            return ""
        step = self.image.steps.pop()
        step.back()
        self.image.busy_until += 0.03
        return step.whose

    # --- inside

    def _change(
        self,
        things: list[Thing],
        moved: Callable[[Plane], Plane],
        size: tuple[int, int],
        place: Callable[[Thing], tuple[int, int]] = lambda thing: thing.place,
    ) -> None:
        """Have every node's pixels, the ghosts' and the selection's lie elsewhere."""
        image = self.image
        changes: list[tuple[Any, str, Any]] = []
        for thing in (*things, *image.ghosts):
            changes += [(thing, "plane", moved(thing.plane)), (thing, "place", place(thing))]
        if image.selection is not None:
            changes.append((image, "selection", moved(image.selection)))
        image.change([*changes, (image, "width", size[0]), (image, "height", size[1])])

    def _layer(
        self,
        thing: Thing,
        moved: Callable[[Plane], Plane],
        right: int = 0,
        down: int = 0,
    ) -> None:
        """The same for one layer, its masks, and the ghost of what was made of it."""
        moves = self._follow and thing.name.startswith("painting")
        ghosts = self.image.ghosts if moves else []
        changes: list[tuple[Any, str, Any]] = []
        for one in (*thing.below(), *ghosts):
            place = one.place[0] + right, one.place[1] + down
            changes += [(one, "plane", moved(one.plane)), (one, "place", place)]
        self.image.change(changes)

    def paint(self, thing: Thing, x: int, y: int, size: int) -> None:
        side = 4 + size % 7
        stroke = np.full((side, side, 4), (5, 6, 7, 255), np.uint8)
        at = x * self.image.width // 100, y * self.image.height // 100
        self.image.change([(thing, "plane", thing.plane.written(stroke, *at))])

    def erase(self, thing: Thing, x: int, y: int, size: int) -> None:
        side = 4 + size % 7
        at = x * self.image.width // 100, y * self.image.height // 100
        nothing = np.zeros((side, side, 4), np.uint8)
        self.image.change([(thing, "plane", thing.plane.written(nothing, *at))])

    def fill(self, thing: Thing, x: int, _: int, __: int) -> None:
        """All of it, with a colour or with nothing."""
        colour = (9, 90, 200, 255) if x % 2 else (0, 0, 0, 0)
        whole = np.full((self.image.height, self.image.width, 4), colour, np.uint8)
        self.image.change([(thing, "plane", Plane(whole))])

    def move(self, thing: Thing, x: int, y: int, _: int) -> None:
        right, down = x % 25 - 12, y % 25 - 12
        self._layer(thing, lambda plane: _shifted(plane, right, down), right, down)

    def mirror_layer(self, thing: Thing, across: int, _: int, __: int) -> None:
        x, y, wide, high = thing.plane.bounds()
        self._layer(
            thing,
            (lambda plane: _mirrored(plane, 2 * x + wide))
            if across % 2
            else (lambda plane: _upside_down(plane, 2 * y + high)),
        )

    def scale_layer(self, thing: Thing, by: int, _: int, __: int) -> None:
        x, y, *_rest = thing.plane.bounds()
        share = (0.5, 0.75, 1.5, 2.0)[by % 4]
        self._layer(thing, lambda plane: _scaled(plane, share, share, x, y))

    def shear_layer(self, thing: Thing, _: int, __: int, ___: int) -> None:
        self._layer(thing, _sheared)

    def hide(self, thing: Thing, _: int, __: int, ___: int) -> None:
        self.image.change([(thing, "visible", not thing.visible)])

    def fade(self, thing: Thing, opacity: int, _: int, __: int) -> None:
        self.image.change([(thing, "opacity", 100 + opacity)])

    def rename(self, thing: Thing, _: int, __: int, ___: int) -> None:
        self.image.change([(thing, "name", thing.name + "'")])

    def delete(self, thing: Thing, _: int, __: int, ___: int) -> None:
        self.image.remove(thing)

    def reorder(self, thing: Thing, up: int, _: int, __: int) -> None:
        """Past the next of the painter's own layers, whatever of Limn's lies between."""
        image, all_of_them = self.image, thing.parent.children  # type: ignore[union-attr]
        own = [one for one in all_of_them if one is thing or not _is_limns(one)]
        at = own.index(thing) + (1 if up % 2 else -1)
        order = list(all_of_them)
        order.remove(thing)
        if 0 <= at < len(own):
            order.insert(order.index(own[at]) + (1 if up % 2 else 0), thing)
            before = list(all_of_them)

            def put(wanted: list[Thing]) -> None:
                there = {id(one) for one in image.root.children}
                others = [one for one in image.root.children if one not in wanted]
                image.root.children[:] = [one for one in wanted if id(one) in there] + others

            put(order)
            image.step(lambda: put(before))

    def select(self, thing: Thing, x: int, y: int, size: int) -> None:
        side = 10 + size % 30
        at = x * self.image.width // 100, y * self.image.height // 100
        plane = Plane(np.full((side, side, 1), 255, np.uint8), *at)
        self.image.change([(self.image, "selection", plane)])

    def deselect(self, thing: Thing, _: int, __: int, ___: int) -> None:
        self.image.change([(self.image, "selection", None)])


def _is_limns(thing: Thing) -> bool:
    return "seed" in thing.name or thing.name.startswith("Limn mask")


Whole = tuple[Any, ...]


def _mirror(image: Image, across: int, _: int, __: int) -> Whole:
    wide, high = image.width, image.height
    if across % 2:
        return (lambda plane: _mirrored(plane, wide)), (wide, high)
    return (lambda plane: _upside_down(plane, high)), (wide, high)


def _turn(image: Image, by: int, _: int, __: int) -> Whole:
    """Quarter turns. Krita's position of a turned layer says nothing."""
    wide, high = image.width, image.height

    def place(thing: Thing) -> tuple[int, int]:
        return thing.place[0] + 131, thing.place[1] + 57

    if by % 3 == 0:
        return (lambda plane: _turned(plane, high)), (high, wide), place
    if by % 3 == 1:

        def left(plane: Plane) -> Plane:
            return _turned(_turned(_turned(plane, high), wide), high)

        return left, (high, wide), place
    return (lambda plane: _upside_down(_mirrored(plane, wide), high)), (wide, high), place


def _crop(image: Image, x: int, y: int, size: int) -> Whole:
    left, top = x % 12, y % 12
    wide, high = max(24, image.width - left - size % 9), max(20, image.height - top - size % 7)

    def cut(plane: Plane) -> Plane:
        return Plane(plane.read(left, top, wide, high))

    return cut, (wide, high), lambda thing: (thing.place[0] - left, thing.place[1] - top)


def _resize(image: Image, x: int, y: int, size: int) -> Whole:
    """More or less canvas; the pixels beside it stay."""
    right, down = x % 23 - 10, y % 23 - 10
    there = image.width + size % 9, image.height + size % 7
    return (
        (lambda plane: _shifted(plane, right, down)),
        there,
        lambda thing: (thing.place[0] + right, thing.place[1] + down),
    )


def _scale(image: Image, by: int, _: int, __: int) -> Whole:
    share = (0.5, 0.75, 1.5, 2.0)[by % 4]
    wide, high = round(image.width * share), round(image.height * share)
    across, down = wide / image.width, high / image.height
    return (lambda plane: _scaled(plane, across, down, 0, 0)), (wide, high)


_WHOLE: dict[str, Callable[[Image, int, int, int], Whole]] = {
    "mirror": _mirror,
    "turn": _turn,
    "crop": _crop,
    "resize": _resize,
    "scale": _scale,
}
"""What is done to the whole picture."""

_LAYER: dict[str, Callable[[Painter, Thing, int, int, int], None]] = {
    "paint": Painter.paint,
    "erase": Painter.erase,
    "fill": Painter.fill,
    "move": Painter.move,
    "mirror layer": Painter.mirror_layer,
    "scale layer": Painter.scale_layer,
    "shear layer": Painter.shear_layer,
    "hide": Painter.hide,
    "fade": Painter.fade,
    "rename": Painter.rename,
    "delete": Painter.delete,
    "reorder": Painter.reorder,
    "select": Painter.select,
    "deselect": Painter.deselect,
}
"""What is done to one layer, or with it in hand."""

ACTIONS = (*_WHOLE, *_LAYER, "undo")


def _shifted(plane: Plane, right: int, down: int) -> Plane:
    return replace(plane, x=plane.x + right, y=plane.y + down)


def _mirrored(plane: Plane, ends: int) -> Plane:
    """Left to right, so that 0 and `ends` change places."""
    return Plane(plane.pixels[:, ::-1], ends - plane.x - plane.pixels.shape[1], plane.y)


def _upside_down(plane: Plane, ends: int) -> Plane:
    return Plane(plane.pixels[::-1], plane.x, ends - plane.y - plane.pixels.shape[0])


def _turned(plane: Plane, high: int) -> Plane:
    """Clockwise, in a picture of this height."""
    return Plane(np.rot90(plane.pixels, -1), high - plane.y - plane.pixels.shape[0], plane.x)


def _scaled(plane: Plane, across: float, down: float, x: int, y: int) -> Plane:
    """Around a point that stays."""
    high, wide = plane.pixels.shape[:2]
    if not high or not wide:
        return empty(plane.pixels.shape[2])
    left, top = x + (plane.x - x) * across, y + (plane.y - y) * down
    first, last = round(left), round(left + wide * across)
    begin, end = round(top), round(top + high * down)
    columns = ((np.arange(first, last) + 0.5 - left) / across).astype(int).clip(0, wide - 1)
    rows = ((np.arange(begin, end) + 0.5 - top) / down).astype(int).clip(0, high - 1)
    return Plane(plane.pixels[rows][:, columns], first, begin)


def _sheared(plane: Plane) -> Plane:
    """Each row goes right by where it lies in the picture, whatever plane it is on."""
    high, wide = plane.pixels.shape[:2]
    out = np.zeros((high, wide + high, plane.pixels.shape[2]), np.uint8)
    for row in range(high):
        out[row, row : row + wide] = plane.pixels[row]
    return Plane(out, plane.x + plane.y, plane.y)
