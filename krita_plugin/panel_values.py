"""The values that the panel is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..protocol import limits, remote
from ..protocol.messages import (
    HintMode,
    Value,
)


@dataclass(frozen=True)
class Link:
    """The connection, for the panel's last line.

    kind "silent": it was ready, and answers no more; perhaps it will. `remedy`: what to do, where
    there is trouble. installable: the docker can install the server that is missing.
    """

    kind: Literal["off", "starting", "ready", "silent", "trouble"]
    words: str
    details: str = ""
    remedy: str = ""
    installable: bool = False


@dataclass(frozen=True)
class ServerList:
    """Servers on other machines.

    known: their addresses. used: the one that is used; "" is this computer's own. asked: the
    fingerprint of its certificate, where the painter has to say whether it is the right one.
    """

    known: tuple[str, ...] = ()
    used: str = ""
    asked: str = ""


NO_SERVERS = ServerList()


@dataclass(frozen=True)
class Work:
    """An edit that is running.

    `step` of `count` done in `stage`; count 0: unknown. `waiting`: further edits of the painter's
    own. `number` of `passes`: the place that is being edited; 0: none by itself.
    """

    stage: str
    step: int = 0
    count: int = 0
    seconds_left: float | None = None
    waiting: int = 0
    number: int = 0
    passes: int = 0


@dataclass(frozen=True)
class Note:
    """One sentence where progress stood, what to do about it, and details to copy."""

    kind: Literal["quiet", "good", "error"]
    sentence: str
    remedy: str = ""
    details: str = ""


@dataclass(frozen=True)
class Request:
    """What the painter asks for, complete: all that an edit needs besides the layer.

    ask: where the thing to change is not found, ask instead of editing something else. apart: of
    several instructions each has a layer.
    full_resolution: edit each place of a large layer by itself. seeds: further ones, with each of
    which it is made too.
    """

    instruction: str
    algorithm: str
    parameters: Mapping[str, Value]
    seed: int
    hint_mode: HintMode
    mask_only: bool = False
    caption: str = ""
    keep_transparency: bool = True
    flat: bool = False
    ask: bool = False
    full_resolution: bool = True
    seeds: tuple[int, ...] = ()
    apart: bool = True


@dataclass(frozen=True)
class Prospect:
    """What the next edit would be of.

    mode: what the selection means to it, "" where none counts. width, height: of what would be sent
    of the layer, in pixels.
    """

    mode: str
    width: int
    height: int


COARSE = 1.5
"""Layer pixels of one of the model's from which an edit is softer than the layer."""


def is_too_large(width: int, height: int, most: int) -> bool:
    """Whether a part of a layer has more pixels than one edit takes.

    most: pixels of an edit on the server.
    """
    return max(width, height) > limits.MAX_SIDE or width * height > most


def is_large(width: int, height: int, native_size: int) -> bool:
    """Whether a part of a layer is much larger than the size that the model works at.

    native_size: pixels of that size's shorter side, 0 where it is not known. Its longer side has
    at most half as many again.
    """
    short, long = sorted((width, height))
    return native_size > 0 and max(short, long / 1.5) > COARSE * native_size


NOT_CONNECTED = Link("off", "not connected")


def place(url: str) -> str:
    """A server on another machine as a painter names it: desk.lan:4000."""
    host, port = remote.host_and_port(url)
    return f"{remote.bracketed(host)}:{port}"
