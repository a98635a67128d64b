"""What the painter sets in the panel.

What an edit asks for by it, and what is remembered beyond this run of Krita.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ..protocol import limits
from ..protocol.messages import (
    HINT_MODES,
    Algorithm,
    HintMode,
    Parameter,
    Value,
)
from ..protocol.parameters import fits
from .panel_values import Request

HISTORY = 50
"""Instructions remembered for Up and Down: more than anybody walks through."""

MOST_SECONDS = 24 * 3600
"""A remembered time beyond a day is a damaged file's."""

DEFAULT_ALGORITHM = "auto"


@dataclass
class PanelSettings:
    """The painter's settings, and the algorithms that they are for.

    Change them through the methods only; they tell the listeners.
    """

    algorithms: tuple[Algorithm, ...] = ()
    algorithm: str = DEFAULT_ALGORITHM
    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    choice: str = ""
    question: str = ""
    instruction: str = ""
    caption: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    seeds: int = 1
    hint_mode: HintMode = "limit"
    corrected: bool = False  # a mask that was found, and then corrected by hand, is selected
    declined: bool = False  # a mode was chosen for it all the same
    keep_transparency: bool = True
    flat: bool = False
    full_resolution: bool = True
    apart: bool = True
    history: list[str] = field(default_factory=list)
    more: bool = False
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _silent: bool = False

    # --- what the painter sets --------------------------------------------------------------------

    def set_instruction(self, text: str) -> None:
        if (text := text[: limits.MAX_INSTRUCTION]) != self.instruction:
            self.instruction = text
            self._changed()

    def set_algorithm(self, name: str) -> None:
        if name != self.algorithm:
            self.algorithm, self.choice, self.question = name, "", ""
            self._changed()

    def set_caption(self, text: str) -> None:
        if (text := text[: limits.MAX_INSTRUCTION]) != self.caption:
            self.caption = text
            self._changed()

    def set_value(self, name: str, value: Value) -> None:
        self.values.setdefault(self.algorithm, {})[name] = value

    def set_seed(self, seed: int) -> None:
        self.seed = max(0, min(seed, limits.MAX_SEED))

    def set_hint_mode(self, mode: HintMode) -> None:
        self.hint_mode, self.declined = mode, self.corrected
        self._changed()

    def mode(self) -> HintMode:
        """What a selection means to the next edit.

        A mask that was corrected by hand is taken exactly, unless another mode was chosen for it.
        """
        return "exactly" if self.corrected and not self.declined else self.hint_mode

    def set_keep_transparency(self, kept: bool) -> None:
        self.keep_transparency = kept
        self._changed()

    def set_flat(self, flat: bool) -> None:
        """Whether a result has its mask in its own alpha, and no mask to paint on."""
        self.flat = flat
        self._changed()

    def set_full_resolution(self, wanted: bool) -> None:
        """Whether each place of a large layer is edited by itself."""
        self.full_resolution = wanted
        self._changed()

    def set_apart(self, wanted: bool) -> None:
        """Whether of several instructions each has a layer of its own, in a group."""
        self.apart = wanted
        self._changed()

    def set_seeds(self, count: int) -> None:
        """How many seeds an edit is made with."""
        self.seeds = count
        self._changed()

    def set_more(self, shown: bool) -> None:
        self.more = shown
        self._changed()

    def new_seed(self) -> int:
        """Another seed, shown in the panel from now on. Six digits: easily noted down."""
        self.seed = random.randrange(1_000_000)
        self._changed()
        return self.seed

    # --- what is asked for ------------------------------------------------------------------------

    def chosen(self) -> Algorithm | None:
        """The announced algorithm of the panel's choice.

        None before the server has announced any.
        """
        return next((one for one in self.algorithms if one.name == self.algorithm), None)

    def offered(self) -> tuple[Algorithm, ...]:
        """The algorithms to choose from.

        Earlier methods behind "more" only, but always the one that is chosen.
        """
        return tuple(
            one
            for one in self.algorithms
            if self.more or not one.baseline or one.name == self.algorithm
        )

    def caption_use(self) -> str:
        """What a caption is to the chosen algorithm: "unused", "useful" or "needed"."""
        algorithm = self.chosen()
        return algorithm.caption if algorithm is not None else "useful"

    def caption_shown(self) -> bool:
        """Whether the caption has a place in the panel.

        One that stands there is always seen, for it has a say in the next edit.
        """
        use = self.caption_use()
        return use != "unused" and (
            use == "needed" or self.more or bool(self.caption) or bool(self.question)
        )

    def value(self, parameter: Parameter) -> Value:
        """What the panel shows for a parameter.

        The painter's choice if it still fits the schema, else the default.
        """
        value = self.values.get(self.algorithm, {}).get(parameter.name, parameter.default)
        return value if fits(value, parameter) else parameter.default

    def settings(self, algorithm: Algorithm) -> dict[str, Value]:
        """What the painter has set for an algorithm, as far as it fits and is no default."""
        kept = self.values.get(algorithm.name, {})
        return {
            one.name: kept[one.name]
            for one in algorithm.parameters
            if one.name in kept and fits(kept[one.name], one) and kept[one.name] != one.default
        }

    def request(self, mask_only: bool = False) -> Request:
        """What the panel asks for now; parameters that equal their defaults are left out."""
        algorithm = self.chosen()
        parameters = (
            {} if algorithm is None else {one.name: self.value(one) for one in algorithm.parameters}
        )
        defaults = (
            {} if algorithm is None else {one.name: one.default for one in algorithm.parameters}
        )
        changed = {name: value for name, value in parameters.items() if value != defaults[name]}
        caption = "" if self.caption_use() == "unused" else self.caption.strip()
        return Request(
            self.instruction.strip(),
            self.algorithm,
            changed,
            self.seed,
            self.hint_mode if mask_only else self.mode(),
            mask_only,
            caption,
            self.keep_transparency,
            self.flat,
            ask=not mask_only,
            full_resolution=self.full_resolution,
            apart=self.apart,
        )

    def further(self, seed: int) -> tuple[int, ...]:
        """The seeds after this one, with which it is as many as the panel has.

        After the largest comes 0.
        """
        return tuple((seed + number) % (limits.MAX_SEED + 1) for number in range(1, self.seeds))

    # --- what is remembered -----------------------------------------------------------------------

    def remembered(self) -> str:
        """The settings that last beyond this run of Krita, as JSON."""
        return json.dumps(
            {
                "algorithm": self.algorithm,
                "values": self.values,
                "seed": self.seed,
                "hint_mode": self.hint_mode,
                "keep_transparency": self.keep_transparency,
                "flat": self.flat,
                "full_resolution": self.full_resolution,
                "apart": self.apart,
                "history": self.history,
                "more": self.more,
                "seconds": self.seconds,
            }
        )

    def recall(self, text: str) -> None:
        """Take over remembered settings.

        What does not fit (an older version, a damaged file) is left at its default.
        """
        try:
            memory = json.loads(text) if text else {}
        except ValueError:
            return
        if not isinstance(memory, dict):
            return
        if isinstance(memory.get("algorithm"), str):
            self.algorithm = memory["algorithm"]
        if isinstance(memory.get("values"), dict):
            self.values = {
                str(name): dict(values)
                for name, values in memory["values"].items()
                if isinstance(values, dict)
            }
        if type(memory.get("seed")) is int:
            self.set_seed(memory["seed"])
        if memory.get("hint_mode") in HINT_MODES:
            self.hint_mode = memory["hint_mode"]
        self.keep_transparency = memory.get("keep_transparency") is not False
        self.flat = memory.get("flat") is True
        self.full_resolution = memory.get("full_resolution") is not False
        self.apart = memory.get("apart") is not False
        if isinstance(memory.get("history"), list):
            self.history = [one for one in memory["history"] if isinstance(one, str)][-HISTORY:]
        self.more = memory.get("more") is True
        if isinstance(memory.get("seconds"), dict):
            self.seconds = {
                str(name): float(taken)
                for name, taken in memory["seconds"].items()
                if isinstance(taken, (int, float)) and 0 < taken < MOST_SECONDS
            }

    def _changed(self) -> None:
        if self._silent:
            return
        for listener in tuple(self.listeners):
            listener()
