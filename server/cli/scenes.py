"""`limn scenes`: writes pictures of the sketchbook's world.

Or exact edits of them. Anyone may use the files.
"""

from __future__ import annotations

import json
import os
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
"""Added to an edit's seed for the choice of its words.

So they do not follow the choice of its colours.
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
    listing = "scenes.json" if edits is None else "edits.json"
    folder = Folder(out, listing)
    describe = scene_describer(folder) if edits is None else edit_describer(wanted, folder)
    make_folder(out)
    seeds: Iterable[int] = range(first, first + count)
    if err.is_terminal:
        seeds = track(seeds, "drawing", total=count, console=err)
    with folder:
        entries = [describe(seed) for seed in seeds]
        text = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
        folder.place(listing).write_text(text, encoding="utf-8")
    typer.echo(str(out / listing))


class Folder:
    """Where the files go.

    Those that the listing of an earlier run names are replaced, others of the same names never; a
    run that fails takes away what it has added.
    """

    def __init__(self, out: Path, listing: str) -> None:
        """Raises UsageError where the listing is not one of this command's."""
        self._out = out
        self._new: list[Path] = []
        self._ours: set[str] = set()
        file = out / listing
        if os.path.lexists(file):
            try:
                self._ours = {listing, *_pictures(json.loads(file.read_text(encoding="utf-8")))}
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise _foreign(file) from error

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for file in self._new:
                file.unlink(missing_ok=True)

    def place(self, name: str) -> Path:
        """Where to write this file. Raises UsageError where one of somebody else's lies."""
        file = self._out / name
        if not os.path.lexists(file):
            self._new.append(file)
        elif name not in self._ours or file.is_symlink():
            raise _foreign(file)
        return file


def _pictures(entries: list[dict[str, Any]]) -> Iterable[str]:
    """The files that a listing names."""
    for entry in entries:
        parts = [*entry.get("objects", ()), *entry.get("parts", ())]
        int(entry["seed"])
        yield from (v for e in (entry, *parts) for v in e.values() if isinstance(v, str))


def _foreign(file: Path) -> UsageError:
    return UsageError(
        f"{file} is not of an earlier run, and would be replaced.",
        "Name another folder with --out.",
    )


def scene_describer(folder: Folder) -> Callable[[int], dict[str, Any]]:
    """seed -> the entry of a scene in scenes.json, its files written into the folder."""
    from limn.editing.sketchbook import scenes as world

    def entry(seed: int) -> dict[str, Any]:
        scene = world.scene(seed)
        drawn, words = world.render(scene), world.caption(scene)
        write_array(drawn.image, folder.place(f"{seed}.png"))
        objects = []
        for index, thing in enumerate(scene.things):
            mask = f"{seed}-{index}.png"
            write_array(levels(drawn.masks[index]), folder.place(mask))
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


def edit_describer(wanted: tuple[str, ...], folder: Folder) -> Callable[[int], dict[str, Any]]:
    """seed -> the entry of an edit in edits.json.

    Of several types the seed takes one; of none, every type may come.
    """
    from limn.editing.sketchbook import edit_sentences
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
        phrases = edit_sentences.instruction(edit, np.random.default_rng([seed, PHRASING]))
        names = {
            "before": f"{seed}-before.png",
            "after": f"{seed}-after.png",
            "mask": f"{seed}-mask.png",
        }
        write_array(drawn.before.image, folder.place(names["before"]))
        write_array(drawn.after.image, folder.place(names["after"]))
        write_array(levels(drawn.mask), folder.place(names["mask"]))
        parts = []
        for index, (phrase, mask) in enumerate(zip(phrases, drawn.parts, strict=True)):
            write_array(levels(mask), folder.place(f"{seed}-mask-{index}.png"))
            parts.append({"instruction": text(phrase), "mask": f"{seed}-mask-{index}.png"})
        told = {
            "instruction": text(edit_sentences.join(phrases)),
            "source": edit_sentences.source_caption(edit),
            "target": edit_sentences.target_caption(edit),
        }
        return {"seed": seed, "type": edit.type, **names, **told, "parts": parts}

    return entry


def levels(mask: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """A mask in 0..1 as 8-bit grey.

    What is above 0 stays above 0, so that "outside the mask" is the same set of pixels.
    """
    grey: NDArray[np.uint8] = np.clip(np.ceil(mask * 255 - 1e-6), 0, 255).astype(np.uint8)
    return grey
