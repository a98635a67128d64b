"""Writes english.txt, the table of English words.

It holds every word of lemminflect's dictionary that English texts use, with what the word can be
and how common it is.

    python -m limn.editing.language.make_english

lemminflect 0.2.3 (MIT; its data is the SPECIALIST lexicon's) takes half a second to load, all of
`limn read` may take 0.3, and the parser wants an answer for every word. So its answers are kept in
a sorted text file, in which english.py looks up a word in microseconds. How common a word is comes
from wordfreq 3.1.1 (its data: CC BY-SA 4.0). Both are wanted for this script only.
"""

from __future__ import annotations

import wordfreq

from .english import TABLE, participle_by_rule, plural_by_rule

RAREST = 1.5  # Zipf: once in 30 million words; what is rarer is more often a slip than a word
SEEN = 2.5  # Zipf: a word without an entry (a name, a foreign word) that English texts do use
MISSING = {"top": {"NOUN": ("top",)}}
"""What the dictionary lacks: a marble top."""
CLASSES = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r", "AUX": "x"}


def rows() -> list[str]:
    """The table's rows, one for each word, sorted.

    Fields (english.Entry) are parted by tabs. Fields at the end that say nothing are left out.
    """
    from lemminflect import getAllLemmas, getInflection
    from lemminflect.core.Lemmatizer import Lemmatizer

    words = {w.lower() for w in Lemmatizer()._getLemmaDict()}
    seen = {
        w
        for w in wordfreq.iter_wordlist("en")
        if w.isascii() and w.isalpha() and wordfreq.zipf_frequency(w, "en") >= SEEN
    }
    found = []
    for word in sorted(words | seen):
        zipf = wordfreq.zipf_frequency(word, "en")
        lemmas = getAllLemmas(word) or getAllLemmas(word.capitalize())
        if (
            not word.replace("-", "").isalpha()
            or not word.isascii()
            or zipf < (RAREST if lemmas else SEEN)
        ):
            continue
        lemmas = {**lemmas, **MISSING.get(word, {})}
        classes = "".join(letter for name, letter in CLASSES.items() if name in lemmas)
        noun, verb = (_other(word, lemmas.get(name, ())) for name in ("NOUN", "VERB"))
        plural = participle = ""
        if "n" in classes and not noun:
            plural = _unless(getInflection(word, "NNS"), plural_by_rule(word))
        if "v" in classes and not verb:
            participle = _unless(getInflection(word, "VBG"), participle_by_rule(word))
        found.append(
            "\t".join(
                (word, classes, str(round(10 * zipf)), noun, verb, plural, participle)
            ).rstrip("\t")
        )
    return found


def _other(word: str, lemmas: tuple[str, ...]) -> str:
    """The most usual lemma, where it is not the word itself."""
    return (
        ""
        if not lemmas or word in lemmas
        else max(lemmas, key=lambda w: (wordfreq.zipf_frequency(w, "en"), w)).lower()
    )


def _unless(forms: tuple[str, ...], regular: str) -> str:
    """The first form, where the regular one is none of them."""
    return "" if not forms or regular in forms else forms[0]


if __name__ == "__main__":
    TABLE.write_text("\n".join(sorted(rows())) + "\n", encoding="ascii")
