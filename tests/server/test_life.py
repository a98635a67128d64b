"""A server's life.

Its ready line, its token file, its end with its parent's, and what it says when it can't start.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from limn.protocol import PROTOCOL_VERSION
from limn.protocol.limits import MAX_COUNT, MAX_FRAME_BYTES, MAX_LOGGED
from limn.server.app import SESSION_PATH
from limn.server.cli import servers
from limn.server.cli.client import connect
from limn.server.cli.client_errors import ClientError
from limn.server.settings import Settings, SettingsError, load

from .conftest import ROOT, Running, Start

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and modes of POSIX")


@asynccontextmanager
async def dialled(
    server: Running, compress: int = 0
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A bare websocket, past the guard."""
    http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {server.token}"})
    async with http, http.ws_connect(server.ready["url"], compress=compress) as socket:
        yield socket


def gone(pid: int) -> bool:
    """Whether a process has ended, within a few seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        ):
            return True
        time.sleep(0.1)
    return False


def test_the_ready_line_is_one_line_of_json(server: Running) -> None:
    assert server.ready["ready"] is True
    assert server.ready["url"] == f"ws://127.0.0.1:{server.port}{SESSION_PATH}"
    assert server.ready["version"]
    assert Path(server.ready["token_file"]).is_absolute()


@posix_only
def test_the_token_is_32_random_bytes_in_a_file_for_this_user_only(
    server: Running, start_server: Start, tmp_path: Path
) -> None:
    mine = tmp_path / "folder" / "token"
    mine.parent.mkdir()
    mine.write_text("an older token that everybody could read")
    mine.chmod(0o666)
    other = start_server("--token-file", str(mine))
    for running in (server, other):
        file = Path(running.ready["token_file"])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(bytes.fromhex(running.token)) == 32
    assert other.ready["token_file"] == str(mine)
    assert other.token != server.token
    assert other.stop() == 0
    assert not mine.exists()


@posix_only
def test_a_token_file_that_is_a_link_is_replaced_and_not_followed(
    start_server: Start, tmp_path: Path
) -> None:
    target, link = tmp_path / "precious", tmp_path / "token"
    target.write_text("precious")
    link.symlink_to(target)
    running = start_server("--token-file", str(link))
    assert target.read_text() == "precious"
    assert not link.is_symlink()
    assert len(running.token) == 64


def test_a_token_file_that_is_a_file_of_the_users_is_refused(
    server_environment: dict[str, str], tmp_path: Path
) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("my own " * 100)
    command = [sys.executable, "-m", "limn.server.cli", "serve", "--token-file", str(mine)]
    done = subprocess.run(
        command, env=server_environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2 and "thesis.txt" in done.stderr and "Traceback" not in done.stderr
    assert mine.read_text() == "my own " * 100


async def test_a_server_can_be_found_while_it_runs(
    start_server: Start, server_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", server_environment["XDG_RUNTIME_DIR"])
    running = start_server()
    found, address = servers.find(), running.address
    assert found == address
    assert address.token not in repr(found)
    running.stop()
    assert servers.find() != address


def test_it_ends_with_its_parent_and_takes_the_worker_along(start_server: Start) -> None:
    running = start_server()
    asyncio.run(_hello(running))
    worker = running.worker()
    assert running.stop() == 0
    assert gone(worker)
    assert not Path(running.ready["token_file"]).exists()
    assert "Traceback" not in running.log


async def test_it_ends_at_once_while_a_client_waits_for_a_worker_that_is_starting(
    start_server: Start,
) -> None:
    running = start_server()
    waiting = asyncio.create_task(_hello(running))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    assert await asyncio.to_thread(running.stop) == 0
    assert time.monotonic() - began < Settings().start_seconds / 10
    with pytest.raises(ClientError):
        await waiting
    assert "Traceback" not in running.log


@posix_only
def test_it_ends_when_its_parent_is_killed(
    tiny_model: Path, server_environment: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "import subprocess, sys, time\n"
        "server = subprocess.Popen([sys.executable, '-m', 'limn.server.cli', 'serve', '--model', "
        "sys.argv[1]],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "print(server.stdout.readline(), flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tiny_model)],
        cwd=ROOT,
        env=server_environment,
        stdout=subprocess.PIPE,
        text=True,
        stderr=(tmp_path / "log").open("w"),
    )
    assert parent.stdout is not None
    pid = int(json.loads(parent.stdout.readline())["pid"])
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_workers_threads_leave_the_cores_to_others(start_server: Start) -> None:
    running = start_server()
    asyncio.run(_hello(running))
    assert b"OMP_WAIT_POLICY=PASSIVE" in Path(
        f"/proc/{running.worker()}/environ"
    ).read_bytes().split(b"\0")


@posix_only
def test_a_killed_server_leaves_no_worker_behind(start_server: Start) -> None:
    running = start_server()
    asyncio.run(_hello(running))
    worker = running.worker()
    running.process.kill()
    running.process.wait()
    assert gone(worker)


@posix_only
def test_a_detached_server_outlives_its_input_and_ends_on_a_signal(start_server: Start) -> None:
    running = start_server("--detached")
    assert running.process.stdin is not None
    running.process.stdin.close()
    asyncio.run(_hello(running))
    running.process.send_signal(signal.SIGHUP)
    asyncio.run(_hello(running))
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0


@posix_only
def test_a_closed_terminal_ends_a_server_and_leaves_nothing(start_server: Start) -> None:
    running = start_server()
    running.process.send_signal(signal.SIGHUP)
    assert running.process.wait(30) == 0
    assert not Path(running.ready["token_file"]).exists()


def test_a_taken_port_is_told_in_a_sentence(
    server: Running, server_environment: dict[str, str]
) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "limn.server.cli", "serve", "--port", str(server.port)],
        cwd=ROOT,
        env=server_environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert second.returncode != 0
    assert "port" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_model_that_is_none_is_told_in_a_sentence_before_anything_starts(
    server_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "limn.server.cli", "serve", "--model", str(tmp_path / "empty")],
        cwd=ROOT,
        env=server_environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and not done.stdout
    assert "no model" in done.stderr and "model_index.json" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_handshake_sets_no_compression_and_a_small_frame_limit(server: Running) -> None:
    async with dialled(server, compress=15) as socket:
        assert socket.compress == 0
        await socket.send_bytes(bytes(MAX_FRAME_BYTES + 1))
        message = await socket.receive(30)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
        assert socket.close_code == 1009


async def test_a_broken_frame_gets_words_and_a_clean_close(server: Running) -> None:
    async with dialled(server) as socket:
        await socket.send_str('{"type":"cancel","job":"a"}')
        refused = await socket.receive_json(timeout=30)
        assert refused["type"] == "refused"
        assert refused["code"] == "out-of-order"
        assert refused["sentence"] and refused["remedy"]
        assert (await socket.receive(30)).type == aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1002


async def test_field_names_that_a_client_makes_up_do_not_fill_the_log(start_server: Start) -> None:
    running = start_server()
    async with dialled(running) as socket:
        await socket.send_str(
            json.dumps({"type": "hello"} | {f"{number}{'x' * 5000}": 1 for number in range(90)})
        )
        assert (await socket.receive_json(timeout=30))["code"] == "malformed"
    running.stop()
    assert "connection refused code=malformed" in running.log
    assert len(max(running.log.splitlines(), key=len)) < 2 * MAX_LOGGED


async def test_a_connection_that_can_not_take_an_answer_ends_with_words(server: Running) -> None:
    async with dialled(server) as socket:
        await socket.send_json(
            {"type": "hello", "version": PROTOCOL_VERSION, "client": "at the limit"}
        )
        assert (await socket.receive_json(timeout=60))["type"] == "welcome"
        await socket.send_json(
            {"type": "resume", "job": "unknown", "last_seen": MAX_COUNT}
        )  # the answer's number would be one more
        refused = await socket.receive_json(timeout=30)
        assert (refused["type"], refused["code"]) == ("refused", "too-large")
        assert refused["sentence"] and refused["remedy"]
        assert (await socket.receive(30)).type == aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1009


def test_settings_come_from_file_environment_and_command_line_in_this_order(tmp_path: Path) -> None:
    file = tmp_path / "limn.toml"
    file.write_text("port = 5001\nmax_jobs = 3\nkeep_seconds = 60\ndetached = true\n")
    settings = load({"port": 5003, "host": None}, file, {"LIMN_PORT": "5002", "LIMN_MAX_JOBS": "4"})
    assert settings == Settings(port=5003, max_jobs=4, keep_seconds=60.0, detached=True)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("prot = 1", "There is no setting 'prot'"),
        ("port = 'many'", "port can't be 'many'"),
        ("port = 70000", "70000"),
        ("host = '0.0.0.0'", "host_names"),
        ("host = 'two words'", "no host name"),
        ("tls_cert = '/x'", "go together"),
        ("workers = 0", "above 0"),
        ("log_level = 'loud'", "loud"),
        ("max_jobs = 0", "above 0"),
        ("detached = 'perhaps'", "detached"),
        ("model = '/no/such/folder'", "does not exist"),
        ("port = ", "not valid TOML"),
    ],
)
def test_bad_settings_are_told_in_a_sentence(tmp_path: Path, text: str, part: str) -> None:
    file = tmp_path / "limn.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=part):
        load({}, file, {})


async def _hello(running: Running) -> None:
    await (await connect(running.address)).close()
