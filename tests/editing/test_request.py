"""Requests and parameters.

What is accepted, and how the rest is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch

from limn.editing import ALGORITHMS, EditError, EditRequest, Models, edit
from limn.editing.request import Parameter, parameter, parameters_of, resolve

from .conftest import picture


@dataclass(frozen=True)
class Example:
    count: int = parameter(3, "How many.", minimum=1, maximum=9, front=True)
    share: float = parameter(0.5, "How much.", minimum=0.0, maximum=1.0, title="share of all")
    wild: bool = parameter(False, "Whether.")
    way: str = parameter("up", "Where.", choices=("up", "down"))


def test_settings_declare_their_parameters() -> None:
    assert parameters_of(Example) == (
        Parameter("count", "int", 3, 1, 9, (), "How many.", True),
        Parameter("share", "float", 0.5, 0.0, 1.0, (), "How much.", False, "share of all"),
        Parameter("wild", "bool", False, None, None, (), "Whether.", False),
        Parameter("way", "choice", "up", None, None, ("up", "down"), "Where.", False),
    )


def test_requests_go_before_models_before_defaults() -> None:
    assert resolve(Example, {}, {}) == Example()
    assert resolve(Example, {"count": 5, "way": "down"}, {"count": 7}) == Example(
        count=7, way="down"
    )


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [("count", 4.0, 4), ("share", 1, 1.0), ("share", 0, 0.0), ("wild", True, True)],
)
def test_numbers_take_the_parameters_own_type(name: str, value: object, kept: object) -> None:
    result = getattr(resolve(Example, {}, {name: value}), name)  # type: ignore[dict-item]
    assert result == kept
    assert type(result) is type(kept)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("count", 0, "from 1 to 9"),
        ("count", 10, "from 1 to 9"),
        ("count", 2.5, "whole number"),
        ("count", "3", "whole number"),
        ("count", True, "whole number"),
        ("share", math.nan, "from 0 to 1"),
        ("share", math.inf, "from 0 to 1"),
        ("share", -0.01, "from 0 to 1"),
        ("share", None, "a number"),
        ("wild", 1, "true or false"),
        ("way", "left", "up, down"),
        ("way", ["up"], "up, down"),
    ],
)
def test_a_refused_value_is_named_with_its_range(name: str, value: object, words: str) -> None:
    for model, given in (({name: value}, {}), ({}, {name: value})):
        with pytest.raises(EditError) as error:
            resolve(Example, model, given)  # type: ignore[arg-type]
        assert error.value.code == "bad-parameter"
        assert repr(name) in error.value.sentence
        assert repr(value) in error.value.sentence
        assert words in error.value.remedy


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(EditError, match="'speed'") as error:
        resolve(Example, {}, {"speed": 1})
    assert "count, share, wild, way" in error.value.remedy


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_every_algorithm_explains_itself(name: str) -> None:
    algorithm = ALGORITHMS[name]
    assert algorithm.name == name
    assert algorithm.title
    assert algorithm.summary
    assert algorithm.needs
    for p in algorithm.parameters:
        assert p.help.endswith(".")
        assert p.check(p.default) == p.default
        assert p.kind in ("bool", "choice") or (p.minimum is not None and p.maximum is not None)


GOOD = EditRequest("foi", "make the star blue", picture(), parameters={"steps": 2})


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(GOOD, image=torch.rand(3, 64, 64)), "bad-image"),
        (replace(GOOD, image=torch.rand(2, 3, 64, 64)), "bad-image"),
        (replace(GOOD, image=torch.rand(1, 4, 64, 64)), "bad-image"),
        (replace(GOOD, image=torch.rand(1, 3, 0, 64)), "bad-image"),
        (replace(GOOD, image=torch.zeros(1, 3, 64, 64, dtype=torch.uint8)), "bad-image"),
        (replace(GOOD, image=torch.full((1, 3, 64, 64), math.nan)), "bad-image"),
        (replace(GOOD, image=torch.rand(1, 3, 1, 16385)), "too-large"),
        (replace(GOOD, hint=torch.rand(1, 1, 32, 64), hint_mode="guide"), "bad-hint"),
        (replace(GOOD, hint_mode="maybe"), "bad-hint-mode"),  # type: ignore[arg-type]
        (replace(GOOD, seed=-1), "bad-seed"),
        (replace(GOOD, seed=2**63), "bad-seed"),
        (replace(GOOD, instruction=" \n"), "empty-instruction"),
        (replace(GOOD, algorithm="magic"), "unknown-algorithm"),
        (replace(GOOD, parameters={"steps": 1}), "bad-parameter"),
        (replace(GOOD, parameters={"stps": 10}), "unknown-parameter"),
    ],
)
def test_bad_requests_are_refused_before_any_network_runs(
    models: Models, request_: EditRequest, code: str
) -> None:
    with pytest.raises(EditError) as error:
        next(iter(edit(models, request_)))
    assert error.value.code == code
    assert error.value.sentence.endswith(".")


SYMBOLS = {"alpha", "beta", "gamma", "eta", "tau", "phi", "lambda", "sigma"}


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_the_docker_can_call_every_parameter_by_words(name: str) -> None:
    """Different ones, short enough for a narrow docker.

    And no letters that only a reader of the paper knows.
    """
    shown = [one.title or one.name.replace("_", " ") for one in ALGORITHMS[name].parameters]
    assert len({words.lower() for words in shown}) == len(shown)
    assert not [words for words in shown if len(words) > 18 or SYMBOLS & set(words.split())], shown
