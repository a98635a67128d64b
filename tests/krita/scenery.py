"""Scenes for the scenarios, drawn by the sketchbook.

Written as plain bytes, because Krita's Python has neither numpy nor Pillow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limn.editing.sketchbook import edit_sentences, edits, scenes
from limn.editing.sketchbook.edits import Edit
from limn.editing.sketchbook.scenes import Scene, Thing, text

Array = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """One scene with its instruction.

    `parts`: the exact mask (height, width) 0..1 of each thing, or of what each instruction changes,
    in the scene's order.
    """

    name: str
    instruction: str
    image: Array
    parts: tuple[NDArray[np.float64], ...]
    cut_out: bool = False
    """Whether nothing but the things themselves is on the layer."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Everything that the instruction names."""
        union: NDArray[np.bool_] = np.max(self.parts, axis=0) > 0.5
        return union


def star(colour: str, *places: tuple[float, float, float], kind: str = "star") -> Thing:
    size = "large" if len(places) == 1 else ""
    return Thing(kind, colour, "plain", size, "", places, (0.0, 0.0, 0.0))


BEST = {
    "foi": ("recolour", 1_000_009),
    "instdiffedit": ("replace", 1_000_011),
    "adapedit": ("pose", 1_000_009),
    "tas": ("pose", 1_000_001),
}
"""For each algorithm the type of edit that it does best, and a seed.

That of a scene with a single thing. A pose may be a state: a lit lamp.
"""


def best(algorithm: str) -> Edit:
    """The exact edit that an algorithm is tried with."""
    kind, seed = BEST[algorithm]
    assert seed >= scenes.FIRST_HELD_OUT
    return edits.edit(seed, kind)


def wording(algorithm: str) -> str:
    """What the painter writes for it.

    An instruction, or for those that compare two captions, both.
    """
    edit = best(algorithm)
    if algorithm in ("adapedit", "tas"):
        return f"{edit_sentences.source_caption(edit)} => {edit_sentences.target_caption(edit)}"
    return text(edit_sentences.join(edit_sentences.instruction(edit)))


def cases() -> dict[str, Case]:
    """All scenes of the scenarios by name.

    Their seeds are among those held out from training.
    """
    held_out = scenes.FIRST_HELD_OUT
    plain = {
        "recolour": (
            "make the star blue",
            Scene(held_out + 3, (star("red", (60.0, 66.0, 25.0)),), (), "gray", (0.0, 0.55)),
        ),
        "two": (
            "make the star blue, make the circle yellow",
            Scene(
                held_out + 5,
                (star("red", (38.0, 64.0, 22.0)), star("green", (92.0, 64.0, 22.0), kind="circle")),
                ("left of",),
                "gray",
                (0.0, 0.55),
            ),
        ),
        "equal": (
            "make the star blue",
            Scene(
                held_out + 7,
                (star("red", (36.0, 64.0, 17.0), (93.0, 64.0, 17.0)),),
                (),
                "gray",
                (0.0, 0.55),
            ),
        ),
    }
    made = {}
    for name, (instruction, scene) in plain.items():
        drawn = scenes.render(scene)
        made[name] = Case(name, instruction, drawn.image, drawn.masks)
    made["figure"] = replace(made["recolour"], name="figure", cut_out=True)
    for name in BEST:
        shown = edits.render_edit(best(name))
        made[name] = Case(name, wording(name), shown.before.image, shown.parts)
    return made


def write(folder: Path) -> None:
    """Write all cases where scenarios/help.py reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases().values():
        height, width = case.image.shape[:2]
        alpha = np.full((height, width, 1), 255, np.uint8)
        if case.cut_out:
            alpha[..., 0] = np.round(255 * np.max(case.parts, axis=0))
        (folder / f"{case.name}.bgra").write_bytes(
            np.concatenate((case.image[..., ::-1], alpha), axis=2).tobytes()
        )
        told = {"instruction": case.instruction, "width": width, "height": height}
        (folder / f"{case.name}.json").write_text(json.dumps(told))
