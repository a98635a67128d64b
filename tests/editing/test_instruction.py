"""The instruction box: the grammar, and how a sentence is read."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from limn.editing.errors import EditError
from limn.editing.language import lexicon
from limn.editing.language.instruction import MAX_CHARACTERS, MAX_ITEMS, Instruction, parse

# sentence -> (operation, subject, relation, target, keyword) of each item
EXAMPLES: dict[str, list[tuple[str, str, str, str, str]]] = {
    "cat -> dog": [("replace", "cat", "", "dog", "cat")],
    "a standing dog => a sitting dog": [("replace", "a standing dog", "", "a sitting dog", "dog")],
    "make the dog sit; add a hat to the man": [
        ("modify", "the dog", "", "sit", "dog"),
        ("add", "the man", "to", "a hat", "hat"),
    ],
    "replace the apple with an orange and turn the sky red": [
        ("replace", "the apple", "", "an orange", "apple"),
        ("modify", "the sky", "", "red", "sky"),
    ],
    "put [sunglasses:2] on her": [("add", "her", "on", "sunglasses", "sunglasses")],
    "remove the red car from the street": [("remove", "the red car", "from the street", "", "car")],
    "make it sunset": [("global", "it", "", "sunset", "sunset")],
    "turn the man's hat blue": [("modify", "the man's hat", "", "blue", "hat")],
    "salt and pepper shakers -> vases": [
        ("replace", "salt and pepper shakers", "", "vases", "shakers")
    ],
    "give him a beard, then make the background snowy": [
        ("add", "the man", "", "a beard", "beard"),
        ("modify", "the background", "", "snowy", "background"),
    ],
    "two apples => three apples": [("replace", "two apples", "", "three apples", "apples")],
    "Make it look like a watercolor": [("global", "it", "", "a watercolor", "watercolor")],
    "draw a cup of tea next to the laptop": [
        ("add", "the laptop", "next to", "a cup of tea", "cup")
    ],
    # the bundled model's world
    "add a small blue cup left of the star": [
        ("add", "the star", "left of", "a small blue cup", "cup")
    ],
    "put a lamp above the red house": [("add", "the red house", "above", "a lamp", "lamp")],
    "make the background pink": [("modify", "the background", "", "pink", "background")],
    "change the background to a meadow": [
        ("replace", "the background", "", "a meadow", "background")
    ],
    "turn the background into night": [("replace", "the background", "", "night", "background")],
    "make the person sit": [("modify", "the person", "", "sit", "person")],
    "make the red person jump": [("modify", "the red person", "", "jump", "person")],
    "let the person stand up": [("modify", "the person", "", "stand up", "person")],
    "make the person raise the arms": [("modify", "the person", "", "raise the arms", "person")],
    "make the person put the arms up": [("modify", "the person", "", "put the arms up", "person")],
    "open the box": [("modify", "the box", "", "", "box")],
    "light the lamp and open the box": [
        ("modify", "the lamp", "", "", "lamp"),
        ("modify", "the box", "", "", "box"),
    ],
    "switch off the lamp": [("modify", "the lamp", "", "off", "lamp")],
    "make the box open": [("modify", "the box", "", "open", "box")],
    "add another star": [("add", "", "", "another star", "star")],
    "make it two stars": [("modify", "stars", "", "two stars", "stars")],
    "there should be one star": [("modify", "star", "", "one star", "star")],
    "change the stars to two stars": [("modify", "the stars", "", "two stars", "stars")],
    "make the large red star striped , make the circle bigger": [
        ("modify", "the large red star", "", "striped", "star"),
        ("modify", "the circle", "", "bigger", "circle"),
    ],
    "give the star stripes": [("modify", "the star", "", "stripes", "star")],
    "shrink the house": [("modify", "the house", "", "", "house")],
    "change the color of the heart to green": [("modify", "the heart", "", "green", "heart")],
    "turn the red cross orange": [("modify", "the red cross", "", "orange", "cross")],
    "make the orange purple": [("modify", "the orange", "", "purple", "orange")],
    "make the circle a square": [("replace", "the circle", "", "a square", "circle")],
    "swap the tree for a cat": [("replace", "the tree", "", "a cat", "tree")],
    "take away the cup": [("remove", "the cup", "", "", "cup")],
    "get rid of the cup": [("remove", "the cup", "", "", "cup")],
    # verbs with two readings, decided by what follows
    "paint the star red": [("modify", "the star", "", "red", "star")],
    "paint a cat on the wall": [("add", "the wall", "on", "a cat", "cat")],
    "paint the fence behind the man blue": [
        ("modify", "the fence behind the man", "", "blue", "fence")
    ],
    "turn the prince into a frog": [("replace", "the prince", "", "a frog", "prince")],
    "turn the lamp on": [("modify", "the lamp", "", "on", "lamp")],
    "turn this into a painting": [("global", "this", "", "a painting", "painting")],
    "open": [("raw", "", "", "", "")],
    # each pattern's other verbs, and all that may stand between items
    "exchange the cup with a lamp": [("replace", "the cup", "", "a lamp", "cup")],
    "transform the cat to a dog": [("replace", "the cat", "", "a dog", "cat")],
    "convert the circle into a square": [("replace", "the circle", "", "a square", "circle")],
    "insert a star in front of the house": [("add", "the house", "in front of", "a star", "star")],
    "place a lamp under the table": [("add", "the table", "under", "a lamp", "lamp")],
    "erase the cup": [("remove", "the cup", "", "", "cup")],
    "dye the hat green": [("modify", "the hat", "", "green", "hat")],
    "have the dog run": [("modify", "the dog", "", "run", "dog")],
    "make the image darker": [("global", "the image", "", "darker", "darker")],
    "make everything snowy": [("global", "everything", "", "snowy", "snowy")],
    "make the star red then add a cat": [
        ("modify", "the star", "", "red", "star"),
        ("add", "", "", "a cat", "cat"),
    ],
    # more than the table of patterns
    "make the man on the left taller": [("modify", "the man on the left", "", "taller", "man")],
    "make the dog wear a hat": [("modify", "the dog", "", "wear a hat", "dog")],
    "substitute a rose for the tulip": [("replace", "the tulip", "", "a rose", "tulip")],
    "cover the table with flowers": [("add", "the table", "with", "flowers", "flowers")],
    "Please make the star red. Then add a cat!": [
        ("modify", "the star", "", "red", "star"),
        ("add", "", "", "a cat", "cat"),
    ],
    "make the woman smile and give her a hat": [
        ("modify", "the woman", "", "smile", "woman"),
        ("add", "the woman", "", "a hat", "hat"),
    ],
    "watercolor style": [("global", "", "", "watercolor style", "watercolor")],
    "move the star to the left": [("raw", "", "", "the star to the left", "star")],
    "a small house by the lake": [("raw", "", "", "a small house by the lake", "house")],
    "cat -> dog, hat -> crown": [
        ("replace", "cat", "", "dog", "cat"),
        ("replace", "hat", "", "crown", "hat"),
    ],
    "cat =>": [("remove", "cat", "", "", "cat")],
    "→ a hat": [("add", "", "", "a hat", "hat")],
    "the man into a woman": [("replace", "the man", "", "a woman", "man")],
    "a bird flying into the sun": [("raw", "", "", "a bird flying into the sun", "bird")],
    "a path into the forest": [("raw", "", "", "a path into the forest", "path")],
}


@pytest.mark.parametrize("sentence", EXAMPLES)
def test_reading(sentence: str) -> None:
    items = parse(sentence).items
    assert [(i.operation, i.subject, i.relation, i.target, i.keyword) for i in items] == EXAMPLES[
        sentence
    ]
    assert all(i.text[slice(*i.span)] == i.keyword for i in items)


@pytest.mark.parametrize("sentence", EXAMPLES)
def test_case_and_outer_punctuation_do_not_matter(sentence: str) -> None:
    plain = parse(sentence).items
    loud = parse(f"  {sentence.upper()}. ").items
    assert [(i.operation, i.keyword.lower(), i.span) for i in plain] == [
        (i.operation, i.keyword.lower(), i.span) for i in loud
    ]


def test_about_a_hundred_verbs_are_known() -> None:
    assert len(lexicon.VERBS) >= 100
    for verb in lexicon.VERBS:
        assert parse(f"{verb} the star").items[0].keyword in ("star", ""), verb


def test_items_are_parted_only_before_a_verb() -> None:
    texts = [
        i.text
        for i in parse(
            "add a hat, a scarf and boots to the man, make the sky red and blue and paint "
            "it\nopen the door"
        ).items
    ]
    assert texts == [
        "add a hat, a scarf and boots to the man",
        "make the sky red and blue",
        "paint the sky",
        "open the door",
    ]
    assert len(parse("remove the paint and color from the wall").items) == 1  # nouns here
    assert len(parse("remove the paint and color the wall").items) == 2


def test_marks_give_keywords_and_strengths() -> None:
    item = parse("make the [old  dog : 1.5] sit on [the grass]").items[0]
    assert (item.text, item.keyword, item.span, item.strength) == (
        "make the old dog sit on the grass",
        "old dog",
        (9, 16),
        1.5,
    )
    assert [m.text for m in item.marks] == ["old dog", "the grass"]
    assert str(item) == "make the [old dog:1.5] sit on [the grass]"


def test_a_strength_belongs_to_its_own_item() -> None:
    first, second = parse("make the star blue, remove the [cup:3]").items
    assert (first.strength, second.strength, second.keyword) == (1.0, 3.0, "cup")


def test_what_cannot_be_taken_as_written_is_noted() -> None:
    instruction = parse("make the [star:50] blue]")
    assert (
        instruction.items[0].strength == 10.0 and instruction.items[0].text == "make the star blue"
    )
    assert len(instruction.notes) == 2


def test_words_that_are_not_english_are_noted_and_not_translated() -> None:
    for text, caption in (("mach den Stern größer", ""), ("make it red", "звезда")):
        instruction = parse(text, caption)
        assert [
            ("größer" in note or "звезда" in note) and "English" in note
            for note in instruction.notes
        ] == [True]
        assert (instruction.items[0].text, instruction.caption) == (text, caption)
    assert parse("make the star’s edge “red”", "a star").notes == ()


def test_the_box_caption_goes_before_the_field() -> None:
    assert parse("make it red", "a star").caption == "a star"
    instruction = parse("Image:  a large  cup\nmake it red", "a star")
    assert (instruction.caption, len(instruction.items)) == ("a large cup", 1)
    assert str(instruction) == "image: a large cup\nmake it red"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-instruction"),
        (" ;,. \n", "empty-instruction"),
        ("=>", "empty-instruction"),
        ("image: a cat", "empty-instruction"),
        ("x" * (MAX_CHARACTERS + 1), "instruction-too-long"),
        ("open the box;" * (MAX_ITEMS + 1), "too-many-items"),
    ],
)
def test_refused(text: str, code: str) -> None:
    with pytest.raises(EditError) as caught:
        parse(text)
    assert caught.value.code == code and caught.value.remedy


PIECES = (
    "star dog arms put it two then ; , . [ ] : => -> → [star:2] e\u0301 [\u0301] ’ image: "
    "<|endoftext|> \u200b 🙂 ☃"
).split()
FRAGMENTS = st.sampled_from(
    [
        *lexicon.VERBS,
        *lexicon.PREPOSITIONS,
        *lexicon.DETERMINERS,
        *lexicon.ADJECTIVES,
        *PIECES,
        ", then",
        "[ a",
        "image :",
        "\n",
    ]
)
SENTENCES = (
    st.lists(FRAGMENTS, max_size=14).map(" ".join)
    | st.lists(FRAGMENTS, max_size=8).map("".join)
    | st.text(max_size=80)
)


@given(SENTENCES, SENTENCES)
@settings(max_examples=300, deadline=None)
@example("and. add x", "image: a")
@example(", image: foo", "")
def test_no_input_crashes_and_parsing_is_idempotent(text: str, caption: str) -> None:
    try:
        instruction = parse(text, caption)
    except EditError as error:
        assert error.code in ("empty-instruction", "too-many-items")
        return
    assert isinstance(instruction, Instruction) and instruction.items
    again = parse(str(instruction))
    assert again == instruction
    for item in instruction.items:
        assert item.text[slice(*item.span)] == item.keyword
        assert all(item.text[slice(*m.span)] == m.text for m in item.marks)
        for part in (item.subject, item.target):
            assert item.form == "arrow" or part in item.text


@pytest.mark.timeout(20)  # each takes milliseconds; a pattern that backtracks would take hours
@pytest.mark.parametrize(
    "piece",
    ["and add ", "[a:1", "[", "=>", "a, ", "make the ", " then", "to ", "\u0301", "of ", "'s-"],
)
def test_the_longest_input_ends(piece: str) -> None:
    text = (piece * MAX_CHARACTERS)[:MAX_CHARACTERS]
    try:
        assert parse(str(parse(text))) == parse(text)
    except EditError as error:
        assert error.code in ("empty-instruction", "too-many-items")
