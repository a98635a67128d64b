"""A server that several users share.

TLS, tokens, turns, and nobody sees another's edits.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from limn.protocol import remote
from limn.protocol.messages import Cancelled, Done, Failed, Missing, Queued
from limn.server import tls
from limn.server.app import HEALTH_PATH, METRICS_PATH, SESSION_PATH
from limn.server.cli.client import connect
from limn.server.cli.client_errors import ClientError
from limn.server.cli.servers import Address
from limn.server.settings import Settings, SettingsError
from limn.server.users import Users, UsersError

from .conftest import ROOT, SLOW, Running, run, start, submit


class Shared:
    """A server with TLS on loopback, and its users."""

    def __init__(self, running: Running, users: Users) -> None:
        self.running = running
        self.users = users
        self.fingerprint = remote.fingerprint_of(running.ready["fingerprint"])

    def add(self, name: str) -> Address:
        """A new user's address of the server."""
        return self.with_token(self.users.add(name))

    def with_token(self, token: str) -> Address:
        return Address(self.running.ready["url"], token, fingerprint=self.fingerprint)


@pytest.fixture(scope="module")
def shared(
    tiny_model: Path, server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """One for a whole file of tests.

    Two workers, and three jobs at a time for each user.
    """
    folder = tmp_path_factory.mktemp("shared")
    certificate, key = folder / "tls/certificate.pem", folder / "tls/key.pem"
    tls.make(certificate, key, ["127.0.0.1", "localhost"])
    users = Users(folder / "users.json")
    users.add("anna")
    users.revoke("anna")
    users.add("keeper")
    settings = folder / "limn.toml"
    settings.write_text("user_jobs = 3\nuser_connections = 2\nworkers = 2\n")
    arguments = ["--model", str(tiny_model), "--device", "cpu", "--settings", str(settings)]
    arguments += ["--tls-cert", str(certificate), "--tls-key", str(key)]
    running = start([*arguments, "--users-file", str(users.file)], server_environment, folder)
    yield Shared(running, users)
    assert running.stop() == 0, running.log
    assert "Traceback" not in running.log


async def test_an_edit_over_tls_by_two_users_at_a_time(shared: Shared) -> None:
    async with (
        await connect(shared.add("one")) as one,
        await connect(shared.add("two")) as two,
    ):
        assert one.welcome.device == "2 x CPU"
        first, second = await asyncio.gather(
            run(one, submit("same-id")), run(two, submit("same-id", seed=1))
        )
        assert isinstance(first[-1], Done) and isinstance(second[-1], Done)
        assert (first[-1].seed, second[-1].seed) == (0, 1)  # two jobs, though they have one name
    log = shared.running.log
    assert "job=one/same-id" in log and "job=two/same-id" in log
    assert "make the square blue" not in log


async def test_nobody_reads_cancels_resumes_or_acknowledges_anothers_job(shared: Shared) -> None:
    async with (
        await connect(shared.add("owner")) as owner,
        await connect(shared.add("thief")) as thief,
    ):
        heard = []
        async for message in owner.submit(submit("secret", parameters=SLOW)):
            heard.append(message)
            if len(heard) == 2:
                stolen = [said async for said in thief.resume("secret")]
                assert [type(said) for said in stolen] == [Failed]
                assert isinstance(stolen[0], Failed) and stolen[0].code == "unknown-job"
                await thief.drop("secret", 5)  # cancels, hears that, and acknowledges
                await owner.cancel("secret")
        assert isinstance(heard[-1], Cancelled)
        assert len(heard) > 2  # it was the owner's cancel that ended it, not the thief's


async def test_pictures_that_another_has_sent_are_not_held_for_whoever_names_them(
    shared: Shared,
) -> None:
    asked = submit("first")
    async with await connect(shared.add("sender")) as sender:
        assert isinstance((await run(sender, asked))[-1], Done)
        again = [m async for m in sender.submit(submit("second", pixels=asked.pixels.held()))]
        assert isinstance(again[-1], Done)
    async with await connect(shared.add("guesser")) as guesser:
        guessed = [m async for m in guesser.submit(submit("guess", pixels=asked.pixels.held()))]
        assert [type(message) for message in guessed] == [Missing]


async def test_a_user_who_fills_the_queue_is_stopped_and_others_take_their_turn(
    shared: Shared,
) -> None:
    async with (
        await connect(shared.add("greedy")) as greedy,
        await connect(shared.add("modest")) as modest,
    ):

        async def ask(number: int) -> list[object]:
            return [m async for m in greedy.submit(submit(f"many-{number}", parameters=SLOW))]

        many = [asyncio.create_task(ask(number)) for number in range(4)]
        refused = (await asyncio.wait(many, timeout=60, return_when="FIRST_COMPLETED"))[0]
        (failed,) = refused.pop().result()
        assert isinstance(failed, Failed) and failed.code == "busy" and "yours" in failed.sentence
        async for first in modest.submit(submit("one", parameters=SLOW)):
            assert isinstance(first, Queued) and first.ahead <= 2
            break
        for number in range(4):
            await greedy.cancel(f"many-{number}")
        await modest.drop("one", 30)
        await asyncio.gather(*many)


async def test_a_revoked_user_is_put_out_and_the_edit_ends(shared: Shared) -> None:
    address = shared.add("leaver")
    async with await connect(address) as leaver:
        with pytest.raises(ClientError):
            async for _ in leaver.submit(submit("left", parameters=SLOW)):
                if "leaver" in {user.name for user in shared.users.everybody()}:
                    shared.users.revoke("leaver")
    with pytest.raises(ClientError, match="401"):
        await connect(address)
    again = shared.add("leaver")  # the same name, another token
    async with await connect(again) as back:
        stale = [message async for message in back.resume("left")]
        assert isinstance(stale[-1], Failed) and stale[-1].code == "unknown-job"


async def test_a_user_has_so_many_connections_and_no_more(shared: Shared) -> None:
    address = shared.add("doubled")
    async with await connect(address), await connect(address):
        with pytest.raises(ClientError, match="connections"):
            await connect(address)


@pytest.mark.parametrize("fingerprint", ["", "0" * 64])
async def test_another_certificate_than_the_trusted_one_gets_nothing(
    shared: Shared, fingerprint: str
) -> None:
    token = shared.users.add(f"careful{len(fingerprint)}")
    with pytest.raises(ClientError) as caught:
        await connect(Address(shared.running.ready["url"], token, fingerprint=fingerprint))
    assert caught.value.code == "certificate"
    assert shared.running.ready["fingerprint"] in caught.value.sentence


async def test_what_has_no_tls_a_page_a_foreign_host_or_no_token_gets_nothing(
    shared: Shared,
) -> None:
    port = shared.running.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {SESSION_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    with suppress(ConnectionError):
        assert b"HTTP" not in await asyncio.wait_for(reader.read(), 10)  # a TLS alert at most
    writer.close()
    token = shared.users.add("pages")
    right = {"Authorization": f"Bearer {token}"}
    trusted = aiohttp.Fingerprint(bytes.fromhex(shared.fingerprint))
    async with aiohttp.ClientSession(f"https://127.0.0.1:{port}") as http:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            (right | {"Origin": f"https://127.0.0.1:{port}"}, 403),
            (right | {"Host": "example.com"}, 421),
            (right | {"Host": f"LOCALHOST:{port}"}, 200),
        ):
            for path in (HEALTH_PATH, METRICS_PATH):
                async with http.get(path, headers=headers, ssl=trusted) as answer:
                    assert answer.status == status, (headers, path)
    assert "request refused because=token address=127.0.0.1" in shared.running.log
    assert token not in shared.running.log


async def test_strangers_in_the_middle_of_a_handshake_shut_nobody_out(shared: Shared) -> None:
    hung = [await asyncio.open_connection("127.0.0.1", shared.running.port) for _ in range(100)]
    try:
        async with await connect(shared.add("owner-of-the-card")) as session:
            assert isinstance((await run(session, submit("beside-strangers")))[-1], Done)
    finally:
        for _, writer in hung:
            writer.close()


async def test_health_and_metrics_tell_numbers_and_no_words(shared: Shared) -> None:
    address = shared.add("watcher")
    async with await connect(address) as session:
        await run(session, submit("counted", "make the square purple"))
    trusted = aiohttp.Fingerprint(bytes.fromhex(shared.fingerprint))
    headers = {"Authorization": f"Bearer {address.token}"}
    base = f"https://127.0.0.1:{shared.running.port}"
    async with aiohttp.ClientSession(base, headers=headers) as http:
        async with http.get(HEALTH_PATH, ssl=trusted) as answer:
            health = await answer.json()
        async with http.get(METRICS_PATH, ssl=trusted) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            text = await answer.text()
    assert health["healthy"] and [one["device"] for one in health["workers"]] == ["CPU", "CPU"]
    assert 'limn_jobs_ended_total{code="",end="done",user="watcher"} 1.0' in text
    assert re.search(r'limn_stage_seconds_count\{stage="denoising"\} [1-9]', text)
    assert re.search(r'limn_picture_bytes_total\{direction="received"\} [1-9]', text)
    assert 'limn_jobs{state="waiting"} 0.0' in text
    assert "purple" not in text and address.token not in text


def test_users_on_the_command_line(server_environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "users.json"

    def limn(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "limn.server.cli", "users", *arguments]
        return subprocess.run(
            [*command, "--users-file", str(file)],
            cwd=ROOT, env=server_environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    token = limn("add", "anna").stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    assert file.stat().st_mode & 0o777 == 0o600 and token not in file.read_text()
    assert "anna" in limn("list").stdout
    for arguments in (("add", "anna"), ("add", "a/b"), ("revoke", "nobody")):
        wrong = limn(*arguments)
        assert wrong.returncode == 2 and "Traceback" not in wrong.stderr and wrong.stderr
    assert limn("revoke", "anna").returncode == 0
    assert "anna" not in limn("list").stdout


@pytest.mark.parametrize("text", ["", "[]", "{", '{"users": [{"name": "../x"}]}', "[" * 5000])
def test_a_users_file_that_is_damaged_or_open_lets_nobody_in(tmp_path: Path, text: str) -> None:
    users = Users(tmp_path / "users.json")
    token = users.add("anna")
    assert users.who(token) is not None
    whole = users.file.read_text()
    users.file.write_text(text)
    assert users.who(token) is None
    with pytest.raises(UsersError):
        users.everybody()
    users.file.write_text(whole)
    assert users.who(token) is not None
    users.file.chmod(0o644)
    users.file.write_text(whole + " ")
    assert users.who(token) is None


def test_a_server_for_others_wants_a_certificate_and_users_before_it_starts(
    server_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = server_environment | {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "limn.server.cli", "serve", *arguments],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    bare = serve("--host", "0.0.0.0")
    assert bare.returncode == 2 and "host_names" in bare.stderr
    everywhere = ("--host", "0.0.0.0", "--host-names", "desk.lan")
    uncertified = serve(*everywhere)
    assert uncertified.returncode == 2 and "--make-certificate" in uncertified.stderr
    made = serve(*everywhere, "--make-certificate")
    assert made.returncode == 0 and re.search(
        r"fingerprint: [0-9A-F]{2}(:[0-9A-F]{2}){31}", made.stdout
    )
    key = Path(re.search(r"key: (.*)", made.stdout)[1])  # type: ignore[index]
    assert key.stat().st_mode & 0o777 == 0o600
    assert serve(*everywhere, "--make-certificate").returncode == 2  # it replaces none
    unknown = serve(*everywhere)
    assert unknown.returncode == 2 and "limn users add" in unknown.stderr
    key.chmod(0o644)
    assert "open to other users" in serve(*everywhere).stderr
    for result in (bare, uncertified, made, unknown):
        assert "Traceback" not in result.stderr


def test_limn_edit_reaches_a_server_by_its_fingerprint(
    shared: Shared, server_environment: dict[str, str], tmp_path: Path
) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "picture.png")
    token = tmp_path / "desk.token"
    token.touch(mode=0o600)
    token.write_text(shared.users.add("painter"))

    def edit(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "limn.server.cli", "edit", str(tmp_path / "picture.png")]
        command += ["make it blue", "--set", "steps=4", "--out", str(tmp_path / "out")]
        command += ["--server", f"https://localhost:{shared.running.port}"]
        return subprocess.run(
            [*command, "--token-file", str(token), *more],
            cwd=ROOT, env=server_environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    untrusted = edit()
    assert untrusted.returncode == 3
    assert shared.running.ready["fingerprint"] in " ".join(untrusted.stderr.split())
    done = edit("--fingerprint", shared.running.ready["fingerprint"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/result.png").is_file()


def test_a_certificate_and_a_key_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tls.make(tmp_path / f"{name}.pem", tmp_path / f"{name}.key", ["localhost", "::1"])
    assert isinstance(tls.context(tmp_path / "a.pem", tmp_path / "a.key"), ssl.SSLContext)
    for certificate, key in (("a.pem", "b.key"), ("a.key", "a.key"), ("none", "a.key")):
        with pytest.raises(SettingsError):
            tls.context(tmp_path / certificate, tmp_path / key)
    with pytest.raises(SettingsError, match="go together"):
        Settings(tls_cert=tmp_path / "a.pem")


def test_a_fingerprint_is_printed_as_it_is() -> None:
    from limn.server.cli.exits import err

    with err.capture() as printed:
        err.print("59:CD:23")  # ":CD:" is the name of an emoji
    assert printed.get().strip() == "59:CD:23"
