"""The whole trial of a model, one result after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ...diffusion.loading import Models
from ...errors import EditError
from ...methods.table import PAPERS
from .costs import Cost, cost
from .nouns import Localised, localise
from .pictures import pictures
from .stock import Compared, compare

SECONDS = 60.0
"""What a trial may take.

Reckoned from its first forwards; beyond it works at smaller sizes.
"""

ROWS = 110
"""Of the network that comparing and the four algorithms take."""

LEAST_SIDE = 64
"""Pixels; nothing is tried below."""

READERS = ("text-to-image", "instruction", "inpainting")
"""Whose attention is looked at: the first that is there."""


@dataclass(frozen=True)
class Lost:
    """A part of the trial that could not be carried out, and why."""

    part: str
    why: str


Result = Localised | Compared | Cost | Lost


def trial(models: Models, seconds: float = SECONDS) -> Iterator[Result]:
    """Where nouns localise, the loop, what each algorithm costs, in this order.

    Raises UnreadableModel if a network cannot be loaded.
    """
    reader = next(variant for variant in READERS if variant in models.variants)
    side = models.geometry(reader).native_size
    row = 0.0
    try:
        model = models.get(reader)
        began = time.perf_counter()
        found = localise(model, pictures(side))
        row = (time.perf_counter() - began) / found.rows
        yield found
    except EditError as error:
        yield Lost("nouns", str(error))
    multiple = models.geometry(reader).multiple
    while row * ROWS > seconds and side // 2 >= max(LEAST_SIDE, multiple):
        side, row = side // 2, row / 4
    side -= side % multiple
    for variant in models.variants:
        try:
            yield compare(models.get(variant), pictures(side)[0])
        except (EditError, ValueError, RuntimeError) as error:
            yield Lost(f"{variant} beside the stock pipeline", " ".join(str(error).split())[:200])
    for algorithm in PAPERS:
        if set(algorithm.needs) <= set(models.variants):
            yield cost(models, algorithm, side)
        else:
            lacks = ", ".join(sorted(set(algorithm.needs) - set(models.variants)))
            yield Lost(algorithm.title, f"it needs {lacks}, which this model has not")
