"""What each algorithm is told, and which one Auto chooses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limn.editing import PAPERS
from limn.editing.auto import choose
from limn.editing.errors import EditError
from limn.editing.language.instruction import parse
from limn.editing.language.prompts import captions, replacements, sentences
from limn.editing.sketchbook import edit_sentences, edits
from limn.editing.sketchbook.scenes import text as written

PERSON = "a large standing red person on a gray background"

CAPTIONS = [  # instruction, caption -> source, target
    ("cat -> dog", "", "an image of cat", "an image of dog"),
    ("cat -> dog", "a cat on a mat", "a cat on a mat", "a dog on a mat"),
    ("the cat -> an owl", "a cat on a mat", "a cat on a mat", "an owl on a mat"),
    ("a standing dog => a sitting dog", "", "a standing dog", "a sitting dog"),
    ("a standing dog => a sitting dog", "a bowl of fruit", "a standing dog", "a sitting dog"),
    (
        "two apples => three apples",
        "two apples on a table",
        "two apples on a table",
        "three apples on a table",
    ),
    ("salt and pepper shakers -> vases", "", "salt and pepper shakers", "vases"),
    ("the cat into a dog", "a cat on a mat", "a cat on a mat", "a dog on a mat"),
    ("-> a hat", "a man in a park", "a man in a park", "a man in a park with a hat"),
    ("the hat ->", "a man with a hat in a park", "a man with a hat in a park", "a man in a park"),
    ("image: a dog in a park\nmake the dog sit", "", "a dog in a park", "a sitting dog in a park"),
    ("make the person sit", PERSON, PERSON, "a large sitting red person on a gray background"),
    (
        "make the person sit",
        "a red person standing at night",
        "a red person standing at night",
        "a red person sitting at night",
    ),
    (
        "make the person raise the arms",
        PERSON,
        PERSON,
        "a large red person with arms up on a gray background",
    ),
    (
        "make the person stand",
        "a red person with arms up",
        "a red person with arms up",
        "a standing red person",
    ),
    ("open the box", "a closed red box", "a closed red box", "an open red box"),
    (
        "switch off the lamp",
        "a lit lamp in a room",
        "a lit lamp in a room",
        "an unlit lamp in a room",
    ),
    (
        "make it two stars",
        "three blue stars at night",
        "three blue stars at night",
        "two blue stars at night",
    ),
    ("add another star", "a red star at night", "a red star at night", "two red stars at night"),
    ("make the star plain", "a striped red star", "a striped red star", "a red star"),
    ("make the star dark blue", "a red star", "a red star", "a dark blue star"),
    (
        "make the background pink",
        "a star in a meadow",
        "a star in a meadow",
        "a star on a pink background",
    ),
    (
        "change the background to a meadow",
        "a star on a pink background",
        "a star on a pink background",
        "a star in a meadow",
    ),
    ("add a hat to the man", "a man in a park", "a man in a park", "a man with a hat in a park"),
    (
        "draw a cup of tea next to the laptop",
        "a laptop on a desk",
        "a laptop on a desk",
        "a laptop next to a cup of tea on a desk",
    ),
    (
        "remove the hat",
        "a man with a hat in a park",
        "a man with a hat in a park",
        "a man in a park",
    ),
    ("make it sunset", "a house", "a house", "a house, sunset"),
    (
        "make the dog wear a hat",
        "a dog on a sofa",
        "a dog on a sofa",
        "a dog wearing a hat on a sofa",
    ),
    (
        "replace the apple with an orange and turn the sky red",
        "an apple under a blue sky",
        "an apple under a blue sky",
        "an orange under a red sky",
    ),
]


@pytest.mark.parametrize(("text", "caption", "source", "target"), CAPTIONS)
def test_source_and_target(text: str, caption: str, source: str, target: str) -> None:
    made = captions(parse(text, caption))
    assert (made.source, made.target) == (source, target)


@pytest.mark.parametrize(
    ("text", "caption", "code"),
    [
        ("make the dog sit", "", "needs-caption"),
        ("remove the red car from the street", "", "needs-caption"),
        ("-> a hat", "", "needs-caption"),
        ("make the dog sit", "a bowl of fruit", "not-in-caption"),
        ("move the star to the left", "a star", "no-target"),
        ("make the star red", "a red star", "nothing-changes"),
        ("cat => cat", "", "nothing-changes"),
    ],
)
def test_a_caption_is_asked_for_and_never_guessed(text: str, caption: str, code: str) -> None:
    with pytest.raises(EditError) as caught:
        captions(parse(text, caption))
    assert caught.value.code == code and caught.value.remedy


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("make the dog sit", "an image of a dog", "an image of a sitting dog"),
        ("turn the man's hat blue", "an image of a man's hat", "an image of a man's blue hat"),
        ("make it sunset", "an image", "an image, sunset"),
        (
            "put sunglasses on her",
            "an image of the woman",
            "an image of the woman with sunglasses",
        ),
        ("make them sit", "an image of people", "an image of sitting people"),
        ("replace the apple with an orange", "an image of an apple", "an image of an orange"),
        (
            "give him a beard, then make the background snowy",
            "an image of the man",
            "an image of the man with a beard on a snowy background",
        ),
    ],
)
def test_without_a_caption_where_none_is_needed(text: str, source: str, target: str) -> None:
    made = captions(parse(text), required=False)
    assert (made.source, made.target, made.derived) == (source, target, True)


@pytest.mark.parametrize(
    ("text", "sentence", "keyword"),
    [
        ("cat -> dog", "turn cat into dog", "cat"),
        ("a standing dog => a sitting dog", "turn the standing dog into a sitting dog", "dog"),
        (
            "a standing dog on grass => a sitting dog on grass",
            "turn the standing dog into a sitting dog",
            "dog",
        ),
        ("two apples => three apples", "turn the two apples into three apples", "apples"),
        (
            "salt and pepper shakers -> vases",
            "turn the salt and pepper shakers into vases",
            "shakers",
        ),
        ("a man => a man with a hat", "add a hat", "hat"),
        ("a man with a hat => a man", "remove the hat", "hat"),
        ("a dog => a fluffy dog", "turn the dog into a fluffy dog", "dog"),
        ("a cat sitting on a bench => a dog sitting on a bench", "turn the cat into a dog", "cat"),
        ("make the dog sit", "make the dog sit", "dog"),
        ("the cat into a dog", "turn the cat into a dog", "cat"),
        ("[cat:2] -> dog", "turn cat into dog", "cat"),
        (
            "a [standing] dog -> a sitting dog",
            "turn the standing dog into a sitting dog",
            "standing",
        ),
    ],
)
def test_sentences_for_an_instruction_model(text: str, sentence: str, keyword: str) -> None:
    (item,) = sentences(parse(text))
    assert (item.text, item.keyword, item.text[slice(*item.span)]) == (sentence, keyword, keyword)
    assert item.strength == parse(text).items[0].strength


@pytest.mark.parametrize(
    ("text", "caption", "find", "paint"),
    [
        ("cat -> dog", "", "dog", "dog"),
        ("a cat sitting on a bench => a dog sitting on a bench", "", "a dog", "a dog"),
        ("replace the apple with an orange", "", "an orange", "an orange"),
        ("draw a cup of tea next to the laptop", "", "a cup of tea", "a cup of tea"),
        ("make the dog sit", "", "a sitting dog", "a sitting dog"),
        ("make the dog wear a hat", "", "a dog wearing a hat", "a dog wearing a hat"),
        ("open the box", "", "an open box", "an open box"),
        ("remove the red car from the street", "a red car on a street", "red car", "a street"),
        ("remove the red car from the street", "", "red car", "background"),
        ("the red car ->", "a red car on a street", "red car", "a street"),
        ("make it sunset", "a house", "a house, sunset", "a house, sunset"),
        ("make it sunset", "", "sunset", "sunset"),
        ("a raccoon", "", "a raccoon", "a raccoon"),
    ],
)
def test_texts_for_masks_and_inpainting(text: str, caption: str, find: str, paint: str) -> None:
    (made,) = replacements(parse(text, caption))
    assert (made.find, made.paint) == (find, paint)


@pytest.mark.parametrize("kind", ["recolour", "retexture", "resize", "count", "pose", "background"])
def test_the_bundled_world_is_read_without_fault(kind: str) -> None:
    """Instruction and caption of the small world give its target caption.

    Exactly, and the keyword is the thing itself.
    """
    for seed in range(2_000_000, 2_000_040):
        edit = edits.edit(seed, kind)
        (part,) = edit_sentences.instruction(edit)
        instruction = parse(written(part), edit_sentences.source_caption(edit))
        assert captions(instruction).target == edit_sentences.target_caption(edit), written(part)


def test_several_instructions_of_the_bundled_world_are_told_apart() -> None:
    for seed in range(2_000_000, 2_000_100):
        edit = edits.edit(seed, "combined")
        parts = edit_sentences.instruction(edit)
        read = parse(written(edit_sentences.join(parts)))
        assert [i.text for i in read.items] == [written(part) for part in parts]


WORDS = st.sampled_from(
    "a the red star stars cat dog box make sit open replace with add remove to => of and , "
    "two it background night".split()
)


@given(
    st.lists(WORDS, min_size=1, max_size=9).map(" ".join), st.lists(WORDS, max_size=7).map(" ".join)
)
@settings(max_examples=200, deadline=None)
def test_every_instruction_gets_its_texts_or_a_reason(text: str, caption: str) -> None:
    try:
        instruction = parse(text, caption)
    except EditError:
        return
    for required in (True, False):
        try:
            made = captions(instruction, required)
            assert made.source != made.target
        except EditError as error:
            assert error.remedy and error.code in (
                "needs-caption",
                "not-in-caption",
                "no-target",
                "nothing-changes",
            )
    assert all(
        item.text and item.text[slice(*item.span)] == item.keyword
        for item in sentences(instruction)
    )
    assert all(r.find and r.paint for r in replacements(instruction))
    name, reason = choose(instruction)
    assert reason.startswith(next(a.title for a in PAPERS if a.name == name))
