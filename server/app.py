"""The server's beginning and end.

Routes, the guard before every one of them, the ready line, and its end with its parent's.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler, Middleware

from limn.protocol import announcement, limits

from . import __version__
from .cache import ByteCache
from .door import ACCEPTED_AT_ONCE, WAITING_OUTSIDE, Door, trouble_in_one_line
from .engine import EngineError, LocalEngine, Start
from .jobs import Jobs
from .log import begin as begin_log
from .session import Context, ServerSession
from .settings import Settings, SettingsError, runtime_folder

log = logging.getLogger("limn.app")

SESSION_PATH = "/limn/v1"
STATUS_PATH = "/limn/v1/status"

TOKEN_BYTES = 32
"""256 bits: nobody guesses that, however often they try."""

ANSWER_SECONDS = 1.0
"""For a server on this machine to take a connection."""

SHORT_BYTES = 256
"""A token's file has at most so many bytes.

It has 64; a longer one is something else, and is not replaced.
"""

MAX_BODY_BYTES = 1024
"""No route reads a body; this is what aiohttp may buffer before it says so."""

MAX_HEADERS, MAX_HEADER_BYTES = 32, 4096
"""Headers of a request, and bytes of one of them.

An honest request has ten, the longest of some hundred bytes.
"""

IDLE_SECONDS = 30.0
"""How long a connection that has shown the token is kept for its next request."""

SHUTDOWN_SECONDS = 5.0
"""How long open connections may take to notice that the server stops."""


async def serve(settings: Settings) -> None:
    """Runs the server until its parent ends or it is told to stop.

    A parent's end closes standard input; SIGINT and SIGTERM stop.
    """
    begin_log(settings.log_level)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    asyncio.get_running_loop().set_exception_handler(trouble_in_one_line)
    stop = asyncio.Event()
    _stop_on_signals(stop, settings.detached)
    if not settings.detached:
        _stop_with_parent(stop)
    start = Start(settings.model, settings.device, settings.log_level, settings.captioner)
    engine = LocalEngine(start, settings.start_seconds, settings.cancel_seconds)
    jobs = Jobs(
        engine, settings.max_jobs, settings.queue_bytes, settings.keep_bytes, settings.keep_seconds
    )
    context = Context(settings, engine, jobs, ByteCache(settings.picture_bytes))
    listener = _listen(settings)
    port = listener.getsockname()[1]
    token = _token(settings)
    door = Door()
    runner = web.AppRunner(
        build(context, port, token, door),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        auto_decompress=False,  # no route reads a body, and inflating one would stall all others
        lingering_time=0,  # nor is what is left of a body waited for
        keepalive_timeout=IDLE_SECONDS,
        max_headers=MAX_HEADERS,
        max_field_size=MAX_HEADER_BYTES,
        max_line_size=MAX_HEADER_BYTES,
    )
    await runner.setup()
    assert runner.server is not None
    site = await asyncio.get_running_loop().create_server(
        door.watched(runner.server), sock=listener, backlog=ACCEPTED_AT_ONCE
    )
    listener.listen(WAITING_OUTSIDE)
    tasks = [asyncio.create_task(work) for work in (jobs.run(), jobs.sweep(), _warm(engine))]
    try:
        with _announced(settings, port, token):
            await stop.wait()
    finally:
        log.info("stopping")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.close()
        site.close()
        await runner.cleanup()


def build(context: Context, port: int, token: str, door: Door) -> web.Application:
    """The application: two routes, guarded as one."""
    sockets: set[web.WebSocketResponse] = set()

    async def session(request: web.Request) -> web.StreamResponse:
        if len(sockets) >= context.settings.max_connections:
            raise web.HTTPServiceUnavailable(text="Too many connections.\n")
        ws = web.WebSocketResponse(
            compress=False,
            max_msg_size=limits.MAX_FRAME_BYTES,
            heartbeat=context.settings.heartbeat_seconds,
            timeout=5.0,
        )
        await ws.prepare(request)
        sockets.add(ws)
        try:
            await ServerSession(ws, context).run()
        finally:
            sockets.discard(ws)
            log.info("disconnected connections=%d", len(sockets))
        return ws

    async def status(request: web.Request) -> web.StreamResponse:
        waiting, running, kept = context.jobs.counts()
        return web.json_response(
            {"version": __version__, "waiting": waiting, "running": running, "kept": kept}
        )

    async def say_goodbye(app: web.Application) -> None:
        for ws in list(sockets):
            await ws.close(code=WSCloseCode.GOING_AWAY, message=b"The server stops.")

    app = web.Application(
        middlewares=[_guard(port, token, door, context.settings.tunnel_port)],
        client_max_size=MAX_BODY_BYTES,
    )
    app.router.add_get(SESSION_PATH, session, allow_head=False)
    app.router.add_get(STATUS_PATH, status, allow_head=False)
    app.on_shutdown.append(say_goodbye)
    return app


def _guard(port: int, token: str, door: Door, tunnel_port: int = 0) -> Middleware:
    """Refuses whoever is not a program of the same user.

    Before any route or handshake. Host is checked against DNS rebinding, Origin and Sec-Fetch-Site
    against web pages (a browser sends them, our clients never), the token against other users of
    this machine and everything else.
    """
    names, ports = ("127.0.0.1", "localhost", "[::1]"), {port, tunnel_port or port}
    hosts = {f"{name}:{one}" for name in names for one in ports}
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.getall("Host", [])
        credentials = request.headers.getall("Authorization", [])
        if len(given) != 1 or given[0] not in hosts:
            raise _refusal(web.HTTPMisdirectedRequest, "host", "This address is not served here.")
        if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
            raise _refusal(web.HTTPForbidden, "origin", "Web pages are not served.")
        if len(credentials) != 1 or not hmac.compare_digest(
            credentials[0].encode("utf-8", "surrogateescape"), wanted
        ):
            raise _refusal(web.HTTPUnauthorized, "token", "The token is missing or wrong.")
        door.let_in(request.transport)
        return await handler(request)

    return guard


def _refusal(kind: type[web.HTTPException], why: str, sentence: str) -> web.HTTPException:
    log.warning("request refused because=%s", why)
    headers = {"WWW-Authenticate": "Bearer"} if kind is web.HTTPUnauthorized else {}
    refusal = kind(text=f"{sentence}\n", headers=headers)
    refusal.force_close()
    return refusal


def _listen(settings: Settings) -> socket.socket:
    """A socket on the loopback address. Raises OSError if the port is taken."""
    family, kind, number, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM
    )[0]
    listener = socket.socket(family, kind, number)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _announced(settings: Settings, port: int, token: str) -> Iterator[None]:
    """Writes the token file and the ready line.

    On standard output and into the runtime folder. Takes the files away at the end, and first those
    that killed servers have left.
    """
    folder = runtime_folder()
    announcement.sweep(_answers)
    token_file = settings.token_file or folder / f"{port}{announcement.TOKEN}"
    kind = announcement.PRIVATE if settings.private else announcement.PUBLIC
    address_file = folder / f"{port}{kind}"
    host = "[::1]" if settings.host == "::1" else settings.host
    url = f"ws://{host}:{port}{SESSION_PATH}"
    ready: dict[str, object] = {
        "ready": True,
        "url": url,
        "token_file": str(token_file.absolute()),
        "version": __version__,
        "pid": os.getpid(),
    }
    line = json.dumps(ready)
    files = [address_file, token_file]
    if settings.keep_token:
        files.remove(token_file)
    if settings.token_file is not None and not _may_go(settings.token_file):
        raise SettingsError(
            f"token_file {str(settings.token_file)!r} is a file of yours, and would be replaced. "
            "Name one that is not there."
        )
    try:
        token_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        announcement.write_private(token_file, token)
        announcement.write_private(address_file, line)
        for shared in () if settings.private else announcement.shared_folders():
            try:
                files += announcement.announced(shared, port, token, ready)
            except OSError as error:  # that Krita has to start a server of its own
                log.warning("not announced to Krita: %s", type(error).__name__)
        print(line, flush=True)
        log.info("ready port=%d", port)
        yield
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def _token(settings: Settings) -> str:
    """A new token, or the one that is kept.

    Raises SettingsError where others could know that.
    """
    new = secrets.token_hex(TOKEN_BYTES)
    if not settings.keep_token or settings.token_file is None or not settings.token_file.exists():
        return new
    try:
        kept = announcement.read_token(settings.token_file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"The token can't be kept: {error} Remove the file.") from error
    if not re.fullmatch(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}", kept):
        raise SettingsError(f"{settings.token_file} holds no token of Limn's. Remove the file.")
    return kept


def _answers(host: str, port: int) -> bool:
    """Whether something takes a connection there."""
    try:
        socket.create_connection((host, port), ANSWER_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def _may_go(file: Path) -> bool:
    """Whether a token may be put in a file's place.

    A link may be replaced, or what is no larger than a token.
    """
    if file.is_symlink() or not os.path.lexists(file):
        return True
    return file.is_file() and file.stat().st_size <= SHORT_BYTES


async def _warm(engine: LocalEngine) -> None:
    """Starts the worker before anybody asks.

    Trouble is told to the first client, in its welcome.
    """
    with suppress(EngineError):
        await engine.describe()


def _stop_on_signals(stop: asyncio.Event, detached: bool) -> None:
    """Ctrl+C, the system's end, and the terminal's, which a detached server outlives."""
    loop = asyncio.get_running_loop()
    terminal = {getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)}
    for number in (signal.SIGINT, signal.SIGTERM, *terminal):
        if signal.getsignal(number) == signal.SIG_IGN:  # nohup; a shell's background job
            continue
        if detached and number in terminal:
            signal.signal(number, signal.SIG_IGN)
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _stop_with_parent(stop: asyncio.Event) -> None:
    """Stops the server when its parent ends.

    Standard input is a pipe from the parent; its end is the parent's end, on every platform and
    however it died.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        with suppress(OSError):  # no standard input at all: the same as a closed one
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent", daemon=True).start()
