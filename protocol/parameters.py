"""Values of an algorithm's parameters, checked where a painter sets them.

Docker and command line know a parameter from the server's announcement only. The last word has the
server's own check of each request; what fits here passes there unchanged.
"""

from __future__ import annotations

import math

from . import limits
from .messages import Parameter, Value

TRUTHS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def fits(value: object, parameter: Parameter) -> bool:
    """Whether a value has the parameter's type, and is in its range or choices."""
    if parameter.kind == "bool":
        return isinstance(value, bool)
    if parameter.kind == "choice":
        return isinstance(value, str) and value in parameter.choices
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return False
    if parameter.kind == "int" and not isinstance(value, int):
        return False
    low, high = parameter.minimum, parameter.maximum
    return (low is None or value >= low) and (high is None or value <= high)


def parse(text: str, parameter: Parameter) -> Value:
    """A value written as text, in the parameter's own type.

    Raises ValueError, with what is possible ("a number from 0 to 1"), for a text that is none. A
    number out of range is left to the server, which may know better.
    """
    try:
        if parameter.kind == "bool":
            return TRUTHS[text.lower()]
        if parameter.kind == "int" and abs(whole := int(text)) <= limits.MAX_COUNT:
            return whole
        # neither infinite nor "nan"
        if parameter.kind == "float" and abs(number := float(text)) <= limits.MAX_COUNT:
            return number
        if parameter.kind == "choice" and text in parameter.choices:
            return text
    except (KeyError, ValueError):
        pass
    raise ValueError(possible(parameter))


def possible(parameter: Parameter) -> str:
    """What a parameter can be, for a sentence: "a whole number from 1 to 100"."""
    if parameter.kind == "choice":
        return ", ".join(parameter.choices)
    if parameter.kind == "bool":
        return "true or false"
    bounds = ""
    if parameter.minimum is not None and parameter.maximum is not None:
        bounds = f" from {parameter.minimum:g} to {parameter.maximum:g}"
    return f"{'a whole number' if parameter.kind == 'int' else 'a number'}{bounds}"
