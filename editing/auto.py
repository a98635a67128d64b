"""Auto, as painters find it among the algorithms: a request for it becomes one for the algorithm that its instruction wants."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from .choice import choose
from .instruction import parse
from .request import EditRequest, Parameter, parameter, parameters_of, resolve

FEWEST = 2  # steps that every algorithm takes
ALL_STEPS = {"instdiffedit": ("steps", "inpainting_steps")}  # where more than one of an algorithm's parameters counts steps
NAME = "auto"
TITLE = "Auto"
SUMMARY = "Chooses the algorithm by what the sentence asks for, and says which and why."


@dataclass(frozen=True)
class Settings:
    """What all algorithms that can be chosen have in common."""

    steps: int = parameter(0, "Steps, two at least; 0: as many as the chosen algorithm usually takes.", minimum=0, maximum=500)


def parameters() -> tuple[Parameter, ...]:
    """The declared parameters, in order."""
    return parameters_of(Settings)


def settled(request: EditRequest, available: Collection[str]) -> EditRequest:
    """The request with Auto's choice among those available, and the reason; a request for an algorithm by its name itself.

    Raises EditError for an instruction that cannot be read, and for parameters that are not Auto's.
    """
    if request.algorithm != NAME:
        return request
    name, reason = choose(parse(request.instruction, request.caption), available)
    steps = resolve(Settings, {}, request.parameters).steps
    parameters = dict.fromkeys(ALL_STEPS.get(name, ("steps",)), max(FEWEST, steps)) if steps else {}
    return replace(request, algorithm=name, reason=reason, parameters=parameters)
