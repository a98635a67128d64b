"""Cuts one line of an instruction into pieces that become items.

Each piece is an imperative where it can be said as one. Cut at separators; what only says what
shall stay ("but keep the hat") is noted and taken off; "a cup instead of the book" becomes a
replacement; a verb that two things share is said twice; wishes and questions become imperatives
(rewriting.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from . import english
from . import lexicon as lex
from .clauses import begins_clause
from .grammar import begins_imperative, is_imperative, read
from .outcome import Reading
from .phrases import Tokens, ends_noun_phrase, head, is_noun_phrase, relation_at, tokens
from .politeness import expanded, is_statement
from .replacing import KEEP, LONGEST, NUMBER, whole_line
from .rewriting import imperative

Span = tuple[int, int]

ARROW = re.compile("=>|->|→")
SEPARATOR = re.compile(
    r";|,? and then |,? then |, and |, but | and | but |\. |\? |! |,| while ", re.IGNORECASE
)
LOOKAHEAD = 80  # characters after a separator that can decide whether an item begins there

NOT_DO = r"(?:do not|don't|dont|never|avoid|must not|should not)"
KNOWN = r"(?:the|this|that|these|those|his|her|its|their|my|everything|all|it|him|them|others?)\b"
ARTICLE = r"(?:the|a|an|his|her|its|their|my|any)\b"
KEEPING = r"(?:keeping|leaving|preserving|retaining|maintaining)"
CHANGE = r"(?:change|touch|alter|modify|affect|move|edit|remove|replace|add|make)\b"
CHANGING = r"(?:chang|touch|alter|affect|modify|mov|los|remov|edit|replac|ruin)\w+"
STAY = re.compile(
    rf"^(?:please )?(?:{NOT_DO} \w+\b.*|{KEEP} (?!nothing|only|just){KNOWN}.*|{KEEPING} .*"
    r"|everything else .*(?:same|is|unchanged|stay|untouched|as).*|nothing else .*"
    rf"|no other changes?.*|not {ARTICLE}.*)$",
    re.IGNORECASE,
)
"""A piece that says what shall not change."""
STAY_BEHIND = re.compile(
    rf"[, ]+(?:(?:but|and|while|yet|though|whilst) )?(?:{NOT_DO} {CHANGE}.*|{KEEP} {KNOWN}.*"
    rf"|{KEEPING} {KNOWN}.*|without {CHANGING} .*|(?:but )?not {ARTICLE}.*|(?:and |but )?nothing "
    r"else.*)$",
    re.IGNORECASE,
)
"""The same at the end of a piece."""
KEEP_ONLY = re.compile(
    r"^(?:(?:keep|leave|show) (?:only|just)|(?:only|just) (?:keep|leave|show)) (.+)$"
    r"|^remove everything (?:that|which) is not (.+)$",
    re.IGNORECASE,
)
SOME = re.compile(rf"{NUMBER} ", re.IGNORECASE)
"""Keep only two birds: how many there shall be, and nothing of what is no bird."""
SHARED = frozenset(
    "make turn paint dye colour color change replace give swap recolor recolour transform convert"
    " let have".split()
)
"""Verbs that two things can share: make the sky pink and the sea purple."""


MOST_NAMED = 3  # words that name one thing and do not describe a picture
MOST_WORDS = 77  # what the text encoder reads; in longer pieces nothing is looked for


def cut(text: str, marked: Sequence[Span]) -> list[Span]:
    """Where the items of a line lie."""
    cuts: list[Span] = []
    has_arrow = ARROW.search(text) is not None
    for match in SEPARATOR.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in marked) and match[0] != ";":
            continue
        if match[0].lower() == " but " and ALL.search(text, 0, match.start()):
            continue  # everything but the car
        sure = match[0] == ";" or match[0].lower().endswith("then ")
        following = text[match.end() : match.end() + LOOKAHEAD]
        before = text[cuts[-1][1] if cuts else 0 : match.start()]
        if match[0].lower() == " and " and _is_half_a_subject(before, following):
            continue
        bare = not has_arrow and _ends_in_look(before) and _names_a_look(following)
        if sure or bare or _begins(following):
            cuts.append(match.span())
    edges = [0, *(edge for cut in cuts for edge in cut), len(text)]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return [piece for span in spans for piece in _arrows(text, span)]


@lru_cache(maxsize=256)
def _begins(text: str) -> bool:
    """Whether an item begins with what follows a separator."""
    full = expanded(text)
    words = tokens(text)
    if begins_imperative(words) or begins_clause(words if full == text else tokens(full)):
        return True
    return bool(STAY.match(full) or LABEL.match(text))


def _is_half_a_subject(text: str, following: str) -> bool:
    """The man | and the woman should sit: whether a piece is half of who does it."""
    words = tokens(text)
    if not words or len(words) > MOST_NAMED + 1 or words[0].word not in lex.DEFINITE:
        return False
    named = ends_noun_phrase(words) == len(words) and not lex.is_adjective(words[-1].word)
    return named and begins_clause(tokens(expanded(following)))


def _ends_in_look(text: str) -> bool:
    """Whether what comes before has got its look: make the cat black | , eyes green."""
    words = tokens(text[-LOOKAHEAD:])
    return len(words) > 1 and lex.is_adjective(words[-1].word)


def _names_a_look(text: str) -> bool:
    """Whether a piece is a thing and its colour: walls white, roof dark red."""
    words = tokens(re.split(r"[,;.:!?]| and ", text, maxsplit=1)[0])
    if not 1 < len(words) <= MOST_NAMED:
        return False
    noun, *look = (t.word for t in words)
    named = "n" in english.classes(noun) and not lex.is_adjective(noun)
    return (
        named
        and noun not in lex.VERBS
        and all(map(lex.is_adjective, look))
        and lex.is_colour(look[-1])
    )


ALL = re.compile(r"\b(?:everything|all|anything|nothing)$", re.IGNORECASE)
LABEL = re.compile(r"[\w ]{2,30}: \w")


def _arrows(text: str, span: Span) -> list[Span]:
    """Reads `A => B, C => D` without a verb.

    The commas part the items where every part has its own arrow.
    """
    start, end = span
    if len(ARROW.findall(text, start, end)) < 2:
        return [span]
    commas = [m.start() for m in re.finditer(",", text[start:end])]
    edges = [start, *(edge for c in commas for edge in (start + c, start + c + 1)), end]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return spans if all(len(ARROW.findall(text, a, b)) == 1 for a, b in spans) else [span]


def stays(text: str) -> bool:
    """Whether a piece only says what shall not change."""
    return STAY.match(expanded(text)) is not None


def context(text: str, pieces: Sequence[str] = ()) -> bool:
    """Whether a piece only says what there is.

    Examples: I see a cup; the wall is empty, hang a clock there. pieces: all of them; what is, is
    told where another one says what to do.
    """
    told = IS.match(expanded(text)) and any(
        is_imperative(imperative(p)) for p in pieces if not IS.match(expanded(p))
    )
    return is_statement(text) or bool(told)


IS = re.compile(r"(?:the|this|that|these|those|my|his|her) [^,;]{1,40}? (?:is|are) (?!not\b)", re.I)


SAID_OF = re.compile(
    r"((?:the|this|that|these|those|my|his|her) [^,;]{1,40}?)"
    r" (?:is|are|was|were|looks?|seems?|appears?) ",
    re.IGNORECASE,
)


def things(text: str) -> list[str]:
    """The noun that a piece says is there: I see a cup."""
    if there := re.match(
        r"(?:there (?:is|are)|i (?:can )?see|we have|i have) ", expanded(text), re.I
    ):
        return [t.word for t in head(tokens(expanded(text)[there.end() :]))]
    if said_of := SAID_OF.match(expanded(text)):  # the car is too red; the sky looks dull
        return [t.word for t in head(tokens(said_of[1]))]
    nouns = [t.word for t in tokens(text) if "n" in english.classes(t.word)]
    return [w for w in nouns if english.base(w) not in lex.LOOKS | {"see", "like", "have"}][-1:]


def said(text: str) -> tuple[list[str], str]:
    """The imperatives that say what a piece says, and what it wants to stay, or ""."""
    if len(text) > LONGEST:
        return [text], ""
    if ARROW.search(text):
        return [_new_look(text)], ""
    plain = whole_line(text)
    kept = ""
    full = expanded(plain)
    if match := KEEP_ONLY.match(full):
        if match[1] and SOME.match(match[1]):
            return [f"only {match[1]}"], ""
        return [f"remove everything except {match[1] or match[2]}"], ""
    if (
        (match := STAY_BEHIND.search(full))
        and match.start() > 3
        and len(tokens(full[: match.start()])) > 1
    ):
        kept = full[match.start() :].strip(" ,")
        plain = full[: match.start()]
    return list(_shared(imperative(plain))), kept


def _new_look(text: str) -> str:
    """Hair -> silver: make the hair silver.

    Two looks (red -> blue), and what is told as captions, stay as they are written.
    """
    parts = [part.strip(" ,.;") for part in ARROW.split(text)]
    words, look = tokens(parts[0]), tokens(parts[-1])
    if len(parts) != 2 or not look or not 0 < len(words) <= MOST_NAMED or not head(words):
        return text
    if not all(lex.is_adjective(t.word) for t in look) or lex.is_adjective(words[-1].word):
        return text
    start = 1 if words[0].word in ("a", "an", "the") and len(words) > 1 else 0
    owned = words[0].word in lex.DETERMINERS or words[0].word.endswith("'s")
    article = "" if owned and not start else "the "
    return f"make {article}{parts[0][words[start].start :]} {parts[1]}"


def settled(text: str) -> bool:
    """Whether an imperative is its own reading.

    It is then one piece that nothing more is done to.
    """
    tidy = text == text.strip(" ,.;:!?") and "  " not in text and not any(c in text for c in "[]\n")
    return (
        tidy
        and whole_line(text) == text
        and cut(text, ()) == [(0, len(text))]
        and said(text) == ([text], "")
    )


def _shared(text: str) -> Iterator[str]:
    """Make X red and Y green -> make X red; make Y green.

    Remove the X and the Y -> remove the X; remove the Y.
    """
    words = tokens(text)
    verb = words[0].word if words else ""
    if verb in SHARED and (both := _of_both(text)):
        yield from both
        return
    pattern = lex.VERBS.get(verb)
    shares = verb in SHARED or pattern in ("remove", "state", "add")
    if not shares or len(words) > MOST_WORDS:
        yield text
        return
    for i in range(2, len(words) - 1):
        comma = "," in text[words[i - 1].end : words[i].start]
        if words[i].word != "and" and not comma:
            continue
        rest = words[i:] if words[i].word != "and" else words[i + 1 :]
        if not (rest[0].word in lex.DETERMINERS or rest[0].word.endswith("'s")):
            continue
        if pattern == "add" and not (_relations(rest) and _relations(words[1:i])):
            continue  # "a hat and a scarf": one thing to add, as far as can be told
        left, right = text[: words[i - 1].end], f"{text[: words[0].end]} {text[rest[0].start :]}"
        if (
            _complete(read(left), pattern)
            and _complete(reading := read(right), pattern)
            and _parallel(reading, rest)
        ):
            yield left
            yield from _shared(right)
            return
    yield text


def _of_both(text: str) -> list[str]:
    """Make the cat and the dog black: each by itself.

    Empty where no two things are named.
    """
    reading = read(text)
    at = [k for k, t in enumerate(reading.subject) if t.word == "and"]
    if reading.operation != "modify" or not reading.target or len(at) != 1:
        return []
    first, second = reading.subject[: at[0]], reading.subject[at[0] + 1 :]
    same = second[1:] if second and second[0].word in lex.DETERMINERS else second
    nouns = [*first[-1:], *same[-1:]]
    named = len(nouns) == 2 and all(is_noun_phrase((noun,)) for noun in nouns)
    if not named or not all(lex.is_adjective(t.word) for t in same[:-1]):
        return []
    if any(lex.is_adjective(noun.word) for noun in nouns):
        return []
    front, what = text[: reading.subject[0].start], text[reading.subject[-1].end :]
    article = "" if len(same) < len(second) else f"{first[0].word} " if len(first) > 1 else ""
    left, right = (text[side[0].start : side[-1].end] for side in (first, second))
    return [f"{front}{left}{what}", f"{front}{article}{right}{what}"]


def _complete(reading: Reading, pattern: str | None) -> bool:
    if pattern == "remove":
        return reading.operation == "remove" and bool(reading.key) and not reading.exception
    if pattern == "state":
        return reading.operation == "modify" and bool(reading.key)
    return (
        reading.operation in ("modify", "replace", "add")
        and bool(reading.subject)
        and bool(reading.target)
        and bool(reading.key)
    )


def _relations(words: Tokens) -> list[int]:
    """Where a place is told."""
    return [k for k in range(1, len(words)) if relation_at(words[k:])]


def _parallel(reading: Reading, rest: Tokens) -> bool:
    """Whether the second half is about another thing.

    "and a scarf" belongs to the first.
    """
    placed = bool(reading.relation) and bool(reading.subject)
    return reading.operation == "remove" or placed or rest[0].word not in ("a", "an", "some")
