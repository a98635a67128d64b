"""Auto, from a request to the algorithm that runs: what is chosen, announced and reported, and what
it takes along.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from limn import editing
from limn.editing import ALGORITHMS, PAPERS, EditError, EditRequest, Models, auto, edit, load_models
from limn.editing.auto import TITLES
from limn.editing.events import Chosen, Done, Event, Stage

from .conftest import picture


def request(instruction: str, **changes: object) -> EditRequest:
    return EditRequest(
        **{
            "algorithm": "auto",
            "image": picture(),
            "instruction": instruction,
            "parameters": {"steps": 2},
        }
        | changes
    )  # type: ignore[arg-type]


def events(models: Models, instruction: str, **changes: object) -> list[Event]:
    return list(edit(models, request(instruction, **changes)))


@pytest.mark.parametrize(
    ("instruction", "caption", "algorithm", "reason"),
    [
        ("make the star blue, remove the cup", "", "foi", "FoI: two local edits"),
        ("turn the cat into a dog", "", "foi", "FoI: replaces an object"),
        ("a dog", "", "instdiffedit", "InstDiffEdit: shows what the phrase names"),
        ("make the star striped", "a red star", "adapedit", "AdapEdit: changes an adjective"),
        ("make the dog sit", "", "tas", "TAS: changes a pose"),
    ],
)
def test_the_choice_is_announced_first_and_runs(
    models: Models, instruction: str, caption: str, algorithm: str, reason: str
) -> None:
    seen = events(models, instruction, caption=caption)
    assert seen[0] == Chosen(algorithm, reason)
    assert [type(event) for event in seen].count(Chosen) == 1 and isinstance(seen[1], Stage)
    last = seen[-1]
    assert isinstance(last, Done)
    assert (last.report.algorithm, last.report.reason) == (algorithm, reason)


def test_an_algorithm_by_its_name_overrides_and_has_no_reason(models: Models) -> None:
    seen = events(models, "make the dog sit", algorithm="foi")
    assert not any(isinstance(event, Chosen) for event in seen)
    last = seen[-1]
    assert isinstance(last, Done) and (last.report.algorithm, last.report.reason) == ("foi", "")


def test_a_request_that_was_settled_before_is_not_announced_again(models: Models) -> None:
    settled = editing.settle(models, request("make the dog sit"))
    assert (settled.algorithm, settled.reason) == ("tas", "TAS: changes a pose")
    assert editing.settle(models, settled) is settled
    seen = list(edit(models, settled))
    assert not any(isinstance(event, Chosen) for event in seen)
    assert isinstance(seen[-1], Done) and seen[-1].report.reason == "TAS: changes a pose"


def test_only_what_the_models_can_run_is_chosen(tiny_model: Path) -> None:
    instruction, text = (
        load_models(tiny_model / "instruction"),
        load_models(tiny_model / "text-to-image"),
    )
    assert (editing.runnable(instruction), editing.runnable(text)) == (
        ("foi",),
        ("adapedit", "tas"),
    )
    settled = editing.settle(instruction, request("make the dog sit"))
    assert (settled.algorithm, settled.reason) == ("foi", "FoI: changes a pose; TAS is not there")
    with pytest.raises(EditError) as caught:
        events(text, "make the star blue")
    assert caught.value.code == "needs-caption"
    assert isinstance(events(text, "make the star blue", caption="a red star")[-1], Done)


def test_it_calls_the_algorithms_by_their_titles() -> None:
    assert {algorithm.name: algorithm.title for algorithm in PAPERS} == TITLES


def test_auto_has_the_parameters_that_all_have_and_hands_them_on() -> None:
    common = set.intersection(
        *({parameter.name for parameter in algorithm.parameters} for algorithm in PAPERS)
    )
    assert {field.name for field in fields(auto.Settings)} == common
    given = auto.settled(request("make the star blue", parameters={"steps": 7}), ("foi",))
    assert given.parameters == {"steps": 7}
    assert (
        auto.settled(request("make the star blue", parameters={"steps": 0}), ("foi",)).parameters
        == {}
    )


@pytest.mark.parametrize(
    ("instruction", "caption", "algorithm"),
    [
        ("make the star blue, remove the cup", "", "foi"),
        ("turn the cat into a dog", "", "foi"),
        ("a dog", "", "instdiffedit"),
        ("make the star striped", "a red star", "adapedit"),
        ("make the dog sit", "", "tas"),
    ],
)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_whoever_is_chosen_takes_the_steps(
    models: Models, instruction: str, caption: str, algorithm: str, steps: int
) -> None:
    """All that it shows or paints in, two at least."""
    settled = editing.settle(
        models, request(instruction, caption=caption, parameters={"steps": steps})
    )
    assert settled.algorithm == algorithm
    _, settings = editing.plan(models, settled)
    counted = {
        "foi": ("steps",),
        "instdiffedit": ("steps", "inpainting_steps"),
        "adapedit": ("steps",),
        "tas": ("steps",),
    }[algorithm]
    assert [getattr(settings, name) for name in counted] == [max(2, steps)] * len(counted)


@pytest.mark.parametrize(
    ("instruction", "parameters", "code"),
    [
        ("   ", {}, "empty-instruction"),
        ("make the star blue", {"tau": 0.3}, "unknown-parameter"),
        ("make the star blue", {"steps": 501}, "bad-parameter"),
        ("make the star blue", {"steps": -1}, "bad-parameter"),
    ],
)
def test_what_auto_cannot_take_is_said(
    models: Models, instruction: str, parameters: dict[str, object], code: str
) -> None:
    with pytest.raises(EditError) as caught:
        events(models, instruction, parameters=parameters)
    assert caught.value.code == code and caught.value.sentence


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_who_needs_a_caption_says_so(models: Models, name: str) -> None:
    """The table's word against what the algorithm does."""
    few = {
        p.name: 2 if p.name.endswith("steps") or p.name == "iterations" else p.default
        for p in ALGORITHMS[name].parameters
    }
    wanted = request("make the star blue", algorithm=name, parameters=few, mask_only=True)
    needed = ALGORITHMS[name].caption == "needed"
    assert editing.asks_for_caption(wanted) == needed
    if needed:
        with pytest.raises(EditError) as caught:
            list(edit(models, wanted))
        assert caught.value.code == "needs-caption"
    else:
        assert isinstance(list(edit(models, wanted))[-1], Done)


@pytest.mark.parametrize(
    ("instruction", "caption", "asks"),
    [
        ("add another star", "", True),
        ("add another star", "a star", False),
        ("image: a star\nadd another star", "", False),
        ("two apples => three apples", "", False),
        ("make the star blue", "", False),
        ("make the dog sit", "", False),
    ],
)
def test_auto_asks_for_a_caption_where_its_choice_needs_one(
    models: Models, instruction: str, caption: str, asks: bool
) -> None:
    """It takes no other algorithm instead: the choice is told, then the question."""
    assert (
        editing.asks_for_caption(editing.settle(models, request(instruction, caption=caption)))
        == asks
    )
    steps = edit(models, request(instruction, caption=caption))
    chosen = next(steps)
    assert isinstance(chosen, Chosen)
    if asks:
        assert chosen == Chosen("adapedit", "AdapEdit: changes a number")
        with pytest.raises(EditError) as caught:
            list(steps)
        assert caught.value.code == "needs-caption"
    else:
        assert isinstance(list(steps)[-1], Done)
