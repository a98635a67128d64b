"""What an English word can be.

Held against lemminflect, from whose dictionary the table was made.
"""

from __future__ import annotations

import pytest
from lemminflect import getAllLemmas, getInflection

from limn.editing.language import english


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("horses", "horse"), ("houses", "house"), ("roses", "rose"), ("knives", "knife"),
        ("wolves", "wolf"), ("geese", "goose"), ("people", "person"), ("leaves", "leaf"),
        ("foxes", "fox"), ("cities", "city"), ("sheep", "sheep"), ("women", "woman"),
        ("unicorns", "unicorn"), ("potatoes", "potato"), ("shelves", "shelf"), ("blorps", "blorp"),
    ],
)  # fmt: skip
def test_singular_and_plural(plural: str, singular: str) -> None:
    assert english.singular(plural) == singular and english.singular(singular) == singular
    assert english.plural(singular) == plural


@pytest.mark.parametrize(
    "phrase",
    [
        "a unicorn", "an hour", "an umbrella", "a uniform", "an honest man", "a European city",
        "a one-eyed cat", "an owl", "a ukulele", "a useful tool", "an uninteresting wall",
        "an urn", "an ugly hat", "a house", "an elf", "a used car",
    ],
)  # fmt: skip
def test_the_article(phrase: str) -> None:
    given, _, rest = phrase.partition(" ")
    assert english.article(rest) == given


@pytest.mark.parametrize("pair", ["sit sitting", "lie lying", "dance dancing", "begin beginning"])
def test_the_participle(pair: str) -> None:
    base, participle = pair.split()
    assert english.participle(base) == participle and english.base(participle) == base


def test_the_table_says_what_lemminflect_says() -> None:
    """Each fortieth word: its classes, its lemmas, its other forms."""
    words = [line.split("\t")[0] for line in english.TABLE.read_text("ascii").splitlines()]
    assert words == sorted(words) and len(words) > 50_000
    letters = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r", "AUX": "x"}
    for word in words[::40]:
        lemmas = getAllLemmas(word) or getAllLemmas(word.capitalize())
        found = english.entry(word)
        assert found is not None and found.word == word
        assert set(found.classes) == {letters[name] for name in lemmas if name in letters}, word
        if "n" in found.classes and not found.singular and word not in english.PLURALS:
            assert english.plural(word) in getInflection(word, "NNS") or not getInflection(
                word, "NNS"
            )
        if found.base:
            assert found.base in [lemma.lower() for lemma in lemmas["VERB"]]


def test_a_word_that_is_not_there() -> None:
    assert english.entry("blorp") is None and english.classes("blorp") == ""
    assert english.entry("") is None and english.entry("zzzz") is None
    assert english.entry("a") is not None
