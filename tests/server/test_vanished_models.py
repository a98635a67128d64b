"""A model whose files go, or are cut off, while a server has it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from limn.protocol.messages import (
    Done,
    Failed,
    ListModels,
    ModelList,
    ModelsDone,
    Progress,
    UseModels,
    Welcome,
)
from limn.server.models.store import Store

from .conftest import SLOW, Running, start, submit
from .test_model_desk import Talk, talk


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model that may be broken, added to a store and in use there."""
    place = Path(shutil.copytree(tiny_model / "instruction", tmp_path / "mine"))
    store = Store(tmp_path / "data" / "limn" / "models")
    store.use([store.add(place).name])
    return place


@pytest.fixture
def environment(server_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return server_environment | {"XDG_DATA_HOME": str(tmp_path / "data")}


async def painting(client: Talk) -> None:
    """Until the running edit has its network."""
    while (await client.heard(Progress)).step < 2:
        pass


def ended(running: Running) -> None:
    assert running.stop() == 0 and "Traceback" not in running.log, running.log


async def test_one_that_is_gone_is_told_and_another_chosen(
    model: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """By the menu alone: the server starts, and says what is wrong."""
    shutil.move(model, tmp_path / "elsewhere")
    running = start([], environment, tmp_path)
    async with talk(running) as (client, welcome):
        assert welcome.model == "mine"
        for algorithm in welcome.algorithms:
            assert f"no file or folder {model}" in algorithm.unavailable
            assert "moved or deleted" in algorithm.unavailable
        await client.say(submit("refused"))
        failed = await client.heard(Failed)
        assert (failed.code, str(model) in failed.sentence) == ("absent", True)
        await client.say(ListModels())
        listed = await client.heard(ModelList)
        (mine,) = listed.there
        assert listed.may and mine.used and str(model) in mine.trouble
        await client.say(UseModels(("mine",)))
        assert str(model) in (await client.heard(ModelsDone)).sentence
        shutil.move(tmp_path / "elsewhere", model)
        await client.say(UseModels(("mine",)))
        assert (await client.heard(ModelsDone)).sentence == ""
        assert await client.heard(Welcome) is None
    async with talk(running) as (client, welcome):
        assert not welcome.algorithms[0].unavailable
        await client.say(submit("taken"))
        assert (await client.heard(Done)).job == "taken"
    ended(running)


async def test_one_that_is_removed_on_the_command_line_is_let_go(
    model: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """While an edit runs and another waits: both are finished, then it is let go."""
    running = start([], environment, tmp_path)
    async with talk(running) as (client, welcome):
        assert welcome.model != "sketchbook"
        await client.say(submit("running", parameters={"steps": 12}))
        await painting(client)
        await client.say(submit("waiting"))
        Store(tmp_path / "data" / "limn" / "models").remove("mine")
        shutil.rmtree(model)
        assert {(await client.heard(Done)).job for _ in range(2)} == {"running", "waiting"}
        await client.say(ListModels())
        listed = await client.heard(ModelList)
        assert listed.bundled and not listed.there
        assert await client.heard(Welcome) is None, "the connection ends for the new model"
    async with talk(running) as (_, welcome):
        assert welcome.model == "sketchbook"
    ended(running)


async def test_one_that_is_cut_off_under_an_edit(
    model: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The system ends the worker (SIGBUS). It is said why, and how it goes on."""
    running = start([], environment, tmp_path)
    unet = model / "unet" / "diffusion_pytorch_model.safetensors"
    content = unet.read_bytes()
    async with talk(running) as (client, _):
        await client.say(submit("cut", parameters=SLOW))
        await painting(client)
        os.truncate(unet, 0)
        failed = await client.heard(Failed)
        assert (failed.code, "cut off" in failed.sentence) == ("worker-died", True)
        assert "limn models verify" in failed.remedy
        await client.say(submit("still"))
        failed = await client.heard(Failed)
        assert (failed.code, str(unet) in failed.sentence) == ("empty-file", True)
        unet.write_bytes(content)
        await client.say(UseModels(("mine",)))
        assert (await client.heard(ModelsDone)).sentence == ""
        assert await client.heard(Welcome) is None
    async with talk(running) as (client, _):
        await client.say(submit("whole"))
        assert (await client.heard(Done)).job == "whole"
    ended(running)
