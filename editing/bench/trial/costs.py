"""What an edit by each paper's algorithm costs with a model.

Seconds and memory, measured. A whole edit is too long for a trial. Each algorithm runs with a few
of its steps, at its working size or, where this machine is slow, at a half or a quarter of it. What
it would take at its own settings is reckoned from that, and told as such.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import torch

from ...diffusion import room
from ...diffusion.loading import Models
from ...diffusion.planning import Forecast
from ...editor import edit
from ...errors import EditError
from ...events import Done, Event, Stage
from ...request import EditRequest, Value
from ...task import Algorithm
from .pictures import pictures

SHARE = 25
"""One of so many steps is run, but as many as a parameter takes at least."""

SAMPLE_SECONDS = 0.01
"""Between two looks at the memory of a process."""


@dataclass(frozen=True)
class Cost:
    """What a short edit took.

    side: pixels, the working size. rows: of the network. seconds: without loading the model.
    whole: reckoned seconds of an edit at the algorithm's own settings and working size.
    peak: bytes at the most, of the card, or of this process where there is none. forecast: what
    memory planning says of such an edit. trouble: why there are no figures.
    """

    algorithm: str
    title: str
    side: int
    rows: int = 0
    seconds: float = 0.0
    whole: float = 0.0
    peak: int = 0
    forecast: Forecast | None = None
    trouble: str = ""


@dataclass
class Peak:
    """The most memory that was held within a block."""

    bytes: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Looks at this process until the block is over."""
        process = psutil.Process()
        while True:
            self.bytes = max(self.bytes, process.memory_info().rss)
            if self._over.wait(SAMPLE_SECONDS):
                return


@contextmanager
def peak_of(device: torch.device) -> Iterator[Peak]:
    """Measures the most memory of a card, or of this process on a CPU."""
    peak = Peak()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated(device)
        return
    thread = threading.Thread(target=peak.watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        peak._over.set()
        thread.join()


def short(algorithm: Algorithm) -> tuple[dict[str, Value], float]:
    """A short edit's parameters, and how many times its steps a whole one has."""
    counted = {*algorithm.counts, *algorithm.presets.get("quick", {})}
    chosen: dict[str, Value] = {}
    steps = 0.0
    for one in algorithm.parameters:
        if one.name in counted and one.kind == "int":
            chosen[one.name] = max(int(one.minimum or 1), -(-int(one.default) // SHARE))
            steps += float(one.default)
    return chosen, steps / max(1, sum(int(value) for value in chosen.values()))


def cost(models: Models, algorithm: Algorithm, side: int) -> Cost:
    """A short edit of the first drawn picture; its networks are loaded before."""
    picture = pictures(side)[0]
    native = models.geometry(algorithm.needs[0]).native_size
    parameters, times = short(algorithm)
    first, second = picture.masks
    words = f"replace the {first} with a {second}"
    if algorithm.told_by == "captions":
        words = f"{picture.caption} => {picture.caption.replace(first, second)}"
    request = EditRequest(
        algorithm.name, words, picture.image, parameters=parameters, caption=picture.caption
    )
    forecast = None
    models.native_size = side
    try:
        demand = algorithm.demand(algorithm.settings(), (native, native), 1)
        forecast = models.forecast(demand)
        models.plan_for(algorithm.demand(algorithm.settings(), (side, side), 1))
        if not models.plan.swaps:
            for variant in algorithm.needs:
                models.get(variant)
        with peak_of(models.device) as peak:
            done, stepped, rest = _timed(edit(models, request), models.device)
    except EditError as error:
        return Cost(algorithm.name, algorithm.title, side, forecast=forecast, trouble=str(error))
    except (RuntimeError, MemoryError) as error:
        if not room.is_shortage(error):
            raise
        models.unload()
        return Cost(
            algorithm.name, algorithm.title, side, forecast=forecast, trouble=models.shortage()
        )
    finally:
        models.native_size = None
    whole = (stepped * times + rest) * (native / side) ** 2
    return Cost(
        algorithm.name,
        algorithm.title,
        side,
        done.report.rows,
        stepped + rest,
        whole,
        peak.bytes,
        forecast,
    )


def _timed(events: Iterator[Event], device: torch.device) -> tuple[Done, float, float]:
    """An edit's end, and the seconds of its stages with steps and of all others."""
    stepped = rest = 0.0
    counted = False
    began = time.perf_counter()
    last: Event | None = None
    for event in events:
        if isinstance(event, Stage):
            now = _now(device)
            stepped, rest = (
                (stepped + now - began, rest) if counted else (stepped, rest + now - began)
            )
            began, counted = now, event.steps > 0
        last = event
    rest += _now(device) - began
    assert isinstance(last, Done)
    return last, stepped, rest


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
