"""A parameter and a limit mean the same everywhere.

In the editing, on the wire, and to who sets them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.editing import request
from limn.editing.errors import EditError
from limn.editing.language import instruction
from limn.protocol import limits, messages
from limn.protocol.parameters import fits, parse, possible

KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "float", "default": 0.5, "minimum": 0.0, "maximum": 1.0},
    {"kind": "int", "default": 50, "minimum": 2, "maximum": 500},
    {"kind": "bool", "default": False},
    {"kind": "choice", "default": "paper", "choices": ("paper", "released")},
)


def both(kind: dict[str, Any]) -> tuple[request.Parameter, messages.Parameter]:
    fields = {"minimum": None, "maximum": None, "choices": (), "help": "", "front": False}
    return (
        request.Parameter("p", **kind),
        messages.Parameter(**{"name": "p", "title": "", **fields, **kind}),
    )


ANY = st.one_of(
    st.booleans(), st.integers(-5, 600), st.floats(), st.sampled_from(("paper", "other", "true"))
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["kind"])
@given(value=ANY)
def test_what_fits_passes_the_servers_check_unchanged(kind: dict[str, Any], value: object) -> None:
    truth, announced = both(kind)
    try:
        checked = truth.check(value)
    except EditError:
        assert not fits(value, announced)
    else:
        # The editing also takes 3.0 for a whole number, and gives back 3.
        assert fits(checked, announced)
        assert not fits(value, announced) or checked == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["kind"])
@given(value=ANY)
def test_a_value_is_read_as_it_was_written(kind: dict[str, Any], value: object) -> None:
    _, announced = both(kind)
    if fits(value, announced):
        assert parse(str(value), announced) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (KINDS[0], "nan", "a number from 0 to 1"),
        (KINDS[1], "2.5", "a whole number from 2 to 500"),
        (KINDS[2], "perhaps", "true or false"),
        (KINDS[3], "other", "paper, released"),
    ],
)
def test_what_can_not_be_read_is_told_what_is_possible(
    kind: dict[str, Any], text: str, said: str
) -> None:
    _, announced = both(kind)
    assert possible(announced) == said
    with pytest.raises(ValueError, match=said):
        parse(text, announced)


def test_each_limit_is_one_number() -> None:
    """The editing knows no wire, so that it writes them down again.

    Here they are held equal.
    """
    assert request.MAX_SEED == limits.MAX_SEED
    assert request.MAX_SIDE == limits.MAX_SIDE
    assert instruction.MAX_CHARACTERS == limits.MAX_INSTRUCTION
