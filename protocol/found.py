"""What was found: the pieces of a message about a mask. See `messages.py` first."""

from __future__ import annotations

from dataclasses import dataclass

from .from_client import HintMode
from .values import Box, Instruction, Label, Pixels, Region


@dataclass(frozen=True)
class SoftMap:
    """The map from which a mask was cut, so that it can be cut anew.

    gray8, its cut at 128. `shows`: the part of the submitted picture that it covers; it may be
    smaller than that, at most limits.MAX_MAP_SIDE.
    """

    shows: Box
    pixels: Pixels


@dataclass(frozen=True)
class PartMask:
    """The mask of one instruction and the word that it was found by.

    `area` None: nothing was found. map: from which a final one was cut, where there are several.
    """

    instruction: Instruction
    keyword: Label
    area: Region | None
    map: SoftMap | None = None


@dataclass(frozen=True)
class FoundPlace:
    """A part of a found mask that can be edited by itself.

    crop: the part of the submitted picture to edit it in, with what is around it. hint: what is to
    be selected for that, within the crop, and hint_mode: what the selection means then.
    instruction: what is to be done there, where that is not all of it; else empty.
    """

    crop: Box
    hint: Region
    hint_mode: HintMode
    instruction: Instruction = ""
