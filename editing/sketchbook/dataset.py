"""Stage 2 of the sketchbook's training: edits rendered once and encoded once; words are drawn anew each time.

An entry is an exact edit. It serves three tasks: text to image (either picture from its caption), inpainting (one thing, or a
rectangle, hidden) and instruction (before and sentence to after). Latents are kept at 32 x 32 and, of the same pictures at half
size, at 16 x 16, so that training can begin on the small ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from . import checkpoints
from .autoencoder import half_precision
from .drawing import KINDS
from .edits import Edit, edit, instruction, join, render_edit
from .recognition import classes
from .scenes import SIZE, Word, caption

Array = np.ndarray
THINGS, PARTS = 4, 4  # the most things in a scene after an addition, and the most instructions in a sentence
GRID = 16  # masks for grounding are kept at the semantic level's grid
BEFORE, AFTER, PART = 0, THINGS + 1, 2 * (THINGS + 1)  # where each family of masks begins; a scene's last is its background
MASKS = PART + PARTS


def _small(mask: Array) -> Array:
    return (mask.reshape(GRID, SIZE // GRID, GRID, SIZE // GRID).mean((1, 3)) * 255).astype(np.uint8)


def _hole(rng: np.random.Generator, masks: tuple[Array, ...], background: Array) -> Array:
    """What inpainting must fill, (128, 128) bool: a thing with a margin, its bounding box, a rectangle, or the background."""
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
        hole[max(rows[0] - margin, 0) : rows[-1] + margin + 1, max(columns[0] - margin, 0) : columns[-1] + margin + 1] = True
        return hole
    grown = F.max_pool2d(torch.from_numpy(mask.astype(np.float32))[None, None], 2 * margin + 1, 1, margin)
    return grown[0, 0].numpy() > 0.5


def _entry(seed: int, types: tuple[str, ...], kinds: tuple[str, ...]) -> tuple[Edit, Array, Array, Array, Array]:
    made = edit(seed, types[seed % len(types)] if types else "", kinds)
    shown = render_edit(made)
    masks = np.zeros((MASKS, GRID, GRID), np.uint8)
    for start, side in ((BEFORE, shown.before), (AFTER, shown.after)):
        for index, mask in enumerate(side.masks):
            masks[start + index] = _small(mask)
        masks[start + THINGS] = _small(side.background_mask)
    for index, mask in enumerate(shown.parts):
        masks[PART + index] = _small(mask)
    hole = _hole(np.random.default_rng([seed, 5]), shown.after.masks, shown.after.background_mask)
    return made, shown.before.image, shown.after.image, masks, hole


@dataclass
class Entries:
    """Rendered and encoded edits; latents are posterior means, unscaled."""

    edits: list[Edit]
    latents: dict[int, Tensor]  # grid side -> (entry, 3, 4, side, side): before, after, after with the hole
    holes: dict[int, Tensor]  # grid side -> (entry, 1, side, side)
    masks: Tensor  # (entry, MASKS, 16, 16) uint8


@torch.no_grad()
def _encode(vae: AutoencoderKL, images: Tensor) -> Tensor:
    with half_precision(vae.device.type):
        return torch.cat([vae.encode(part.to(vae.device)).latent_dist.mean.float().cpu() for part in images.split(32)])


def prepare(vae: AutoencoderKL, first: int, count: int, sides: tuple[int, ...], processes: int = 2,
            types: tuple[str, ...] = (), kinds: tuple[str, ...] = tuple(KINDS)) -> Entries:
    """Render and encode edits ``first`` .. ``first + count``, of all types or of ``types`` in turn, of ``kinds`` only.

    About 20 ms each to render, and as much again for each side."""
    with Pool(processes) as pool:
        rows = pool.map(partial(_entry, types=types, kinds=kinds), range(first, first + count), chunksize=64)
    edits = [row[0] for row in rows]
    masks = torch.from_numpy(np.stack([row[3] for row in rows]))
    latents: dict[int, list[Tensor]] = {side: [] for side in sides}
    holes: dict[int, list[Tensor]] = {side: [] for side in sides}
    for start in range(0, count, 64):
        part = rows[start : start + 64]
        images = torch.from_numpy(np.stack([np.stack((row[1], row[2])) for row in part])).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        hole = torch.from_numpy(np.stack([row[4] for row in part]))[:, None].float()
        images = torch.cat([images, images[:, 1:] * (hole[:, None] < 0.5)], dim=1)  # (entry, 3, rgb, 128, 128)
        for side in sides:
            scale = SIZE // (4 * side)
            shown = F.avg_pool2d(images.flatten(0, 1), scale) if scale > 1 else images.flatten(0, 1)
            latents[side].append(_encode(vae, shown).unflatten(0, (-1, 3)))
            holes[side].append(F.interpolate(hole, size=(side, side)))
    return Entries(edits, {s: torch.cat(v) for s, v in latents.items()}, {s: torch.cat(v) for s, v in holes.items()}, masks)


def save(entries: Entries, file: Path) -> None:
    checkpoints.save({"edits": entries.edits, "latents": entries.latents, "holes": entries.holes, "masks": entries.masks}, file)


def load(file: Path) -> Entries:
    """Read back what ``save`` wrote. The file is the trainer's own, so its Python objects are trusted."""
    return Entries(**torch.load(file, weights_only=False))


def _owned(words: list[Word], start: int) -> list[tuple[int, int]]:
    """(token column, mask index) of each word that stands for a place; column 0 is the start token."""
    out = []
    for column, word in enumerate(words, 1):
        if word.owner == "background":
            out.append((column, start + THINGS))
        elif isinstance(word.owner, int):
            out.append((column, start + word.owner))
        elif isinstance(word.owner, str):
            out.append((column, BEFORE + int(word.owner.split()[1])))
    return out


def targets(entries: Entries, rows: list[Sample]) -> tuple[Tensor, Tensor]:
    """What the inputs of ``rows`` show and what is to be shown, place by place: see ``recognition``."""

    def side(families: list[int]) -> Tensor:
        edits = [entries.edits[row.entry] for row in rows]
        scenes = [one.before if family == BEFORE else one.after for one, family in zip(edits, families, strict=True)]
        shares = torch.from_numpy(np.stack([classes(one, THINGS + 1) for one in scenes]))
        masks = torch.stack([entries.masks[row.entry, at : at + THINGS + 1] for row, at in zip(rows, families, strict=True)])
        return torch.einsum("rcm,rmyx->rcyx", shares, masks.float() / 255)

    return side([row.seen for row in rows]), side([row.wanted for row in rows])


@dataclass(frozen=True)
class Sample:
    """One row of a training batch."""

    target: Tensor  # (4, side, side), unscaled
    start: Tensor  # (4, side, side), unscaled: what the noise is added to; the target, or the picture before the edit
    condition: Tensor  # (9, side, side): channels 4..12 of the trunk; masked-picture latents still unscaled
    words: list[Word]
    owned: list[tuple[int, int]]
    entry: int
    seen: int  # whose masks belong to what the inputs show: BEFORE or AFTER
    wanted: int  # and to the target


INPAINTING = 0.3  # of the samples that are no instructions
FROM_BEFORE = 0.6  # of the instructions: the noise is added to the picture before the edit, as when an edit begins from it


def draw(entries: Entries, side: int, rng: np.random.Generator, scaling: float, instructions: float = 0.5) -> Sample:
    """A sample of one of the three tasks, the share ``instructions`` of them instructions; captions and instructions are phrased anew
    and dropped now and then."""
    entry = int(rng.integers(len(entries.edits)))
    made, latents = entries.edits[entry], entries.latents[side][entry]
    condition = torch.zeros(9, side, side)
    share = rng.random()
    if share > instructions + (1 - instructions) * INPAINTING:
        after = int(rng.random() < 0.5)
        words = caption(made.after if after else made.before, rng) if rng.random() > 0.1 else []
        side_of = AFTER if after else BEFORE
        return Sample(latents[after], latents[after], condition, words, _owned(words, side_of), entry, side_of, side_of)
    if share < instructions:
        words, target, seen, wanted = join(instruction(made, rng), rng), latents[1], BEFORE, AFTER
        condition[:4] = latents[0]
        dropped = rng.random()
        if dropped < 0.07:  # no instruction: the picture stays as it is
            words, target, wanted = [], latents[0], BEFORE
        elif dropped < 0.11:
            condition, seen = torch.zeros_like(condition), AFTER
        elif dropped < 0.15:
            words, condition, seen = [], torch.zeros_like(condition), AFTER
        start = latents[0] if words and seen == BEFORE and rng.random() < FROM_BEFORE else target
        return Sample(target, start, condition, words, _owned(words, PART), entry, seen, wanted)
    words = caption(made.after, rng) if rng.random() > 0.1 else []
    condition[4:5] = entries.holes[side][entry]
    condition[5:] = latents[2] * scaling
    return Sample(latents[1], latents[1], condition, words, _owned(words, AFTER), entry, AFTER, AFTER)
