"""Jobs that wait, and unfetched results, survive the server's restart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from limn.protocol.messages import Done, Failed, JobMessage, Mask, Pixels, Region, Result
from limn.server.cli.client import connect
from limn.server.job_store import JobStore, folder_of
from limn.server.settings import Settings, SettingsError

from .conftest import SLOW, Start, submit

LAYER = Region(0, 0, Pixels(10, 10, "rgba8", os.urandom(400)))
ENDED = [Result("done", 3, LAYER), Done("done", 4, "foi", 0)]


def stored(folder: Path) -> JobStore:
    """A folder with one job that waits and one that has ended."""
    store = JobStore(folder)
    store.keep("anna", "waits", False, [submit("waits")])
    store.keep("", "done", False, [submit("done")])
    store.keep("", "done", True, ENDED)
    store.keep("", "gone", True, ENDED)
    store.forget("", "gone")
    return store


def test_what_was_kept_comes_back_in_its_order(tmp_path: Path) -> None:
    stored(tmp_path / "jobs").close()
    store = JobStore(tmp_path / "jobs")
    waits, done = store.load(2**20)
    assert (waits.user, waits.id, waits.ended) == ("anna", "waits", None)
    assert waits.messages == (submit("waits"),)
    assert (done.user, done.id) == ("", "done") and done.ended is not None
    assert done.messages == tuple(ENDED)
    store.close()
    for file in (tmp_path / "jobs").glob("*.job"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_cut_off_or_changed_is_never_served(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    stored(folder).close()
    whole = {file: file.read_bytes() for file in folder.glob("*.job")}
    (folder / "left.new").write_bytes(b"half")
    for file, content in whole.items():
        step = max(1, len(content) // 40)
        for place in [*range(0, len(content), step), len(content) - 1]:
            changed = bytearray(content)
            changed[place] ^= 1
            for damaged in (content[:place], changed, content[:place] + content[place + 1 :]):
                file.write_bytes(damaged)
                store = JobStore(folder)
                assert len(store.load(2**20)) == len(whole) - 1 and not file.exists()
                store.close()
        file.write_bytes(content)
    assert not (folder / "left.new").exists()


def test_the_folder_is_bounded_and_has_one_owner(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    store = stored(folder)
    with pytest.raises(SettingsError, match="Another server"):
        JobStore(folder)
    store.close()
    store = JobStore(folder)
    assert store.load(100) == [] and not list(folder.glob("*.job"))
    store.close()
    folder.chmod(0o755)
    with pytest.raises(SettingsError, match="open to other users"):
        JobStore(folder)


def test_who_keeps_jobs_without_being_told(tmp_path: Path) -> None:
    assert folder_of(Settings(port=4000), 4000) is None
    there = folder_of(Settings(host="192.168.0.5", port=4000), 4000)
    assert there is not None and there.name == "4000"
    assert folder_of(Settings(host="192.168.0.5"), 4001) is None
    assert folder_of(Settings(jobs_folder=tmp_path), 4001) == tmp_path


async def until(messages: AsyncIterator[JobMessage], kind: type) -> list[JobMessage]:
    """What is said up to a message of this kind."""
    said = []
    async for message in messages:
        said.append(message)
        if isinstance(message, kind):
            return said
    raise AssertionError(f"it ended without: {said[-1]}")


async def test_a_killed_server_goes_on_where_it_was(start_server: Start, tmp_path: Path) -> None:
    folder = ("--jobs-folder", str(tmp_path / "jobs"))
    first = start_server(*folder)
    lost = await connect(first.address)
    result = await until(lost.submit(submit("fetched-later")), Done)
    running = lost.submit(submit("running", parameters=SLOW | {"steps": 60}))
    begun = [await anext(running) for _ in range(4)]
    waiting = lost.submit(submit("waiting"))
    queued = await anext(waiting)
    await asyncio.sleep(0.5)
    first.process.kill()
    first.process.wait()
    await lost.close()
    second = start_server(*folder)
    async with await connect(second.address) as session:

        async def resumed(job: str, seen: int) -> list[JobMessage]:
            return [message async for message in session.resume(job, seen)]

        again = await resumed("fetched-later", 0)
        assert [m for m in again if isinstance(m, (Result, Mask, Done))] == [
            m for m in result if isinstance(m, (Result, Done)) or (isinstance(m, Mask) and m.final)
        ]
        ended = await asyncio.gather(
            resumed("running", begun[-1].seq), resumed("waiting", queued.seq)
        )
        assert [type(said[-1]) for said in ended] == [Done, Done]
        assert all(message.seq > begun[-1].seq for message in ended[0])
        forgotten = await resumed("fetched-later", 0)  # it was acknowledged
        assert isinstance(forgotten[-1], Failed) and forgotten[-1].code == "unknown-job"
    second.stop()
    assert not list((tmp_path / "jobs").glob("*.job"))
    assert "Traceback" not in second.log
