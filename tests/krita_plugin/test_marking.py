"""A word that is clicked in the reading becomes a mark in the painter's own text."""

from __future__ import annotations

import time

import pytest

from limn.editing.language.instruction import parse
from limn.krita_plugin.marking import marked


@pytest.mark.parametrize(
    ("instruction", "item", "word", "becomes"),
    [
        ("make the box red", 0, "box", "make the [box] red"),
        ("make the [box] red", 0, "red", "make the box [red]"),
        ("make the [box:2] red", 0, "red", "make the box [red:2]"),
        ("make the box red, add a cat", 1, "cat", "make the box red, add a [cat]"),
        ("make the [box] red, make it [big]", 1, "it", "make the [box] red, make [it] big"),
        ("Make the Box red", 0, "box", "Make the [Box] red"),
        ("remove the boxer and the box", 0, "nothing", "remove the boxer and the box"),
    ],
)  # fmt: skip
def test_a_word_becomes_the_mark(instruction: str, item: int, word: str, becomes: str) -> None:
    read = parse(instruction).items[item]
    assert marked(instruction, read.text, word) == becomes


@pytest.mark.parametrize("sentence", ["the box should be red", "could you make the box red?"])
def test_a_sentence_that_was_rewritten_is_marked_where_the_word_stands(sentence: str) -> None:
    item = parse(sentence).items[0]
    new = marked(sentence, item.text, "box")
    assert "[box]" in new and parse(new).items[0].keyword == "box"


@pytest.mark.parametrize("text", ["", "[", "[:2]", "(((", "a" * 2000, "[[a]] \\ . *"])
def test_no_text_of_a_painter_breaks_it(text: str) -> None:
    assert isinstance(marked(text, text, "a"), str)
    assert isinstance(marked(text, "make the (box", "("), str)


def test_a_long_text_takes_no_time() -> None:
    began = time.process_time()
    marked("very " * 399 + "red", "very " * 399 + "blue", "blue")
    assert time.process_time() - began < 1
