"""Models over the protocol.

Who may, what was agreed to, progress, another one without a restart.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import torch
from safetensors.torch import load_file, save_file

from limn.protocol import PROTOCOL_VERSION, Connection
from limn.protocol.messages import (
    Cancel,
    Cancelled,
    Done,
    GetModels,
    Hello,
    ListModels,
    Message,
    ModelList,
    ModelProgress,
    ModelsDone,
    Queued,
    Resume,
    StopGetting,
    UseLoras,
    UseModels,
    Welcome,
)
from limn.server.model_desk import ModelDesk
from limn.server.models.catalogue import BY_NAME
from limn.server.models.fits import fits_in
from limn.server.models.store import Store
from limn.server.settings import Settings
from limn.server.users import Users

from ..models.hub import Hub
from .conftest import SLOW, Running, start, submit

NAME = "instruct-pix2pix"
AGREED = GetModels((NAME,), (BY_NAME[NAME].licence,), BY_NAME[NAME].source("fp32").size)
PATIENCE = 120


class Talk:
    """One connection, message by message."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.connection = Connection("client")

    async def say(self, message: Message) -> None:
        self.connection.send(message)
        while (frame := self.connection.next_frame()) is not None:
            await (
                self.socket.send_str(frame)
                if isinstance(frame, str)
                else self.socket.send_bytes(frame)
            )

    async def heard(self, *kinds: type[Any]) -> Any:
        """The next message of one of these kinds; None at the connection's end."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self.socket.receive()
                if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return None
                for message in self.connection.receive(frame.data):
                    if isinstance(message, kinds):
                        return message


@asynccontextmanager
async def talk(running: Running) -> AsyncIterator[tuple[Talk, Welcome]]:
    headers = {"Authorization": f"Bearer {running.token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(running.ready["url"], headers=headers) as socket,
    ):
        talking = Talk(socket)
        await talking.say(Hello(PROTOCOL_VERSION, "a test"))
        yield talking, await talking.heard(Welcome)


@pytest.fixture(scope="module")
def hub(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    shutil.copytree(tiny_model / "instruction", folder / "files")
    made = Hub(folder / "files", "timbrooks/instruct-pix2pix", slow=0.02)
    with made.running():
        yield made


@pytest.fixture(scope="module")
def chosen(
    hub: Hub, server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A server with the bundled model, and a hub that has one more."""
    folder = tmp_path_factory.mktemp("chosen")
    (folder / "data").mkdir()
    own = server_environment | {"XDG_DATA_HOME": str(folder / "data"), "HF_ENDPOINT": hub.url}
    running = start([], own, folder)
    yield running
    assert running.stop() == 0 and "Traceback" not in running.log, running.log


async def test_listed_agreed_to_fetched_and_used_without_a_restart(
    chosen: Running, hub: Hub
) -> None:
    async with talk(chosen) as (client, welcome):
        assert welcome.model == "sketchbook"
        await client.say(ListModels())
        listed = await client.heard(ModelList)
        assert listed.may and listed.bundled and not listed.there and not listed.getting
        (entry,) = [one for one in listed.offered if one.name == NAME]
        assert (entry.licence,) == AGREED.licences and entry.size == AGREED.size
        assert entry.page.startswith("https://") and entry.fits and not entry.there
        for wrong in (
            GetModels((NAME,), (), AGREED.size),
            GetModels((NAME,), AGREED.licences, AGREED.size - 1),
            GetModels(("no-such-model",), AGREED.licences, AGREED.size),
            GetModels((), (), 0),
        ):
            await client.say(wrong)
            refused = await client.heard(ModelsDone)
            assert refused.did == "get" and refused.sentence and refused.remedy
        await client.say(UseModels(("not-there",)))
        assert "not-there" in (await client.heard(ModelsDone)).sentence
        assert not hub.asked, "nothing is asked of the hub before somebody has agreed"
        await client.say(AGREED)
        progress = await client.heard(ModelProgress)
        assert progress.name == NAME and 0 <= progress.done < progress.of
        await client.say(ListModels())
        assert (await client.heard(ModelList)).getting == NAME
        await client.say(AGREED)
        assert "already" in (await client.heard(ModelsDone)).sentence
        await client.say(StopGetting())
        assert (await client.heard(ModelsDone)).sentence.startswith("Stopped")
        hub.slow = 0
        await client.say(AGREED)
        ended = await client.heard(ModelsDone)
        assert (ended.did, ended.sentence) == ("get", "")
        assert await client.heard(Welcome) is None, "the connection ends for the new model"
    async with talk(chosen) as (client, welcome):
        assert welcome.model != "sketchbook"
        await client.say(ListModels())
        listed = await client.heard(ModelList)
        assert [(one.name, one.used) for one in listed.there] == [(NAME, True)]
        assert not listed.bundled


async def test_another_model_is_taken_when_the_edit_has_ended_and_the_queue_goes_on(
    chosen: Running,
) -> None:
    async with talk(chosen) as (client, welcome):
        assert welcome.model != "sketchbook"
        await client.say(submit("first", parameters=SLOW))
        await client.heard(Queued)
        await client.say(UseModels(("sketchbook",)))
        assert (await client.heard(ModelsDone)).sentence == ""
        await client.say(submit("second"))
        assert (await client.heard(Queued)).job == "second"
        await client.say(Cancel("first"))
        assert (await client.heard(Cancelled)).job == "first"
        assert await client.heard(Welcome) is None
    async with talk(chosen) as (client, welcome):
        assert welcome.model == "sketchbook"
        await client.say(Resume("second"))
        done = await client.heard(Done)
        assert done.job == "second"


LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


def write_loras(folder: Path, model: Path) -> None:
    """One that fits the model, and a web page in the place of another."""
    folder.mkdir(parents=True)
    (unet,) = (model / "instruction/unet").glob("*.safetensors")
    out, into = load_file(unet)[f"{LAYER}.weight"].shape
    factors = {"lora_A": torch.ones(2, into), "lora_B": torch.ones(out, 2)}
    named = {f"unet.{LAYER}.{name}.weight": value for name, value in factors.items()}
    save_file(named, folder / "ink lines.safetensors")
    (folder / "page.safetensors").write_text("<html>sign in</html>")


async def test_a_lora_is_put_in_and_taken_out(chosen: Running, tiny_model: Path) -> None:
    """From the folder beside the models; what is none, and what is unknown, is told."""
    write_loras(chosen.log_file.parent / "data/limn/loras", tiny_model)
    async with talk(chosen) as (client, _):
        await client.say(UseModels((NAME,)))
        assert (await client.heard(ModelsDone)).sentence == ""
        assert await client.heard(Welcome) is None
    async with talk(chosen) as (client, _):
        await client.say(ListModels())
        listed = await client.heard(ModelList)
        assert [(one.name, one.percent, bool(one.trouble)) for one in listed.loras] == [
            ("ink lines", 0, False),
            ("page", 0, True),
        ]
        wrong = ((("page",), (80,)), (("none",), (80,)), (("ink lines",), ()))
        for names, percents in wrong:
            await client.say(UseLoras(names, percents))
            refused = await client.heard(ModelsDone)
            assert refused.sentence and refused.remedy and refused.did == "use"
        await client.say(UseLoras(("ink lines",), (80,)))
        assert (await client.heard(ModelsDone)).sentence == ""
        assert await client.heard(Welcome) is None
    async with talk(chosen) as (client, welcome):
        assert welcome.model != "sketchbook"
        await client.say(ListModels())
        assert (await client.heard(ModelList)).loras[0].percent == 80
        await client.say(submit("with"))
        assert (await client.heard(Done)).job == "with"
        await client.say(UseLoras((), ()))
        assert (await client.heard(ModelsDone)).sentence == ""


class Nothing:
    """An engine that is never asked."""

    renews = True


def test_who_may(tmp_path: Path) -> None:
    users = Users(tmp_path / "users.json")
    users.add("anna")
    users.add("ben")
    users.allow("anna", True)
    assert [user.models for user in users.everybody()] == [True, False]
    may = {user.name: user.models for user in users.everybody()}.__getitem__
    store = Store(tmp_path / "models")
    desk = ModelDesk(Settings(), Nothing(), may, store)  # type: ignore[arg-type]
    told: list[Any] = []
    for user, wanted in (("ben", AGREED), ("ben", UseModels(("sketchbook",)))):
        asyncio.run(desk.handle(wanted, user, told.append))
    assert all("may not" in one.sentence and one.remedy for one in told) and len(told) == 2
    users.allow("anna", False)
    assert not any(user.models for user in users.everybody())


def test_a_model_that_the_settings_name_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    fixed = ModelDesk(
        Settings(model=tmp_path),
        Nothing(),
        lambda _: True,
        store,  # type: ignore[arg-type]
    )
    told: list[Any] = []
    asyncio.run(fixed.handle(UseModels(("sketchbook",)), "", told.append))
    assert "where it is started" in told[0].sentence


@pytest.mark.parametrize(
    ("gigabytes", "on_cpu", "size", "words"),
    [
        (24, False, 2.13e9, "fits"),
        (4, False, 2.13e9, "fits"),
        (2, False, 2.13e9, "fits, slower"),
        (0.6, False, 2.13e9, "too large"),
        (16, True, 4.27e9, "fits"),
        (6, True, 2.13e9, "too large"),
        (0, False, 2.13e9, ""),
    ],
)
def test_fits_this_card(gigabytes: float, on_cpu: bool, size: float, words: str) -> None:
    said = fits_in(int(gigabytes * 2**30), on_cpu)("instruction", int(size))
    assert said.startswith(words) and bool(said) == bool(words)
    assert fits_in(8 * 2**30, on_cpu)("previews", 10_000_000) == ""
