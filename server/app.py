"""The server: its routes, its parts, and its end with its parent's."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, web

from limn.protocol import limits, remote
from limn.protocol.errors import LimnError

from . import __version__, guard, job_store, ready, tls
from .bounds import Bounds
from .cache import ByteCache
from .door import (
    ACCEPTED_AT_ONCE,
    WAITING_OUTSIDE,
    Door,
    trouble_in_one_line,
    without_what_was_sent,
)
from .engine import Engine, EngineError, Start
from .guard import IDENTITY, Identity, Who, Wrong
from .jobs import Jobs
from .local_engine import LocalEngine, starts_of
from .log import begin as begin_log
from .metrics import CONTENT_TYPE, Metrics
from .model_desk import ModelDesk
from .session import FAREWELL_SECONDS, Context, ServerSession
from .settings import EVERYWHERE, Settings, SettingsError
from .users import Users, default_file

log = logging.getLogger("limn.app")

SESSION_PATH = remote.PATH
STATUS_PATH = "/limn/v1/status"
HEALTH_PATH = "/limn/v1/health"
METRICS_PATH = "/limn/v1/metrics"

MAX_BODY_BYTES = 1024
"""No route reads a body; this is what aiohttp may buffer before it says so."""

MAX_HEADERS, MAX_HEADER_BYTES = 32, 4096
"""Of a request, and of one of them.

An honest one has ten, the longest of some hundred bytes.
"""

SHUTDOWN_SECONDS = 5.0
"""How long open connections may take to notice that the server stops."""

REVOKED_SECONDS = 1.0
"""Between looks whether a user who is connected is still one."""


@dataclass(frozen=True)
class Access:
    """Who gets in.

    hosts: what a request's Host may be. users: None on a server of one user.
    """

    hosts: frozenset[str]
    who: Who
    wrong: Wrong | None = None
    users: Users | None = None

    def may_choose_models(self, user: str) -> bool:
        """Whether a user may fetch and choose models.

        The owner of a server of one user may, others where it was allowed.
        """
        if self.users is None:
            return True
        found = self.users.current().get(user)
        return found is not None and found.models


async def serve(settings: Settings) -> None:
    """Runs the server until its parent ends or it is told to stop.

    A parent's end closes standard input; SIGINT and SIGTERM stop.
    """
    begin_log(settings.log_level)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(without_what_was_sent)
    asyncio.get_running_loop().set_exception_handler(trouble_in_one_line)
    files = tls.files(settings)
    encrypted = None if files is None else tls.context(*files)
    listener = ready.listen(settings)
    port = listener.getsockname()[1]
    told: AbstractContextManager[None]
    if files is None:
        token = ready.token_of(settings)
        access = _for_this_machine(settings, port, token)
        told = ready.announced(settings, port, token)
    else:
        access = _for_others(settings, port)
        told = ready.told(settings, port, tls.fingerprint(files[0]))
    stop = asyncio.Event()
    _stop_on_signals(stop, settings.detached)
    if not settings.detached:
        _stop_with_parent(stop)
    start = Start.of(settings)
    engine = _engine(settings, start)
    metrics = Metrics()
    kept = job_store.folder_of(settings, port)
    store = None if kept is None else job_store.JobStore(kept)
    jobs = Jobs(engine, _bounds(settings), metrics, store)
    if store is not None:
        jobs.restore(store.load(settings.queue_bytes + settings.keep_bytes))
    desk = ModelDesk(settings, engine, access.may_choose_models)
    context = Context(settings, engine, jobs, ByteCache(settings.picture_bytes), metrics, desk)
    door = Door()
    runner = web.AppRunner(
        build(context, access, door),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        auto_decompress=False,  # no route reads a body, and inflating one would stall all others
        lingering_time=0,  # nor is what is left of a body waited for
        max_headers=MAX_HEADERS,
        max_field_size=MAX_HEADER_BYTES,
        max_line_size=MAX_HEADER_BYTES,
    )
    await runner.setup()
    assert runner.server is not None
    site = await asyncio.get_running_loop().create_server(
        door.watched(runner.server, encrypted), sock=listener, backlog=ACCEPTED_AT_ONCE
    )
    listener.listen(WAITING_OUTSIDE)
    tasks = [asyncio.create_task(work) for work in (jobs.run(), jobs.sweep(), _warm(engine))]
    try:
        with told:
            await stop.wait()
    finally:
        log.info("stopping")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await desk.close()
        await engine.close()
        if store is not None:
            await asyncio.to_thread(store.close)
        site.close()
        await runner.cleanup()


def build(context: Context, access: Access, door: Door) -> web.Application:
    """The application: four routes, guarded as one."""
    sockets: dict[web.WebSocketResponse, Identity] = {}

    async def session(request: web.Request) -> web.StreamResponse:
        identity, settings = request[IDENTITY], context.settings
        own = Counter(one.user for one in sockets.values())[identity.user]
        if len(sockets) >= settings.max_connections:
            raise web.HTTPServiceUnavailable(text="Too many connections.\n")
        if identity.user and own >= settings.user_connections:
            raise web.HTTPServiceUnavailable(text="Too many connections of yours.\n")
        ws = web.WebSocketResponse(
            compress=False,
            max_msg_size=limits.MAX_FRAME_BYTES,
            heartbeat=settings.heartbeat_seconds,
            timeout=5.0,
            autoping=False,
        )
        transport = request.transport
        try:
            await ws.prepare(request)
        except ConnectionError:  # gone before the handshake's end: there is nobody to answer
            raise web.HTTPBadRequest from None
        sockets[ws] = identity
        try:
            await ServerSession(ws, context, identity.user, lambda: _is_over(ws, transport)).run()
        finally:
            del sockets[ws]
            if transport is not None:  # what was not read by then never will be
                asyncio.get_running_loop().call_later(FAREWELL_SECONDS, transport.abort)
            log.info("disconnected user=%r connections=%d", identity.user, len(sockets))
        return ws

    async def status(request: web.Request) -> web.StreamResponse:
        waiting, running, kept = context.jobs.counts()
        return web.json_response(
            {"version": __version__, "waiting": waiting, "running": running, "kept": kept}
        )

    async def health(request: web.Request) -> web.StreamResponse:
        workers = context.engine.workers()
        healthy = any(worker.state != "failed" for worker in workers)
        states = [{"device": one.device, "state": one.state} for one in workers]
        return web.json_response(
            {"healthy": healthy, "version": __version__, "workers": states},
            status=200 if healthy else 503,
        )

    async def metrics(request: web.Request) -> web.StreamResponse:
        return web.Response(body=context.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def ask_back() -> None:
        await _close(sockets, WSCloseCode.SERVICE_RESTART, b"another model")

    context.desk.changed = ask_back  # type: ignore[method-assign]

    async def put_out_the_revoked(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_watch(access.users, sockets, context.jobs))
        yield
        task.cancel()

    async def say_goodbye(app: web.Application) -> None:
        await _close(sockets, WSCloseCode.GOING_AWAY, b"The server stops.")

    context.metrics.watch(context.jobs.counts, context.engine.workers, lambda: len(sockets))
    app = web.Application(
        middlewares=[guard.guard(access.hosts, access.who, door, access.wrong)],
        client_max_size=MAX_BODY_BYTES,
    )
    app.router.add_get(SESSION_PATH, session, allow_head=False)
    app.router.add_get(STATUS_PATH, status, allow_head=False)
    app.router.add_get(HEALTH_PATH, health, allow_head=False)
    app.router.add_get(METRICS_PATH, metrics, allow_head=False)
    app.on_shutdown.append(say_goodbye)
    app.cleanup_ctx.append(put_out_the_revoked)
    return app


async def _watch(
    users: Users | None, sockets: Mapping[web.WebSocketResponse, Identity], jobs: Jobs
) -> None:
    """Put out users who are revoked, and stop their jobs."""
    while users is not None:
        await asyncio.sleep(REVOKED_SECONDS)
        marks = {user.name: user.sha256 for user in users.current().values()}
        revoked = [ws for ws, one in sockets.items() if marks.get(one.user) != one.mark]
        for ws in revoked:
            log.warning("connection of a revoked user closed user=%s", sockets[ws].user)
        await _close(revoked, WSCloseCode.POLICY_VIOLATION, b"revoked")
        for user in jobs.users() - marks.keys():
            await jobs.dismiss(user)


def _is_over(ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> bool:
    return ws.closed or transport is None or transport.is_closing()


async def _close(sockets: Iterable[web.WebSocketResponse], code: int, why: bytes) -> None:
    """Close these at the same time: one that does not answer takes seconds."""
    await asyncio.gather(*(ws.close(code=code, message=why) for ws in tuple(sockets)))


def _for_this_machine(settings: Settings, port: int, token: str) -> Access:
    ports = {port, settings.tunnel_port or port}
    return Access(guard.hosts(guard.LOCAL, ports), guard.owner_of(token))


def _for_others(settings: Settings, port: int) -> Access:
    """Raises SettingsError where there is no user yet."""
    users = Users(settings.users_file or default_file())
    try:
        nobody = not users.everybody()
    except LimnError as error:
        raise SettingsError(str(error)) from error
    if nobody:
        raise SettingsError(
            f"Nobody could use this server: there are no users in {users.file}. "
            "Add one: limn users add NAME."
        )
    names = {*guard.LOCAL, *settings.names, settings.host.lower()} - set(EVERYWHERE)
    return Access(guard.hosts(names, {port}), guard.one_of(users), Wrong(), users)


def _engine(settings: Settings, start: Start) -> Engine:
    """The engine of the settings. Raises SettingsError where it can't be had."""
    seconds = (settings.start_seconds, settings.cancel_seconds)
    if settings.engine == "local":
        return LocalEngine(starts_of(start, settings.workers), *seconds)
    from .ray_engine import Cluster, RayEngine  # nobody else pays for Ray

    cluster = Cluster(settings.ray_address, settings.ray_gpus)
    try:
        return RayEngine(start, cluster, settings.min_workers, settings.workers, *seconds)
    except EngineError as error:
        raise SettingsError(str(error)) from error


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        max_jobs=settings.max_jobs,
        queue_bytes=settings.queue_bytes,
        keep_bytes=settings.keep_bytes,
        keep_seconds=settings.keep_seconds,
        user_jobs=settings.user_jobs,
        user_bytes=settings.user_bytes,
    )


async def _warm(engine: Engine) -> None:
    """Start the worker before anybody asks.

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
    """Standard input is a pipe from the parent.

    Its end is the parent's end, on every platform and however it died.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        with suppress(OSError):  # no standard input at all: the same as a closed one
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent", daemon=True).start()
