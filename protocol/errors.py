"""The protocol's error tree: a stable code, a sentence for the painter, what to do, and data for
the developer.

Each error closes the connection that it happened on: the side that notices sends `Refused` and
closes with `close_code`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class ProtocolError(Exception):
    """Something that must not happen on the wire.

    Attributes:
        code: stable, for programs and tests.
        sentence: for the painter, without paths, tokens or the painter's own words.
        remedy: what to do about it, also for the painter.
        data: for the developer: numbers and names that disagree.
        close_code: of the websocket (RFC 6455, section 7.4.1).
    """

    code: ClassVar[str] = "protocol"
    remedy: str = (
        "Update Limn's plugin and server to the same version; if that is done, please report this."
    )
    close_code: ClassVar[int] = 1002

    def __init__(self, sentence: str, data: Mapping[str, object] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.data: Mapping[str, object] = data or {}


class Malformed(ProtocolError):
    """A frame that is not what the protocol describes: not JSON, a missing or extra field, a wrong
    type, a short chunk.
    """

    code = "malformed"


class UnknownMessage(ProtocolError):
    """A message type that this version does not have, or that this side never receives."""

    code = "unknown-message"


class TooLarge(ProtocolError):
    """A frame, text, picture, list or number beyond a limit of `limits.py`."""

    code = "too-large"
    remedy = "Edit a smaller part of the picture, or shorten the instruction."
    close_code = 1009


class OutOfOrder(ProtocolError):
    """A frame that is fine by itself but not now: before the hello, a chunk that nobody announced,
    a job that nobody asked for.
    """

    code = "out-of-order"


class Corrupt(ProtocolError):
    """A picture whose content does not have the announced hash."""

    code = "corrupt"
    remedy = (
        "Try again; if it happens again, the connection or the memory of this machine is faulty."
    )


class VersionMismatch(ProtocolError):
    """The two sides speak different versions of the protocol."""

    code = "version"
    remedy = "Update Limn's plugin and server to the same version."
    close_code = 1008


class ConnectionEnded(ProtocolError):
    """A message was to be sent, or a frame received, on a connection that has already been closed
    by an error.
    """

    code = "ended"
    remedy = "Connect again."


class RefusedByPeer(ProtocolError):
    """The other side has noticed an error and ends the connection; its sentence and remedy are
    passed on, its code as `peer_code`.
    """

    code = "refused"

    def __init__(self, code: str, sentence: str, remedy: str) -> None:
        super().__init__(sentence, {"code": code})
        self.peer_code = code
        self.remedy = remedy
