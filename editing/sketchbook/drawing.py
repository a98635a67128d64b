"""How each kind of thing in the sketchbook's world is drawn.

Signed distances to primitives, anti-aliased, shaded. A thing is a list of parts in its own unit
square (x to the right, y down, both -1..1). Each part is a signed distance (negative inside), a
colour role and whether the thing's texture covers it. ``paint`` puts a thing onto a canvas and
returns its exact soft mask: the share of each pixel that the thing covers, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Distance = Callable[
    [Array, Array], Array
]  # unit coordinates (height, width) -> signed distance in units

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.85, 0.12, 0.14),
    "orange": (0.97, 0.52, 0.08),
    "yellow": (0.97, 0.87, 0.15),
    "green": (0.13, 0.58, 0.20),
    "blue": (0.14, 0.30, 0.85),
    "purple": (0.53, 0.18, 0.68),
    "white": (0.96, 0.96, 0.95),
    "black": (0.10, 0.10, 0.11),
}
WOOD, SKIN, GLOW = (0.45, 0.29, 0.16), (0.93, 0.74, 0.58), (1.0, 0.93, 0.55)
# width of the darker outline, so that a white thing shows on a pale background
OUTLINE_PIXELS = 1.2


@dataclass(frozen=True)
class Part:
    distance: Distance
    role: str = "main"  # main, dark, light, wood, skin, glow or shade
    textured: bool = False


def circle(x: float, y: float, radius: float) -> Distance:
    return lambda u, v: np.hypot(u - x, v - y) - radius


def box(x: float, y: float, half_width: float, half_height: float) -> Distance:
    def distance(u: Array, v: Array) -> Array:
        across, down = np.abs(u - x) - half_width, np.abs(v - y) - half_height
        return np.hypot(np.maximum(across, 0), np.maximum(down, 0)) + np.minimum(
            np.maximum(across, down), 0
        )

    return distance


def limb(x0: float, y0: float, x1: float, y1: float, radius: float) -> Distance:
    """A line with round ends."""

    def distance(u: Array, v: Array) -> Array:
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        return np.hypot(u - x0 - along * dx, v - y0 - along * dy) - radius

    return distance


def polygon(corners: Sequence[tuple[float, float]]) -> Distance:
    """Any simple polygon; the sign comes from the crossing number."""

    def distance(u: Array, v: Array) -> Array:
        nearest = np.full(u.shape, np.inf)
        inside = np.zeros(u.shape, bool)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            dx, dy = x1 - x0, y1 - y0
            along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
            nearest = np.minimum(nearest, np.hypot(u - x0 - along * dx, v - y0 - along * dy))
            if dy:
                inside ^= ((v < y0) != (v < y1)) & (u < x0 + dx * (v - y0) / dy)
        return np.where(inside, -nearest, nearest)

    return distance


def without(whole: Distance, cut: Distance) -> Distance:
    return lambda u, v: np.maximum(whole(u, v), -cut(u, v))


def _star() -> list[tuple[float, float]]:
    radii = [1.0, 0.42] * 5
    return [
        (r * np.sin(np.pi * k / 5), -r * np.cos(np.pi * k / 5) + 0.05) for k, r in enumerate(radii)
    ]


def _heart() -> list[tuple[float, float]]:
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across = np.sin(around) ** 3
    down = (
        -(
            13 * np.cos(around)
            - 5 * np.cos(2 * around)
            - 2 * np.cos(3 * around)
            - np.cos(4 * around)
        )
        / 16
    )
    return [(0.98 * x, 0.95 * y - 0.08) for x, y in zip(across, down, strict=True)]


def _cross() -> list[tuple[float, float]]:
    a = 0.34
    return [
        (-a, -1),
        (a, -1),
        (a, -a),
        (1, -a),
        (1, a),
        (a, a),
        (a, 1),
        (-a, 1),
        (-a, a),
        (-1, a),
        (-1, -a),
        (-a, -a),
    ]


def _simple(distance: Distance) -> Callable[[str], list[Part]]:
    return lambda state: [Part(distance, textured=True)]


def _house(state: str) -> list[Part]:
    return [
        Part(box(0, 0.4, 0.75, 0.58), textured=True),
        Part(polygon([(-1, -0.12), (0, -0.98), (1, -0.12)]), "dark"),
        Part(box(0.3, 0.62, 0.2, 0.36), "wood"),
        Part(box(-0.32, 0.35, 0.2, 0.2), "light"),
    ]


def _tree(state: str) -> list[Part]:
    return [
        Part(box(0, 0.66, 0.16, 0.34), "wood"),
        Part(
            lambda u, v: np.minimum.reduce(
                [
                    circle(0, -0.45, 0.52)(u, v),
                    circle(-0.42, 0.0, 0.44)(u, v),
                    circle(0.42, 0.0, 0.44)(u, v),
                ]
            ),
            textured=True,
        ),
    ]


def _cup(state: str) -> list[Part]:
    return [
        Part(without(circle(0.55, 0.05, 0.42), circle(0.55, 0.05, 0.22)), "dark"),
        Part(polygon([(-0.85, -0.75), (0.6, -0.75), (0.42, 0.9), (-0.67, 0.9)]), textured=True),
        Part(lambda u, v: np.hypot((u + 0.125) / 0.7, (v + 0.75) / 0.17) * 0.17 - 0.17, "shade"),
    ]


def _person(state: str) -> list[Part]:
    head, hip, body = (0.0, -0.7), 0.22, (0.0, -0.12)
    if state == "sitting":
        head, hip, body = (-0.25, -0.5), 0.42, (-0.25, 0.1)
        legs = [limb(-0.2, hip, 0.55, hip + 0.02, 0.15), limb(0.55, hip, 0.6, 0.86, 0.14)]
        arms = [limb(-0.2, -0.05, 0.4, 0.12, 0.11)]
    elif state == "jumping":
        head, hip, body = (0.0, -0.74), 0.12, (0.0, -0.2)
        legs = [limb(-0.12, hip, -0.72, 0.62, 0.15), limb(0.12, hip, 0.72, 0.62, 0.15)]
        arms = [limb(-0.2, -0.28, -0.86, -0.34, 0.11), limb(0.2, -0.28, 0.86, -0.34, 0.11)]
    else:
        legs = [limb(-0.15, hip, -0.2, 0.84, 0.15), limb(0.15, hip, 0.2, 0.84, 0.15)]
        reach = -0.86 if state == "arms up" else 0.28
        arms = [limb(-0.26, -0.24, -0.62, reach, 0.11), limb(0.26, -0.24, 0.62, reach, 0.11)]
    return [
        *(Part(leg, "dark") for leg in legs),
        *(Part(arm, "skin") for arm in arms),
        Part(box(*body, 0.28, hip - body[1] + 0.06), textured=True),
        Part(circle(*head, 0.25), "skin"),
    ]


def _cat(state: str) -> list[Part]:
    if state == "sitting":
        head, body = (-0.1, -0.42), lambda u, v: np.hypot(u / 0.5, (v - 0.4) / 0.56) * 0.5 - 0.5
        extra = [limb(0.4, 0.8, 0.85, 0.3, 0.1), limb(-0.2, 0.5, -0.22, 0.88, 0.1)]
    else:
        head, body = (
            (-0.5, -0.28),
            lambda u, v: np.hypot((u - 0.15) / 0.64, (v - 0.22) / 0.34) * 0.34 - 0.34,
        )
        extra = [limb(x, 0.4, x, 0.86, 0.1) for x in (-0.28, -0.06, 0.38, 0.6)] + [
            limb(0.7, 0.1, 0.92, -0.5, 0.09)
        ]
    x, y = head
    ears = [
        polygon([(x + s * 0.36, y - 0.06), (x + s * 0.32, y - 0.56), (x + s * 0.02, y - 0.28)])
        for s in (-1, 1)
    ]
    return [
        *(Part(part) for part in extra),
        Part(body, textured=True),
        *(Part(ear) for ear in ears),
        Part(circle(x, y, 0.38)),
        *(Part(circle(x + s * 0.15, y - 0.03, 0.07), "shade") for s in (-1, 1)),
    ]


def _box(state: str) -> list[Part]:
    front = Part(box(0, 0.42, 0.78, 0.52), textured=True)
    if state == "open":
        flaps = [
            polygon([(-0.78, -0.1), (0, -0.1), (-0.42, -0.62), (-1.0, -0.62)]),
            polygon([(0.78, -0.1), (0, -0.1), (0.42, -0.62), (1.0, -0.62)]),
        ]
        return [
            front,
            Part(polygon([(-0.78, -0.1), (0.78, -0.1), (0.4, -0.42), (-0.4, -0.42)]), "shade"),
            *(Part(flap, "light") for flap in flaps),
        ]
    return [front, Part(box(0, -0.26, 0.92, 0.2), "dark"), Part(box(0, 0.3, 0.1, 0.28), "light")]


def _lamp(state: str) -> list[Part]:
    glow = (
        [Part(polygon([(-0.62, -0.1), (0.62, -0.1), (0.98, 0.86), (-0.98, 0.86)]), "glow")]
        if state == "lit"
        else []
    )
    return [
        *glow,
        Part(box(0, 0.35, 0.09, 0.5), "shade"),
        Part(box(0, 0.88, 0.42, 0.1), "shade"),
        Part(
            polygon([(-0.36, -0.95), (0.36, -0.95), (0.74, -0.08), (-0.74, -0.08)]), textured=True
        ),
    ]


KINDS: dict[str, Callable[[str], list[Part]]] = {
    "circle": _simple(circle(0, 0, 0.95)),
    "square": _simple(box(0, 0, 0.82, 0.82)),
    "triangle": _simple(polygon([(0, -0.95), (0.98, 0.8), (-0.98, 0.8)])),
    "star": _simple(polygon(_star())),
    "heart": _simple(polygon(_heart())),
    "cross": _simple(polygon(_cross())),
    "diamond": _simple(polygon([(0, -1), (0.68, 0), (0, 1), (-0.68, 0)])),
    "moon": _simple(without(circle(-0.05, 0, 0.95), circle(0.45, -0.15, 0.8))),
    "house": _house,
    "tree": _tree,
    "cup": _cup,
    "person": _person,
    "cat": _cat,
    "box": _box,
    "lamp": _lamp,
}


def _toward(colour: Array, other: float, share: float) -> Array:
    return colour + (other - colour) * share


def _role(role: str, main: Array) -> Array:
    dark = main.mean() < 0.2
    table = {
        "main": main,
        "dark": _toward(main, 0.5, 0.35) if dark else main * 0.68,
        "light": _toward(main, 1.0, 0.62),
        "wood": np.array(WOOD),
        "skin": np.array(SKIN),
        "glow": np.array(GLOW),
        "shade": np.array((0.24, 0.22, 0.24)),
    }
    return table[role]


def _texture(kind: str, u: Array, v: Array, main: Array) -> Array:
    """The thing's own colour at each place, (height, width, 3).

    Stripes and dots are as wide whatever the thing's size.
    """
    flat = np.broadcast_to(main, (*u.shape, 3))
    if kind == "plain":
        return flat
    other = _toward(main, 0.0, 0.45) if main.min() > 0.6 else _toward(main, 1.0, 0.72)
    if kind == "striped":
        wave = np.cos(2 * np.pi * (u + v) / 0.56)
    else:
        wave = 0.2 - np.hypot((u / 0.52 + 0.5) % 1 - 0.5, (v / 0.52 + 0.5) % 1 - 0.5) * 0.95
    cover = np.clip(wave * (2.2 if kind == "striped" else 14) + 0.5, 0, 1)[..., None]
    return flat + (other - flat) * cover


def paint(
    canvas: Array,
    kind: str,
    state: str,
    colour: Array,
    texture: str,
    x: float,
    y: float,
    radius: float,
) -> Array:
    """Paints one thing onto ``canvas``, centred at (x, y) pixels.

    The canvas is (height, width, 3) in 0..1, and is changed in place. Returns its soft mask
    (height, width), 0..1: exact, since each pixel outside it is left untouched.
    """
    height, width = canvas.shape[:2]
    reach = radius * 1.06 + 2
    left, right = max(int(x - reach), 0), min(int(x + reach) + 1, width)
    top, bottom = max(int(y - reach), 0), min(int(y + reach) + 1, height)
    v, u = np.mgrid[top:bottom, left:right]
    u, v = (u + 0.5 - x) / radius, (v + 0.5 - y) / radius
    light = (1.07 - 0.12 * (u + v))[..., None]
    patch, mask = canvas[top:bottom, left:right], np.zeros(canvas.shape[:2])
    covered = mask[top:bottom, left:right]
    for part in KINDS[kind](state):
        depth = part.distance(u, v) * radius
        cover = np.clip(0.5 - depth, 0, 1)
        own = (
            _texture(texture, u, v, colour)
            if part.textured
            else np.broadcast_to(_role(part.role, colour), (*u.shape, 3))
        )
        outline = np.clip(depth + OUTLINE_PIXELS + 0.5, 0, 1)[..., None]
        own = own * light if part.role != "glow" else own
        edge = own * 0.55 if colour.mean() >= 0.2 or part.role != "main" else _toward(own, 0.6, 0.5)
        shown = np.clip(own + (edge - own) * outline, 0, 1)
        patch += (shown - patch) * cover[..., None]
        covered += (1 - covered) * cover
    return mask
