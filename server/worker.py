"""The worker process: loads the models once and pumps edits. Told what to do on standard input,
answers on standard output.

    python -m limn.server.worker         (the engine does this)

It ends when its standard input closes, whatever it is doing: a server that dies leaves nothing
behind.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from io import FileIO
from typing import BinaryIO

from limn.protocol.messages import Submit

from .engine import LENGTH, Description, EngineError, Start, Stop
from .log import begin as begin_log


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl+C is for the server, which then closes our input
    orders = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115  # raw: a thread reads it until the very end
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(
        sys.stderr.fileno(), sys.stdout.fileno()
    )  # whatever libraries print goes to the log, not between our answers
    try:
        start = _read(orders)
    except EOFError:
        return  # the server stops before it has told us anything
    assert isinstance(start, Start)
    begin_log(start.log_level)
    inbox = _Inbox(orders)
    threading.Thread(target=inbox.read, daemon=True).start()
    try:
        _serve(start, inbox, answers)
    except BrokenPipeError:
        os._exit(0)  # the server is gone


def _serve(start: Start, inbox: _Inbox, answers: BinaryIO) -> None:
    from limn import (
        editing,
    )  # not before the inbox is read: it takes seconds, and the server may be gone by then

    from .bridge import Editor

    try:
        device = _device(start.device)
        captioner = editing.Captioner(start.captioner, device) if start.captioner else None
        editor = Editor(
            editing.load_models(start.model or _sketchbook(), device), captioner=captioner
        )
        description = Description(
            _device_name(device), editor.model, editor.algorithms(), os.getpid()
        )
    except editing.EditError as error:
        _write(answers, EngineError(error.sentence, error.remedy))
        return
    except EngineError as error:
        _write(answers, error)
        return
    _write(answers, description)
    while True:
        submit = inbox.jobs.get()
        for message in editor.run(submit, lambda: inbox.stopped == submit.job):  # noqa: B023  # used within this turn only
            _write(answers, message)
        inbox.forget(submit.job)


class _Inbox:
    """What the server tells, read in a thread of its own so that a cancel is seen between two
    steps.
    """

    def __init__(self, orders: FileIO) -> None:
        self.jobs: queue.SimpleQueue[Submit] = queue.SimpleQueue()
        self.stopped: str | None = None
        self._orders = orders

    def forget(self, job: str) -> None:
        """A job has ended: should it ever be submitted again, an old cancel must not stop it."""
        if self.stopped == job:
            self.stopped = None

    def read(self) -> None:
        """Never returns: the end of the input is the end of the process."""
        while True:
            try:
                order = _read(self._orders)
            except EOFError:
                os._exit(0)
            if isinstance(order, Submit):
                self.jobs.put(order)
            else:
                assert isinstance(order, Stop)
                self.stopped = order.job


def _sketchbook() -> str:
    from limn.editing import sketchbook

    return str(sketchbook.folder())


def _device(wish: str) -> str:
    """The device that torch is to use. Raises EngineError if it isn't there."""
    import torch

    if wish == "auto":
        return (
            "cuda"
            if torch.cuda.is_available()
            else "mps"
            if torch.backends.mps.is_available()
            else "cpu"
        )
    try:
        torch.zeros(1, device=wish)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(
            f"The device {wish!r} can't be used here.",
            "Choose auto or cpu, or look at `limn doctor`.",
        ) from error
    return wish


def _device_name(device: str) -> str:
    import torch

    return (
        torch.cuda.get_device_name(device)
        if device.startswith("cuda")
        else {"mps": "Apple GPU", "cpu": "CPU"}.get(device, device)
    )


def _read(stream: FileIO) -> object:
    head = _exactly(stream, LENGTH.size)
    return pickle.loads(_exactly(stream, LENGTH.unpack(head)[0]))


def _exactly(stream: FileIO, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = stream.readinto(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data


def _write(stream: BinaryIO, value: object) -> None:
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


if __name__ == "__main__":
    main()
