"""Several seeds of one edit at once, in one batch.

Each is the whole edit, and no method knows of it. Each edit runs as it does alone until it asks the
network something. When all of them wait, what they ask goes through in one forward, and each goes
on with its own answer. An edit stands still inside its own calls, which a generator can't: so each
has a thread. Only one thread ever runs, handed on from one to the next, so that nothing depends on
timing.

A batch's kernels round differently: an edit is the same as alone but for the last bits of float32.
What goes backwards through the network (TAS's text) is done by each edit alone. What all ask alike
(an inversion) is computed once.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .diffusion.finite import Widened
from .diffusion.loading import Models
from .diffusion.model import Call, Model
from .editor import edit
from .errors import EditError, NotFinite
from .events import Done, Event
from .frame import LONGEST
from .preparing import Prepared, prepare
from .request import EditRequest
from .store import Store

MOST = 8  # seeds


def edit_variants(
    models: Models,
    wanted: Prepared | EditRequest,
    seeds: Sequence[int],
    store: Store | None = None,
    together: int | None = None,
) -> Iterator[tuple[int, Event]]:
    """One edit with several seeds.

    Yields (place in `seeds`, event): of each place what `edit` yields, its Done last. seeds: 1 to
    8, different ones; the request's own has no say. together: how many share a forward, as many as
    memory is reckoned to hold if not given; 1: one edit after the other. Where a card's memory is
    too small for so many, half as many are taken, and those that had begun begin again. Closing the
    iterator cancels all. Raises EditError for seeds that are none ("bad-seed"), for an algorithm
    that draws no random numbers ("nothing-varies"), and whatever `edit` raises, which ends all.
    """
    prepared = prepare(models, wanted) if isinstance(wanted, EditRequest) else wanted
    if not 1 <= len(set(seeds)) == len(seeds) <= MOST:
        raise EditError(
            "bad-seed", f"{len(seeds)} seeds were given.", f"Give 1 to {MOST} different ones."
        )
    if len(seeds) > 1 and not prepared.algorithm.seeded:
        raise EditError(
            "nothing-varies",
            f"{prepared.algorithm.title} draws no random numbers; seeds change nothing.",
            "Ask for one, or choose another algorithm.",
        )
    requests = [replace(prepared.request, seed=seed) for seed in seeds]
    for request in requests:
        request.check()
    todo = [(k, replace(prepared, request=request)) for k, request in enumerate(requests)]
    if together is None:
        together = _fitting(models, prepared, len(seeds))
    return _groups(models, todo, store, max(1, together))


def _fitting(models: Models, prepared: Prepared, most: int) -> int:
    """How many edits fit into memory together, at the largest working size."""
    algorithm, native = prepared.algorithm, models.geometry(prepared.algorithm.needs[0]).native_size
    size = native, int(LONGEST * native)
    models.compute_in(algorithm.precise)
    items = len(prepared.instruction.items)
    return models.together(algorithm.demand(prepared.settings, size, items), most)


def _groups(
    models: Models, todo: Sequence[tuple[int, Prepared]], store: Store | None, together: int
) -> Generator[tuple[int, Event], None, None]:
    """All edits, `together` of them at a time."""
    waiting = list(todo)
    while waiting:
        group, waiting = waiting[:together], waiting[together:]
        if len(group) == 1:
            (place, prepared) = group[0]
            yield from ((place, event) for event in edit(models, prepared, store))
            continue
        ended = set()
        try:
            for place, event in _side_by_side(models, group, store):
                if isinstance(event, Done):
                    ended.add(place)
                yield place, event
        except torch.OutOfMemoryError:
            waiting = [one for one in group if one[0] not in ended] + waiting
            together = len(group) // 2


@torch.no_grad()
def _side_by_side(
    models: Models, group: Sequence[tuple[int, Prepared]], store: Store | None
) -> Generator[tuple[int, Event], None, None]:
    """The edits of a group in one batch."""
    running = {place: _Edit(models, prepared, store) for place, prepared in group}
    try:
        while running:
            asked: dict[int, _Asked] = {}
            for place, one in list(running.items()):
                while isinstance(said := one.go_on(), Event):
                    yield place, said
                if said is None:
                    del running[place]
                else:
                    asked[place] = said
            for alike in _alike(asked):
                for place, answer in zip(alike, _answers([asked[p] for p in alike]), strict=True):
                    running[place].answer = answer
    finally:
        for one in running.values():
            one.stop()


def _alike(asked: dict[int, _Asked]) -> list[list[int]]:
    """The places whose calls fit into one forward, together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, one in asked.items():
        groups.setdefault((one.model.identity, one.model.variant, one.call.kind), []).append(place)
    return list(groups.values())


def _answers(asked: Sequence[_Asked]) -> Sequence[Tensor | Exception]:
    """One forward's answer to each; where numbers were not finite, that error."""
    try:
        return asked[0].model.forward([one.call for one in asked])
    except (Widened, NotFinite) as error:
        return [error] * len(asked)


@dataclass(frozen=True)
class _Asked:
    """What an edit waits for."""

    model: Model
    call: Call


class _Edit:
    """One edit in a thread of its own, which runs only while `go_on` waits for it."""

    def __init__(self, models: Models, prepared: Prepared, store: Store | None) -> None:
        self.answer: Tensor | Exception | None = None
        self._said: Event | _Asked | BaseException | None = None
        self._stopped = False
        self._ours, self._its = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(models, prepared, store))
        self._thread.daemon = True
        self._thread.start()

    def go_on(self) -> Event | _Asked | None:
        """Run until it has something to say: an event, a question, or None at its end.

        Raises what the edit raises.
        """
        self._its.release()
        self._ours.acquire()
        if isinstance(self._said, BaseException):
            raise self._said
        return self._said

    def stop(self) -> None:
        """End it."""
        self._stopped = True
        self._its.release()
        self._thread.join()

    def _run(self, models: Models, prepared: Prepared, store: Store | None) -> None:
        said: BaseException | None = None
        try:
            self._wait()
            for event in edit(models, prepared, store, self._ask):
                self._say(event)
        except GeneratorExit:
            return
        except BaseException as error:
            said = error
        self._said = said
        self._ours.release()

    def _ask(self, model: Model, call: Call) -> Tensor:
        self._say(_Asked(model, call))
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer

    def _say(self, said: Event | _Asked) -> None:
        self._said = said
        self._ours.release()
        self._wait()

    def _wait(self) -> None:
        self._its.acquire()
        if self._stopped:
            raise GeneratorExit
