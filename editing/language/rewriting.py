"""Wishes, questions and statements -> the imperative that says the same.

"could you please make the box red", "what if the box were red", "I want a red box" are read as
"make the box red" and "add a red box". What people say around a request is taken off, what is left
is a clause (clauses.py), a verb, or a thing that is wished for. Other texts stay as they are. No
library does this.
"""

from __future__ import annotations

import re

from . import english
from . import lexicon as lex
from .clauses import (
    BE,
    COVERED,
    GONE,
    HAVE,
    MODALS,
    NOMINATIVE,
    OBJECTIVE,
    PAINTED,
    becoming,
    clause,
    is_subject,
    predicate,
    say,
    seeming,
)
from .elliptic import comparative, elliptic
from .phrases import Tokens, ends_noun_phrase, tokens
from .politeness import DETERMINED, FILLER, LIKE, MODAL, expanded, finite, polite
from .predicates import owns, trailing_adjectives

WISHES = (
    rf"(?:i|we) (?:\w+ly |would |do |will |{FILLER} )*{LIKE}(?: (?:to )?(?:have|see|get))?(?: "
    r"that| for)?",
    rf"{MODAL} (?:(?:i|we) (?:{FILLER} )*(?:have|get|see)|you (?:{FILLER} )*(?:have|get))",
    r"(?:i|we) (?:would|could|should|can) (?:have|see)",
    r"(?:i|we) (?:think|believe|feel|guess|suggest|imagine|hope|say|bet)(?: that)?",
    r"(?:it would be|would it be|it might be|it will be) (?:\w+ )?\w+ if(?: you could)?",
    r"(?:would it be |is it )?possible (?:to have|for)",
    r"(?:wish|hope)(?: that)?(?= (?:it|the|he|she|they|there)\b)",
    r"what if|how about|what about|what (?:happens|would happen) if|let us see|suppose|if only|if",
    r"imagine(?: if| that)?|(?:please )?make sure(?: that)?|ensure(?: that)?|make it so(?: that)?",
    r"(?:edit|change|modify|alter) (?:the|this) (?:image|picture|photo) (?:so|such) that",
    r"see to it that|have it so that|you should have|there could be",
    r"(?:(?:show|give|make|paint|draw) (?:me |us )?|i want )?(?:a|another|one) version "
    r"(?:of (?:this|it) )?(?:where|in which|with)",
    rf"(?:try|do|go for|use)(?= {DETERMINED})(?!.* (?:instead|in place|rather))",
    r"the (?:image|picture|photo|painting|scene) (?:should|could|must) "
    r"(?:have|show|contain|include)",
)


WISH = re.compile("(?:" + "|".join(WISHES) + ") ", re.IGNORECASE)
"""What comes before something that is wished for: a clause, a verb, or a thing."""


UNWISHED = re.compile(
    r"(?:(?:i|we) do not (?:want|need|like to see)(?: to see| to have)?|(?:i|we) (?:want|need) "
    r"no|no more)"
    r" (?:any )?(?!to\b)",
    re.IGNORECASE,
)


WOULD_LOOK = re.compile(
    r"(?:what|how) (?:would|could|might|does|will) (.+?) (?:look|be)(?: like)?(?: if)? (.+)$",
    re.IGNORECASE,
)


AROUND = re.compile(r"\beverything (?:around|outside(?: of)?|beside|next to) ", re.IGNORECASE)
COLON = re.compile(r"([^:]{2,60}): (\S.*)$")


SUPPOSED = re.compile(r"\b(?:if|wish|suppose|imagine)\b", re.IGNORECASE)
"""Behind these a verb in the past tense is one that is wished for."""


ONLY = re.compile(rf"\bonly (?={DETERMINED})", re.IGNORECASE)


ASKED = frozenset("what why who where when which how whose".split())
"""What begins a question to which nothing painted is the answer."""


MOST = 6  # rewritings of one text: "could you please" before "I want" before a clause is three


def imperative(text: str) -> str:
    """The imperative that a wish, question or statement stands for.

    Other texts stay as they are.
    """
    text = AROUND.sub("everything except ", text)
    for _ in range(MOST):
        after = _once(expanded(text)).strip(" ,.;:!?")
        if not after or after == text:
            break
        text = after
    return text


def _once(text: str) -> str:
    if (plain := polite(text)) != text:
        return plain
    if cut := UNWISHED.match(text):
        return _unwished(text[cut.end() :])
    if cut := WISH.match(text):
        wished = text[cut.end() :]
        return _wished(_present(wished) if SUPPOSED.search(cut[0]) else wished)
    words = tokens(text)
    if words and words[0].word in ASKED and not WOULD_LOOK.match(text):
        return text
    if words and (len(words) > 1 or lex.is_adjective(words[0].word)):
        for rule in RULES if len(words) > 1 else (elliptic,):
            if (said := rule(text, words)) is not None:
                return said
    if words and words[0].word in lex.VERBS:
        return ONLY.sub("", text[: words[-1].start] if words[-1].word == "instead" else text)
    return text


def _unwished(text: str) -> str:
    """Behind "I don't want": the dog; him to wear a hat."""
    words = tokens(text)
    for i in range(1, len(words) - 1):
        if words[i].word == "to" and english.is_base_verb(words[i + 1].word):
            said = predicate(
                f"not {text}",
                tokens(f"not {text}")[1 : i + 1],
                (tokens(f"not {text}")[0], *tokens(f"not {text}")[i + 2 :]),
            )
            return said or f"do not {text}"
    return f"remove {text}"


# ---------------------------------------------------------------- what is wished for


BECOMES = frozenset("grow get become turn".split())


def _present(text: str) -> str:
    """A supposition's past tense as the present.

    She wore a hat -> she should wear a hat.
    """
    words = tokens(text)
    for i in range(1, len(words)):
        word, before = words[i].word, words[i - 1].word
        base = english.base(word)
        past = base != word and english.classes(word) == "v" and not word.endswith(("s", "ing"))
        told = i > 1 or before in NOMINATIVE or before in lex.NAMELESS
        if word in BE | HAVE | MODALS | COVERED | PAINTED or before in lex.RELATIVES:
            return text
        if past and told and not lex.is_adjective(before) and is_subject(words[:i]):
            done = "be" if base in BECOMES else base
            return f"{say(text, words[:i])} should {done}{text[words[i].end :]}"
    return text


def _wished(text: str) -> str:
    """Behind "I want", "what if", "can I have": a clause, a verb, or a thing."""
    words = tokens(text)
    first = words[0].word if words else ""
    if first == "to" and len(words) > 1:
        return text[words[1].start :]
    verb = first.endswith("ing") and first not in lex.STANDALONE_ING and len(words) > 1
    if verb and "v" in english.classes(first):
        return finite(text)
    if not words or first in ("no", "less", "fewer", "only"):
        return text
    if first in lex.VERBS and first not in lex.AMBIGUOUS and first not in lex.NOUNS_TOO:
        return text
    for i in range(1, len(words) - 1):
        base = english.is_base_verb(words[i + 1].word) and words[i + 1].word not in lex.DETERMINERS
        if words[i].word == "to" and base and words[i - 1].word not in ("ought", "going"):
            return predicate(text, words[:i], words[i + 1 :]) or text
    if (said := _there(text, words) or clause(text, words)) is not None:
        return said
    pronoun = first in lex.PRONOUNS and not (first == "her" and owns(words[1:], "see"))
    if not pronoun and first not in lex.DEFINITE and not first.endswith("'s"):
        return f"add {text}"
    return _wished_of(text, words, 1 if pronoun else ends_noun_phrase(words))


def _wished_of(text: str, words: Tokens, k: int) -> str:
    """What is wished of a thing that is there, the first k words: the walls in white."""
    if words[-1].word in GONE:
        return f"remove {say(text, words[:-1])}"
    if 0 < k < len(words):
        return predicate(text, words[:k], words[k:]) or f"add {text}"
    return f"make {text}" if trailing_adjectives(words) else f"add {text}"


# ------------------------------------------------------------- one rule for each form; None: not it


def _would_look(text: str, words: Tokens) -> str | None:
    """What would it look like in winter?"""
    match = WOULD_LOOK.match(text)
    if match and clause(match[2], tokens(match[2])) is not None:
        return match[2]  # what would it look like if it was foggy
    return f"make {OBJECTIVE.get(match[1].lower(), match[1])} be {match[2]}" if match else None


def _with_or_without(text: str, words: Tokens) -> str | None:
    """Reads a wish that something be absent, or there.

    Examples: with a moon; no people; without the glasses; leave nothing on top of the cake;
    clear the table.
    """
    first, rest = words[0].word, text[words[1].start :]
    if first == "with" and words[1].word == "no" and len(words) > 2:
        return f"remove {text[words[2].start :]}"
    if first == "with" and words[1].word in ("a", "an", "some", "more", "another"):
        return f"add {rest}"
    if first in ("no", "without", "zero"):
        return f"remove {rest}"
    if first == "nothing":
        return f"remove everything {rest}"
    if first in ("leave", "keep", "have", "show") and words[1].word == "nothing" and len(words) > 2:
        return f"remove everything {text[words[2].start :]}"
    plain = not any(t.word in ("from", "off", "of", "away", "out", "up") for t in words)
    return f"remove everything on {rest}" if first == "clear" and plain else None


def _get(text: str, words: Tokens) -> str | None:
    """Reads "get": get the man to smile -> make the man smile.

    get the car painted red -> make the car red.
    """
    if words[0].word not in CAUSE or words[1].word == "out":
        return None
    given = next((i for i in range(2, len(words)) if words[i].word in ("a", "an", "some")), 0)
    if words[0].word == "get" and given and words[1].word in lex.DEFINITE | lex.PRONOUNS:
        return f"give {text[words[1].start :]}"
    for i in range(2, len(words) - 1):
        infinitive = words[i].word == "to" and english.is_base_verb(words[i + 1].word)
        if infinitive or words[i].word in PAINTED:
            return f"make {say(text, words[1:i])} {say(text, words[i + 1 :])}"
    return None


CAUSE = frozenset("get modify edit adjust cause force allow tell ask help".split())


def _question(text: str, words: Tokens) -> str | None:
    """Could he be in the forest? can the dog be brown?"""
    if words[0].word not in MODALS | {"does", "do", "did"}:
        return None
    rest = words[1:]
    for i in range(1, len(rest)):
        word = rest[i].word
        if word in lex.RELATIVES:
            return None
        verb = word in lex.POSE_VERBS | {"have", "get"} and english.is_base_verb(word)
        if (verb or word == "be") and rest[i - 1].word not in lex.DETERMINERS:
            return predicate(text, rest[:i], rest[i:])
    return None


def _there(text: str, words: Tokens) -> str | None:
    """There should be a moon; there should be no clouds. A number is the grammar's."""
    if words[0].word in ("have", "let", "make") and len(words) > 2 and words[1].word == "there":
        return text[words[1].start :]
    if words[0].word != "there":
        return None
    rest, negated = words[1:], False
    while rest and rest[0].word in BE | MODALS | {
        "not",
        "any",
        "also",
        "needs",
        "need",
        "to",
        "has",
    }:
        negated = negated or rest[0].word == "not"
        rest = rest[1:]
    if not rest or len(rest) == len(words) - 1:
        return None
    if rest[0].word == "no" and len(rest) > 1:
        negated, rest = True, rest[1:]
    first = rest[0].word
    if negated:
        return f"remove {say(text, rest)}"
    if first in ("only", "just") and len(rest) > 1:
        return f"there should be {say(text, rest[1:])}"
    if lex.is_number(first):
        return None
    return say(text, rest) if first in ("fewer", "less") else f"add {say(text, rest)}"


def _have(text: str, words: Tokens) -> str | None:
    """Reads "have" and "let".

    Examples: let the cat have blue eyes; have the woman be wearing a top; have a dragon fly above
    it.
    """
    first = words[0].word
    if first not in ("have", "let", "make", "get") or len(words) < 3:
        return None
    if words[-1].word in GONE - {"out", "leave", "away", "missing"}:
        return f"remove {say(text, words[1:-1])}"
    new = first in ("have", "let") and words[1].word in ("a", "an", "some")
    for i in range(2, len(words)):
        word = words[i].word
        if words[i - 1].word in lex.RELATIVES:
            return None
        if new and english.is_base_verb(word) and word in lex.POSE_VERBS:
            return f"add {say(text, words[1:i])} {english.participle(word)}{text[words[i].end :]}"
        if word in ("have", "contain", "be", "get", "include") and i + 1 < len(words):
            said = predicate(text, words[1:i], words[i:])
            return said if said != text else None
    return f"add {text[words[1].start :]}" if first == "have" and new else None


def _colon(text: str, words: Tokens) -> str | None:
    """Hat: red."""
    match = COLON.match(text)
    named = tokens(match[1]) if match else []
    if not match or not named or named[0].word == "image" or not tokens(match[2]):
        return None
    name = match[1][named[1].start :] if named[0].word == "new" and len(named) > 1 else match[1]
    subject = name if tokens(name)[0].word in lex.DETERMINERS else f"the {name}"
    adjectives = all(lex.is_adjective(t.word) for t in tokens(match[2]))
    return f"make {subject} {match[2]}" if adjectives else f"change {subject} to {match[2]}"


RULES = (
    _colon,
    seeming,
    comparative,
    becoming,
    elliptic,
    _would_look,
    _with_or_without,
    _get,
    _question,
    _there,
    _have,
    clause,
)
