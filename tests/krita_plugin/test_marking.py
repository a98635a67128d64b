"""A word that is clicked in the reading becomes a mark in the painter's own text."""

from __future__ import annotations

import time

import pytest

from limn.editing.language.instruction import parse
from limn.krita_plugin.marking import marked, own_words, plain, strength, strengthened

TWO = "make the star blue, remove the cup"
HALF = "make the [star:0.5] blue, remove the cup"


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


@pytest.mark.parametrize(
    ("instruction", "item", "value", "becomes"),
    [
        (TWO, 0, 0.5, "make the [star:0.5] blue, remove the cup"),
        (TWO, 1, 2.0, "make the star blue, remove the [cup:2]"),
        (HALF, 0, 1.5, "make the [star:1.5] blue, remove the cup"),
        (HALF, 0, 1.0, TWO),
        (TWO, 1, 1.0, TWO),
    ],
)  # fmt: skip
def test_a_strength_stands_in_the_words(
    instruction: str, item: int, value: float, becomes: str
) -> None:
    read = parse(instruction).items[item]
    found = strengthened(instruction, read.text, read.keyword, value)
    assert found == becomes and strength(found, read.text) == value
    assert parse(found).items[item].strength == value and plain(found) == TWO


def test_an_item_s_own_words_keep_its_mark() -> None:
    read = parse("make the [star:0.5] blue, remove the cup").items[0]
    assert own_words("make the [star:0.5] blue, remove the cup", read.text) == (
        "make the [star:0.5] blue"
    )
    assert own_words("the star should be blue, and the cup gone", "make the cup gone") == (
        "make the cup gone"
    )
