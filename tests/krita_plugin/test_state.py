"""What the panel shows and remembers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def state() -> Any:
    from limn import state

    return state


@pytest.fixture
def messages() -> Any:
    from limn.protocol import messages

    return messages


@pytest.fixture
def welcome(messages: Any) -> Any:
    parameters = (
        messages.Parameter("tau", "float", 0.4, 0.0, 1.0, help="where the mask ends", front=True),
        messages.Parameter("steps", "int", 100, 1, 1000),
        messages.Parameter("gamma", "choice", "tight", choices=("tight", "wide")),
        messages.Parameter("exact", "bool", True),
    )
    foi = messages.Algorithm("foi", "FoI", "two local edits", parameters)
    missing = messages.Algorithm("tas", "TAS", "needs another model", (), "the model has no text-to-image part")
    return messages.Welcome(1, "Limn 1", "CPU", "sketchbook", (missing, foi))


def test_the_link_names_model_and_device(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.welcomed(welcome)
    assert panel.link.kind == "ready" and panel.link.words == "sketchbook on CPU"
    assert panel.chosen().name == "foi"


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


@pytest.mark.parametrize("name, value", [("tau", 1.5), ("tau", "0.5"), ("steps", 2.5), ("gamma", "narrow"), ("exact", 1), ("tau", True)])
def test_a_remembered_value_that_does_not_fit_falls_back(state: Any, welcome: Any, name: str, value: object) -> None:
    panel = state.Panel()
    panel.recall(json.dumps({"values": {"foi": {name: value}}}))
    panel.welcomed(welcome)
    assert panel.request().parameters == {}


@pytest.fixture
def many(messages: Any, welcome: Any) -> Any:
    """A server that has Auto, an algorithm that uses no caption, and one that needs it."""
    auto = messages.Algorithm("auto", "Auto", "chooses", caption="useful")
    needy = messages.Algorithm("adapedit", "AdapEdit", "adjectives", caption="needed")
    return messages.Welcome(2, "Limn 1", "CPU", "sketchbook", (auto, *welcome.algorithms, needy))


def test_auto_is_the_default_where_the_server_has_it(state: Any, many: Any) -> None:
    panel = state.Panel()
    panel.welcomed(many)
    assert panel.request().algorithm == panel.chosen().name == "auto"


def test_a_caption_is_shown_where_it_counts_and_counts_where_it_is_shown(state: Any, many: Any) -> None:
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
        ("auto", False, ""), ("foi", False, ""), ("foi", False, "a star"), ("foi", True, ""), ("foi", True, "a star")
    ]  # fmt: skip


def test_choice_and_question_stand_until_the_next_edit_or_another_algorithm(state: Any, many: Any) -> None:
    panel = state.Panel()
    panel.welcomed(many)
    for end in (lambda: panel.began(state.Request("a", "auto", {}, 0, "off"), "starting"), lambda: panel.set_algorithm("foi")):
        panel.set_algorithm("auto")
        panel.chose("TAS: changes a pose")
        panel.asked("What does the picture show now?")
        panel.ended(state.Note("quiet", "It is not known what the picture shows now."))
        assert (panel.choice, panel.question) == ("TAS: changes a pose", "What does the picture show now?")
        assert panel.caption_shown()
        end()
        assert (panel.choice, panel.question) == ("", "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": -3, "history": "x", "hint_mode": "all", "values": 3}', '{"seed": true}'])
def test_damaged_memory_harms_nothing(state: Any, text: str) -> None:
    panel = state.Panel()
    panel.recall(text)
    assert panel.seed == 0 and panel.history == [] and panel.hint_mode == "guide"


def test_memory_comes_back(state: Any, welcome: Any) -> None:
    panel = state.Panel()
    panel.welcomed(welcome)
    panel.set_value("tau", 0.25)
    panel.set_hint_mode("limit")
    panel.set_seed(1289)
    panel.began(state.Request("make the star blue", "foi", {}, 1289, "limit"), "reading the layer")
    later = state.Panel()
    later.recall(panel.remembered())
    later.welcomed(welcome)
    assert later.request().parameters == {"tau": 0.25} and later.hint_mode == "limit" and later.seed == 1289
    assert later.history == ["make the star blue"]


def test_history_holds_each_instruction_once_and_the_newest_last(state: Any) -> None:
    panel = state.Panel()
    for words in ("a", "b", "a"):
        panel.began(state.Request(words, "foi", {}, 0, "off"), "")
    assert panel.history == ["b", "a"]
    for number in range(2 * state.HISTORY):
        panel.began(state.Request(str(number), "foi", {}, 0, "off"), "")
    assert len(panel.history) == state.HISTORY


def test_progress_in_words(state: Any) -> None:
    assert state.progress_words(state.Work("denoising", 31, 80, 4.2)) == "denoising 31 of 80 · 4\N{NO-BREAK SPACE}s"
    assert state.progress_words(state.Work("starting the server")) == "starting the server"
    assert state.progress_words(state.Work("denoising", 1, 80, 600, 2)) == "denoising 1 of 80 · 10\N{NO-BREAK SPACE}min · 2 more waiting"


def test_a_layer_is_named_by_instruction_and_seed(state: Any) -> None:
    assert state.layer_name("make the star blue,\nremove the cup", 7) == "make the star blue, remove the cup (seed 7)"
    long = state.layer_name("x" * 500, 7)
    assert len(long) < 100 and long.endswith("… (seed 7)")


def test_listeners_hear_every_change(state: Any, welcome: Any, messages: Any) -> None:
    panel, heard = state.Panel(), []
    panel.listeners.append(lambda: heard.append(panel.work))
    panel.began(state.Request("a", "foi", {}, 0, "off"), "reading the layer")
    panel.progressed(messages.Progress("j", 1, "denoising", 3, 80, 9.0))
    panel.previewed(state.Look(b"jpeg", state.WHOLE))
    panel.ended(state.Note("good", "done"))
    assert len(heard) == 4 and heard[1].step == 3 and heard[-1] is None


@given(width=st.integers(1, 900), height=st.integers(1, 900), data=st.data())
def test_a_shrunk_mask_keeps_every_nth_row_and_column(width: int, height: int, data: st.DataObject) -> None:
    from limn.protocol.messages import Pixels, Region
    from limn.state import MASK_SIDE, shrink

    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    wide, high = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    whole = np.zeros((height, width), np.uint8)
    whole[y : y + high, x : x + wide] = 1 + np.arange(high * wide).reshape(high, wide) % 255
    area = Region(x, y, Pixels(wide, high, "gray8", whole[y : y + high, x : x + wide].tobytes()))
    small = shrink(area, width, height)
    step = -(-max(width, height) // MASK_SIDE)
    assert max(small.width, small.height) <= MASK_SIDE
    got = np.frombuffer(small.data, np.uint8).reshape(small.height, small.width)
    assert np.array_equal(got, whole[::step, ::step])


def test_no_mask_is_a_black_picture(state: Any) -> None:
    assert state.shrink(None, 1000, 500).data == bytes(250 * 125)


@given(width=st.integers(1, 700), height=st.integers(1, 700), rows=st.integers(1, 64), deep=st.booleans())
def test_a_small_layer_keeps_every_nth_row_and_column(width: int, height: int, rows: int, deep: bool) -> None:
    from limn.state import MASK_SIDE, small

    channels = np.random.default_rng(width).integers(0, 256, (height, width, 4), np.uint8)
    sent = channels.astype("<u2") * 256 + 7 if deep else channels
    picture = small([sent[y : y + rows].tobytes() for y in range(0, height, rows)], width, height, deep, (255, 255, 255))
    step = -(-max(width, height) // MASK_SIDE)
    got = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, 4)
    assert np.array_equal(got, channels[::step, ::step])


@pytest.mark.parametrize(
    "box, view",
    [
        ((0, 0, 400, 200), (0, 0, 1, 1)),
        ((100, 50, 200, 100), (0.125, 0.125, 0.75, 0.75)),
        ((300, 0, 100, 200), (0.6875, 0, 0.3125, 1)),
        ((0, 100, 40, 20), (0, 0.475, 0.125, 0.15)),
    ],
)
def test_both_pictures_show_what_is_worked_on_and_a_little_around_it(
    state: Any, messages: Any, box: tuple[int, ...], view: tuple[float, ...]
) -> None:
    panel = state.Panel()
    assert panel.view() == state.WHOLE
    panel.previewed(state.Look(b"jpeg", state.shares(messages.Box(*box), 400, 200)))
    got = panel.view()
    assert (got.x, got.y, got.width, got.height) == pytest.approx(view)
