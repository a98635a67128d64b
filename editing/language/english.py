"""What the program knows of English words.

For each word: whether it can be a noun, verb or adjective, its other forms, how common it is, and
which words are near to it. Looked up in english.txt, which make_english.py writes from
lemminflect's dictionary and wordfreq's counts: reading it takes a millisecond, where lemminflect
itself takes half a second to load. A form that spelling rules give is not in the file, and the
rules are also all that an unknown word has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

TABLE = Path(__file__).parent / "english.txt"
SINGULARS = {"people": "person", "leaves": "leaf"}  # where painters mean the rarer of two words
PLURALS = {"person": "people", "leaf": "leaves"}
SILENT_H = ("hour", "honest", "honour", "honor", "heir")
LIKE_YOU = re.compile(
    r"u(?:ni(?!n|m)|s[aeiu](?!b)|r[aeiou]|t[aeio]|kr|fo\b|biq|ku)|eu|ewe|on(?:e|ce)\b|one-|ouija"
)  # a vowel's letter, a consonant's sound


@dataclass(frozen=True)
class Entry:
    """A word's line in the table.

    classes: letters of n(oun), v(erb), a(djective), r (adverb), x (auxiliary); "" for a word that
    is seen but in no dictionary. zipf: log10 of its uses in a billion words, times 10. singular,
    base: of a plural, of a verb's form. plural, participle: irregular ones.
    """

    word: str
    classes: str
    zipf: int
    singular: str = ""
    base: str = ""
    plural: str = ""
    participle: str = ""


@cache
def _table() -> bytes:
    return b"\n" + TABLE.read_bytes()


@lru_cache(maxsize=4096)
def entry(word: str) -> Entry | None:
    """The line of a word in any case, or None. Binary search over the sorted lines."""
    table, wanted = _table(), word.lower().encode()
    low, high = 0, len(table) - 1
    while low < high:
        start = table.rfind(b"\n", low, (low + high) // 2 + 1)
        start = low if start < 0 else start
        end = table.find(b"\n", start + 1)
        found, _, rest = table[start + 1 : end].partition(b"\t")
        if found == wanted:
            classes, zipf, *forms = rest.decode().split("\t")
            return Entry(word.lower(), classes, int(zipf), *forms)
        if found < wanted:
            low = end
        else:
            high = start
    return None


def classes(word: str) -> str:
    """Which classes a word can have; "" where it is in no dictionary."""
    found = entry(word)
    return found.classes if found else ""


def zipf(word: str) -> int:
    """How common a word is: log10 of its uses in a billion words, times 10.

    0 for an unknown word.
    """
    found = entry(word)
    return found.zipf if found else 0


def is_base_verb(word: str) -> bool:
    """Whether a word can be a verb in the form that an imperative has."""
    found = entry(word)
    return found is not None and "v" in found.classes and not found.base


def base(verb: str) -> str:
    """removing -> remove, made -> make; a base stays as it is."""
    found = entry(verb)
    return found.base if found and found.base else verb


def singular(noun: str) -> str:
    """horses -> horse, knives -> knife, people -> person; a singular stays as it is."""
    if noun in SINGULARS:
        return SINGULARS[noun]
    found = entry(noun)
    if found and "n" in found.classes:
        return found.singular or noun
    return _singular_by_rule(noun)


def plural(noun: str) -> str:
    """horse -> horses, knife -> knives, person -> people."""
    found = entry(noun)
    return PLURALS.get(noun) or (found.plural if found and found.plural else plural_by_rule(noun))


def participle(verb: str) -> str:
    """sit -> sitting, dance -> dancing, lie -> lying."""
    found = entry(verb)
    return found.participle if found and found.participle else participle_by_rule(verb)


def article(phrase: str) -> str:
    """The indefinite article for what follows: a unicorn, an hour."""
    word = phrase[:12].lower()
    if word.startswith(SILENT_H):
        return "an"
    return "an" if word[:1] in tuple("aeiou") and not LIKE_YOU.match(word) else "a"


def participle_by_rule(verb: str) -> str:
    """The present participle by spelling alone."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    vowels = "aeiou"
    short = (
        len(verb) >= 3
        and verb[-1] not in vowels + "wxy"
        and verb[-2] in vowels
        and verb[-3] not in vowels
    )
    return verb + (verb[-1] if short and sum(c in vowels for c in verb) == 1 else "") + "ing"


def plural_by_rule(noun: str) -> str:
    """The plural by spelling alone."""
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _singular_by_rule(noun: str) -> str:
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("sses", "xes", "zes", "ches", "shes")):
        return noun[:-2]
    return (
        noun[:-1]
        if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and len(noun) > 3
        else noun
    )


@cache
def common_words(least: int = 25) -> dict[str, int]:
    """Dictionary words from this Zipf number (times 10) on."""
    found = {}
    for line in _table().decode("ascii").split("\n")[1:-1]:
        word, kinds, number = line.split("\t")[:3]
        if kinds and int(number) >= least:
            found[word] = int(number)
    return found


def nearest(word: str, among: Iterable[str]) -> list[tuple[str, int]]:
    """The words that a typing slip makes of `word`, nearest first.

    Each comes with its distance: one slip, or two from six letters on. A slip: a letter too many,
    too few, another one, or two swapped (optimal string alignment). The first letter is right, as a
    rule.
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    most = 1 if len(word) < 5 else 2
    found = extract(word, list(among), scorer=OSA.distance, score_cutoff=most, limit=50)
    return [(name, int(distance)) for name, distance, _ in found if name != word]
