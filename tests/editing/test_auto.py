"""Auto, from a request to the algorithm that runs.

What is chosen, announced and reported, and what it takes along.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from limn.editing import (
    ALGORITHMS,
    PAPERS,
    EditError,
    EditRequest,
    Models,
    auto,
    edit,
    load_models,
    prepare,
    preparing,
    runnable,
)
from limn.editing.events import Done
from limn.editing.facts import Facts, declared
from limn.editing.language.instruction import Instruction

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


def done(models: Models, instruction: str, **changes: object) -> Done:
    """The end of an edit."""
    *_, last = edit(models, request(instruction, **changes))
    assert isinstance(last, Done)
    return last


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
def test_the_choice_is_prepared_and_runs(
    models: Models, instruction: str, caption: str, algorithm: str, reason: str
) -> None:
    prepared = prepare(models, request(instruction, caption=caption))
    assert (prepared.algorithm.name, prepared.reason) == (algorithm, reason)
    *_, last = edit(models, prepared)
    assert isinstance(last, Done)
    assert (last.report.algorithm, last.report.reason) == (algorithm, reason)


def test_an_algorithm_by_its_name_overrides_and_has_no_reason(models: Models) -> None:
    report = done(models, "make the dog sit", algorithm="foi").report
    assert (report.algorithm, report.reason) == ("foi", "")


def test_only_what_the_models_can_run_is_chosen(tiny_model: Path) -> None:
    instruction, text = (
        load_models(tiny_model / "instruction"),
        load_models(tiny_model / "text-to-image"),
    )
    assert (runnable(instruction), runnable(text)) == (
        ("foi",),
        ("adapedit", "tas"),
    )
    prepared = prepare(instruction, request("make the dog sit"))
    assert prepared.algorithm.name == "foi"
    assert prepared.reason == "FoI: changes a pose; TAS is not there"
    with pytest.raises(EditError) as caught:
        prepare(text, request("make the star blue"))
    assert caught.value.code == "needs-caption"
    assert done(text, "make the star blue", caption="a red star")


def test_auto_has_the_parameters_that_all_have_and_hands_them_on() -> None:
    common = set.intersection(
        *({parameter.name for parameter in algorithm.parameters} for algorithm in PAPERS)
    )
    assert {field.name for field in fields(auto.Settings)} == common
    assert auto.parameters_for(ALGORITHMS["foi"], {"steps": 7}) == {"steps": 7}
    assert auto.parameters_for(ALGORITHMS["foi"], {"steps": 0}) == {}


def test_every_kind_of_change_is_served_by_a_paper_and_only_kinds_are_declared() -> None:
    declared = [kind for algorithm in ALGORITHMS.values() for kind in algorithm.serves]
    assert set(declared) == set(auto.KINDS)
    assert {auto.serving(kind).name for kind in auto.KINDS} <= {paper.name for paper in PAPERS}


def test_what_is_read_of_the_declarations_is_what_they_are() -> None:
    """Auto chooses by what it reads of the files, without running them."""
    assert list(declared()) == list(ALGORITHMS)
    for name, facts in declared().items():
        for fact in fields(Facts):
            assert getattr(facts, fact.name) == getattr(ALGORITHMS[name], fact.name), name


def test_what_counts_steps_is_a_parameter_of_that_kind() -> None:
    for algorithm in ALGORITHMS.values():
        kinds = {parameter.name: parameter.kind for parameter in algorithm.parameters}
        assert algorithm.counts and {kinds[name] for name in algorithm.counts} == {"int"}


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
    wanted = request(instruction, caption=caption, parameters={"steps": steps})
    prepared = prepare(models, wanted)
    assert prepared.algorithm.name == algorithm
    counted = {
        "foi": ("steps",),
        "instdiffedit": ("steps", "inpainting_steps"),
        "adapedit": ("steps",),
        "tas": ("steps",),
    }[algorithm]
    assert [getattr(prepared.settings, name) for name in counted] == [max(2, steps)] * len(counted)


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
        prepare(models, request(instruction, parameters=parameters))
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
    if needed:
        with pytest.raises(EditError) as caught:
            prepare(models, wanted)
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
    """It takes no other algorithm instead: the refusal tells the choice."""
    wanted = request(instruction, caption=caption)
    if not asks:
        assert prepare(models, wanted).reason
        return
    with pytest.raises(EditError) as caught:
        prepare(models, wanted)
    assert caught.value.code == "needs-caption"
    assert caught.value.choice == ("adapedit", "AdapEdit: changes a number")


def test_nothing_is_loaded_to_prepare(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = load_models(tiny_model)
    loaded: list[str] = []
    monkeypatch.setattr(Models, "get", lambda _, variant: loaded.append(variant))
    prepare(models, request("make the star striped", caption="a red star"))
    with pytest.raises(EditError):
        prepare(models, request("make the star striped"))
    assert not loaded


def test_the_sentence_is_parsed_once(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = preparing.parse, []

    def counted(instruction: str, caption: str) -> Instruction:
        parsed.append(instruction)
        return parse(instruction, caption)

    monkeypatch.setattr(preparing, "parse", counted)
    assert done(models, "make the star striped", caption="a red star")
    assert parsed == ["make the star striped"]
