"""Edits that are cancelled, or whose worker, server or connection dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from limn.protocol.messages import (
    FINAL,
    Cancelled,
    Done,
    Failed,
    JobMessage,
    Mask,
    Preview,
    Progress,
    Queued,
    Result,
)
from limn.server.cli.client import ClientSession, connect
from limn.server.cli.client_errors import ConnectionLost

from .conftest import SLOW, Running, Start, picture, run, submit

pytestmark = pytest.mark.timeout(600)  # a worker imports torch, which takes a busy machine a minute


async def until(
    messages: AsyncIterator[JobMessage], kind: type[JobMessage], least: int = 0
) -> JobMessage:
    """Read on until a message of a kind (for progress: of at least this step)."""
    async for message in messages:
        assert not isinstance(message, FINAL) or isinstance(message, kind), message
        if isinstance(message, kind) and (
            not isinstance(message, Progress) or message.step >= least
        ):
            return message
    raise AssertionError("ended too early")


async def test_cancel_stops_a_running_job(session: ClientSession) -> None:
    messages = session.submit(submit("cancel", parameters=SLOW))
    await until(messages, Progress, least=2)
    await session.cancel("cancel")
    steps = [
        message.step
        async for message in messages
        if isinstance(message, (Progress, Cancelled)) and isinstance(message, Progress)
    ]
    assert not steps or steps[-1] < 100  # of 320
    assert isinstance(
        (await run(session, submit("cancel")))[-1], Done
    )  # the same name again: an old cancel does not stop it


async def test_cancel_takes_a_waiting_job_out_of_the_queue(session: ClientSession) -> None:
    first = session.submit(submit("first", parameters=SLOW))
    await until(first, Queued)
    second = session.submit(submit("second"))
    queued = await until(second, Queued)
    assert isinstance(queued, Queued) and queued.ahead == 1
    await session.cancel("second")
    assert isinstance(await until(second, Cancelled), Cancelled)
    await session.cancel("first")
    assert isinstance(await until(first, Cancelled), Cancelled)


async def test_a_queue_full_of_pictures_refuses_in_a_sentence(
    start_server: Start, tmp_path: Path
) -> None:
    (tmp_path / "limn.toml").write_text(
        "queue_bytes = 20000\n"
    )  # a picture of 64 x 64 pixels takes 16,384
    running = start_server("--settings", str(tmp_path / "limn.toml"))
    async with await connect(running.address) as session:
        first = session.submit(submit("large", parameters=SLOW))
        await until(first, Progress, least=1)
        failed = (await run(session, submit("too-much", pixels=picture(40, 40))))[-1]
        assert isinstance(failed, Failed) and failed.code == "busy"
        assert "memory" in failed.sentence and failed.remedy
        await session.cancel("large")
        assert isinstance(await until(first, Cancelled), Cancelled)


async def test_cancel_of_an_unknown_job_is_answered(session: ClientSession) -> None:
    await session.cancel("never-heard-of")
    inbox = session._jobs.setdefault("never-heard-of", asyncio.Queue())
    assert isinstance(await asyncio.wait_for(inbox.get(), 30), Cancelled)


async def test_a_killed_worker_fails_its_job_in_a_sentence_and_a_fresh_one_serves_the_next(
    session: ClientSession, server: Running
) -> None:
    messages = session.submit(submit("killed", parameters=SLOW))
    await until(messages, Progress, least=2)
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    failed = await until(messages, Failed)
    assert isinstance(failed, Failed)
    assert failed.code == "worker-died"
    assert failed.sentence and failed.remedy
    assert isinstance((await run(session, submit("after-kill")))[-1], Done)
    assert server.worker() != worker


async def test_a_worker_that_dies_between_jobs_is_not_noticed(
    session: ClientSession, server: Running
) -> None:
    await run(session, submit("before-death"))
    os.kill(server.worker(), signal.SIGKILL)
    await asyncio.sleep(0.5)
    assert isinstance((await run(session, submit("after-death")))[-1], Done)


async def test_cancel_while_a_fresh_worker_is_starting(
    session: ClientSession, server: Running
) -> None:
    await run(session, submit("before-start"))
    os.kill(server.worker(), signal.SIGKILL)
    await asyncio.sleep(0.5)
    messages = session.submit(submit("starting"))
    await until(messages, Queued)
    await session.cancel("starting")
    assert isinstance(await until(messages, Cancelled), Cancelled)
    assert isinstance((await run(session, submit("after-start")))[-1], Done)


async def test_a_job_survives_a_dropped_connection(server: Running) -> None:
    first = await connect(server.address)
    messages = first.submit(submit("dropped", parameters={"steps": 20}))
    await until(messages, Progress, least=1)
    seen = first.last_seen("dropped")
    assert first._socket._response.connection is not None
    transport = first._socket._response.connection.transport
    assert transport is not None
    transport.abort()  # type: ignore[attr-defined]  # no goodbye, as when a cable is pulled
    with pytest.raises(ConnectionLost):
        await until(messages, Done)
    await first.close()
    async with await connect(server.address) as second:
        rest = [message async for message in second.resume("dropped", seen)]
        assert isinstance(rest[-1], Done)
        assert any(isinstance(message, Result) for message in rest)
        assert all(message.seq > seen for message in rest)
    async with await connect(server.address) as third:  # acknowledged: forgotten
        (unknown,) = [message async for message in third.resume("dropped")]
        assert isinstance(unknown, Failed) and unknown.code == "unknown-job"


async def test_an_ended_job_is_kept_until_it_is_acknowledged(server: Running) -> None:
    async with await connect(server.address) as first:
        await until(first.submit(submit("kept")), Done)  # not read beyond its end: not acknowledged
    for _ in range(2):
        async with await connect(server.address) as session:
            messages = []
            async for message in session.resume("kept"):
                messages.append(message)
                if isinstance(message, Done):
                    break
            assert {type(message) for message in messages} >= {Mask, Result, Done}
            assert not any(isinstance(message, (Preview, Progress)) for message in messages)


async def test_a_server_that_is_killed_and_comes_back_says_that_it_does_not_know_the_job(
    start_server: Start,
) -> None:
    first = start_server()
    session = await connect(first.address)
    messages = session.submit(submit("lost", parameters=SLOW))
    await until(messages, Progress, least=1)
    seen = session.last_seen("lost")
    first.process.kill()
    with pytest.raises(ConnectionLost):
        await until(messages, Done)
    await session.close()
    second = start_server()
    async with await connect(second.address) as session:
        (failed,) = [message async for message in session.resume("lost", seen)]
        assert isinstance(failed, Failed) and failed.code == "unknown-job"
        assert isinstance((await run(session, submit("lost")))[-1], Done)


async def test_the_log_has_no_instruction_and_no_pixels(start_server: Start) -> None:
    secret = "make the square zanzibar"
    for level in ("info", "debug"):
        running = start_server("--log-level", level)
        async with await connect(running.address) as session:
            await run(session, submit("logged", secret))
            await run(session, submit("refused", secret, parameters={"steps": 100_000}))
        running.stop()
        assert "queued job=logged algorithm=foi size=64x64" in running.log
        assert ("zanzibar" in running.log) == (level == "debug")
        assert running.ready["token_file"] and len(max(running.log.splitlines(), key=len)) < 500
