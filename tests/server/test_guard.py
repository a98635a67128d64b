"""Every route and the handshake are closed to strangers.

To whoever lacks the token, is a web page, or asks for another host.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from limn.server.app import (
    HEALTH_PATH,
    METRICS_PATH,
    SESSION_PATH,
    STATUS_PATH,
    Access,
    build,
)
from limn.server.bounds import Bounds
from limn.server.cache import ByteCache
from limn.server.cli.client import connect
from limn.server.cli.client_errors import ClientError
from limn.server.door import Door
from limn.server.engine import Start
from limn.server.guard import owner_of
from limn.server.jobs import Jobs
from limn.server.local_engine import LocalEngine, starts_of
from limn.server.metrics import Metrics
from limn.server.model_desk import ModelDesk
from limn.server.session import Context
from limn.server.settings import Settings

from .conftest import Running
from .conftest import Start as StartServer

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
    "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of everything that the application serves."""
    engine = LocalEngine(starts_of(Start(None, "cpu", "info")), 1, 1)
    metrics = Metrics()
    jobs = Jobs(engine, Bounds(1, 1, 1, 1, 1, 1), metrics)
    desk = ModelDesk(Settings(), engine, lambda user: True)
    context = Context(Settings(), engine, jobs, ByteCache(1), metrics, desk)
    app = build(context, Access(frozenset(), owner_of("token")), Door())
    for route in app.router.routes():
        assert route.resource is not None
        yield route.method, route.resource.canonical


async def ask(
    server: Running, path: str, headers: str, method: str = "GET", upgrade: bool = False
) -> int:
    """The status that a request with exactly these header lines gets."""
    reader, writer = await server.dial()
    writer.write(f"{method} {path} HTTP/1.1\r\n{headers}{UPGRADE if upgrade else ''}\r\n".encode())
    try:
        line = await asyncio.wait_for(reader.readline(), 30)
    finally:
        writer.close()
    return int(line.split()[1])


def test_the_routes_are_those_that_are_tested_here() -> None:
    paths = (SESSION_PATH, HEALTH_PATH, METRICS_PATH, STATUS_PATH)
    assert sorted(routes()) == [("GET", path) for path in paths]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Host: {host}\r\n", 401),
        ("Host: {host}\r\nAuthorization: Bearer {wrong}\r\n", 401),
        ("Host: {host}\r\nAuthorization: Bearer \r\n", 401),
        ("Host: {host}\r\nAuthorization: {token}\r\n", 401),
        ("Host: {host}\r\nAuthorization: Basic {token}\r\n", 401),
        ("Host: {host}\r\nAuthorization: Bearer {token}x\r\n", 401),
        ("Host: {host}\r\nAuthorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n", 400),
        ("Host: {host}\r\nCookie: token={token}\r\n", 401),
        ("Host: {host}\r\nAuthorization: Bearer {token}\r\nOrigin: null\r\n", 403),
        ("Host: {host}\r\nAuthorization: Bearer {token}\r\nOrigin: http://{host}\r\n", 403),
        ("Host: {host}\r\nAuthorization: Bearer {token}\r\nOrigin: https://example.com\r\n", 403),
        ("Host: {host}\r\nAuthorization: Bearer {token}\r\nOrigin: \r\n", 403),
        ("Host: {host}\r\nAuthorization: Bearer {token}\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("Host: example.com\r\nAuthorization: Bearer {token}\r\n", 421),
        ("Host: example.com:{port}\r\nAuthorization: Bearer {token}\r\n", 421),
        ("Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n", 421),
        ("Host: 127.0.0.1:1\r\nAuthorization: Bearer {token}\r\n", 421),
        ("Host: 127.0.0.1.example.com:{port}\r\nAuthorization: Bearer {token}\r\n", 421),
        ("Host: {host}\r\nHost: example.com\r\nAuthorization: Bearer {token}\r\n", 400),
        ("Authorization: Bearer {token}\r\n", 400),
    ],
)
async def test_refused(attacked: Running, headers: str, status: int) -> None:
    """400: the HTTP parser itself refuses headers given twice, or no Host at all.

    It may also leave that to the guard.
    """
    names = {
        "host": f"127.0.0.1:{attacked.port}",
        "port": attacked.port,
        "token": attacked.token,
        "wrong": "0" * len(attacked.token),
    }
    lines = headers.format(**names)
    wanted = {400, 401, 421} if status == 400 else {status}
    for path in (SESSION_PATH, STATUS_PATH, HEALTH_PATH, METRICS_PATH, "/no/such/path"):
        for upgrade in (False, True):
            assert await ask(attacked, path, lines, upgrade=upgrade) in wanted, (path, upgrade)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_whoever_has_the_token_gets_in(attacked: Running, host: str) -> None:
    server = attacked
    headers = f"Host: {host}:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
    assert await ask(server, STATUS_PATH, headers) == 200
    assert await ask(server, SESSION_PATH, headers, upgrade=True) == 101
    assert await ask(server, SESSION_PATH, headers) == 400  # no websocket handshake
    assert await ask(server, "/no/such/path", headers) == 404
    assert await ask(server, STATUS_PATH, headers, method="POST") == 405


async def test_a_client_with_a_wrong_token_is_told_what_to_do(attacked: Running) -> None:
    with pytest.raises(ClientError) as caught:
        await connect(replace(attacked.address, token="wrong"))
    assert "401" in caught.value.sentence
    assert "token" in caught.value.remedy


async def test_the_log_has_a_line_for_a_refusal_and_no_token(start_server: StartServer) -> None:
    server = start_server()
    await ask(server, STATUS_PATH, "Host: example.com\r\n")
    assert len(re.findall("request refused because=host", server.log)) == 1
    assert len(re.findall("request refused", server.log)) == 1
    assert server.token not in server.log
