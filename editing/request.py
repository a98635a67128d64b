"""An edit's request, and the check of an algorithm's parameters.

A request is one value that holds all an edit needs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .errors import EditError

if TYPE_CHECKING:
    from torch import Tensor

Value = float | int | bool | str
HintMode = Literal["off", "guide", "limit", "exactly"]
HINT_MODES: tuple[HintMode, ...] = ("off", "guide", "limit", "exactly")

MAX_SEED = 2**32 - 1  # as in most tools; torch's CPU generator would take 63 bits
MAX_SIDE = 16384  # pixels; a larger layer would need more than 3 GB before the first step

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class EditRequest:
    """An edit as the painter asked for it.

    image: (1, 3, H, W) float32 RGB in 0..1, what the painter sees (transparency already flattened).
    hint: None or (1, 1, H, W) in 0..1, the painter's selection; `hint_mode` says whether it is
    ignored, a prior, a hard limit, or the mask itself. caption: what the picture shows now, where
    the algorithm needs it. mask_only: stop when the mask is found.
    parameters: values by name for the algorithm's declared parameters; what is absent takes its
    default.
    opacity: None or (1, 1, H, W) in 0..1, the layer's alpha before it was flattened onto
    `background`, sRGB in 0..1; no algorithm sees it.
    ask: refuse an instruction about a thing that is not found ("not-found") instead of noting it.
    full_resolution: edit each place of a large picture by itself (in_places.py). named: masks
    (1, 1, H, W) in 0..1 by what they show; an instruction about that acts there, where the
    algorithm takes such masks.
    """

    algorithm: str
    instruction: str
    image: Tensor
    hint: Tensor | None = None
    hint_mode: HintMode = "off"
    seed: int = 0
    parameters: Mapping[str, Value] = field(default_factory=dict)
    caption: str = ""
    mask_only: bool = False
    opacity: Tensor | None = None
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ask: bool = False
    full_resolution: bool = False
    named: Mapping[str, Tensor] = field(default_factory=dict)

    def check(self) -> None:
        """Raise EditError if a part has the wrong shape or range."""
        shape = tuple(self.image.shape)
        if len(shape) != 4 or shape[:2] != (1, 3) or min(shape) < 1:
            raise EditError(
                "bad-image", f"The picture has the shape {shape}; (1, 3, height, width) is needed."
            )
        if max(shape[2:]) > MAX_SIDE:
            raise EditError(
                "too-large",
                f"The picture is {shape[3]} x {shape[2]} pixels; {MAX_SIDE} a side is the limit.",
                "Edit a smaller part.",
            )
        if not self.image.is_floating_point() or not bool(self.image.isfinite().all()):
            raise EditError(
                "bad-image", "The picture holds values that are not finite floating-point numbers."
            )
        if self.hint_mode not in HINT_MODES:
            raise EditError(
                "bad-hint-mode",
                f"The hint mode {self.hint_mode!r} is unknown.",
                f"Choose one of {', '.join(HINT_MODES)}.",
            )
        if self.hint is not None and tuple(self.hint.shape) != (1, 1, *shape[2:]):
            raise EditError(
                "bad-hint",
                f"The selection has the shape {tuple(self.hint.shape)}, the picture {shape}; "
                "their sizes differ.",
            )
        for name, mask in self.named.items():
            if tuple(mask.shape) != (1, 1, *shape[2:]):
                raise EditError(
                    "bad-hint",
                    f"The mask {name!r} has the shape {tuple(mask.shape)}, the picture {shape}; "
                    "their sizes differ.",
                )
        if not 0 <= self.seed <= MAX_SEED:
            raise EditError(
                "bad-seed",
                f"The seed {self.seed} is out of range.",
                f"Use a number from 0 to {MAX_SEED}.",
            )
        if not self.instruction.strip():
            raise EditError(
                "empty-instruction",
                "There is no instruction.",
                'Write what to change, for example "make the star blue".',
            )


@dataclass(frozen=True)
class Parameter:
    """One control of an algorithm.

    The docker shows it, and requests are checked against it.
    """

    name: str
    kind: Literal["float", "int", "bool", "choice"]
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    front: bool = False  # on the docker's front page, or behind "more"
    title: str = ""  # what a painter calls it, where the name is a symbol or too short

    def check(self, value: object) -> Value:
        """The value in the parameter's own type.

        Raises EditError with the name, the range and the value.
        """
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
            raise self._refuse(value, f"one of {', '.join(self.choices)}")
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise self._refuse(value, "true or false")
        wanted = f"{'a whole number' if self.kind == 'int' else 'a number'} {self._range()}".strip()
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            raise self._refuse(value, wanted)
        low, high = self.minimum, self.maximum
        if (
            (self.kind == "int" and value != int(value))
            or (low is not None and value < low)
            or (high is not None and value > high)
        ):
            raise self._refuse(value, wanted)
        return int(value) if self.kind == "int" else float(value)

    def _range(self) -> str:
        if self.minimum is None or self.maximum is None:
            return ""
        return f"from {self.minimum:g} to {self.maximum:g}"

    def _refuse(self, value: object, wanted: str) -> EditError:
        return EditError(
            "bad-parameter", f"The parameter {self.name!r} cannot be {value!r}.", f"Give {wanted}."
        )


def parameter(
    default: Value,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    front: bool = False,
    title: str = "",
) -> Any:
    """A field of an algorithm's frozen settings dataclass.

    It carries what the docker needs to show it.
    """
    facts = {
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "help": help,
        "front": front,
        "title": title,
    }
    return dataclasses.field(default=default, metadata=facts)


def parameters_of(settings: type[Any]) -> tuple[Parameter, ...]:
    """The declared parameters of a settings dataclass, in order."""
    kinds: dict[type, Literal["float", "int", "bool", "choice"]] = {
        bool: "bool",
        int: "int",
        float: "float",
        str: "choice",
    }
    defaults = {
        f.name: f.default
        for f in dataclasses.fields(settings)
        if isinstance(f.default, (bool, int, float, str))
    }
    facts = {f.name: f.metadata for f in dataclasses.fields(settings)}
    return tuple(
        Parameter(name, kinds[type(value)], value, **facts[name])
        for name, value in defaults.items()
    )


def resolve(
    settings: type[Settings], model_defaults: Mapping[str, Value], given: Mapping[str, Value]
) -> Settings:
    """The settings of one edit, each checked.

    A request's value goes before the model's default, and that before the algorithm's. Raises
    EditError that names the parameter, its range and the value refused.
    """
    declared = {p.name: p for p in parameters_of(settings)}
    for name in (*model_defaults, *given):
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise EditError(
                "unknown-parameter", f"There is no parameter {name!r}.", f"Known are: {known}."
            )
    return settings(
        **{name: declared[name].check(value) for name, value in {**model_defaults, **given}.items()}
    )
