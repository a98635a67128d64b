"""The worker process: loads the models once and runs edits.

Told what to do on standard input, answers on standard output.

    python -m limn.server.worker         (the engine does this)

It ends when its standard input closes, whatever it is doing: a server that dies leaves nothing
behind.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from io import FileIO
from typing import TYPE_CHECKING, BinaryIO

from limn.protocol.messages import FINAL, Submit

from . import pipe
from .engine import Description, EngineError, Start, Stop, Usage
from .log import begin as begin_log

if TYPE_CHECKING:
    from .bridge import Editor


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl+C is for the server, which then closes our input
    orders, answers = _our_pipes()
    try:
        start = pipe.read(orders)
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


def _our_pipes() -> tuple[FileIO, BinaryIO]:
    """The two pipes to the server, out of every library's reach.

    What a library prints goes to the log, not between our answers; one that asks something on
    standard input finds it closed, and can't take our orders for the answer.
    """
    orders = FileIO(os.dup(sys.stdin.fileno()), "rb")  # raw: a thread reads it until the very end
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    return orders, answers


def _serve(start: Start, inbox: _Inbox, answers: BinaryIO) -> None:
    try:
        editor, description = load(start)
    except EngineError as error:
        pipe.write(answers, error)
        return
    pipe.write(answers, description)
    while True:
        submit = inbox.jobs.get()
        # used within this turn only
        for message in editor.run(submit, lambda: inbox.stopped == submit.job):  # noqa: B023
            if isinstance(message, FINAL):
                pipe.write(answers, Usage(submit.job, graphics_memory(start.device)))
            pipe.write(answers, message)
        inbox.forget(submit.job)


def load(start: Start) -> tuple[Editor, Description]:
    """The models, loaded, and what they are. Raises EngineError."""
    # not before the inbox is read: it takes seconds, and the server may be gone by then
    from limn import editing
    from limn.editing.diffusion.lora_file import parse
    from limn.editing.diffusion.precision import named

    from .bridge import Editor
    from .models import loras
    from .models.store import USED, Store

    try:
        device = _device(start.device)
        store = Store()  # painters choose of LoRA files for the models that they choose themselves
        chosen = start.model is not None and start.model == store.folder / USED
        place = None if chosen and store.selection is None else start.model  # removed meanwhile
        added = loras.chosen(store) if chosen else ()
        captioner = editing.Captioner(start.captioner, device) if start.captioner else None
        precision, lora = named(start.precision, device), parse(start.lora) + added
        trouble, called = None, ""
        try:
            models = editing.load_models(
                place or _sketchbook(), device, precision, store.donors(), lora
            )
        except editing.UnreadableModel as error:
            if not chosen:
                raise
            trouble, called = error, store.called()  # another can be chosen while this is told
            models = editing.load_models(_sketchbook(), device)
        editor = Editor(models, captioner=captioner, trouble=trouble, model=called)
        name = _device_name(device)
        return editor, Description(
            name,
            editor.model,
            editor.algorithms(),
            os.getpid(),
            editor.native_size,
            device == "cpu",
            memory_of(device),
            models.auto,
        )
    except editing.EditError as error:
        raise EngineError(error.sentence, error.remedy) from error


class _Inbox:
    """What the server tells, read in a thread of its own.

    So a cancel is seen between two steps.
    """

    def __init__(self, orders: FileIO) -> None:
        self.jobs: queue.SimpleQueue[Submit] = queue.SimpleQueue()
        self.stopped: str | None = None
        self._orders = orders

    def forget(self, job: str) -> None:
        """A job has ended.

        Should it ever be submitted again, an old cancel must not stop it.
        """
        if self.stopped == job:
            self.stopped = None

    def read(self) -> None:
        """Never returns: the end of the input is the end of the process."""
        while True:
            try:
                order = pipe.read(self._orders)
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


def graphics_memory(wish: str) -> int:
    """Bytes of graphics memory that torch holds for this process.

    0 where it uses no card.
    """
    import torch

    if wish in ("cpu", "mps") or not torch.cuda.is_available():
        return 0
    return torch.cuda.memory_reserved(wish if wish.startswith("cuda") else None)


def memory_of(device: str) -> int:
    """All bytes of a device's memory; on a CPU the host's."""
    import psutil
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(psutil.virtual_memory().total) if device == "cpu" else 0


def _device_name(device: str) -> str:
    import torch

    return (
        torch.cuda.get_device_name(device)
        if device.startswith("cuda")
        else {"mps": "Apple GPU", "cpu": "CPU"}.get(device, device)
    )


if __name__ == "__main__":
    main()
