"""What the papers' algorithms take of a small card, counted.

    python -m tests.cards                     all of them; about 10 GB of disk for a while
    python -m tests.cards --only tas:3        TAS on a card of 3 GB

Stable Diffusion 1.5's size with random weights, 16 bits, 512 x 512 pixels, on the card of
`tests/card.py`: each tensor on it counts, and one too many ends the edit. It computes in bfloat16,
which has float16's size and which many CPUs multiply. A few steps are enough: the peak lies within
a step. Within one operation a real card's workspace comes on top; for that, for CUDA itself and for
other programs CONTEXT and `room.SPARE` are left out of the card's room.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

from limn.editing import EditRequest, Models, edit, load_models
from limn.editing.bench import random_weights
from limn.editing.bench.trial.pictures import pictures
from limn.editing.diffusion import budget
from limn.editing.events import Done

from .card import CONTEXT, Card

SIDE = 512
UNBOUNDED = 10**12

EDITS = {
    "foi": ("make the star blue", {"steps": 2}),
    "adapedit": ("a star => a cup", {"steps": 2}),
    "instdiffedit": ("a red star => a blue star", {"steps": 2, "inpainting_steps": 2}),
    "tas": ("a star => a cup", {"steps": 2, "optimisation_steps": 1}),
}
CARDS = ("foi:4", "adapedit:4", "instdiffedit:4", "tas:4", "tas:3", "foi:3")
"""An algorithm and a card's gigabytes. TAS needs checkpointing on the one of 3 GB."""


def weights(folder: Path) -> Path:
    """A folder with the three variants; those that are there already are kept."""
    for variant, channels in random_weights.CHANNELS.items():
        file = folder / f"{variant}.safetensors"
        if not file.exists():
            random_weights.write(file, random_weights.shapes(channels, "F16"))
    return folder


def run(models: Models, algorithm: str) -> Done:
    """One edit of a drawn picture."""
    words, parameters = EDITS[algorithm]
    request = EditRequest(algorithm, words, pictures(SIDE)[0].image, parameters=parameters)
    for event in edit(models, request):
        if isinstance(event, Done):
            return event
        del event  # a step can draw its preview, and holds the network for that
    raise AssertionError("no result")


def on_card(place: Path, algorithm: str, room: int) -> tuple[Done, int, budget.Plan]:
    """An edit on a card with so many free bytes: the result, its peak, its plan."""
    with Card(room) as card:
        models = load_models(place, "card", torch.bfloat16)
        done = run(models, algorithm)
        plan = models.plan
        del models
    return done, card.most, plan


def main() -> None:
    """Print a line for each card."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=CARDS, metavar="ALGORITHM:GB")
    parser.add_argument("--folder", type=Path, help="where the weights are written, and stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="limn-cards-") as scratch:
        place = weights(options.folder or Path(scratch))
        print("| algorithm | card | plan | peak GB | largest difference to an unbounded card |")
        print("|---|---|---|---|---|", flush=True)
        for one in options.only:
            algorithm, _, gigabytes = one.partition(":")
            began = time.process_time()
            room = int(float(gigabytes) * 1e9) - CONTEXT
            done, most, plan = on_card(place, algorithm, room)
            row = f"| {algorithm} | {gigabytes} GB | {plan.code} | {most / 1e9:.2f}"
            print(row, end="", flush=True)
            told = "the same program"
            if plan != budget.ALL:
                free, _, _ = on_card(place, algorithm, UNBOUNDED)
                told = f"{float((done.image - free.image).abs().max()):.1e}"
            print(f" | {told} |")
            host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
            print(
                f"    {time.process_time() - began:.0f} CPU s, host's peak {host:.1f} GB",
                flush=True,
            )


if __name__ == "__main__":
    main()
