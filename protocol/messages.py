"""Every message of Limn's protocol. This page is the reference.

Client to server: Hello, Read, Submit, Cancel, Resume, Acknowledge.
Server to client: Welcome, Refused, Reading; and about a job: Queued, Missing, Chosen, Note,
Progress, Preview, Mask, Result, Done, Failed, Cancelled.

A session:  Hello -> Welcome, then any number of jobs:
    Submit -> Queued, Chosen?, Note*, Progress*, Preview*, Mask*, Result?, Done      -> Acknowledge
                                                  or Failed | Cancelled -> Acknowledge
A job outlives its connection. After a reconnect `Resume` brings what came after `last_seen`. The
final messages are kept until
they are acknowledged, or have become too old or too many.

On the wire a message is one JSON text frame: its fields, and "type", its class's name in lower
case. A picture in it becomes
{"width", "height", "format", "bytes", "sha256", "transfer"}; its bytes follow in binary frames of
at most 256 KiB, each with a
head of two big-endian 64 bit numbers: the transfer's number and the offset of this chunk in it.
Messages without pictures may come between the chunks. All geometry is in pixels of the submitted
picture, x to the right and y down, from its upper left corner.
Colours are sRGB.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from . import limits

PROTOCOL_VERSION = 4


@dataclass(frozen=True)
class Range:
    """Bounds of a number or of a text's length, both included."""

    least: int
    most: int


@dataclass(frozen=True)
class Identifier:
    """A text for programs, safe in a log.

    ASCII letters, digits, and - _ . after the first; at most limits.MAX_ID of them.
    """


JobId = Annotated[str, Identifier()]
Name = Annotated[str, Identifier()]
Label = Annotated[str, Range(0, limits.MAX_LABEL)]
Text = Annotated[str, Range(0, limits.MAX_TEXT)]
Instruction = Annotated[str, Range(0, limits.MAX_INSTRUCTION)]
Count = Annotated[int, Range(0, limits.MAX_COUNT)]
Seed = Annotated[int, Range(0, limits.MAX_SEED)]
Level = Annotated[int, Range(0, 255)]
Side = Annotated[int, Range(1, limits.MAX_SIDE)]
Place = Annotated[int, Range(0, limits.MAX_SIDE)]
Value = bool | int | float | str
"""A parameter's value; texts at most `limits.MAX_TEXT` long."""

PLACE = re.compile(r"\{(\w+)\}")
"""A value's place in a template of `Said`."""

Format = Literal["rgba8", "bgra8", "rgba16", "bgra16", "gray8", "jpeg"]
"""How a picture's pixels are laid out.

Raw, rows without padding, colour not multiplied by alpha, 16 bits little endian; or a JPEG file
(previews only).
"""

BYTES_PER_PIXEL: Mapping[str, int] = {"rgba8": 4, "bgra8": 4, "rgba16": 8, "bgra16": 8, "gray8": 1}


@dataclass(frozen=True)
class Pixels:
    """A picture.

    `sha256` (64 hexadecimal digits) names its content; it is computed if not given. `data` None
    means: the other side holds this content already (see `Queued.holds`), nothing is uploaded. A
    server has what arrived as a bytearray, for want of another copy; nobody writes to it.
    """

    width: Side
    height: Side
    format: Format
    data: bytes | None = field(repr=False)
    sha256: Name = ""

    def __post_init__(self) -> None:
        if not self.sha256 and self.data is not None:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())

    @property
    def raw_size(self) -> int:
        """Bytes that the raw formats take; 0 for a JPEG, whose size nothing tells."""
        return self.width * self.height * BYTES_PER_PIXEL.get(self.format, 0)

    def held(self) -> Pixels:
        """The same picture by its name only."""
        return Pixels(self.width, self.height, self.format, None, self.sha256)


@dataclass(frozen=True)
class Region:
    """A picture and where its upper left corner lies in the submitted picture."""

    x: Place
    y: Place
    pixels: Pixels


@dataclass(frozen=True)
class Box:
    """A rectangle in the submitted picture: its upper left corner and its size."""

    x: Place
    y: Place
    width: Side
    height: Side


@dataclass(frozen=True)
class Said:
    """A sentence for people that can be translated.

    template: in English. data: what its places, such as {thing}, are filled with. code: what it is
    about, for programs; may be empty.
    """

    template: Text
    data: Mapping[str, Value] = field(default_factory=dict)
    code: Label = ""

    def __str__(self) -> str:
        return filled(self.template, self.data)


def filled(template: str, data: Mapping[str, Value]) -> str:
    """A template with its values; a place without a value stays as it is.

    A place is a name in braces and nothing else: the template may come from a stranger.
    """
    return PLACE.sub(lambda m: str(data.get(m[1], m[0])), template)


# --- client to server -----------------------------------------------------------------------------


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
    to be seen through the final Mask; False: the mask is in its alpha.
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


# --- server to client -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """One setting of an algorithm. Bounds are for numbers only.

    front: whether it belongs on the docker's first page. title: what a painter calls it, or empty:
    then the name says it.
    """

    name: Name
    kind: Literal["float", "int", "bool", "choice"]
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Label, ...] = ()
    help: Text = ""
    front: bool = False
    title: Label = ""


@dataclass(frozen=True)
class Algorithm:
    """One algorithm.

    The first may be "auto", the server's own choice by the instruction. unavailable: why it can't
    run here, as a sentence, or empty. baseline: an earlier method, listed behind "more". caption:
    what `Submit.caption` is to it; where it (or what "auto" has chosen) needs one, and neither
    caption nor instruction tells it, the job fails with the code "needs-caption". seeded: whether
    another seed gives another picture. purpose: what it is for, in two or three words, or empty.
    """

    name: Name
    title: Label
    summary: Text
    parameters: tuple[Parameter, ...] = ()
    unavailable: Text = ""
    baseline: bool = False
    caption: Literal["unused", "useful", "needed"] = "unused"
    seeded: bool = True
    purpose: Label = ""


@dataclass(frozen=True)
class Limits:
    """What this server takes, never more than `limits.py` allows."""

    max_side: Count = limits.MAX_SIDE
    max_pixels: Count = limits.MAX_PIXELS
    max_instruction: Count = limits.MAX_INSTRUCTION
    max_jobs: Count = 16


@dataclass(frozen=True)
class Welcome:
    """The answer to Hello.

    It may take as long as the server needs to look at its device and model.
    """

    version: Count
    server: Label
    device: Label
    model: Label
    algorithms: tuple[Algorithm, ...]
    limits: Limits = Limits()


@dataclass(frozen=True)
class Refused:
    """The connection ends, because of an error on it (not in a job). Nothing follows."""

    code: Name
    sentence: Text
    remedy: Text


@dataclass(frozen=True)
class ReadItem:
    """One thing to do, as it was read.

    does: the kind of change, in a painter's word ("recolour"). text: the item as it is understood.
    subject, relation, target: what is changed and what it becomes; for something added the place,
    how it stands to it, and the new thing; each may be empty. keyword: the word whose place is
    looked for. outside: everything else is changed.
    """

    does: Label
    text: Instruction
    subject: Instruction
    relation: Label
    target: Instruction
    keyword: Label
    outside: bool = False


@dataclass(frozen=True)
class Reading:
    """The answer to Read.

    algorithm: its title, as "auto" would choose it; reason: why. question: what would be asked
    before anything is painted, with the instruction that could be meant; both may be empty. notes:
    what is taken otherwise than it was written.
    """

    number: Count
    items: tuple[ReadItem, ...]
    algorithm: Label
    reason: Label
    question: Said = Said("")
    proposal: Instruction = ""
    notes: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Queued:
    """The job is taken; said again whenever its place in the queue changes.

    `ahead` jobs come first. `holds`: content hashes that need not be uploaded again for now.
    `seconds_left`: until its turn, estimated from earlier edits; None if there is nothing to
    estimate it from.
    """

    job: JobId
    seq: Count
    ahead: Count
    holds: tuple[Name, ...] = ()
    seconds_left: float | None = None


@dataclass(frozen=True)
class Missing:
    """A picture of this Submit was given by hash but is not held (any more).

    The job is not taken: submit it again with the pixels.
    """

    job: JobId
    seq: Count


@dataclass(frozen=True)
class Chosen:
    """The server has chosen this algorithm for a job submitted with "auto".

    And why, for a painter: "TAS: changes a pose".
    """

    job: JobId
    seq: Count
    algorithm: Name
    reason: Label


@dataclass(frozen=True)
class Note:
    """Something that is worth knowing before the job ends.

    The model does not know a word, say. It comes again among the notes of Done.
    """

    job: JobId
    seq: Count
    said: Said


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    `stage` in a painter's words; `step` of `count` are done (count 0: unknown); seconds left for
    the whole job, if known.
    """

    job: JobId
    seq: Count
    stage: Label
    step: Count
    count: Count
    seconds_left: float | None = None


@dataclass(frozen=True)
class Preview:
    """What the edit looks like by now.

    A JPEG of at most the wished size, of that part of the picture which is worked on. The newest
    replaces those that were not sent yet.
    """

    job: JobId
    seq: Count
    step: Count
    picture: Pixels
    shows: Box


@dataclass(frozen=True)
class PartMask:
    """The mask of one instruction and the word that it was found by.

    `area` None: nothing was found.
    """

    instruction: Instruction
    keyword: Label
    area: Region | None


@dataclass(frozen=True)
class SoftMap:
    """The map from which a mask was cut, so that it can be cut anew.

    gray8, its cut at 128. `shows`: the part of the submitted picture that it covers; it may be
    smaller than that, at most limits.MAX_MAP_SIDE.
    """

    shows: Box
    pixels: Pixels


@dataclass(frozen=True)
class Mask:
    """Where the edit happens: gray8, soft, cut to its bounds; None if empty.

    final False: it is still forming, `area` and `parts` show the soft maps, and newest wins. final
    True: `area` is the share of the result, soft at its edge: outside of it nothing changes; a part
    is 255 where its instruction was found, and `map` tells how sure every place is.
    """

    job: JobId
    seq: Count
    area: Region | None
    parts: tuple[PartMask, ...] = ()
    final: bool = True
    map: SoftMap | None = None


@dataclass(frozen=True)
class Result:
    """The changed rectangle, in the submitted format.

    Transparent outside the mask, and inside it as transparent as `Submit.keep_transparency` says;
    its colours are unmultiplied. With `Submit.whole` all that was worked on, without the mask. Not
    sent if nothing changed.
    """

    job: JobId
    seq: Count
    area: Region


@dataclass(frozen=True)
class Done:
    """The job's good end, and what it used.

    The algorithm that ran, and why where it was chosen by the server. seconds: by stage.
    understood: how the instruction was read, by aspect. notes: what the painter should know of it.
    """

    job: JobId
    seq: Count
    algorithm: Name
    seed: Seed
    keywords: tuple[Label, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    forwards: Count = 0
    rows: Count = 0
    understood: Mapping[str, Text] = field(default_factory=dict)
    notes: tuple[Said, ...] = ()
    reused: tuple[Label, ...] = ()
    reason: Label = ""
    clears: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes in English."""
        return tuple(map(str, self.notes))


@dataclass(frozen=True)
class Failed:
    """The job's bad end: a stable code, a sentence for the painter, what to do.

    proposal: an instruction that could be meant instead of the one that was sent, "" if none is
    known.
    said: the sentence, and after it the remedy, as they can be translated; may be empty.
    """

    job: JobId
    seq: Count
    code: Name
    sentence: Text
    remedy: Text
    proposal: Instruction = ""
    said: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Cancelled:
    """The job was stopped as asked. Nothing of it is kept."""

    job: JobId
    seq: Count


ClientMessage = Hello | Read | Submit | Cancel | Resume | Acknowledge
JobMessage = (
    Queued
    | Missing
    | Chosen
    | Note
    | Progress
    | Preview
    | Mask
    | Result
    | Done
    | Failed
    | Cancelled
)
ServerMessage = Welcome | Refused | Reading | JobMessage
Message = ClientMessage | ServerMessage

FINAL = (Missing, Done, Failed, Cancelled)
"""After one of these a job sends nothing more."""
