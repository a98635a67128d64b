"""The sentences that are made up of values."""

from __future__ import annotations

from typing import Any

from limn.krita_plugin.panel_values import Work


def test_progress_in_a_sentence(words: Any, state: Any) -> None:
    assert (
        words.progress_words(Work("denoising", 31, 80, 4.2))
        == "denoising 31 of 80 · 4\N{NO-BREAK SPACE}s"
    )
    assert words.progress_words(Work("starting the server")) == "starting the server"
    assert (
        words.progress_words(Work("denoising", 1, 80, 600, 2))
        == "denoising 1 of 80 · 10\N{NO-BREAK SPACE}min · 2 more waiting"
    )


def test_a_layer_is_named_by_instruction_and_seed(words: Any) -> None:
    assert (
        words.layer_name("make the star blue,\nremove the cup", 7)
        == "make the star blue, remove the cup (seed 7)"
    )
    long = words.layer_name("x" * 500, 7)
    assert len(long) < 100 and long.endswith("… (seed 7)")


def test_the_place_that_is_edited_stands_before_the_stage(words: Any) -> None:
    work = Work("denoising", 31, 80, number=2, passes=5)
    assert words.progress_words(work) == "place 2 of 5 · denoising 31 of 80"
