"""What the panel shows and remembers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from limn.editing.frame import Frame, working_size
from limn.editing.places import COARSE
from limn.krita_plugin.panel_values import Note, Request, is_large


@pytest.fixture
def welcome(messages: Any) -> Any:
    parameters = (
        messages.Parameter("tau", "float", 0.4, 0.0, 1.0, help="where the mask ends", front=True),
        messages.Parameter("steps", "int", 100, 1, 1000),
        messages.Parameter("gamma", "choice", "tight", choices=("tight", "wide")),
        messages.Parameter("exact", "bool", True),
    )
    foi = messages.Algorithm("foi", "FoI", "two local edits", parameters)
    missing = messages.Algorithm(
        "tas", "TAS", "needs another model", (), "the model has no text-to-image part"
    )
    return messages.Welcome(1, "Limn 1", "CPU", "sketchbook", (missing, foi))


def test_the_link_names_model_and_device(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.welcomed(welcome)
    assert panel.link.kind == "ready" and panel.link.words == "sketchbook on CPU"
    assert panel.chosen().name == "foi"


def test_a_server_that_falls_silent_is_told_until_it_answers(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.answers(False)
    assert panel.link.kind == "off"  # there is none to fall silent
    panel.welcomed(welcome)
    ready = panel.link
    panel.answers(False)
    assert panel.link.kind == "silent" and panel.link.words.startswith("no answer from")
    panel.answers(True)
    assert panel.link == ready


def test_an_algorithm_that_can_not_run_is_not_chosen(state: Any, welcome: Any) -> None:
    panel = state.Panel(algorithm="tas")
    panel.welcomed(welcome)
    assert panel.algorithm == "foi"


def test_a_request_names_only_what_differs_from_the_defaults(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.welcomed(welcome)
    panel.set_instruction("  make the star blue \n")
    panel.set_value("tau", 0.5)
    panel.set_value("steps", 100)
    request = panel.request()
    assert request.instruction == "make the star blue" and request.parameters == {"tau": 0.5}
    assert panel.request(mask_only=True).mask_only


@pytest.mark.parametrize(
    "name, value",
    [
        ("tau", 1.5),
        ("tau", "0.5"),
        ("steps", 2.5),
        ("gamma", "narrow"),
        ("exact", 1),
        ("tau", True),
    ],
)
def test_a_remembered_value_that_does_not_fit_falls_back(
    state: Any, welcome: Any, name: str, value: object
) -> None:
    panel = state.Panel()
    panel.recall(json.dumps({"values": {"foi": {name: value}}}))
    panel.welcomed(welcome)
    assert panel.request().parameters == {}


def test_earlier_methods_are_offered_behind_more_or_while_one_is_chosen(
    state: Any, messages: Any, welcome: Any
) -> None:
    earlier = (
        messages.Algorithm(name, name.upper(), "earlier", baseline=True)
        for name in ("sdedit", "ddim")
    )
    panel = state.Panel()
    panel.welcomed(
        messages.Welcome(2, "Limn 1", "CPU", "sketchbook", (*welcome.algorithms, *earlier))
    )
    seen = []
    for algorithm, more in (
        ("foi", False),
        ("foi", True),
        ("ddim", True),
        ("ddim", False),
        ("foi", False),
    ):
        panel.set_algorithm(algorithm)
        panel.set_more(more)
        seen.append([one.name for one in panel.offered()])
    papers = ["tas", "foi"]
    assert seen == [
        papers,
        [*papers, "sdedit", "ddim"],
        [*papers, "sdedit", "ddim"],
        [*papers, "ddim"],
        papers,
    ]


@pytest.fixture
def many(messages: Any, welcome: Any) -> Any:
    """A server with Auto and two algorithms.

    One uses no caption, the other needs it.
    """
    auto = messages.Algorithm("auto", "Auto", "chooses", caption="useful")
    needy = messages.Algorithm("adapedit", "AdapEdit", "adjectives", caption="needed")
    return messages.Welcome(2, "Limn 1", "CPU", "sketchbook", (auto, *welcome.algorithms, needy))


def test_auto_is_the_default_where_the_server_has_it(state: Any, many: Any) -> None:
    panel = state.Panel()
    panel.welcomed(many)
    assert panel.request().algorithm == panel.chosen().name == "auto"


def test_a_caption_is_shown_where_it_counts_and_counts_where_it_is_shown(
    state: Any, many: Any
) -> None:
    panel = state.Panel()
    panel.welcomed(many)
    shown = {}
    for name in ("auto", "foi", "adapedit"):
        panel.set_algorithm(name)
        for more in (False, True):
            for caption in ("", "a star"):
                panel.set_more(more)
                panel.set_caption(caption)
                shown[name, more, caption] = panel.caption_shown()
                assert panel.request().caption == (caption if panel.caption_shown() else "")
    assert [key for key, seen in shown.items() if not seen] == [
        ("auto", False, ""),
        ("foi", False, ""),
        ("foi", False, "a star"),
        ("foi", True, ""),
        ("foi", True, "a star"),
    ]


def test_choice_and_question_stand_until_the_next_edit_or_another_algorithm(
    state: Any, many: Any
) -> None:
    panel = state.Panel()
    panel.welcomed(many)
    for end in (
        lambda: panel.began(Request("a", "auto", {}, 0, "off"), "starting"),
        lambda: panel.set_algorithm("foi"),
    ):
        panel.set_algorithm("auto")
        panel.chose("TAS: changes a pose")
        panel.asked("What does the picture show now?")
        panel.ended(Note("quiet", "It is not known what the picture shows now."))
        assert (panel.choice, panel.question) == (
            "TAS: changes a pose",
            "What does the picture show now?",
        )
        assert panel.caption_shown()
        end()
        assert (panel.choice, panel.question) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"seed": -3, "history": "x", "hint_mode": "all", "values": 3}',
        '{"seed": true}',
    ],
)
def test_damaged_memory_harms_nothing(state: Any, text: str) -> None:
    panel = state.Panel()
    panel.recall(text)
    assert panel.seed == 0 and panel.history == [] and panel.hint_mode == "limit"


def test_memory_comes_back(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.welcomed(welcome)
    panel.set_value("tau", 0.25)
    panel.set_hint_mode("guide")
    panel.set_seed(1289)
    panel.began(Request("make the star blue", "foi", {}, 1289, "limit"), "reading the layer")
    later = state.Panel()
    later.recall(panel.remembered())
    later.welcomed(welcome)
    assert (
        later.request().parameters == {"tau": 0.25}
        and later.hint_mode == "guide"
        and later.seed == 1289
    )
    assert later.history == ["make the star blue"]


def test_another_edit_waits_while_the_first_one_goes_on(state: Any, messages: Any) -> None:
    panel = state.Panel()
    panel.began(Request("a", "foi", {}, 0, "off"), "starting")
    panel.progressed(messages.Progress("j", 1, "denoising", 3, 80, 9.0))
    panel.waits(2)
    assert (panel.work.stage, panel.work.step, panel.work.waiting) == ("denoising", 3, 2)


def test_history_holds_each_instruction_once_and_the_newest_last(state: Any) -> None:
    panel = state.Panel()
    for words in ("a", "b", "a"):
        panel.began(Request(words, "foi", {}, 0, "off"), "")
    assert panel.history == ["b", "a"]
    for number in range(2 * state.HISTORY):
        panel.began(Request(str(number), "foi", {}, 0, "off"), "")
    assert len(panel.history) == state.HISTORY


def test_who_draws_no_random_numbers_is_known(state: Any, messages: Any) -> None:
    one, other = (messages.Algorithm(n, n.upper(), "", seeded=n == "a") for n in ("a", "b"))
    panel = state.Panel(algorithms=(one, other))
    assert [panel.unseeded(name) for name in ("a", "b", "c")] == ["", "B", ""]


def test_a_proposal_takes_the_place_of_what_it_was_made_for(state: Any) -> None:
    """Enter takes it then; what was typed meanwhile stays."""
    panel = state.Panel(instruction=" chnage the hat ")
    panel.proposed("change the hat", "chnage the hat")
    assert panel.request().instruction == "change the hat"
    panel.set_instruction("remove the hat")
    panel.proposed("change the hat", "chnage the hat")
    assert panel.request().instruction == "remove the hat"


def test_listeners_hear_every_change(state: Any, looks: Any, welcome: Any, messages: Any) -> None:
    panel, heard = state.Panel(), []
    panel.listeners.append(lambda: heard.append(panel.work))
    panel.began(Request("a", "foi", {}, 0, "off"), "reading the layer")
    panel.progressed(messages.Progress("j", 1, "denoising", 3, 80, 9.0))
    panel.previewed(looks.Look(b"jpeg", looks.WHOLE))
    panel.ended(Note("good", "done"))
    assert len(heard) == 4 and heard[1].step == 3 and heard[-1] is None


@pytest.mark.parametrize(
    ("size", "large"),
    [
        ((512, 512), False),
        ((760, 760), False),
        ((512, 1100), False),
        ((780, 780), True),
        ((512, 1200), True),
        ((4096, 4096), True),
        ((16384, 1), True),
    ],
)
def test_a_large_layer_is_one_that_the_server_would_edit_in_places(
    size: tuple[int, int], large: bool
) -> None:
    assert is_large(*size, 512) == is_large(*size[::-1], 512) == large
    worked = working_size(*size, 512, 64)
    frame = Frame(size, (0, 0, *size), worked)
    assert (frame.scale > COARSE) == large
    assert not is_large(*size, 0)


def test_full_resolution_is_asked_for_and_remembered(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.welcomed(replace(welcome, native_size=128))
    assert panel.native_size == 128 and panel.request().full_resolution
    panel.set_full_resolution(False)
    assert not panel.request().full_resolution
    again = state.Panel()
    again.recall(panel.remembered())
    assert not again.full_resolution
