"""`limn scenes`: pictures of the sketchbook's world, or exact edits of them, written to files for
anyone to use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from .exits import UsageError, err, make_folder
from .pictures import write_array

MOST = 1_000_000
"""Scenes in one run: some 40 GB of PNG files. More is a slip of the finger."""

LAST_SEED = 2**63 - 1
"""What numpy's generators take as a seed without ado."""

PHRASING = 1
"""Added to an edit's seed for the choice of its words, so that they do not follow the choice of its
colours.
"""


def scenes(
    first: Annotated[
        int,
        typer.Option(
            metavar="SEED", help="The first seed; 1000000 and above are held out from training."
        ),
    ],
    count: Annotated[int, typer.Option(metavar="N", help="How many, one seed after the other.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to write; made if it is not there.")
    ],
    edits: Annotated[
        str | None,
        typer.Option(
            metavar="[TYPE,...]", help="Edits instead of scenes; all types, or those named."
        ),
    ] = None,
) -> None:
    """Write scenes of the sketchbook's world, or exact edits of them.

    DIR/scenes.json lists: seed, image, caption, words with their owner (an index into objects,
    "background" or null), objects with
    name, kind, colour, texture, pose and mask. DIR/edits.json lists: seed, type, before, after,
    mask, instruction, source and target captions, parts with instruction and mask. Pictures are
    PNG, masks 8-bit grey, files named relative to the list.

    Example:  limn scenes --first 1000000 --count 20 --edits recolour,replace --out held-out
    """
    if not 1 <= count <= MOST or not 0 <= first <= LAST_SEED - count:
        raise UsageError(
            f"--first {first} --count {count} is out of range.",
            f"Use a seed from 0 on, and 1 to {MOST} of them.",
        )
    wanted = tuple(filter(None, (name.strip() for name in (edits or "").split(","))))
    describe = scene_describer(out) if edits is None else edit_describer(wanted, out)
    make_folder(out)
    seeds: Iterable[int] = range(first, first + count)
    if err.is_terminal:
        seeds = track(seeds, "drawing", total=count, console=err)
    entries = [describe(seed) for seed in seeds]
    listing = out / ("scenes.json" if edits is None else "edits.json")
    listing.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(str(listing))


def scene_describer(out: Path) -> Callable[[int], dict[str, Any]]:
    """seed -> the entry of a scene in scenes.json, its files written into `out`."""
    from limn.editing.sketchbook import scenes as world

    def entry(seed: int) -> dict[str, Any]:
        scene = world.scene(seed)
        drawn, words = world.render(scene), world.caption(scene)
        write_array(drawn.image, out / f"{seed}.png")
        objects = []
        for index, thing in enumerate(scene.things):
            mask = f"{seed}-{index}.png"
            write_array(levels(drawn.masks[index]), out / mask)
            name = world.text(
                [word for word in world.describe(thing, index) if word.owner is not None]
            )
            objects.append(
                {
                    "name": name,
                    "kind": thing.kind,
                    "colour": thing.colour,
                    "texture": thing.texture,
                    "pose": thing.state,
                    "mask": mask,
                }
            )
        spoken = [{"text": word.text, "owner": word.owner} for word in words]
        return {
            "seed": seed,
            "image": f"{seed}.png",
            "caption": world.text(words),
            "words": spoken,
            "objects": objects,
        }

    return entry


def edit_describer(wanted: tuple[str, ...], out: Path) -> Callable[[int], dict[str, Any]]:
    """seed -> the entry of an edit in edits.json.

    Of several types the seed takes one; of none, every type may come.
    """
    from limn.editing.sketchbook import edits as world
    from limn.editing.sketchbook.scenes import text

    for name in wanted:
        if name not in world.TYPES:
            raise UsageError(
                f"There are no edits of type {name!r}.", f"There are: {', '.join(world.TYPES)}."
            )

    def entry(seed: int) -> dict[str, Any]:
        edit = world.edit(seed, wanted[seed % len(wanted)] if wanted else "")
        drawn = world.render_edit(edit)
        phrases = world.instruction(edit, np.random.default_rng([seed, PHRASING]))
        names = {
            "before": f"{seed}-before.png",
            "after": f"{seed}-after.png",
            "mask": f"{seed}-mask.png",
        }
        write_array(drawn.before.image, out / names["before"])
        write_array(drawn.after.image, out / names["after"])
        write_array(levels(drawn.mask), out / names["mask"])
        parts = []
        for index, (phrase, mask) in enumerate(zip(phrases, drawn.parts, strict=True)):
            write_array(levels(mask), out / f"{seed}-mask-{index}.png")
            parts.append({"instruction": text(phrase), "mask": f"{seed}-mask-{index}.png"})
        told = {
            "instruction": text(world.join(phrases)),
            "source": world.source_caption(edit),
            "target": world.target_caption(edit),
        }
        return {"seed": seed, "type": edit.type, **names, **told, "parts": parts}

    return entry


def levels(mask: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """A mask in 0..1 as 8-bit grey.

    What is above 0 stays above 0, so that "outside the mask" is the same set of pixels.
    """
    grey: NDArray[np.uint8] = np.clip(np.ceil(mask * 255 - 1e-6), 0, 255).astype(np.uint8)
    return grey
