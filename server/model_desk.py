"""Models, as clients ask for them: listing, fetching, choosing.

Who may is decided here. Fetching runs as `limn models get` in a process of its own, one at a time
for all users, and only with the licences and the size that the user has seen and agreed to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from limn.editing.errors import UnreadableModel
from limn.protocol import limits
from limn.protocol.messages import (
    GetModels,
    ListModels,
    LoraThere,
    ModelList,
    ModelMessage,
    ModelOffered,
    ModelProgress,
    ModelsDone,
    ModelThere,
    StopGetting,
    UseLoras,
    UseModels,
)

from .engine import Engine, EngineError
from .models import loras
from .models.catalogue import BY_NAME
from .models.fits import fits_in
from .models.listing import BUNDLED, offered, places_in_use, there
from .models.store import USED, Store, StoreError
from .settings import Settings

log = logging.getLogger("limn.models")

Tell = Callable[[ModelMessage], None]
Asked = ListModels | GetModels | StopGetting | UseModels | UseLoras

NOT_YOURS = "On this server you may not fetch or choose models."
ASK = "Ask whoever runs it for the right: limn users allow NAME."
FIXED = "The model of this server is set where it is started."
WITHOUT = "Start it without --model."
CLUSTER = "The workers of a cluster keep the model that they were started with."
ANEW = "Start it anew with --model."

MAX_LINE = 4096
"""Bytes of a line that `limn models get` writes."""

MAX_WORDS = 400
"""Characters of its last words that are told where it fails."""


class ModelDesk:
    """What a server's sessions share about models."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        may: Callable[[str], bool],
        store: Store | None = None,
    ) -> None:
        """may: whether a user has the right. store: another than this user's own."""
        self._engine = engine
        self._may = may
        self._store = store or Store()
        self._fixed = settings.model not in (None, self._store.folder / USED)
        self._seen = self._store.selected()
        self._getting = ""
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False
        self._watchers: dict[Tell, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def changed(self) -> None:
        """Ends all connections: each client comes back, and is told of the new model.

        It is set by whoever has the connections.
        """

    async def handle(self, message: Asked, user: str, tell: Tell) -> None:
        """Answer one message of a user's connection."""
        if isinstance(message, ListModels):
            tell(await self._list(user))
            self._look()
            if self._getting and self._may(user):
                self._watchers[tell] = user
            return
        did: Literal["get", "use"] = "get"
        if isinstance(message, (UseModels, UseLoras)):
            did = "use"
        why, remedy = self._refusal(user)
        if why:
            log.warning("models refused user=%r did=%s", user, did)
            tell(ModelsDone(did, why, remedy))
        elif isinstance(message, GetModels):
            await self._get(message, user, tell)
        elif isinstance(message, StopGetting):
            await self._stop()
        elif isinstance(message, UseLoras):
            await self._chosen(tell, loras.use, self._store, message.names, message.percents)
        elif message.names == (BUNDLED,):
            await self._chosen(tell, self._store.use_bundled)
        else:
            await self._chosen(tell, self._store.use, list(message.names))

    def leave(self, tell: Tell) -> None:
        """A connection has ended. What it has begun to fetch goes on."""
        self._watchers.pop(tell, None)

    async def close(self) -> None:
        """The server stops: so does fetching. What has come is kept."""
        await self._stop()
        for task in (self._task, self._renewal):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    # --- what is there ----------------------------------------------------------------------------

    def _refusal(self, user: str) -> tuple[str, str]:
        """Why a user may not change models here, and what to do; empty where they may."""
        if not self._may(user):
            return NOT_YOURS, ASK
        if self._fixed:
            return FIXED, WITHOUT
        return ("", "") if self._engine.renews else (CLUSTER, ANEW)

    async def _list(self, user: str) -> ModelList:
        try:
            described = await self._engine.describe()
            on_cpu, memory = described.on_cpu, described.memory
        except EngineError:  # a model that can't be used is what the list is wanted for
            on_cpu, memory = True, 0
        return await asyncio.to_thread(self._listed, user, on_cpu, memory)

    def _listed(self, user: str, on_cpu: bool, memory: int) -> ModelList:
        fits = fits_in(memory, on_cpu)
        models = there(self._store)[: limits.MAX_ITEMS]
        why, remedy = self._refusal(user)
        return ModelList(
            may=not why,
            why=why,
            bundled=not places_in_use(self._store) and not self._fixed,
            there=tuple(
                ModelThere(
                    model.name[: limits.MAX_LABEL],
                    model.checkpoint.variant,
                    model.checkpoint.size,
                    model.used and not self._fixed,
                    "" if why and not model.trouble else model.trouble[: limits.MAX_TEXT],
                    fits(model.checkpoint.variant, model.checkpoint.size),
                )
                for model in models
            ),
            offered=tuple(
                ModelOffered(
                    entry.name,
                    entry.title,
                    entry.kind,
                    entry.licence,
                    entry.what_for,
                    entry.page,
                    entry.source(_precision(on_cpu)).size,
                    is_there,
                    fits(entry.kind, entry.source(_precision(on_cpu)).size),
                )
                for entry, is_there in offered({model.name for model in models})
            ),
            getting=self._getting,
            loras=tuple(
                LoraThere(one.name[: limits.MAX_LABEL], one.percent, one.trouble[: limits.MAX_TEXT])
                for one in loras.listed(self._store)
            ),
            remedy=remedy,
        )

    # --- fetching ---------------------------------------------------------------------------------

    async def _get(self, wanted: GetModels, user: str, tell: Tell) -> None:
        try:
            on_cpu = (await self._engine.describe()).on_cpu
        except EngineError:
            on_cpu = True
        if trouble := self._disagreement(wanted, _precision(on_cpu)):
            tell(ModelsDone("get", *trouble))
            return
        if self._process is not None or self._getting:
            tell(ModelsDone("get", f"{self._getting} is being fetched already.", "Wait for it."))
            return
        log.info("models get user=%r names=%s", user, ",".join(wanted.names))
        self._getting, self._stopped = wanted.names[0], False
        self._watchers[tell] = user
        self._task = asyncio.create_task(self._fetch(wanted.names, on_cpu))

    def _disagreement(self, wanted: GetModels, precision: str) -> tuple[str, str] | None:
        """What was agreed to is not what would be fetched: why, and what to do."""
        if not wanted.names or (unknown := [n for n in wanted.names if n not in BY_NAME]):
            named = unknown[0] if wanted.names else "none"
            return f"There is no model {named!r} to fetch.", "Look at the list again."
        entries = [BY_NAME[name] for name in dict.fromkeys(wanted.names)]
        size = sum(entry.source(precision).size for entry in entries)
        if {e.licence for e in entries} != set(wanted.licences) or size != wanted.size:
            return (
                "Licence or size of these models are others than those that were agreed to.",
                "Look at the list again.",
            )
        return None

    async def _fetch(self, names: tuple[str, ...], on_cpu: bool) -> None:
        command = [sys.executable, "-P", "-m", "limn.server.cli", "models", "get"]
        arguments = ["--yes", "--json", "--fp32" if on_cpu else "--fp16", *names]
        sentence, remedy = "Stopped. What was fetched is kept.", "Get it again: it goes on there."
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | {"PYTHONUTF8": "1"},
                limit=MAX_LINE,
            )
            words = asyncio.create_task(_last_words(process))
            assert process.stdout is not None
            async for line in process.stdout:
                self._progressed(line)
            code = await process.wait()
            said = await words
            if not self._stopped:
                sentence = "" if code == 0 else said or f"It ended with status {code}."
                remedy = ""
        except (OSError, ValueError) as error:  # ValueError: a line without an end
            sentence, remedy = f"Fetching failed: {error}."[: limits.MAX_TEXT], "Try again."
            await self._stop()
        finally:
            self._process, self._getting = None, ""
        watchers, self._watchers = list(self._watchers), {}
        for tell in watchers:
            tell(ModelsDone("get", sentence, remedy))
        if not sentence:
            self._renew()

    def _progressed(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            progress = ModelProgress(str(told["name"]), int(told["bytes"]), int(told["of"]))
        except (ValueError, TypeError, KeyError):
            return  # the places of what has come, at the end
        self._getting = progress.name
        for tell in list(self._watchers):
            tell(progress)

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            self._stopped = True
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # --- choosing ---------------------------------------------------------------------------------

    async def _chosen(self, tell: Tell, choose: Callable[..., object], *what: object) -> None:
        try:
            await asyncio.to_thread(choose, *what)
        except (StoreError, UnreadableModel) as error:
            tell(ModelsDone("use", error.sentence[: limits.MAX_TEXT], error.remedy))
            return
        tell(ModelsDone("use"))
        self._renew()

    def _look(self) -> None:
        """What somebody chose or removed on the command line counts, too."""
        if self._engine.renews and not self._fixed and self._store.selected() != self._seen:
            self._renew()

    def _renew(self) -> None:
        """The workers take the chosen models, each when its edit has ended."""
        self._seen = self._store.selected()
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = asyncio.create_task(self._renewed(self._store.selection))

    async def _renewed(self, model: Path | None) -> None:
        await self._engine.renew(model)
        await self.changed()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The end of what a command says on standard error, in one line."""
    assert process.stderr is not None
    kept = b""
    while piece := await process.stderr.read(MAX_LINE):
        kept = (kept + piece)[-MAX_LINE:]
    return " ".join(kept.decode("utf-8", "replace").split())[-MAX_WORDS:]


def _precision(on_cpu: bool) -> str:
    return "fp32" if on_cpu else "fp16"
