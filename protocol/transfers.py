"""Pictures on their way in chunks: those that go out, and those that come in."""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from dataclasses import dataclass

from .errors import Corrupt
from .messages import FINAL, Cancel, Mask, Message, Pixels, Preview, Progress, Submit

CHUNK_HEAD = struct.Struct(">QQ")


@dataclass(frozen=True)
class Transfer:
    """One picture whose bytes travel in binary frames.

    When decoded, `pixels.data` is None until `complete` is called.
    """

    number: int
    size: int
    pixels: Pixels

    def complete(self, data: bytes | bytearray, digest: str = "") -> None:
        """Give the picture its bytes. Raises Corrupt if they are not what was announced.

        digest: their SHA-256 in hexadecimal digits, where it was computed as they came.
        """
        digest = digest or hashlib.sha256(data).hexdigest()
        if digest != self.pixels.sha256:
            raise Corrupt(
                "A picture arrived damaged.", {"announced": self.pixels.sha256, "arrived": digest}
            )
        object.__setattr__(self.pixels, "data", data)  # nobody else has seen this value yet


@dataclass(eq=False)
class Outgoing:
    """A message on its way out.

    `transfers` and `offset` tell what of its pictures is still to be sent.
    """

    message: Message
    text: str
    transfers: deque[Transfer]
    announced: bool = False
    offset: int = 0


class Incoming:
    """A message that has been announced and whose pictures are arriving.

    wanted: if not, the bytes are counted and thrown away. whole: put the bytes into their place as
    they come. Otherwise they are joined at the end, where joining lets other threads run meanwhile.
    """

    def __init__(
        self, message: Message, transfers: tuple[Transfer, ...], wanted: bool, whole: bool
    ) -> None:
        self.message = message
        self.transfers = deque(transfers)
        self.wanted = wanted
        self.bytes = sum(transfer.size for transfer in transfers) if wanted else 0
        self._whole = whole
        self._begin()

    def take(self, chunk: bytes) -> None:
        """The next bytes of the first picture."""
        if self.wanted:
            self._hash.update(chunk)
            if self._whole:
                self._data[self.offset : self.offset + len(chunk)] = chunk
            else:
                self._chunks.append(chunk)
        self.offset += len(chunk)

    def next_picture(self) -> None:
        """Goes on with the next picture: the first is there.

        Raises Corrupt if its content is not what was announced.
        """
        transfer = self.transfers.popleft()
        if self.wanted:
            data = self._data if self._whole else b"".join(self._chunks)
            transfer.complete(data, self._hash.hexdigest())
        if self.transfers:
            self._begin()

    def _begin(self) -> None:
        self.offset = 0
        self._hash = hashlib.sha256()
        self._chunks: list[bytes] = []
        self._data = bytearray(self.transfers[0].size if self.wanted and self._whole else 0)


@dataclass
class JobSeen:
    """What a client has to know to check a server's messages about a job.

    `size`: of the submitted picture, if known. `cancelling`: it was asked to stop it.
    """

    size: tuple[int, int] | None = None
    last_seen: int = 0
    over: bool = False
    cancelling: bool = False


def replaces(message: Message, waiting: Outgoing) -> bool:
    """Whether a new message makes one that waits to be sent superfluous."""
    old = waiting.message
    if getattr(old, "job", None) != getattr(message, "job", ""):
        return False
    if isinstance(message, Cancel):
        return isinstance(old, Submit)
    passing = isinstance(old, (Progress, Preview)) or (isinstance(old, Mask) and not old.final)
    if waiting.announced or not passing:
        return False
    return isinstance(message, FINAL) or type(message) is type(old)
