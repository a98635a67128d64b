"""What a change leaves as it is."""

from __future__ import annotations

import pytest

from limn.editing.language.instruction import parse
from limn.editing.language.outline import (
    gives_way,
    is_carried,
    keeps_detail,
    keeps_outline,
    setting,
)


@pytest.mark.parametrize(
    ("sentence", "keeps"),
    [
        ("make the star blue", True),
        ("give the star dots", True),
        ("make the wall wooden", True),
        ("remove the dog from the street", True),
        ("a red star => a blue star", True),
        ("make the hat bigger", False),
        ("make the cat sit", False),
        ("make the dog run", False),
        ("open the box", False),
        ("make it three stars", False),
        ("replace the cup with a cat", False),
        ("red cup -> blue cat", False),
        ("add a moon above the house", False),
        ("make it look like a watercolor", False),
    ],
)
def test_what_keeps_its_outline(sentence: str, keeps: bool) -> None:
    (item,) = parse(sentence).items
    assert keeps_outline(item) is keeps


@pytest.mark.parametrize(
    ("sentence", "gives"),
    [
        ("replace the cup with a cat", True),
        ("turn the dog into a horse", True),
        ("red cup -> blue cat", True),
        ("a cup on a table => a cat on a table", True),
        ("red cup -> blue cup", False),
        ("make the star blue", False),
        ("make the cat sit", False),
        ("remove the cup", False),
        ("add a cat", False),
        ("change the background to a meadow", False),
        ("replace the sky with a sunset", False),
    ],
)
def test_what_gives_way_to_another(sentence: str, gives: bool) -> None:
    (item,) = parse(sentence).items
    assert gives_way(item) is gives


@pytest.mark.parametrize(
    ("sentence", "keeps"),
    [
        ("make the star blue", True),
        ("make the hair light brown", True),
        ("make the sky darker blue", True),
        ("turn the dress green", True),
        ("red star -> blue star", True),
        ("a red star => a blue star", True),
        ("a red striped star => a blue star", False),
        ("give the star dots", False),
        ("make the star blue and striped", False),
        ("make the star blue and sitting", False),
        ("remove the red star", False),
        ("replace the cup with a red cat", False),
        ("add a blue moon", False),
        ("make the wall wooden", False),
    ],
)
def test_what_keeps_its_detail(sentence: str, keeps: bool) -> None:
    (item,) = parse(sentence).items
    assert keeps_detail(item) is keeps


@pytest.mark.parametrize(
    ("caption", "gone", "left"),
    [
        ("a cat left of a red star on a pink background", "the cat", "a pink background"),
        ("a dog with a ball in a garden", "the dog", "a garden"),
        ("a blue diamond at night", "the diamond", "night"),
        ("a man holding a cup", "the cup", "background"),
        ("a cat on a table", "the table", "background"),
        ("", "the cat", "background"),
    ],
)
def test_the_setting_of_a_caption(caption: str, gone: str, left: str) -> None:
    assert setting(caption, gone) == left


def test_what_another_thing_carries() -> None:
    assert is_carried("a cat with a red hat on a table", "the hat")
    assert is_carried("a man wearing sunglasses", "the sunglasses")
    assert not is_carried("a cat and a red hat on a table", "the hat")
    assert not is_carried("a cat", "the hat")
