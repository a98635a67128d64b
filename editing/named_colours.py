"""Is what was found of the colour that the sentence says?

"Make the blue star green" in a picture with a red star alone finds the red one: a network's
attention follows the noun. So the pixels of the found mask are looked at. A colour's range here is
as wide as people use its name, and overlaps its neighbours': what is said is only that next to none
of the mask is anywhere in it.

Named are the eleven basic terms of English (Berlin, Kay, Basic Color Terms, 1969) and close
relatives of theirs; of other words nothing is said.

On 52 held-out edits of the sketchbook, each with FoI's own mask, it is said of none of the colours
that the things have, and of 272 of 364 others (12 steps; seeds from 53300000, by which the bound
was set: 32 edits, 172 of 224; and from 53400000, after that: 20, 100 of 140). Most of the rest are
neighbours, as orange and yellow, or outlines: black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .language.instruction import Item
from .language.phrases import head, tokens
from .said import Said, say

LEAST = 0.1
"""Of the mask, in the colour's range: less is told as another colour."""


@dataclass(frozen=True)
class Range:
    """Hue in degrees (from > to: through 0), saturation and value of HSV in 0..1."""

    hue: tuple[float, float] = (0.0, 360.0)
    saturation: tuple[float, float] = (0.0, 1.0)
    value: tuple[float, float] = (0.0, 1.0)


TINGED = 0.15
"""Saturation from which on a pixel has a hue that is seen."""

RANGES = {
    "red": Range((320, 30), (TINGED, 1), (0.2, 1)),
    "orange": Range((5, 55), (TINGED, 1), (0.3, 1)),
    "yellow": Range((30, 80), (TINGED, 1), (0.3, 1)),
    "green": Range((55, 195), (0.1, 1), (0.1, 1)),
    "blue": Range((165, 275), (0.1, 1), (0.15, 1)),
    "purple": Range((235, 345), (0.1, 1), (0.15, 1)),
    "pink": Range((280, 30), (0.05, 1), (0.4, 1)),
    "brown": Range((340, 60), (0.1, 1), (0.05, 0.85)),
    "white": Range(saturation=(0, 0.3), value=(0.65, 1)),
    "grey": Range(saturation=(0, 0.3), value=(0.1, 0.95)),
    "black": Range(value=(0, 0.4)),
}

RELATIVES = {
    "gray": "grey", "silver": "grey", "violet": "purple", "lilac": "purple", "lavender": "purple",
    "mauve": "purple", "indigo": "blue", "navy": "blue", "azure": "blue", "cobalt": "blue",
    "crimson": "red", "scarlet": "red", "maroon": "red", "burgundy": "red", "gold": "yellow",
    "golden": "yellow", "olive": "green", "lime": "green", "emerald": "green",
}  # fmt: skip


def said_of(item: Item) -> tuple[str, ...]:
    """The colours that a sentence says of the thing that is to be changed."""
    phrase = tokens(item.subject)
    noun = head(phrase)
    if not noun or item.outside or item.operation not in ("modify", "replace", "remove"):
        return ()
    words = [token.word for token in phrase if token.end <= noun[0].start]
    return tuple(w for w in words if RELATIVES.get(w, w) in RANGES)


def share(image: Tensor, mask: Tensor, colour: str) -> float:
    """How much of a mask has this colour, 0..1.

    image: (1, 3, h, w), sRGB in 0..1; mask: (1, 1, h, w), what counts is at least a half.
    """
    pixels = image[0, :, mask[0, 0] >= 0.5]
    if not pixels.numel():
        return 0.0
    span = RANGES[RELATIVES.get(colour, colour)]
    most, least = pixels.amax(0), pixels.amin(0)
    chroma = most - least
    saturation = chroma / most.clamp(min=1e-6)
    red, green, blue = pixels
    hue = torch.atan2(math.sqrt(3) * (green - blue), 2 * red - green - blue)
    hue = torch.rad2deg(hue) % 360
    first, last = span.hue
    inside = (hue >= first) & (hue <= last) if first <= last else (hue >= first) | (hue <= last)
    for values, (low, high) in ((saturation, span.saturation), (most, span.value)):
        inside &= (values >= low) & (values <= high)
    return float(inside.float().mean())


def others(found_for: Sequence[tuple[Item, Tensor]], image: Tensor) -> list[Said]:
    """What is to be said of things that have another colour than the sentence says.

    found_for: each item with its mask, (1, 1, h, w) over the picture (1, 3, h, w).
    """
    found = []
    for item, mask in found_for:
        colours = said_of(item)
        if not colours or not bool((mask >= 0.5).any()):
            continue
        shares = [share(image, mask, colour) for colour in colours]
        if max(shares) < LEAST:
            found.append(
                say(
                    "What was found for “{thing}” is not {colour}: {share}% of it is.",
                    "other-colour",
                    thing=item.subject,
                    colour=" / ".join(colours),
                    share=round(100 * max(shares)),
                )
            )
    return found
