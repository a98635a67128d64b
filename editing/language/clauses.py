"""Turns a subject and its predicate into an imperative.

"the box" and "be red" become "make the box red". No library does this. Which predicate becomes
which verb is in `predicate`; the tables say which words begin one.
"""

from __future__ import annotations

import re

from . import english
from . import lexicon as lex
from .grammar import read
from .phrases import Tokens, head, tokens

MODALS = frozenset("should must could can would will shall might may".split())
MODAL_PHRASES = tuple(
    phrase.split()
    for phrase in (
        "ought to", "needs to", "need to", "has to", "have to", "had to", "is to", "are to",
        "wants to", "is supposed to", "are supposed to", "is going to", "are going to",
    )
)  # fmt: skip
BE = frozenset("is are was were be been being am".split())
SKIPPED = BE | frozenset(
    "not never also really just now please all rather instead probably still then maybe perhaps"
    " possibly simply definitely".split()
)
"""Before what a subject is to be, without meaning but for "not"."""
HAVE = frozenset(
    "have has had contain contains include includes need needs want wants get gets show shows use"
    " carry feature features".split()
)
OWNS = frozenset("has had contains includes needs wants gets shows features".split())
"""What makes a subject and a thing a clause without "should"."""
NOMINATIVE = frozenset("i you he she it we they".split())
OBJECTIVE = {"he": "him", "she": "her", "they": "them", "i": "me", "we": "us"}
BETTER = frozenset("better nicer good great best nice cool".split())
NOBODY = frozenset("nobody nothing none noone".split())
GONE = frozenset(
    "gone removed deleted erased away absent missing hidden invisible disappear vanish leave go"
    " eliminated out cropped omitted excluded".split()
)
PAINTED = frozenset("painted coloured colored dyed tinted shaded drawn".split())
INTO = frozenset("changed turned transformed converted made morphed turn change become".split())
BECOMING = frozenset("becomes turns changes transforms morphs".split())
COVERED = frozenset("filled covered decorated surrounded wrapped dressed topped lined".split())
PLACING = frozenset("in on at inside under behind near above below beside next".split())
HIDDEN = frozenset("there visible here present shown in on exist appear around seen".split())
EXTENTS = frozenset("a bit little tad touch slightly somewhat way far much quite very".split())
"""How much something is "too" something."""
SEEMING = frozenset("looks look feels feel seems seem appears appear".split())
HOLDING = frozenset(
    "wear wearing have having hold holding carry carrying show contain any with need want".split()
)
OPPOSITES = {
    "dark": "brighter", "bright": "darker", "light": "darker", "big": "smaller", "tall": "shorter",
    "large": "smaller", "small": "bigger", "little": "bigger", "tiny": "bigger", "short": "longer",
    "long": "shorter", "thin": "thicker", "thick": "thinner", "blurry": "sharper",
    "old": "younger", "young": "older", "cold": "warmer", "warm": "cooler", "pale": "more vivid",
    "dull": "more vivid", "wide": "narrower", "narrow": "wider", "plain": "patterned",
    "fat": "slimmer", "sad": "happier", "empty": "fuller",
}  # fmt: skip
"""What a thing should be that is "too" something."""


def say(text: str, words: Tokens) -> str:
    """The words as they stand in the text, from the first to the last."""
    return text[words[0].start : words[-1].end] if words else ""


def modal(words: Tokens, at: int) -> int:
    """How many words at this place are a modal verb; 0: none."""
    if words[at].word in MODALS:
        return 1
    phrases = (p for p in MODAL_PHRASES if [t.word for t in words[at : at + len(p)]] == p)
    return len(next(phrases, []))


def is_subject(words: Tokens) -> bool:
    """Whether words can be what a clause is about."""
    if not words or len(words) > 14 or words[0].word in lex.PREPOSITIONS:
        return False
    first = words[0].word
    ordered = len(words) > 1 and words[1].word in lex.DETERMINERS | lex.PRONOUNS
    if first in lex.VERBS and (ordered or (len(words) > 1 and first not in lex.AMBIGUOUS)):
        return False
    return first not in MODALS and not (len(words) > 1 and first in NOMINATIVE and first != "it")


def begins_clause(words: Tokens) -> bool:
    """Whether words are a subject with "should" or the like.

    The words were found behind a comma or "and".
    """
    first = words[0].word if words else ""
    subject = first in lex.DETERMINERS or first in NOMINATIVE or first == "there"
    if len(words) < 3 or not subject:
        return False
    for i in range(1, min(len(words), 8)):
        if words[i].word != "have" and modal(words, i):
            return True
        if words[i].word == "and" or words[i].word in lex.RELATIVES:
            return False
    return False


def clause(text: str, words: Tokens) -> str | None:
    """Reads a whole clause, such as "the box should be red".

    Others: she is smiling; the shirt needs stripes; the dog wears a hat.
    """
    free = [i for i in range(1, len(words)) if words[i - 1].word not in lex.RELATIVES]
    for i in free:
        if words[i].word not in lex.RELATIVES and (length := modal(words, i)):
            return predicate(text, words[:i], words[i + length :])
    for i in free:
        word = words[i].word
        if i + 1 == len(words) or not is_subject(words[:i]):
            continue
        plural = word in ("have", "need") and words[i - 1].word in ("they", "we", "you")
        negated = word in ("does", "do", "did") and words[i + 1].word == "not"
        if negated:
            return predicate(text, words[:i], words[i + 1 :])
        if word in BE or word in OWNS or plural:
            return predicate(text, words[:i], words[i:])
    return _third_person(text, words)


def _becomes(before: str, word: str) -> bool:
    """Whether a word says that the noun before it becomes something: leaves turn."""
    is_plural = english.singular(before) != before
    return word in BECOMING or (is_plural and word in ("become", "turn", "change"))


def becoming(text: str, words: Tokens) -> str | None:
    """Reads "the star turns blue", "the cat changes into a box"."""
    at = next((i for i in range(1, len(words)) if _becomes(words[i - 1].word, words[i].word)), 0)
    rest = words[at + 1 :]
    if not at or not rest or words[at - 1].word in lex.RELATIVES or not is_subject(words[:at]):
        return None
    if rest[0].word in ("into", "to") and len(rest) > 1:
        rest = rest[1:]
    elif rest[0].word not in ("a", "an") and not lex.is_adjective(rest[0].word):
        return None
    return made(as_object(text, words[:at]), say(text, rest))


def seeming(text: str, words: Tokens) -> str | None:
    """Reads "the sky looks a bit too dark"."""
    for i in range(1, len(words) - 1):
        if words[i].word in SEEMING and is_subject(words[:i]):
            much = _too(words[i + 1 :])
            return None if much is None else f"make {as_object(text, words[:i])} {much}"
    return None


def _third_person(text: str, words: Tokens) -> str | None:
    """The dog wears a hat."""
    if words[0].word not in lex.DEFINITE | NOMINATIVE:
        return None
    for i in range(1, len(words)):
        word, before = words[i].word, words[i - 1].word
        base = english.base(word)
        follows = i + 1 == len(words) or words[i + 1].word in lex.DETERMINERS | lex.PREPOSITIONS
        noun = "n" in english.classes(word) and base not in lex.POSE_VERBS
        if not word.endswith("s") or base == word or not follows or noun or base in lex.LOOKS:
            continue
        if not lex.is_adjective(before) and before not in lex.DETERMINERS:
            return f"make {as_object(text, words[:i])} {base}{text[words[i].end :]}"
    return None


def as_object(text: str, words: Tokens) -> str:
    """A subject as an object: he -> him."""
    said = say(text, words)
    if len(words) > 1:
        return said
    return OBJECTIVE.get(words[0].word, said.lower() if words[0].word in lex.PRONOUNS else said)


def predicate(text: str, subject: Tokens, rest: Tokens) -> str | None:
    """The imperative for what a subject is to be, have or do.

    None where it cannot be told. rest: from the verb on, without its modal.
    """
    while len(subject) > 1 and subject[-1].word in SKIPPED - {"all"}:
        subject = subject[:-1]  # could the door maybe be blue
    if not is_subject(subject):
        return None
    negated = False
    while rest and rest[0].word in SKIPPED:
        negated = negated or rest[0].word in ("not", "never")
        rest = rest[1:]
    if len(rest) > 2 and rest[0].word == "look" and rest[1].word in BETTER:
        rest = rest[2:]  # it would look better in blue
    if len(rest) > 1 and rest[0].word == "no":
        negated, rest = True, rest[1:]
    if not rest:
        return None
    if negated:
        return _negated(text, subject, rest)
    if subject[0].word in NOBODY or [t.word for t in subject[:2]] == ["no", "one"]:
        what = "everything" if subject[0].word == "nothing" else "the people"
        return f"remove {what} {say(text, rest)}"
    return _asked(text, subject, rest)


def _asked(text: str, subject: Tokens, rest: Tokens) -> str | None:
    """The imperative for a predicate that is not negated."""
    who = as_object(text, subject)
    if (much := _too(rest)) is not None:
        return f"make {who} {much}"
    words = [t.word for t in rest]
    first, second = words[0], words[1] if len(words) > 1 else ""
    behind, after = say(text, rest[1:]), say(text, rest[2:])
    if first in GONE:
        return f"remove {who}"
    if not behind:
        return made(who, say(text, rest))
    if first in HAVE:
        return _had(text, subject, rest)
    if first == "with":
        return f"give {who} {behind}"
    if first == "without":
        return f"remove {behind} from {who}"
    if first in INTO and second in ("into", "to") and after:
        return f"turn {who} into {after}"
    if first in COVERED and second in ("with", "by", "in") and after:
        return f"{english.base(first)} {who} {'in' if first == 'dressed' else 'with'} {after}"
    if first == "replaced" and second in ("with", "by") and after:
        return f"replace {who} with {after}"
    if first == "say":
        return f"write {behind} on {who}"
    if first in ("added", "moved"):
        return f"{english.base(first)} {who} {behind}"
    if first in PAINTED and lex.is_adjective(second):
        return f"make {who} {behind}"
    if first in PLACING:
        return _placed(text, who, rest)
    return made(who, say(text, rest))


def _too(rest: Tokens) -> str | None:
    """What something should be that is (a bit) too long: shorter."""
    words = [t.word for t in rest if t.word not in SKIPPED | EXTENTS]
    return OPPOSITES.get(words[1]) if len(words) == 2 and words[0] == "too" else None


def _had(text: str, subject: Tokens, rest: Tokens) -> str:
    """The cat should have a collar."""
    if len(rest) > 2 and rest[-1].word == "on":
        rest = rest[:-1]  # have glasses on
    who, gift = as_object(text, subject), say(text, rest[1:])
    if rest[1].word == "no" and len(rest) > 2:
        return f"remove {say(text, rest[2:])} from {who}"
    noun = head(subject)
    picture = bool(noun) and noun[0].word in lex.PICTURES
    if picture or (
        len(subject) == 1
        and subject[0].word in ("it", "this", "that", *NOMINATIVE - {"he", "she", "they"})
    ):
        return f"add {gift}"
    inside = rest[0].word.startswith(("contain", "include"))
    return f"put {gift} in {who}" if inside else f"give {who} {gift}"


def _placed(text: str, who: str, rest: Tokens) -> str:
    """The man should be in the forest; the car should be in red."""
    words = [t.word for t in rest]
    if words[1] in lex.COLOURS or (words[0] == "in" and all(map(lex.is_adjective, words[1:]))):
        return f"make {who} {say(text, rest[1:])}"
    if " ".join(words[:2]) in lex.STATE_PHRASES or who.lower() in lex.WHOLE:
        return f"make {who} be {say(text, rest)}"
    return f"put {who} {say(text, rest)}"


def made(who: str, what: str) -> str:
    """ "make X Y", with "be" between them where that parts them rightly.

    Without it some pairs would be cut at the wrong word.
    """
    plain = f"make {who} {what}"
    if re.search(r"(?:\band|,) (?:the|his|her|its|their|my|that|this|those|these)\b", what):
        return plain  # "and the walls white": pieces.py parts it
    wanted = [t.word for t in tokens(what)]
    if wanted and wanted[0] in lex.LOOKS:
        return plain
    told = [t.word for t in read(plain).target] == wanted
    return plain if told else f"make {who} be {what}"


def _negated(text: str, subject: Tokens, rest: Tokens) -> str | None:
    """The bench should not be there; the man should not wear glasses."""
    who, thing = as_object(text, subject), rest[1:]
    said = [t.word for t in rest if t.word != "be"]
    if len(said) > 1 and said[0] in ("so", "too", "that") and said[1] in OPPOSITES:
        return f"make {who} {OPPOSITES[said[1]]}"
    if rest[0].word in HIDDEN:
        return f"remove {who}"
    if rest[0].word not in HOLDING or not thing:
        return None
    while len(thing) > 1 and thing[0].word in ("any", "a", "an", "the"):
        thing = thing[1:]
    return f"remove {say(text, thing)} from {who}"
