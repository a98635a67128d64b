"""What a client sends. See `messages.py` first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from . import limits
from .values import (
    Count,
    Instruction,
    JobId,
    Label,
    Level,
    Name,
    Pixels,
    Range,
    Region,
    Seed,
    Value,
)


@dataclass(frozen=True)
class Hello:
    """The first message of every connection.

    `client` names the program and its version.
    """

    version: Count
    client: Label


HintMode = Literal["off", "guide", "limit", "exactly"]
HINT_MODES: tuple[HintMode, ...] = get_args(HintMode)
"""What a selection means to an edit, in the order in which a client offers it."""


@dataclass(frozen=True)
class Read:
    """How would this sentence be understood?

    Answered by Reading with the same number, unless a newer Read has come by then. Nothing is
    loaded or computed for it.
    """

    number: Count
    instruction: Instruction
    caption: Instruction = ""


@dataclass(frozen=True)
class NamedMask:
    """Where one thing is: gray8, within the submitted picture; nothing beside it."""

    name: Label
    area: Region


@dataclass(frozen=True)
class Submit:
    """One edit.

    `job` is made by the client (a UUID); the same job submitted twice runs once. algorithm: "auto"
    leaves the choice to the server, which answers with Chosen. pixels: the layer's pixels, or the
    part of it that matters (rgba8, bgra8, rgba16, bgra16); the result comes in the same format.
    hint: gray8, the selection, same size as `pixels`, 255 selected. hint_mode: "off", it is
    ignored; "guide", it helps to find the place; "limit", nothing changes outside of it; "exactly",
    it is the mask, and none is looked for. parameters: by name, those that differ from the
    announced defaults. previews: longer side of previews in pixels; 0 for none. background: what
    the painter sees through transparent pixels, sRGB 0..255. caption: what the picture shows, for
    algorithms that want it; may be empty. mask_only: find the mask, change nothing: there is no
    Result. keep_transparency: the result is as transparent as the pixels were, but for what is new;
    False: it is opaque wherever it changes something. ask: where the thing to change is not found
    in the picture, the job fails with the code "not-found" before anything is painted; False: it is
    edited all the same, and Done says so. whole: the Result is all of the part that was worked on,
    to be seen through the final Mask; False: the mask is in its alpha. full_resolution: where the
    picture is much larger than the model's size, each place of the mask is edited by itself at the
    picture's own; False: all at once, at the model's size. seeds: further seeds, with each of which
    the same edit is made too; together with `seed` at most limits.MAX_SEEDS, all different, none
    with mask_only. As many go through the network together as memory allows. named: masks by what
    they show; an instruction about that acts there, and its place is not looked for, where the
    algorithm takes such masks. places: with mask_only and full_resolution, tell the
    places of the mask too, so that a client can have each edited by itself.
    """

    job: JobId
    algorithm: Name
    instruction: Instruction
    pixels: Pixels
    seed: Seed = 0
    parameters: Mapping[str, Value] = field(default_factory=dict)
    hint: Pixels | None = None
    hint_mode: HintMode = "off"
    previews: Annotated[int, Range(0, limits.MAX_PREVIEW_SIDE)] = 0
    background: tuple[Level, Level, Level] = (255, 255, 255)
    caption: Instruction = ""
    mask_only: bool = False
    keep_transparency: bool = True
    ask: bool = False
    whole: bool = False
    full_resolution: bool = False
    seeds: tuple[Seed, ...] = ()
    named: tuple[NamedMask, ...] = ()
    places: bool = False


@dataclass(frozen=True)
class Cancel:
    """Stop this job.

    Answered by Cancelled, or by the job's own end if that came first. Unknown jobs are answered
    Cancelled.
    """

    job: JobId


@dataclass(frozen=True)
class Resume:
    """Asks for what came after the message numbered `last_seen`.

    0: everything that is kept. Unknown jobs are answered Failed.
    """

    job: JobId
    last_seen: Count = 0


@dataclass(frozen=True)
class Acknowledge:
    """The job's end has arrived and is safe: the server may forget it. Never answered."""

    job: JobId
