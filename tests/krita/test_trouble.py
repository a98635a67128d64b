"""Edits that are cancelled, or lose their worker or their server half-way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def trouble(play: Callable[[str], Outcome]) -> Outcome:
    return play("trouble.py")


WORDS = {
    "cancel": "Cancelled",
    "cancel_button": "Cancelled",
    "kill_worker": "The process that runs the model",
    "kill_server": "server stopped",
}


@pytest.mark.parametrize("name", WORDS)
def test_the_painter_is_told_and_goes_on(trouble: Outcome, name: str) -> None:
    told = trouble.of(name)
    print(f"{name}: {told['note']}")
    assert told["as it was"]
    assert told["kind"] == ("quiet" if name.startswith("cancel") else "error")
    assert WORDS[name] in told["note"] and len(told["note"]) > 8 and "Traceback" not in told["note"]
    assert told["next note"].startswith("done in") and len(told["next layers"]) == 3


def test_the_server_stops_and_starts_from_the_docker(trouble: Outcome) -> None:
    told = trouble.of("stop_server")
    assert told["stopped"] and told["processes"] == []
    assert told["note"].startswith("done in") and len(told["layers"]) == 3


def test_the_server_can_be_stopped_while_it_starts(trouble: Outcome) -> None:
    told = trouble.of("stop_while_starting")
    assert (
        told["link"] == "off"
        and not told["working"]
        and told["processes"] == []
        and len(told["layers"]) == 2
    )
    assert "stopped" in told["note"] and "Press Edit" in told["note"]
    assert told["next note"].startswith("done in") and len(told["next layers"]) == 3


def test_without_memory_for_the_layer_the_edit_ends_in_a_sentence(trouble: Outcome) -> None:
    told = trouble.of("out_of_memory")
    assert "not enough memory" in told["note"] and "smaller part" in told["note"]
    assert told["link"] == "ready" and len(told["layers"]) == 2
    assert told["next note"].startswith("done in") and len(told["next layers"]) == 3


def test_a_wire_that_fails_is_told_and_connected_again(trouble: Outcome) -> None:
    told = trouble.of("wire_that_fails")
    assert told["kind"] == "error" and told["link"] == "trouble" and len(told["layers"]) == 2
    assert (
        "Something went wrong" in told["note"]
        and "as never before" in told["details"]
        and "as never before" not in told["note"]
    )
    assert told["next note"].startswith("done in") and len(told["next layers"]) == 3


def test_a_layer_of_which_half_has_gone_is_sent_again(trouble: Outcome) -> None:
    told = trouble.of("cut_while_sending")
    assert told["chunks"] > 4, "the first connection was not cut while the layer was on its way"
    assert told["note"].startswith("done in") and len(told["layers"]) == 3


def test_a_connection_that_breaks_off_each_time_is_given_up(trouble: Outcome) -> None:
    told = trouble.of("cut_again_and_again")
    print(told["note"])
    assert told["kind"] == "error" and "broke off" in told["note"] and told["link"] == "trouble"
    assert 1 < told["attempts"] < 10
    assert told["next note"].startswith("done in") and len(told["next layers"]) == 3
