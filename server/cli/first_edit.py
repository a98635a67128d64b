"""A first edit, for `installer try`.

A held-out scene of the sketchbook, two instructions, over the websocket as any client would. Writes
before.png, what `limn edit` writes, and side-by-side.png; says how well the mask fits the exact
one, which the sketchbook knows.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont
from rich.markup import escape

from limn.editing.sketchbook import edit_sentences, edits
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT, text
from limn.protocol.limits import MAX_PREVIEW_SIDE
from limn.protocol.messages import Submit

from . import outcome, pictures
from .delivery import Delivery
from .exits import Trouble, UsageError, ended_by_signals, err, errors_told, make_folder
from .follow import follow, joined

ALGORITHM = "foi"
SEED = 0
TILE, GAP, WORDS = 256, 12, 34
"""The side-by-side picture's measures in pixels.

A panel, the space between panels, the line of words above each.
"""

SHOWN_PREVIEWS = 3

OWN = ("before.png", "side-by-side.png")
"""What is written besides the files of every edit."""

Panel = tuple[str, Image.Image]


def main(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to write; made if it is not there.")
    ],
) -> None:
    """Edits a scene of the sketchbook.

    Puts before, previews, masks and result side by side.
    """
    make_folder(out)
    with Delivery(out) as delivery:
        for name in OWN:
            if not delivery.again and os.path.lexists(out / name):
                raise UsageError(
                    f"{out / name} is not of an earlier edit, and would be replaced.",
                    "Name another folder with --out.",
                )
        asyncio.run(run(out, delivery))


async def run(out: Path, delivery: Delivery) -> None:
    """The whole first edit.

    Raises Trouble if it fails, or if a pixel outside the mask has changed.
    """
    scene = choose_edit()
    drawn = edits.render_edit(scene)
    instruction = text(edit_sentences.join(edit_sentences.instruction(scene)))
    pictures.write_array(drawn.before.image, out / OWN[0])
    picture = pictures.read(out / OWN[0])
    submit = Submit(
        str(uuid.uuid4()),
        ALGORITHM,
        instruction,
        picture.pixels(),
        seed=SEED,
        previews=MAX_PREVIEW_SIDE,
    )
    err.print(
        f"Scene {scene.seed}: [bold]{escape(text_of_scene(scene))}[/]\nInstruction: "
        f"[bold]{escape(instruction)}[/]"
    )
    with ended_by_signals():
        async with joined() as there:
            welcome = there.session.welcome
            err.print(
                f"Server: {escape(welcome.server)}, model {escape(welcome.model)} on "
                f"{escape(welcome.device)}"
            )
            arrived = outcome.Outcome(delivery, picture, submit, welcome.model)
            await follow(there, submit, err, arrived.take)
    report = arrived.report
    result = pictures.read(out / "result.png")
    shown = pictures.read(out / "layer.png").rgba[..., 3]
    changed = (result.rgba != picture.rgba).any(axis=2)
    outside = int((changed & (shown == 0)).sum())
    panels = [
        ("before", Image.fromarray(drawn.before.image)),
        *preview_panels(out, report["previews"]),
    ]
    panels += [
        (part["keyword"] or part["instruction"], Image.open(out / part["mask"]))
        for part in report["parts"]
    ]
    panels.append(("after", Image.open(out / "result.png").convert("RGB")))
    side_by_side(instruction, panels).save(out / OWN[1])
    exact, found = drawn.mask > 0.5, shown >= 128
    overlap = (exact & found).sum() / max(1, (exact | found).sum())
    err.print(f"Mask: overlaps the exact one by {overlap:.0%} (intersection over union).")
    err.print(f"Pixels changed: {int(changed.sum()) - outside} inside the mask, {outside} outside.")
    for warning in report["warnings"]:
        err.print(f"[yellow]note[/] {escape(warning)}")
    if outside:
        raise Trouble(
            "Pixels outside the mask have changed.",
            "That must not be: please report it, with the folder of pictures.",
        )
    typer.echo(f"Look at {out / OWN[1]}; everything else is in {out}")


def choose_edit() -> edits.Edit:
    """The first held-out edit that recolours both of two large, plain things.

    A small model knows that best.
    """
    seed = FIRST_HELD_OUT
    while True:
        candidate = edits.edit(seed, "combined")
        things = [(thing.texture, thing.size, thing.state) for thing in candidate.before.things]
        if things == [("plain", "large", "")] * 2 and [
            change.type for change in candidate.changes
        ] == ["recolour", "recolour"]:
            return candidate
        seed += 1


def text_of_scene(scene: edits.Edit) -> str:
    return edit_sentences.source_caption(scene)


def preview_panels(out: Path, previews: Sequence[str]) -> list[Panel]:
    """A few previews from the first to the last but one."""
    places = (
        np.linspace(0, len(previews) - 1, SHOWN_PREVIEWS + 1)[:-1]
        if len(previews) > SHOWN_PREVIEWS
        else range(len(previews))
    )
    chosen = [previews[int(place)] for place in places]
    return [(f"step {int(Path(name).stem)}", Image.open(out / name)) for name in chosen]


def side_by_side(title: str, panels: Sequence[Panel]) -> Image.Image:
    """The panels in a row, each under its name, the instruction above them all."""
    font: Any = ImageFont.load_default(16)
    width = GAP + len(panels) * (TILE + GAP)
    sheet = Image.new("RGB", (width, 2 * WORDS + TILE + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, 8), title, fill="black", font=font)
    for number, (name, panel) in enumerate(panels):
        left = GAP + number * (TILE + GAP)
        draw.text((left, WORDS + 6), name, fill="gray", font=font)
        sheet.paste(
            panel.convert("RGB").resize((TILE, TILE), Image.Resampling.NEAREST), (left, 2 * WORDS)
        )
    return sheet


if __name__ == "__main__":
    with errors_told():
        typer.run(main)
