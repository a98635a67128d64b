"""The settings of a run: what differs from the preset, and sweeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..methods.table import ALGORITHMS
from ..request import Value
from .methods import Changes, changes

GUIDANCE = ("text_guidance", "guidance")
"""What methods call the weight of the words."""

MOST_VALUES = 50  # of a sweep


@dataclass(frozen=True)
class Setting:
    """One setting of all methods: its name, and what differs from the preset."""

    name: str
    changed: Changes

    def folder(self, out: Path) -> Path:
        """Where its records go: the run's own folder for a setting without a name."""
        return out / self.name.replace(" ", "-").replace(",", "") if self.name else out


def first_alike(chosen: Sequence[Setting], setting: Setting, method: str) -> Setting:
    """The first setting that asks the same of a method.

    What it has made there is not made again.
    """
    own = setting.changed.get(method, {})
    return next(one for one in chosen if one.changed.get(method, {}) == own)


def at_guidance(value: float, methods: Sequence[str]) -> Changes:
    """The parameters that give all methods the same guidance."""
    found: dict[str, dict[str, Value]] = {}
    for method in methods:
        known = {one.name for one in ALGORITHMS[method].parameters}
        if name := next((name for name in GUIDANCE if name in known), None):
            found[method] = {name: value}
    return found


def merged(first: Changes, second: Changes) -> Changes:
    """Both; where they differ, the second."""
    return {m: {**first.get(m, {}), **second.get(m, {})} for m in {*first, *second}}


def swept(text: str) -> list[str]:
    """METHOD.NAME=START:STOP:STEP -> METHOD.NAME=VALUE for each value, STOP included.

    METHOD.NAME=A:B:... with values that are no numbers gives each of them. Raises ValueError for
    one that is neither.
    """
    place, _, span = text.partition("=")
    parts = span.split(":")
    if len(parts) > 1 and not any(_is_number(part) for part in parts) and all(parts):
        return [f"{place}={part}" for part in parts]
    try:
        start, stop, step = (float(x) for x in parts)
        count = math.floor((stop - start) / step + 1e-9) + 1
    except (ValueError, ZeroDivisionError, OverflowError):
        count = 0
    if not 1 <= count <= MOST_VALUES:
        raise ValueError(
            f"{text!r} is not METHOD.NAME=START:STOP:STEP with 1 to {MOST_VALUES} values, for "
            "example tas.ratio=0:0.5:0.1, nor a list of words, for example foi.gamma=tight:loose."
        )
    return [f"{place}={start + k * step:.6g}" for k in range(count)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def settings(
    methods: Sequence[str],
    guidances: Sequence[float] = (),
    sets: Sequence[str] = (),
    sweeps: Sequence[str] = (),
) -> list[Setting]:
    """Each guidance with each value of each sweep, all with what is set.

    Without guidances the methods keep their own; with neither those nor sweeps there is one setting
    without a name. Raises ValueError for what names no parameter, or a value that it does not take.
    """
    entries = [entry for sweep in sweeps for entry in swept(sweep)]
    found = []
    for value in guidances or (None,):
        base = {} if value is None else at_guidance(value, methods)
        for entry in entries or [""]:
            own = changes([*sets, *([entry] if entry else [])])
            named = [] if value is None else [f"guidance {value:g}"]
            name = ", ".join([*named, *([entry] if entry else [])])
            found.append(Setting(name, merged(base, own)))
    return found
