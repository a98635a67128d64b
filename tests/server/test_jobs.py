"""The queue without websocket and model: order, replay, keeping and forgetting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from limn.protocol.limits import MAX_LABEL
from limn.protocol.messages import (
    Box,
    Cancelled,
    Done,
    Failed,
    JobMessage,
    Mask,
    Pixels,
    Preview,
    Progress,
    Queued,
    Region,
    Result,
    Submit,
)
from limn.server.bounds import Bounds, TooManyJobs
from limn.server.cache import ByteCache, size_of
from limn.server.engine import Description, WorkerState
from limn.server.estimate import Estimate
from limn.server.jobs import MAX_KEPT, Jobs
from limn.server.metrics import Metrics

from .conftest import picture, submit

LAYER = Region(0, 0, Pixels(10, 10, "rgba8", bytes(400)))


QUEUE_BYTES = 50_000
"""Room for three pictures of 64 x 64 pixels at 8 bits."""


class Script:
    """An engine that says what a test tells it to say, when the test lets it."""

    slots = 1

    def __init__(self) -> None:
        self.go: asyncio.Queue[JobMessage | Exception] = asyncio.Queue()
        self.asked: list[str] = []

    async def describe(self) -> Description:
        return Description("nothing", "script", (), 0)

    async def run(self, wanted: Submit) -> AsyncGenerator[JobMessage]:
        self.asked.append(wanted.job)
        while True:
            message = await self.go.get()
            if isinstance(message, Exception):
                raise message
            yield message
            if isinstance(message, (Done, Failed, Cancelled)):
                return

    async def cancel(self, job: str) -> None:
        self.go.put_nowait(Cancelled(job, 0))

    def workers(self) -> tuple[WorkerState, ...]:
        return ()

    async def close(self) -> None:
        pass


class Fixture:
    """A queue with a scripted engine, a clock that is set by hand, and one listener."""

    def __init__(self, keep_bytes: int = 1000, keep_seconds: float = 60) -> None:
        self.now = 0.0
        self.engine = Script()
        bounds = Bounds(3, QUEUE_BYTES, keep_bytes, keep_seconds, 2, QUEUE_BYTES // 2)
        self.jobs = Jobs(self.engine, bounds, Metrics(), clock=lambda: self.now)
        self.heard: list[JobMessage] = []

    def listen(self, message: JobMessage) -> None:
        self.heard.append(message)

    async def say(self, *messages: JobMessage | Exception) -> None:
        """Let the engine say this, and the queue do its work."""
        for message in messages:
            self.engine.go.put_nowait(message)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def edit(self, job: str) -> None:
        """One whole edit with a result of 400 bytes."""
        self.jobs.submit(submit(job), lambda message: None)
        await self.say(Result(job, 0, LAYER), Done(job, 0, "foi", 0))


@asynccontextmanager
async def running(keep_bytes: int = 1000, keep_seconds: float = 60) -> AsyncIterator[Fixture]:
    fixture = Fixture(keep_bytes, keep_seconds)
    task = asyncio.create_task(fixture.jobs.run())
    yield fixture
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_jobs_run_in_order_and_their_messages_are_numbered() -> None:
    async with running() as f:
        heard: dict[str, list[JobMessage]] = {"a": [], "b": []}
        for job, list_ in heard.items():
            f.jobs.submit(submit(job), list_.append)
        await f.settle()
        assert f.engine.asked == ["a"]
        await f.say(
            Progress("a", 0, "denoising", 1, 2), Done("a", 0, "foi", 0), Done("b", 0, "foi", 0)
        )
        assert f.engine.asked == ["a", "b"]
        assert heard["a"] == [
            Queued("a", 1, 0, (), 0.0),
            Progress("a", 2, "denoising", 1, 2),
            Done("a", 3, "foi", 0),
        ]
        assert heard["b"] == [Queued("b", 1, 1), Done("b", 2, "foi", 0)]


async def test_a_full_queue_is_told() -> None:
    async with running() as f:
        for job in ("a", "b", "c"):
            f.jobs.submit(submit(job), f.listen)
        with pytest.raises(TooManyJobs):
            f.jobs.submit(submit("d"), f.listen)
        f.jobs.submit(submit("a"), f.listen)  # known already: no new job
        assert not f.jobs.known("d")


async def test_a_queue_full_of_pictures_is_told_and_what_jobs_share_counts_once() -> None:
    async with running() as f:
        f.jobs.submit(
            submit("alone", pixels=picture(128, 128)), f.listen
        )  # 65,536 bytes: beyond the limit, but nothing else waits
        with pytest.raises(TooManyJobs, match="memory"):
            f.jobs.submit(submit("b"), f.listen)
        assert not f.jobs.known("b")
        await f.settle()
        await f.say(Done("alone", 0, "foi", 0))
        shared = picture(80, 80)  # 25,600 bytes
        for job in ("c", "d", "e"):
            f.jobs.submit(submit(job, pixels=shared), f.listen)
        assert f.jobs.known("e")


async def test_a_replay_has_the_latest_of_what_passes_and_all_that_lasts() -> None:
    async with running() as f:
        f.jobs.submit(submit("a"), lambda message: None)
        picture = Pixels(1, 1, "jpeg", b"x")
        passing = [
            Progress("a", 0, "denoising", 1, 2),
            Preview("a", 0, 1, picture, Box(0, 0, 4, 4)),
            Mask("a", 0, None, final=False),
        ]
        await f.say(*passing, *passing)
        f.jobs.resume("a", 0, f.listen)
        assert [type(m).__name__ for m in f.heard] == ["Queued", "Progress", "Preview", "Mask"]
        assert [m.seq for m in f.heard] == [1, 5, 6, 7]
        await f.say(Mask("a", 0, None), Result("a", 0, LAYER), Done("a", 0, "foi", 0))
        f.jobs.leave(f.listen)
        f.heard.clear()
        f.jobs.resume("a", 7, f.listen)
        assert [(type(m).__name__, m.seq) for m in f.heard] == [
            ("Mask", 8),
            ("Result", 9),
            ("Done", 10),
        ]


async def test_a_failed_job_keeps_nothing_but_its_end() -> None:
    async with running() as f:
        f.jobs.submit(submit("a"), lambda message: None)
        await f.say(Mask("a", 0, None), Result("a", 0, LAYER), Failed("a", 0, "x", "y", "z"))
        f.jobs.resume("a", 0, f.listen)
        assert f.heard == [Failed("a", 4, "x", "y", "z")]


async def test_an_engine_in_trouble_fails_one_job_and_not_the_queue() -> None:
    async with running() as f:
        f.jobs.submit(submit("a"), f.listen)
        f.jobs.submit(submit("b"), lambda message: None)
        await f.say(RuntimeError("a bug"), Done("b", 0, "foi", 0))
        assert isinstance(f.heard[-1], Failed)
        assert f.heard[-1].code == "internal"
        assert f.engine.asked == ["a", "b"]


@pytest.mark.parametrize("at_the_end", [False, True])
async def test_an_answer_that_can_not_be_sent_fails_its_job_once_and_for_all(
    at_the_end: bool,
) -> None:
    long = ("x" * (MAX_LABEL + 1),)
    async with running() as f:
        f.jobs.submit(submit("a"), f.listen)
        f.jobs.submit(submit("b"), lambda message: None)
        if at_the_end:
            await f.say(
                Mask("a", 0, None), Result("a", 0, LAYER), Done("a", 0, "foi", 0, keywords=long)
            )
        else:
            await f.say(Progress("a", 0, long[0], 1, 2))  # the engine is told to stop
        failed = f.heard[-1]
        assert isinstance(failed, Failed)
        assert (
            failed.code == "too-large"
            and f"{MAX_LABEL + 1} characters" in failed.sentence
            and failed.remedy
        )
        assert f.engine.asked == ["a", "b"]
        again: list[JobMessage] = []
        f.jobs.resume("a", 0, again.append)
        assert again == [failed]


async def test_cancel_of_a_waiting_a_running_and_an_ended_job() -> None:
    async with running() as f:
        for job in ("a", "b"):
            f.jobs.submit(submit(job), f.listen)
        await f.settle()
        await f.jobs.cancel("b", f.listen)
        assert f.heard[-1] == Cancelled("b", 2)
        await f.jobs.cancel("a", f.listen)
        await f.settle()
        assert f.heard[-1] == Cancelled("a", 2)
        count = len(f.heard)
        await f.jobs.cancel("a", f.listen)
        assert len(f.heard) == count
        assert f.engine.asked == ["a"]
        again: list[JobMessage] = []
        await f.jobs.cancel("a", again.append)  # from another connection: it gets the end
        assert again == [Cancelled("a", 2)]


async def test_the_one_who_has_left_hears_nothing_more() -> None:
    async with running() as f:
        f.jobs.submit(submit("a"), f.listen)
        f.jobs.leave(f.listen)
        await f.say(Done("a", 0, "foi", 0))
        assert [type(m) for m in f.heard] == [Queued]


async def test_results_are_forgotten_when_acknowledged_too_old_too_large_or_too_many() -> None:
    async with running(keep_bytes=1000, keep_seconds=60) as f:
        for job in ("a", "b"):
            await f.edit(job)
        f.jobs.acknowledge("a")
        assert [f.jobs.known(job) for job in "ab"] == [False, True]
        f.now = 30
        await f.edit("c")
        f.now = 61
        f.jobs.forget_old()
        assert [f.jobs.known(job) for job in "bc"] == [False, True]
        await f.edit("d")
        await f.edit("e")  # 1200 bytes are too many: the oldest goes
        assert [f.jobs.known(job) for job in "cde"] == [False, True, True]
        for number in range(MAX_KEPT + 5):
            f.jobs.submit(submit(f"small-{number}"), f.listen)
            await f.say(Failed(f"small-{number}", 0, "x", "y", "z"))
        assert f.jobs.counts() == (0, 0, MAX_KEPT)


async def test_a_running_job_is_never_forgotten_nor_acknowledged() -> None:
    async with running(keep_bytes=1, keep_seconds=1) as f:
        f.jobs.submit(submit("a"), f.listen)
        await f.say(Result("a", 0, LAYER))
        f.now = 1e6
        f.jobs.forget_old()
        f.jobs.acknowledge("a")
        assert f.jobs.known("a")


def test_the_cache_counts_bytes_and_drops_what_was_used_longest_ago() -> None:
    cache = ByteCache(10)
    for key in "abc":
        cache.put(key, b"1234" if key != "c" else b"12")
    assert cache.bytes == 10
    assert cache.get("a") == b"1234"
    cache.put("d", b"1")
    assert ["a" in cache, "b" in cache, "c" in cache, "d" in cache] == [True, False, True, True]
    cache.put("e", bytes(11))
    assert "e" not in cache
    cache.put("a", b"")
    assert cache.bytes == 3
    assert size_of((LAYER, {"x": [b"12"]}, 5, "text", None)) == 402


def test_the_estimate_knows_its_pace_and_earlier_stages() -> None:
    earlier: dict[str, float] = {}
    first = Estimate(earlier)
    first.begin("finding the mask", 0)
    assert first.left(0, 0, 0) is None
    first.begin("denoising", 2)
    assert first.left(0, 10, 2) is None
    assert first.left(5, 10, 12) == pytest.approx(10)
    assert first.finish(22) == {"finding the mask": 2, "denoising": 20}
    second = Estimate(earlier)
    second.begin("finding the mask", 100)
    assert second.left(0, 0, 100.5) == pytest.approx(1.5 + 20)
    assert second.left(1, 2, 101) == pytest.approx(1 + 20)
