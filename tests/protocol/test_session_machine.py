"""Two connections, any honest traffic, any interleaving, any break.

Nothing that matters is lost, doubled or reordered.
"""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from limn.protocol import PROTOCOL_VERSION, Connection, Message, Pixels
from limn.protocol.messages import (
    FINAL,
    Acknowledge,
    Box,
    Cancel,
    Cancelled,
    Done,
    Failed,
    Hello,
    JobMessage,
    Mask,
    PartMask,
    Preview,
    Progress,
    Queued,
    Region,
    Result,
    Resume,
    Submit,
    Welcome,
)

JOBS = st.sampled_from("abcd")
SMALL = Pixels(1, 1, "rgba8", b"abcd")
LARGE = Pixels(600, 300, "rgba8", random.Random(1).randbytes(600 * 300 * 4))  # three chunks
GRAY = Region(3, 4, Pixels(2, 2, "gray8", b"1234"))
PICTURES = st.sampled_from((SMALL, LARGE))

SAYINGS: st.SearchStrategy[JobMessage] = st.one_of(
    st.builds(
        Progress, st.just("?"), st.just(1), st.just("denoising"), st.integers(0, 9), st.just(9)
    ),
    st.builds(
        Preview,
        st.just("?"),
        st.just(1),
        st.integers(0, 9),
        st.just(Pixels(4, 4, "jpeg", b"not looked into")),
        st.just(Box(3, 4, 2, 2)),
    ),
    st.builds(
        Mask,
        st.just("?"),
        st.just(1),
        st.sampled_from((None, GRAY)),
        st.just((PartMask("i", "k", GRAY),)),
        st.booleans(),
    ),
    st.builds(
        Result, st.just("?"), st.just(1), st.builds(Region, st.just(0), st.just(0), PICTURES)
    ),
    st.just(Queued("?", 1, 0)),
)
ENDS: st.SearchStrategy[JobMessage] = st.sampled_from(
    (Done("?", 1, "foi", 0), Failed("?", 1, "x", "y", "z"), Cancelled("?", 1))
)


def passing(message: Message) -> bool:
    """Whether a newer message may take this one's place."""
    return isinstance(message, (Progress, Preview)) or (
        isinstance(message, Mask) and not message.final
    )


class SessionMachine(RuleBasedStateMachine):
    """A client and a server, with a wire that may break.

    It carries frames only when told to. The server's side of the model: `log`, all messages of a
    job by number, as a server keeps them. The client's: `seen`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.submitted: dict[str, Submit] = {}
        self.cancelled: set[str] = set()
        self.arrived: set[str] = set()
        self.log: dict[str, list[JobMessage]] = {}
        self.seen: dict[str, list[JobMessage]] = {}
        self.listening: set[str] = set()
        self.reconnect({})

    def reconnect(self, resumed: dict[str, int]) -> None:
        self.client, self.server = Connection("client"), Connection("server")
        self.listening = set()
        self.sayings = 0  # since the wire was mended; it breaks only after some traffic
        self.client.send(Hello(PROTOCOL_VERSION, "machine"))
        self.upward(100)
        self.server.send(Welcome(PROTOCOL_VERSION, "", "", "", ()))
        self.downward(100)
        for job, last in resumed.items():
            self.client.send(Resume(job, last))

    # --- what the two sides do --------------------------------------------------------------------

    @rule(job=JOBS, pixels=st.sampled_from((LARGE, LARGE.held())))
    def submit(self, job: str, pixels: Pixels) -> None:
        if job not in self.submitted:
            self.submitted[job] = Submit(job, "foi", "make the star blue", pixels)
            self.client.send(self.submitted[job])

    @precondition(lambda self: self.submitted)
    @rule(job=JOBS)
    def cancel(self, job: str) -> None:
        if job in self.submitted:
            self.client.send(Cancel(job))
            self.cancelled.add(job)

    @precondition(lambda self: self.running())
    @rule(messages=st.lists(SAYINGS, min_size=1, max_size=5), data=st.data())
    def say(self, messages: list[JobMessage], data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.running()))
        for message in messages:
            self.tell(job, message)

    @precondition(lambda self: self.running())
    @rule(message=ENDS, data=st.data())
    def end(self, message: JobMessage, data: st.DataObject) -> None:
        self.tell(data.draw(st.sampled_from(self.running())), message)

    def running(self) -> list[str]:
        """Jobs that the server may speak of: asked about on this wire, and not ended."""
        return [
            job
            for job in sorted(self.listening)
            if not (self.log[job] and isinstance(self.log[job][-1], FINAL))
        ]

    def tell(self, job: str, message: JobMessage) -> None:
        self.sayings += 1
        self.log[job].append(replace(message, job=job, seq=len(self.log[job]) + 1))
        self.server.send(self.log[job][-1])

    # --- what the wire does -----------------------------------------------------------------------

    @rule(count=st.integers(1, 8))
    def upward(self, count: int) -> None:
        for _ in range(count):
            frame = self.client.next_frame()
            if frame is None:
                return
            for message in self.server.receive(frame):
                self.take(message)

    @rule(count=st.integers(1, 8))
    def downward(self, count: int) -> None:
        for _ in range(count):
            frame = self.server.next_frame()
            if frame is None:
                return
            for message in self.client.receive(frame):
                if not isinstance(message, Welcome):
                    self.seen.setdefault(message.job, []).append(message)  # type: ignore[union-attr]

    @precondition(lambda self: self.sayings > 4)
    @rule()
    def wire_breaks(self) -> None:
        self.reconnect(
            {
                job: self.seen[job][-1].seq if self.seen.get(job) else 0
                for job in self.arrived & self.submitted.keys()
            }
        )
        for job in self.submitted.keys() - self.arrived - self.cancelled:
            self.client.send(self.submitted[job])

    def take(self, message: Message) -> None:
        """The server's program.

        What arrives is what was sent, and a resumed job is replayed.
        """
        if isinstance(message, Submit):
            assert message == self.submitted[message.job]
            assert message.job not in self.arrived
            self.arrived.add(message.job)
            self.listening.add(message.job)
            self.log.setdefault(message.job, [])
        elif isinstance(message, Resume):
            self.listening.add(message.job)
            for old in self.log.setdefault(message.job, []):
                if old.seq > message.last_seen:
                    self.server.send(old)
        else:
            assert isinstance(message, (Hello, Cancel, Acknowledge))

    # --- what holds -------------------------------------------------------------------------------

    @invariant()
    def both_are_open(self) -> None:
        assert self.client.open
        assert self.server.open

    @invariant()
    def numbers_rise_and_nothing_lasting_is_missing(self) -> None:
        for job, seen in self.seen.items():
            numbers = [message.seq for message in seen]
            assert numbers == sorted(set(numbers))
            lasting = [
                message
                for message in self.log[job]
                if not passing(message) and message.seq <= numbers[-1]
            ]
            assert [message for message in seen if not passing(message)] == lasting

    def teardown(self) -> None:
        """In the end, with a wire that works, everything lasting has arrived."""
        self.upward(10_000)
        self.downward(10_000)
        for job in self.listening:
            lasting = [message for message in self.log[job] if not passing(message)]
            assert [
                message for message in self.seen.get(job, []) if not passing(message)
            ] == lasting


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
