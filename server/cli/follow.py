"""Follows one edit to its end from a command.

Finds or starts the server, shows progress, cancels on Ctrl+C, survives a lost connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from limn.protocol import ProtocolError
from limn.protocol.messages import FINAL, Cancelled, Chosen, Done, Failed, JobMessage, Note, Submit
from limn.protocol.messages import Progress as Stage

from .client import ClientSession, connect
from .client_errors import CERTIFICATE, REFUSED, ClientError, ConnectionLost, Full
from .exits import NoServer, Trouble, err
from .servers import Address, launch, running

OURS = ("--log-level", "warning", "--private")
"""Arguments of a server that is ours for one edit.

It shares our terminal, where its everyday lines would break the progress bar, and ends with that
edit: another program that found it would lose its own.
"""

LET_GO_SECONDS = 2.0
"""How long the end of a cancelled edit is waited for.

A step on a CPU takes about this long.
"""

FULL_SECONDS = 600.0
"""How long a place at a server that has no more is waited for: some edits."""

RECONNECTS = 5
REMOTE_RECONNECTS = 60
RECONNECT_SECONDS = 1.0
"""A lost connection is tried again this often, this far apart.

A server on this machine is back at once or not at all; a network may be gone for a minute.
"""


@dataclass(frozen=True)
class Joined:
    """A connection, and where it leads, for the next one."""

    address: Address
    session: ClientSession


@asynccontextmanager
async def joined(
    arguments: Sequence[str] = (), *, own: bool = False, elsewhere: Address | None = None
) -> AsyncIterator[Joined]:
    """A connection to the server that runs, or to one started for this.

    Always the latter where `own`, else if none answers. Raises NoServer. A server that was started
    here ends here. elsewhere: this server and no other; where it can't be had, none is started in
    its place.
    """
    there = None if own else await _running(elsewhere)
    if there is not None:
        async with there.session:
            yield there
        return
    try:
        address = await launch([*OURS, *arguments])
    except ClientError as error:
        raise NoServer(error.sentence, error.remedy) from error
    try:
        try:
            session = await connect(address)
        except ClientError as error:
            raise NoServer(error.sentence, error.remedy) from error
        async with session:
            yield Joined(address, session)
    finally:
        await address.stop()


async def _running(elsewhere: Address | None = None) -> Joined | None:
    """A connection to the server that runs already.

    None if there is none, or only what one that was killed has left. One that is full is waited
    for: a server of our own would load a model beside its. Raises NoServer if that takes too long.
    """
    if elsewhere is not None:
        return await _joined(elsewhere, needed=True)
    for address in running():
        if (there := await _joined(address)) is not None:
            return there
    return None


async def _joined(address: Address, needed: bool = False) -> Joined | None:
    """A connection to one server; None if it does not answer.

    Raises NoServer if it stays full, or does not answer and no other will do.
    """
    end, told = asyncio.get_running_loop().time() + FULL_SECONDS, False
    while True:
        try:
            return Joined(address, await connect(address))
        except Full as full:
            if asyncio.get_running_loop().time() > end:
                raise NoServer(full.sentence, full.remedy) from full
            if not told:
                err.print(f"{full.sentence} Waiting for a place ...")
                told = True
            await asyncio.sleep(RECONNECT_SECONDS)
        except ClientError as error:
            if not needed:
                return None
            raise NoServer(
                f"{address.url}: {error.sentence}",
                error.remedy
                if error.code in (REFUSED, CERTIFICATE)
                else "Look at the way there, and at `limn serve` on the other machine.",
            ) from error


async def follow(
    joined: Joined,
    submit: Submit,
    console: Console,
    take: Callable[[JobMessage], None],
    remedies: Mapping[str, str] | None = None,
) -> Done:
    """Submits and follows to the end, handing every message to `take`.

    Raises Trouble where it fails or was cancelled elsewhere. remedies: what to do about a failure,
    by its code, where the command has words of its own for it. An edit is acknowledged, so that the
    server forgets it, once `take` has come back from its last message; one that nobody follows to
    its end, because of a signal or because `take` raises, is cancelled.
    """
    done: Done | None = None
    failure = Trouble(
        "The edit has ended without a result.",
        "Try again; `limn doctor` tells what may be wrong.",
    )
    with Bar(console) as bar:
        try:
            async with aclosing(_messages(joined, submit)) as messages:
                async for message in messages:
                    take(message)
                    bar.show(message)
                    if isinstance(message, Done):
                        done = message
                    elif isinstance(message, Failed):
                        remedy = (remedies or {}).get(message.code, message.remedy)
                        failure = Trouble(message.sentence, remedy)
                    elif isinstance(message, Cancelled):
                        failure = Trouble("The edit was cancelled.")
        except NoServer:
            raise
        except ClientError as error:  # the server refuses to go on
            raise Trouble(error.sentence, error.remedy) from error
        except BaseException:
            await _let_go(joined, submit.job)
            raise
    if done is None:
        raise failure
    return done


async def _let_go(joined: Joined, job: str) -> None:
    """Cancels an edit that nobody waits for.

    The server keeps nothing of it. On a new connection where the first one was lost.
    """
    with suppress(ClientError, ProtocolError):
        await joined.session.drop(job, LET_GO_SECONDS)
        return
    with suppress(ClientError, ProtocolError):
        async with await connect(joined.address) as session:
            await session.drop(job, LET_GO_SECONDS)


async def _messages(joined: Joined, submit: Submit) -> AsyncGenerator[JobMessage]:
    """A job's messages, over more than one connection if need be.

    What a lost connection has not answered may not have arrived: it is submitted again, which runs
    nothing twice.
    """
    seen, ended = 0, False
    try:
        async for message in joined.session.submit(submit):
            seen, ended = message.seq, isinstance(message, FINAL)
            yield message
        return
    except ConnectionLost as lost:
        error: ClientError = lost
    if ended:  # all is here, only the acknowledgement was lost
        await _let_go(joined, submit.job)
        return
    remote = joined.address.url.startswith("wss:")
    for _ in range(REMOTE_RECONNECTS if remote else RECONNECTS):
        await asyncio.sleep(RECONNECT_SECONDS)
        try:
            session = await connect(joined.address)
        except ClientError as still:
            error = still
            if still.code in (REFUSED, CERTIFICATE):
                break
            continue
        async with session:
            try:
                async for message in (
                    session.resume(submit.job, seen) if seen else session.submit(submit)
                ):
                    seen, ended = message.seq, isinstance(message, FINAL)
                    yield message
                return
            except ConnectionLost as again:
                error = again
                if ended:
                    return
    raise NoServer("The connection to the server was lost and did not come back.", error.remedy)


class Bar:
    """A progress bar on a terminal; elsewhere a line for each new stage."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._task: TaskID | None = None
        columns = (
            TextColumn("{task.description:<20}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[left]}"),
        )
        self._progress = (
            Progress(*columns, console=console, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Bar:
        if self._progress is not None:
            self._progress.start()
            self._task = self._progress.add_task("waiting", total=None, count="", left="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            with suppress(OSError):  # the terminal was closed
                self._progress.stop()

    def show(self, message: JobMessage) -> None:
        """Shows what a message tells of the job's progress.

        Or of the algorithm chosen for it, if it does.
        """
        if isinstance(message, Chosen):
            self._console.print(message.reason, highlight=False, markup=False)
        if isinstance(message, Note):
            self._console.print(str(message.said), highlight=False, markup=False)
        if not isinstance(message, Stage):
            return
        if self._progress is None or self._task is None:
            if message.stage != self._stage:
                self._console.print(f"{message.stage} ...")
        else:
            left = "" if message.seconds_left is None else f"{message.seconds_left:.0f} s left"
            count = f"{message.step} of {message.count}" if message.count else ""
            if message.number:
                count += f" · place {message.number} of {message.passes}"
            total = message.count or None
            self._progress.update(
                self._task,
                description=message.stage,
                completed=message.step,
                total=total,
                count=count,
                left=left,
            )
        self._stage = message.stage
