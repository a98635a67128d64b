"""How a benchmark asks a method.

In the words that its paper gives it, at its paper's settings or at quick ones.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from .. import ALGORITHMS, EditRequest, edit
from ..diffusion.loading import Models
from ..errors import EditError
from ..events import Done, Step
from ..frame import choose_frame
from ..request import Value

# stands for a source text that a data set does not have; enough for methods that need none
UNKNOWN = "a photo of something"

PRESETS = ("quick", "fast", "paper", "pie-bench")
"""Presets of the methods' settings.

About 50 network rows, half to a third of the paper's, or the paper's own settings, each named and
whatever the model's own defaults are; or PIE-Bench's scripts', where they differ from the papers'.
Each method declares its own.
Reckoned for `quick` from one case of each type on two cores: twenty take some 30 minutes for the
four papers' algorithms and InstructPix2Pix, 80 for them and nine baselines. Good enough to see
which method does what; figures to quote want `fast` or `paper`.
"""


def settings(method: str, preset: str) -> Mapping[str, Value]:
    """A method's parameters in a preset; what is absent keeps its default."""
    return ALGORITHMS[method].presets.get(preset, {})


def has_mask(method: str) -> bool:
    """Whether a method looks for a mask; the others may change the whole picture."""
    algorithm = ALGORITHMS[method]
    return algorithm.has_mask(algorithm.settings())


@dataclass(frozen=True)
class Words:
    """One edit's texts.

    Instructions, and what the picture shows before and after. Any may be empty where a data set
    lacks it.
    """

    instruction: str
    source: str
    target: str

    def told(self, method: str) -> str:
        """What a method is told."""
        captions = f"{self.source or UNKNOWN} => {self.target}" if self.target else ""
        return (
            (self.instruction if ALGORITHMS[method].told_by == "instruction" else captions)
            or captions
            or self.instruction
        )


@dataclass(frozen=True)
class Answer:
    """What a method gave, or its refusal.

    The edit, the picture before the composite where the last preview is of full size, and its cost:
    seconds by the clock, and of this process on all its processors.
    """

    done: Done | None
    raw: Tensor | None
    seconds: float
    processor: float
    refusal: str = ""


Changes = Mapping[str, Mapping[str, Value]]
"""Parameters that differ from the preset's, by method and name."""


def changes(given: Sequence[str]) -> Changes:
    """Reads METHOD.NAME=VALUE, any number of them.

    Raises ValueError for one that names no parameter, or a value that the parameter does not take.
    """
    found: dict[str, dict[str, Value]] = {}
    for entry in given:
        place, equals, text = entry.partition("=")
        method, dot, name = place.partition(".")
        if not equals or not dot:
            raise ValueError(f"{entry!r} is not METHOD.NAME=VALUE, for example p2p.guidance=1.5.")
        if method not in ALGORITHMS:
            raise ValueError(f"There is no method {method!r}; there are {', '.join(ALGORITHMS)}.")
        known = {one.name: one for one in ALGORITHMS[method].parameters}
        if name not in known:
            raise ValueError(f"{method} has no parameter {name!r}; it has {', '.join(known)}.")
        try:
            found.setdefault(method, {})[name] = known[name].check(_value(text, known[name].kind))
        except EditError as error:
            raise ValueError(str(error)) from error
    return found


def _value(text: str, kind: str) -> object:
    """A parameter's value as it is written on a command line.

    What cannot be read stays a text.
    """
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "choice":
        return text
    try:
        return float(text)
    except ValueError:
        return text


def ask(
    models: Models,
    method: str,
    words: Words,
    image: Tensor,
    seed: int,
    preset: str,
    changed: Changes | None = None,
    selection: Tensor | None = None,
) -> Answer:
    """One edit of a picture (1, 3, H, W), alone and without a store.

    changed: of its preset. selection: (1, 1, H, W), which limits the edit.
    """
    request = EditRequest(
        method,
        words.told(method),
        image,
        seed=seed,
        caption=words.source,
        hint=selection,
        hint_mode="off" if selection is None else "limit",
        parameters={**settings(method, preset), **(changed or {}).get(method, {})},
    )
    begun, idle = time.monotonic(), time.process_time()
    last: Step | None = None
    done: Done | None = None
    try:
        for event in edit(models, request):
            if isinstance(event, Step):
                last = event
            elif isinstance(event, Done):
                done = event
    except EditError as error:
        return Answer(None, None, time.monotonic() - begun, time.process_time() - idle, str(error))
    seconds, processor = time.monotonic() - begun, time.process_time() - idle
    raw = last.preview() if last is not None else None
    model = models.get(ALGORITHMS[method].needs[-1])
    size = choose_frame(
        (image.shape[2], image.shape[3]), selection, model.native_size, model.multiple
    ).size
    whole = raw if raw is not None and tuple(raw.shape[2:]) == size else None
    return Answer(done, whole, seconds, processor)


def known_methods(names: list[str]) -> tuple[str, ...]:
    """The methods asked for, in the table's order; all for none.

    Raises ValueError for an unknown one.
    """
    unknown = [name for name in names if name not in ALGORITHMS]
    if unknown:
        raise ValueError(f"There is no method {unknown[0]!r}; there are {', '.join(ALGORITHMS)}.")
    return tuple(name for name in ALGORITHMS if not names or name in names)
