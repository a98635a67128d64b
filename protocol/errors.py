"""What can be told of a trouble.

The errors of protocol, server, command line and plugin.

    LimnError
        ProtocolError            the wire: Malformed, UnknownMessage, TooLarge, OutOfOrder, Corrupt,
                                 VersionMismatch, ConnectionEnded, RefusedByPeer
        EngineError              server/engine.py: the process with the model can't work
        TooManyJobs              server/bounds.py: the queue is full
        SettingsError            server/settings.py
        UsersError               server/users.py: the users of a server for other machines
        StoreError               server/models/store.py
        ClientError              server/cli/client_errors.py: Full, ConnectionLost
        PictureError             server/cli/pictures/reading.py
        Trouble                  server/cli/exits.py, with an exit status: UsageError, NoServer
        CanvasProblem            krita_plugin/document/colour.py
        ServerTrouble            krita_plugin/wire/server_process.py

`limn.editing` and `limn.installer` import nothing of ours, so each has a base of the same shape:
EditError (editing/errors.py) and InstallError (installer/errors.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class LimnError(Exception):
    """Something that a painter is told in a sentence, and a program by its code.

    Attributes:
        code: stable, for programs, tests and translations.
        sentence: what is wrong, without paths, tokens or the painter's own words where it may
            reach a log.
        remedy: what to do about it; may be empty.
        data: for the developer, and for whoever translates: numbers and names.
    """

    code: str = "limn"
    remedy: str = ""

    def __init__(
        self,
        sentence: str,
        remedy: str | None = None,
        code: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(sentence, remedy, code, data)  # so that it can be pickled
        self.sentence = sentence
        self.remedy = type(self).remedy if remedy is None else remedy
        self.code = type(self).code if code is None else code
        self.data: Mapping[str, object] = data or {}

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


class ProtocolError(LimnError):
    """Something that must not happen on the wire.

    It closes the connection that it happened on: the side that notices sends `Refused` and closes
    with `close_code`.

    Attributes:
        close_code: of the websocket (RFC 6455, section 7.4.1).
    """

    code = "protocol"
    remedy = (
        "Update Limn's plugin and server to the same version; if that is done, please report this."
    )
    close_code: ClassVar[int] = 1002

    def __init__(self, sentence: str, data: Mapping[str, object] | None = None) -> None:
        super().__init__(sentence, data=data)

    def __str__(self) -> str:
        return self.sentence


class Malformed(ProtocolError):
    """A frame that is not what the protocol describes.

    Not JSON, a missing or extra field, a wrong type, a short chunk.
    """

    code = "malformed"


class UnknownMessage(ProtocolError):
    """A message type that this version or this side does not have.

    This side never receives it, or nobody does.
    """

    code = "unknown-message"


class TooLarge(ProtocolError):
    """A frame, text, picture, list or number beyond a limit of `limits.py`."""

    code = "too-large"
    remedy = "Edit a smaller part of the picture, or shorten the instruction."
    close_code = 1009


class OutOfOrder(ProtocolError):
    """A frame that is fine by itself, but not now.

    Before the hello, a chunk that nobody announced, a job that nobody asked for.
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
    """A send or receive on a connection that an error has closed."""

    code = "ended"
    remedy = "Connect again."


class RefusedByPeer(ProtocolError):
    """The other side has noticed an error and ends the connection.

    Its sentence and remedy are passed on, its code as `peer_code`.
    """

    code = "refused"

    def __init__(self, code: str, sentence: str, remedy: str) -> None:
        super().__init__(sentence, {"code": code})
        self.peer_code = code
        self.remedy = remedy
