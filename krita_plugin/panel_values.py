"""The values that the panel is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..protocol import remote
from ..protocol.messages import (
    HintMode,
    Value,
)


@dataclass(frozen=True)
class Link:
    """The connection, for the panel's last line.

    `remedy`: what to do, where there is trouble.
    """

    kind: Literal["off", "starting", "ready", "trouble"]
    words: str
    details: str = ""
    remedy: str = ""


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
    own.
    """

    stage: str
    step: int = 0
    count: int = 0
    seconds_left: float | None = None
    waiting: int = 0


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

    ask: where the thing to change is not found, ask instead of editing something else.
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


@dataclass(frozen=True)
class Prospect:
    """What the next edit would be of.

    mode: what the selection means to it, "" where none counts. width, height: of what would be sent
    of the layer, in pixels.
    """

    mode: str
    width: int
    height: int


NOT_CONNECTED = Link("off", "not connected")


def place(url: str) -> str:
    """A server on another machine as a painter names it: desk.lan:4000."""
    host, port = remote.host_and_port(url)
    return f"{remote.bracketed(host)}:{port}"
