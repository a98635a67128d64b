"""One session's state machine, without input, output or a clock.

Frames in, messages out; messages in, frames out.

    connection = Connection("client")
    connection.send(Hello(PROTOCOL_VERSION, "krita 5.2"))
    while (frame := connection.next_frame()) is not None:
        write(frame)                               # a str is a text frame, bytes a binary frame
    for message in connection.receive(read()):     # complete and checked, pictures included
        ...

Call `next_frame` only when the socket takes more. That is the back pressure which lets a new
preview replace an old one.

`receive` raises a ProtocolError for any frame that must not come. The connection is then over:
write what next_frame() still gives (a server tells the client why), then close the socket with
`error.close_code`. A reconnect takes a new Connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from . import limits
from .codec import CLIENT_SENDS, SERVER_SENDS, decode, encode
from .errors import (
    ConnectionEnded,
    Malformed,
    OutOfOrder,
    ProtocolError,
    RefusedByPeer,
    TooLarge,
    UnknownMessage,
)
from .messages import (
    FINAL,
    Acknowledge,
    Cancel,
    Cancelled,
    Hello,
    Message,
    ModelList,
    ModelProgress,
    ModelsDone,
    Reading,
    Refused,
    Resume,
    Submit,
    Welcome,
)
from .rules import places
from .transfers import CHUNK_HEAD, Incoming, JobSeen, Outgoing, replaces

assert CHUNK_HEAD.size == limits.CHUNK_HEAD_BYTES


class Connection:
    """One side of one websocket. Not safe for use by several threads at once."""

    def __init__(
        self,
        role: Literal["client", "server"],
        admit: Callable[[Message, int], bool] = lambda message, size: True,
    ) -> None:
        """Begins a connection.

        admit: whether a message that has been announced is wanted, with the bytes of its pictures.
        One that is not is never returned, and its pictures are not kept.
        """
        self.role = role
        self._admit = admit
        self._sends, self._receives = (
            (CLIENT_SENDS, SERVER_SENDS) if role == "client" else (SERVER_SENDS, CLIENT_SENDS)
        )
        self._outbox: list[Outgoing] = []
        self._incoming: Incoming | None = None
        self._next_transfer = 1
        self._last_transfer = 0
        self._greeting_sent = self._greeting_received = False
        self._open = True
        self._jobs: dict[str, JobSeen] = {}

    @property
    def open(self) -> bool:
        """Whether messages can be sent: neither side has reported an error."""
        return self._open

    @property
    def receiving(self) -> int:
        """Bytes kept for pictures that have been announced and not all arrived."""
        return 0 if self._incoming is None else self._incoming.bytes

    @property
    def inside_message(self) -> bool:
        """Whether pictures have been announced that have not all arrived."""
        return self._incoming is not None

    def last_seen(self, job: str) -> int:
        """The number of the last message received about this job.

        On the client's side: what `Resume` wants.
        """
        return self._jobs[job].last_seen if job in self._jobs else 0

    def send(self, message: Message) -> None:
        """Queue a message.

        Raises ProtocolError if it is invalid or out of order on this side, and then queues nothing.
        """
        if not self._open:
            raise ConnectionEnded("The connection has ended.", {"message": _name(message)})
        if not isinstance(message, self._sends):
            raise UnknownMessage(
                f"A {self.role} does not send this message.", {"message": _name(message)}
            )
        if isinstance(message, (Hello, Welcome, Refused)):
            early = self._greeting_sent or (
                isinstance(message, Welcome) and not self._greeting_received
            )
            if early and not isinstance(message, Refused):
                raise OutOfOrder(
                    "The greeting comes once, at its time.", {"message": _name(message)}
                )
        elif not self._greeting_sent:
            raise OutOfOrder("The greeting comes first.", {"message": _name(message)})
        if len(self._outbox) >= limits.MAX_QUEUED_MESSAGES:
            raise TooLarge(
                "The other side does not read its messages.", {"queued": len(self._outbox)}
            )
        text, transfers = encode(message, self._next_transfer)
        if self.role == "client" and not self._note_sent(message):
            return
        self._next_transfer += len(transfers)
        self._greeting_sent = True
        self._outbox = [waiting for waiting in self._outbox if not replaces(message, waiting)]
        self._outbox.append(Outgoing(message, text, deque(transfers)))
        if isinstance(message, Refused):
            self._open = False

    def end(self, error: ProtocolError) -> None:
        """Gives the connection up, for an error of a frame or of its owner.

        Nothing goes out any more, but for a server's Refused.
        """
        self._outbox.clear()
        self._incoming = None
        if self.role == "server":
            refused = Refused(error.code, error.sentence[: limits.MAX_TEXT], error.remedy)
            self._outbox.append(Outgoing(refused, encode(refused)[0], deque()))
        self._open = False

    def next_frame(self) -> str | bytes | None:
        """The next frame to write, or None if there is nothing to write now."""
        blocked: set[str | None] = set()
        for waiting in self._outbox:
            job = getattr(waiting.message, "job", None)
            if not waiting.announced and not waiting.transfers and job not in blocked:
                self._outbox.remove(waiting)
                return waiting.text
            blocked.add(job)
        if not self._outbox:
            return None
        current = self._outbox[0]
        if not current.announced:
            current.announced = True
            return current.text
        return self._next_chunk(current)

    def receive(self, frame: str | bytes) -> list[Message]:
        """Takes one frame; returns the messages that it completes.

        None or one, so far. Raises ProtocolError; see above.
        """
        if not self._open:
            raise ConnectionEnded("The connection has ended.")
        try:
            message = (
                self._receive_text(frame) if isinstance(frame, str) else self._receive_chunk(frame)
            )
            if isinstance(message, Refused):
                raise RefusedByPeer(message.code, message.sentence, message.remedy)
        except ProtocolError as error:
            self.end(error)
            raise
        return [] if message is None else [message]

    # --- out --------------------------------------------------------------------------------------

    def _next_chunk(self, current: Outgoing) -> bytes:
        transfer = current.transfers[0]
        assert transfer.pixels.data is not None
        piece = memoryview(transfer.pixels.data)[
            current.offset : current.offset + limits.CHUNK_BYTES
        ]
        frame = b"".join((CHUNK_HEAD.pack(transfer.number, current.offset), piece))
        current.offset += len(piece)
        if current.offset == transfer.size:
            current.transfers.popleft()
            current.offset = 0
            if not current.transfers:
                self._outbox.remove(current)
        return frame

    def _note_sent(self, message: Message) -> bool:
        """Remember what a client asks about jobs. False: the message need not be sent."""
        if isinstance(message, Acknowledge):
            if message.job in self._jobs and not self._jobs[message.job].over:
                raise OutOfOrder("A job is acknowledged when it has ended.", {"job": message.job})
            self._jobs.pop(message.job, None)
        elif isinstance(message, Cancel):
            asked = self._jobs.setdefault(message.job, JobSeen())
            if asked.over or asked.cancelling:
                return False
            asked.cancelling = True
        elif isinstance(message, Resume):
            if message.job in self._jobs:
                raise OutOfOrder("A job is resumed on a new connection only.", {"job": message.job})
            self._jobs[message.job] = JobSeen(last_seen=message.last_seen)
        elif isinstance(message, Submit):
            job = self._jobs.get(message.job)
            if job is None or job.over:
                self._jobs[message.job] = JobSeen((message.pixels.width, message.pixels.height))
        return True

    # --- in ---------------------------------------------------------------------------------------

    def _receive_text(self, frame: str) -> Message | None:
        message, transfers = decode(frame)
        if not isinstance(message, self._receives):
            raise UnknownMessage(
                f"A {self.role} does not receive this message.", {"message": _name(message)}
            )
        if not self._check_order(message):
            return None
        if self._incoming is not None:
            if transfers:
                raise OutOfOrder(
                    "Pictures were announced before those announced earlier had arrived.",
                    {"message": _name(message)},
                )
            if getattr(message, "job", None) == getattr(self._incoming.message, "job", None):
                if not isinstance(message, Cancel):
                    raise OutOfOrder(
                        "A job's messages overtook its pictures.", {"message": _name(message)}
                    )
                self._incoming = None
        for transfer in transfers:
            if transfer.number <= self._last_transfer:
                raise OutOfOrder(
                    "A transfer's number came twice.",
                    {"number": transfer.number, "last": self._last_transfer},
                )
            self._last_transfer = transfer.number
        if not transfers:
            return self._deliver(message)
        wanted = self._admit(message, sum(transfer.size for transfer in transfers))
        self._incoming = Incoming(message, transfers, wanted, whole=self.role == "server")
        return None

    def _receive_chunk(self, frame: bytes) -> Message | None:
        if len(frame) > limits.CHUNK_HEAD_BYTES + limits.CHUNK_BYTES:
            raise TooLarge("A chunk is too long.", {"bytes": len(frame)})
        if len(frame) <= limits.CHUNK_HEAD_BYTES:
            raise Malformed("A chunk has no content.", {"bytes": len(frame)})
        number, offset = CHUNK_HEAD.unpack_from(frame)
        incoming = self._incoming
        if incoming is None or (number, offset) != (incoming.transfers[0].number, incoming.offset):
            raise OutOfOrder(
                "A chunk came that is not the next one.", {"transfer": number, "offset": offset}
            )
        transfer = incoming.transfers[0]
        size, wanted = (
            len(frame) - limits.CHUNK_HEAD_BYTES,
            min(limits.CHUNK_BYTES, transfer.size - offset),
        )
        if size != wanted:
            raise Malformed("A chunk has the wrong length.", {"bytes": size, "wanted": wanted})
        incoming.take(frame[limits.CHUNK_HEAD_BYTES :])
        if incoming.offset < transfer.size:
            return None
        incoming.next_picture()
        if incoming.transfers:
            return None
        self._incoming = None
        return self._deliver(incoming.message) if incoming.wanted else None

    def _check_order(self, message: Message) -> bool:
        """Whether the message is news.

        Raises OutOfOrder, or Malformed, where it must not come.
        """
        if isinstance(message, (Hello, Welcome)):
            if self._greeting_received or (self.role == "client" and not self._greeting_sent):
                raise OutOfOrder(
                    "The greeting comes once, at its time.", {"message": _name(message)}
                )
            self._greeting_received = True
        elif isinstance(message, Refused):
            return True
        elif not self._greeting_received:
            raise OutOfOrder("The greeting comes first.", {"message": _name(message)})
        elif self.role == "client" and not isinstance(
            message, (Reading, ModelList, ModelProgress, ModelsDone)
        ):
            return self._check_job(message)
        return True

    def _check_job(self, message: Message) -> bool:
        """Checks what a server says of jobs.

        Only of jobs that it was asked about, with rising numbers, and of places inside the picture.
        Its answer to a Cancel has no such number where it does not know the job, and may cross the
        job's own end on the way: then it is no news.
        """
        name, seq = getattr(message, "job", ""), getattr(message, "seq", 0)
        job = self._jobs.get(name)
        if job is not None and job.cancelling and isinstance(message, Cancelled):
            return not job.over
        if job is None or job.over or seq <= job.last_seen:
            raise OutOfOrder(
                "A message came about a job that does not expect it.",
                {"job": name, "message": _name(message), "seq": seq},
            )
        if job.size is not None:
            for place in places(message):
                if place.x + place.width > job.size[0] or place.y + place.height > job.size[1]:
                    raise Malformed(
                        "A place lies outside the submitted picture.",
                        {"x": place.x, "y": place.y, "picture": job.size},
                    )
        return True

    def _deliver(self, message: Message) -> Message:
        """A message is complete.

        Only now it counts as seen: what breaks off in its pictures is sent again after a `Resume`.
        """
        job = self._jobs.get(getattr(message, "job", ""))
        if self.role == "client" and job is not None:
            job.last_seen, job.over = getattr(message, "seq", 0), isinstance(message, FINAL)
        return message


def _name(message: Message) -> str:
    return type(message).__name__
