"""Stage 2 of the sketchbook's training: the data set.

Edits are rendered, encoded and described once; batches of rows are drawn from them. An entry is an
exact edit. It serves three tasks: text to image (either picture from its caption), inpainting (one
thing, or a rectangle, hidden) and instruction (before and sentence to after). Latents are kept at
32 x 32 and, if asked for, of the same pictures at half size at 16 x 16. All of it is tensors, so
that a batch is drawn where the network is: on a GPU, without waiting for the CPU.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTokenizer

from . import checkpoints
from .autoencoder import half_precision
from .drawing import KINDS
from .edit_sentences import instruction, join
from .edits import Edit, edit, render_edit
from .recognition import classes
from .scenes import SIZE, Word, caption

Array = np.ndarray
THINGS, PARTS = (
    4,
    4,
)  # the most things in a scene after an addition, and the most instructions in a sentence
GRID = 16  # masks for grounding are kept at the semantic level's grid
SIDE = THINGS + 1  # masks of one of the two pictures: its things and its background
BEFORE, AFTER, PART = 0, SIDE, 2 * SIDE  # where each family of masks begins
MASKS = PART + PARTS
CAPTION_BEFORE, CAPTION_AFTER, INSTRUCTION, NOTHING = range(4)  # the sentences of an entry
PHRASINGS = 4  # of each sentence
TOKENS = 77
NOWHERE = -1  # the place of a token that stands for none


def _small(mask: Array) -> Array:
    return (mask.reshape(GRID, SIZE // GRID, GRID, SIZE // GRID).mean((1, 3)) * 255).astype(
        np.uint8
    )


def _hole(rng: np.random.Generator, masks: tuple[Array, ...], background: Array) -> Array:
    """What inpainting must fill, (128, 128) bool.

    A thing with a margin, its bounding box, a rectangle, or the background.
    """
    choice = rng.random()
    if choice < 0.12:
        return background > 0.5
    if choice < 0.25:
        width, height = rng.integers(30, 80, 2)
        x, y = rng.integers(0, SIZE - width), rng.integers(0, SIZE - height)
        hole = np.zeros((SIZE, SIZE), bool)
        hole[y : y + height, x : x + width] = True
        return hole
    mask = masks[int(rng.integers(len(masks)))] > 0.02
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    margin = int(rng.integers(2, 9))
    if choice < 0.6:
        hole = np.zeros((SIZE, SIZE), bool)
        hole[
            max(rows[0] - margin, 0) : rows[-1] + margin + 1,
            max(columns[0] - margin, 0) : columns[-1] + margin + 1,
        ] = True
        return hole
    grown = F.max_pool2d(
        torch.from_numpy(mask.astype(np.float32))[None, None], 2 * margin + 1, 1, margin
    )
    return grown[0, 0].numpy() > 0.5


def sentences(made: Edit, rng: np.random.Generator) -> list[tuple[list[Word], int]]:
    """One phrasing of each of an edit's sentences.

    And where the masks begin that its words are owned by.
    """
    return [
        (caption(made.before, rng), BEFORE),
        (caption(made.after, rng), AFTER),
        (join(instruction(made, rng), rng), PART),
        ([], BEFORE),
    ]


def place(word: Word, first: int) -> int:
    """The mask of what a word stands for, or NOWHERE.

    ``first``: where the masks of its sentence's owners begin.
    """
    if word.owner == "background":
        return first + THINGS
    if isinstance(word.owner, int):
        return first + word.owner
    if isinstance(word.owner, str):  # "thing K" of the picture before
        return BEFORE + int(word.owner.split()[1])
    return NOWHERE


@dataclass(frozen=True)
class _Rendered:
    """One edit as a process renders it."""

    images: Array  # (before and after, 128, 128, 3) uint8
    hole: Array  # (128, 128) bool
    masks: Array
    shares: Array
    places: Array
    words: list[str]  # sentence by sentence, phrasing by phrasing


def _render(seed: int, types: tuple[str, ...], kinds: tuple[str, ...]) -> _Rendered:
    made = edit(seed, types[seed % len(types)] if types else "", kinds)
    shown = render_edit(made)
    masks = np.zeros((MASKS, GRID, GRID), np.uint8)
    for start, side in ((BEFORE, shown.before), (AFTER, shown.after)):
        for index, mask in enumerate(side.masks):
            masks[start + index] = _small(mask)
        masks[start + THINGS] = _small(side.background_mask)
    for index, mask in enumerate(shown.parts):
        masks[PART + index] = _small(mask)
    rng = np.random.default_rng([seed, 5])
    hole = _hole(rng, shown.after.masks, shown.after.background_mask)
    phrased = [sentences(made, rng) for _ in range(PHRASINGS)]
    places = np.full((NOTHING + 1, PHRASINGS, TOKENS), NOWHERE, np.int8)
    words = []
    for sentence in range(NOTHING + 1):
        for phrasing in range(PHRASINGS):
            said, first = phrased[phrasing][sentence]
            places[sentence, phrasing, 1 : 1 + len(said)] = [
                place(word, first) for word in said
            ]  # each word is one token
            words.append(" ".join(word.text for word in said))
    shares = np.stack([classes(made.before, SIDE), classes(made.after, SIDE)])
    return _Rendered(
        np.stack([shown.before.image, shown.after.image]), hole, masks, shares, places, words
    )


@dataclass(frozen=True)
class Entries:
    """Rendered and encoded edits.

    Latents are posterior means, unscaled, in half precision, by their grid's side.
    """

    latents: dict[int, Tensor]  # (entry, 3, 4, side, side): before, after, after with the hole
    holes: dict[int, Tensor]  # (entry, 1, side, side)
    masks: Tensor  # (entry, MASKS, 16, 16) uint8
    # (entry, 2, class, SIDE): what each thing is, before and after: see recognition.classes
    shares: Tensor
    tokens: Tensor  # (entry, sentence, phrasing, 77) int16
    places: (
        Tensor  # (entry, sentence, phrasing, 77) int8: the mask that a token's attention belongs on
    )

    def __len__(self) -> int:
        return len(self.masks)

    def to(self, device: str) -> Entries:
        latents, holes = (
            {side: part.to(device) for side, part in parts.items()}
            for parts in (self.latents, self.holes)
        )
        return Entries(
            latents,
            holes,
            *(part.to(device) for part in (self.masks, self.shares, self.tokens, self.places)),
        )


@torch.no_grad()
def _encode(vae: AutoencoderKL, images: Tensor) -> Tensor:
    parts = images.split(32 if vae.device.type == "cpu" else len(images))
    with half_precision(vae.device.type):
        return torch.cat(
            [vae.encode(part.to(vae.device)).latent_dist.mean.float().cpu() for part in parts]
        ).half()


def prepare(
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    seeds: range,
    sides: tuple[int, ...],
    processes: int | None = None,
    types: tuple[str, ...] = (),
    kinds: tuple[str, ...] = tuple(KINDS),
) -> Entries:
    """Renders and encodes the edits of ``seeds``.

    Of all types or of ``types`` in turn, of ``kinds`` only. Some 7 ms each to render on one core
    (``processes`` of them; all by default), and on a CPU twice as much to encode for each side.
    """
    with Pool(processes or os.cpu_count(), torch.set_num_threads, (1,)) as pool:
        rows = pool.map(partial(_render, types=types, kinds=kinds), seeds, chunksize=16)
    latents: dict[int, list[Tensor]] = {side: [] for side in sides}
    holes: dict[int, list[Tensor]] = {side: [] for side in sides}
    for start in range(0, len(rows), 64):
        part = rows[start : start + 64]
        images = (
            torch.from_numpy(np.stack([row.images for row in part])).permute(0, 1, 4, 2, 3).float()
            / 127.5
            - 1
        )
        hole = torch.from_numpy(np.stack([row.hole for row in part]))[:, None].float()
        images = torch.cat(
            [images, images[:, 1:] * (hole[:, None] < 0.5)], dim=1
        )  # (entry, 3, rgb, 128, 128)
        for side in sides:
            scale = SIZE // (4 * side)
            shown = F.avg_pool2d(images.flatten(0, 1), scale) if scale > 1 else images.flatten(0, 1)
            latents[side].append(_encode(vae, shown).unflatten(0, (-1, 3)))
            holes[side].append(F.interpolate(hole, size=(side, side)).half())
    tokens = tokenizer(
        [words for row in rows for words in row.words],
        padding="max_length",
        max_length=TOKENS,
        truncation=True,
        return_tensors="np",
    ).input_ids.astype(np.int16)
    masks, shares, places = (
        torch.from_numpy(np.stack([getattr(row, name) for row in rows]))
        for name in ("masks", "shares", "places")
    )
    return Entries(
        {s: torch.cat(v) for s, v in latents.items()},
        {s: torch.cat(v) for s, v in holes.items()},
        masks,
        shares,
        torch.from_numpy(tokens).unflatten(0, (len(rows), NOTHING + 1, PHRASINGS)),
        places,
    )


def save(entries: Entries, file: Path) -> None:
    checkpoints.save({field.name: getattr(entries, field.name) for field in fields(entries)}, file)


def load(file: Path) -> Entries:
    state: dict[str, Any] = torch.load(file, weights_only=True)
    return Entries(**state)


@dataclass(frozen=True)
class Batch:
    """Rows to train on; each tensor's first axis is the row."""

    target: Tensor  # (row, 4, side, side), unscaled
    # (row, 4, side, side), unscaled: what the noise is added to; the target, or the picture before
    # the edit
    start: Tensor
    begun: Tensor  # (row) bool: it is the picture before the edit, not the target
    # (row, 9, side, side): channels 4..12 of the trunk; masked-picture latents scaled, the
    # picture's own not
    condition: Tensor
    looks: Tensor  # (row) bool: the picture to edit is in the condition
    tokens: Tensor  # (row, 77)
    places: Tensor  # (row, 77)
    masks: Tensor  # (row, MASKS, 16, 16), 0..1
    seen: Tensor  # (row, class, 16, 16): what the inputs show, place by place: see recognition
    wanted: Tensor  # (row, class, 16, 16): what is to be shown


INPAINTING = 0.3  # of the rows that are no instructions
# of the instructions: the noise is added to the picture before the edit, as when an edit begins
# from it
FROM_BEFORE = 0.6
WORDLESS = 0.1  # of the rows that are no instructions: for guidance
STILL, BLIND, LOST = (
    0.07,
    0.04,
    0.04,
)  # of the instructions: without words, without the picture, without both


def draw(
    entries: Entries,
    side: int,
    rows: int,
    generator: torch.Generator,
    scaling: float,
    instructions: float = 0.5,
) -> Batch:
    """A batch of rows of the three tasks, on the entries' device.

    The share ``instructions`` of them are instructions.
    """
    device = entries.masks.device

    def chance() -> Tensor:
        return torch.rand(rows, generator=generator, device=device)

    entry = torch.randint(len(entries), (rows,), generator=generator, device=device)
    task, fate = chance(), chance()
    instructed = task < instructions
    painted = ~instructed & (task < instructions + (1 - instructions) * INPAINTING)
    still = instructed & (fate < STILL)  # no instruction: the picture stays as it is
    blind = instructed & ~still & (fate < STILL + BLIND + LOST)
    wordless = still | blind & (fate >= STILL + BLIND) | ~instructed & (fate < WORDLESS)
    looks = instructed & ~blind
    wanted = (
        ~(still | ~instructed & ~painted & (chance() < 0.5))
    ).long()  # 0: the picture before, 1: after
    seen = torch.where(looks, 0, wanted)
    begun = looks & ~wordless & (chance() < FROM_BEFORE)

    latents, hole = entries.latents[side], entries.holes[side]
    before, target = latents[entry, 0].float(), latents[entry, wanted].float()
    here, there = looks.view(-1, 1, 1, 1), painted.view(-1, 1, 1, 1)
    condition = torch.cat(
        [before * here, hole[entry].float() * there, latents[entry, 2].float() * scaling * there], 1
    )

    sentence = torch.where(
        instructed, INSTRUCTION, torch.where(wanted == 0, CAPTION_BEFORE, CAPTION_AFTER)
    )
    sentence = torch.where(wordless, NOTHING, sentence)
    phrasing = torch.randint(PHRASINGS, (rows,), generator=generator, device=device)
    masks = entries.masks[entry].float() / 255
    families = masks[:, :PART].unflatten(1, (2, SIDE))
    row = torch.arange(rows, device=device)
    shown = [
        torch.einsum("rcm,rmyx->rcyx", entries.shares[entry, which], families[row, which])
        for which in (seen, wanted)
    ]
    return Batch(
        target,
        torch.where(begun.view(-1, 1, 1, 1), before, target),
        begun,
        condition,
        looks,
        entries.tokens[entry, sentence, phrasing].long(),
        entries.places[entry, sentence, phrasing].long(),
        masks,
        *shown,
    )
