"""What a server sends: about itself, and about a job. See `messages.py` first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from . import limits
from .found import FoundPlace, PartMask, SoftMap
from .values import (
    NOTHING,
    Box,
    Count,
    Instruction,
    JobId,
    Label,
    Name,
    Pixels,
    Region,
    Said,
    Seed,
    Text,
    Value,
)


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

    It may take as long as the server needs to look at its device and model. native_size: pixels of
    the shorter side that the model works at, 0 where it is not known.
    """

    version: Count
    server: Label
    device: Label
    model: Label
    algorithms: tuple[Algorithm, ...]
    limits: Limits = Limits()
    native_size: Count = 0


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
    before anything is painted, with the instruction that could be meant; both may be empty. remedy:
    what can be written instead. notes: what is taken otherwise than it was written.
    """

    number: Count
    items: tuple[ReadItem, ...]
    algorithm: Label
    reason: Label
    question: Said = NOTHING
    proposal: Instruction = ""
    notes: tuple[Said, ...] = ()
    remedy: Said = NOTHING


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

    And why, for a painter: "TAS: changes a pose". said: the same as it can be translated.
    """

    job: JobId
    seq: Count
    algorithm: Name
    reason: Label
    said: Said = NOTHING


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
    the whole job, if known. number: which of `passes` passes over places it belongs to; 0: to none.
    """

    job: JobId
    seq: Count
    stage: Label
    step: Count
    count: Count
    seconds_left: float | None = None
    number: Count = 0
    passes: Count = 0


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
class Mask:
    """Where the edit happens: gray8, soft, cut to its bounds; None if empty.

    final False: it is still forming, `area` and `parts` show the soft maps, and newest wins. final
    True: `area` is the share of the result, soft at its edge: outside of it nothing changes, and
    `map` tells how sure every place is. A final part is its instruction's share: the parts may
    overlap, and the largest of them at a pixel is `area` there. No parts come where they would be
    too large for a message. places: where
    `Submit.places` asked for them, those of a large picture, in place of the parts.
    """

    job: JobId
    seq: Count
    area: Region | None
    parts: tuple[PartMask, ...] = ()
    final: bool = True
    map: SoftMap | None = None
    places: tuple[FoundPlace, ...] = ()


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
class Report:
    """What an edit with one seed has used.

    The algorithm that ran, and why where it was chosen by the server; `chosen`: that reason as it
    can be translated. seconds: by stage. understood: how the instruction was read, by aspect.
    notes: what the painter should know of it. passes: how often the algorithm ran.
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
    chosen: Said = NOTHING
    passes: Count = 1

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes in English."""
        return tuple(map(str, self.notes))


@dataclass(frozen=True)
class Variant(Report):
    """One of several seeds is done; the last Mask and Result are its own."""


@dataclass(frozen=True)
class Done(Report):
    """The job's good end; of several seeds it is that of the last one to be done."""


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
