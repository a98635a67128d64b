"""Models on the server's machine: what is there, fetching, choosing.

    ListModels -> ModelList
    UseModels  -> ModelsDone
    UseLoras   -> ModelsDone
    GetModels  -> ModelProgress*, ModelsDone; StopGetting ends it, and what has come is kept

Each is answered, also where it is refused. After another model was chosen the connection ends as
soon as no edit runs, and the next Welcome tells it; jobs in the queue go on with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .values import Count, Label, Name, Percent, Text

# --- client to server -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ListModels:
    """Which models are there, and which can be fetched?"""


@dataclass(frozen=True)
class GetModels:
    """Fetch these from the hub, and use them.

    licences, size: what the user was shown of them, and has agreed to: each licence once, and
    bytes of all together. A server that knows others fetches nothing.
    """

    names: tuple[Name, ...]
    licences: tuple[Label, ...]
    size: Count


@dataclass(frozen=True)
class StopGetting:
    """Stop fetching. What has come is kept; GetModels goes on there another time."""


@dataclass(frozen=True)
class UseModels:
    """Use these for edits from now on, one for each variant.

    "sketchbook" is the bundled one.
    """

    names: tuple[Label, ...]


@dataclass(frozen=True)
class UseLoras:
    """Put these LoRA files into the model from now on, and no others.

    names: of ModelList.loras. percents: of each one's changes.
    """

    names: tuple[Label, ...]
    percents: tuple[Percent, ...]


# --- server to client -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelThere:
    """A model on the server's machine.

    size: bytes of its weights. used: whether edits use it. trouble: why it can't be used, or
    empty. fits: how an edit with it fits the server's device, in words.
    """

    name: Label
    variant: Label
    size: Count
    used: bool
    trouble: Text
    fits: Label


@dataclass(frozen=True)
class LoraThere:
    """A LoRA file on the server's machine.

    percent: of its changes that are used; 0: none. trouble: why it can't be used, or empty.
    """

    name: Label
    percent: Percent
    trouble: Text


@dataclass(frozen=True)
class ModelOffered:
    """A model that can be fetched.

    size: bytes, in the precision that the server's device wants. there: whether it is there
    already. page: its address on the hub, where the licence is.
    """

    name: Name
    title: Label
    variant: Label
    licence: Label
    what_for: Text
    page: Label
    size: Count
    there: bool
    fits: Label


@dataclass(frozen=True)
class ModelList:
    """The answer to ListModels.

    may: whether this user may fetch and choose models here; why, remedy: if not, why not, and what
    to do. bundled: whether the bundled model is used. getting: the model that is being fetched
    now, or empty.
    """

    may: bool
    why: Text
    bundled: bool
    there: tuple[ModelThere, ...]
    offered: tuple[ModelOffered, ...]
    getting: Label = ""
    loras: tuple[LoraThere, ...] = ()
    remedy: Text = ""


@dataclass(frozen=True)
class ModelProgress:
    """How much of a model has come: bytes, of so many."""

    name: Name
    done: Count
    of: Count


@dataclass(frozen=True)
class ModelsDone:
    """GetModels, UseModels or UseLoras has ended; of the latter two `did` is "use".

    sentence: why it failed, or empty; remedy: what to do.
    """

    did: Literal["get", "use"]
    sentence: Text = ""
    remedy: Text = ""
