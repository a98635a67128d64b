"""The texts that each algorithm is given.

One instruction becomes FoI's sentences, InstDiffEdit's texts, and the two prompts of AdapEdit and
TAS. Nothing is guessed silently: where a text cannot be derived an EditError says what to write,
and what was derived goes into the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import EditError
from . import english
from . import lexicon as lex
from .alignment import align, blocks, span_of
from .captions import edited
from .instruction import Instruction, Item, parse
from .phrases import tokens
from .wording import bare, joined, locate, split, state_of

CAPTION_WORDS = 4  # A of `A => B` counts as a caption of the whole picture from this many words on


@dataclass(frozen=True)
class Captions:
    """c, what the picture shows, and c*, what it shall show.

    derived: c was made from the instruction, because no caption was given.
    """

    source: str
    target: str
    derived: bool = False


@dataclass(frozen=True)
class Replacement:
    """InstDiffEdit's texts for one item.

    They say whose attention makes the mask, and what to paint there.
    """

    find: str
    paint: str


# ---------------------------------------------------------------- AdapEdit and TAS


def lacks_caption(instruction: Instruction) -> bool:
    """Whether nothing says what the picture shows now.

    Neither a caption nor the instruction itself does.
    """
    return not instruction.caption and not _own_caption(instruction.items[0])


def captions(instruction: Instruction, required: bool = True) -> Captions:
    """The source and the target prompt; the items' changes accumulate in the target.

    required: raise EditError("needs-caption") where the instruction alone does not say what the
    picture shows; otherwise "an image of X" stands for it. Raises EditError("not-in-caption",
    "no-target", "nothing-changes") where the target cannot be told.
    """
    source = instruction.caption
    derived = not source
    if not source:
        source = _own_caption(instruction.items[0]) or (
            "" if required else _image_of(instruction.items[0])
        )
        if not source:
            raise EditError(
                "needs-caption",
                "This algorithm compares two descriptions, and it is not known what the picture "
                "shows now.",
                'Give a caption, or a first line "image: a red star on a pink background"; or '
                "write the edit as: "
                "what is there => what to show.",
            )
    elif (
        instruction.items[0].form == "arrow"
        and not _found(source, instruction.items[0])
        and (own := _own_caption(instruction.items[0]))
    ):
        source, derived = own, True
    target = source
    for number, item in enumerate(instruction.items):
        whole = split(item.subject.lower()) == split(
            target.lower()
        )  # A is the caption itself: then B is the target as it stands
        if (
            item.form == "arrow"
            and number == 0
            and are_captions(item)
            and (whole or not _found(target, item))
        ):
            target = item.target
        else:
            target = (
                _edited_or_appended(target, item)
                if derived and not required
                else edited(target, item)
            )
    if [w.lower() for w in split(source)] == [w.lower() for w in split(target)]:
        raise EditError(
            "nothing-changes",
            f"Source and target are the same: {source!r}.",
            "Say what shall be different.",
        )
    return Captions(source, target, derived)


def are_captions(item: Item) -> bool:
    """Whether both sides of `A => B` describe a whole picture.

    They do if A has four words, or shares a content word with B.
    """
    left, right = (
        {t.word for t in tokens(side)} - lex.CONTENTLESS for side in (item.subject, item.target)
    )
    return bool(item.subject and item.target) and (
        len(tokens(item.subject)) >= CAPTION_WORDS or bool(left & right)
    )


def _found(caption: str, item: Item) -> bool:
    try:
        edited(caption, item)
    except EditError:
        return False
    return True


def _edited_or_appended(caption: str, item: Item) -> str:
    """A caption with what it lacks of its later items appended.

    A derived caption names only what its first item does.
    """
    if _found(caption, item):
        return edited(caption, item)
    return f"{caption}, {_replacement(item, '').paint}"


def _own_caption(item: Item) -> str:
    """What `A => B` says of the picture; "" if the item has no arrow or no A."""
    if item.form != "arrow" or not item.subject:
        return ""
    return item.subject if are_captions(item) else f"an image of {item.subject}"


def _image_of(item: Item) -> str:
    if item.operation in ("global", "raw") or not item.subject:
        return "an image"
    if item.operation == "add":
        return f"an image of {item.subject}"
    words = bare(item.subject)
    target = split(item.target)
    if target and lex.is_number(target[0].lower()):
        return joined(["an", "image", "of", "a", english.singular(words[-1])])
    countable = english.singular(words[-1]) == words[-1] and words[-1].lower() not in lex.PRONOUNS
    return joined(["an", "image", "of", *(["a"] if countable else []), *words])


# ---------------------------------------------------------------- FoI


def sentences(instruction: Instruction) -> tuple[Item, ...]:
    """The items as sentences for an instruction-following model.

    `A => B` and "A into B" become "turn ... into ...". The others stay as written.
    """
    return tuple(
        _sentence(i) if i.form == "arrow" or (i.form == "phrase" and i.subject) else i
        for i in instruction.items
    )


def _sentence(item: Item) -> Item:
    if not item.target:
        text = f"remove {_the(split(item.subject))}"
    elif not item.subject:
        text = f"add {joined(_a(split(item.target)))}"
    elif not are_captions(item):
        text = f"turn {item.subject} into {item.target}"
    else:
        text = changed_phrases(item)
    made = parse(text).items[0]
    if kept := next((span for mark in item.marks if (span := span_of(mark.text, text))), None):
        made = replace(made, keyword=text[slice(*kept)], span=kept)
    return replace(made, strength=item.strength)


def changed_phrases(item: Item) -> str:
    """The sentence that leads from one caption to another.

    A changed span grows to the end of its noun phrase.
    """
    old, new = split(item.subject), split(item.target)
    ids = {word: i for i, word in enumerate(dict.fromkeys(w.lower() for w in old + new))}
    pairs = align(
        [-1, *(ids[w.lower()] for w in old), -2], [-1, *(ids[w.lower()] for w in new), -2]
    )
    said = []
    for block in blocks(pairs):
        gone = [old[i - 1] for i in block.source]
        come = [new[i - 1] for i in block.target]
        tail_old = _noun_phrase_rest(
            old, block.source[-1] if block.source else _partner(pairs, block.target[0], True)
        )
        tail_new = _noun_phrase_rest(
            new, block.target[-1] if block.target else _partner(pairs, block.source[0], False)
        )
        if not gone and _is_whole_phrase(come) and not tail_new:
            said.append(f"add {joined(_a(_untied(come)))}")
        elif not come and _is_whole_phrase(gone) and not tail_old:
            said.append(f"remove {_the(_untied(gone))}")
        else:
            said.append(f"turn {_the([*gone, *tail_old])} into {joined(_a([*come, *tail_new]))}")
    return " and ".join(said) if said else f"turn {item.subject} into {item.target}"


def _partner(pairs: tuple[tuple[int | None, int | None], ...], place: int, in_target: bool) -> int:
    """The place on the other side behind which an inserted or deleted word belongs."""
    last = 0
    for a, b in pairs:
        mine, other = (b, a) if in_target else (a, b)
        if mine is not None and mine >= place:
            break
        if other is not None:
            last = other
    return last


def _noun_phrase_rest(words: list[str], place: int) -> list[str]:
    """What follows a word up to the end of its noun phrase.

    Places are counted from 1.
    """
    rest: list[str] = []
    for i, word in enumerate(words[place:], start=place):
        joins = (
            word.lower() == "and"
            and i + 1 < len(words)
            and lex.is_adjective(words[i - 1].lower())
            and lex.is_adjective(words[i + 1].lower())
        )
        stop = (
            word.lower() in lex.PREPOSITIONS
            or not word[0].isalnum()
            or (word.lower() in ("and", "is", "are") and not joins)
        )
        if stop or (i and _ends_noun_phrase(words, i)):
            break
        rest.append(word)
    return rest


def _ends_noun_phrase(words: list[str], i: int) -> bool:
    """Whether a noun phrase ends before word i.

    It ends behind a noun that a participle or another determiner follows.
    """
    word, before = words[i].lower(), words[i - 1].lower()
    noun_before = not lex.is_adjective(before) and before not in lex.DETERMINERS
    return word in lex.DETERMINERS or (
        word.endswith("ing") and lex.is_adjective(word) and noun_before
    )


def _is_whole_phrase(words: list[str]) -> bool:
    return bool(words) and (
        words[0].lower() in lex.PREPOSITIONS
        or words[0].lower() in lex.DETERMINERS
        or not words[0][0].isalnum()
    )


def _untied(words: list[str]) -> list[str]:
    ties = lex.PREPOSITIONS | {"and", "wearing", "holding"}
    while len(words) > 1 and (words[0].lower() in ties or not words[0][0].isalnum()):
        words = words[1:]
    return words


def _the(words: list[str]) -> str:
    return joined(["the", *bare(" ".join(words))])


def _a(words: list[str]) -> list[str]:
    """A phrase with an indefinite article.

    It gets none where a determiner or a number stands there, or the noun is a plural.
    """
    first = words[0].lower() if words else ""
    last = words[-1].lower() if words else ""
    uncounted = english.singular(last) != last or last in lex.TIMES
    return (
        words
        if not words or first in lex.DETERMINERS or lex.is_number(first) or uncounted
        else ["a", *words]
    )


# ---------------------------------------------------------------- InstDiffEdit


def replacements(instruction: Instruction) -> tuple[Replacement, ...]:
    """The texts of each item.

    InstDiffEdit runs the items one after another, each on the result of the last.
    """
    return tuple(_replacement(item, instruction.caption) for item in instruction.items)


def _replacement(item: Item, caption: str) -> Replacement:
    if item.operation == "remove":
        rest = edited(caption, item) if caption and locate(split(caption), item.subject) else ""
        return Replacement(joined(bare(item.subject)), rest or "background")
    if item.operation == "global":
        wanted = item.target or " ".join(state_of(item))
        text = f"{caption}, {wanted}" if caption else wanted
    elif item.form == "arrow":
        text = _changed_target(item) if are_captions(item) else item.target
    elif item.operation == "modify":
        text = _modified(item)
    else:
        text = (
            joined(_a(bare(item.target)))
            if item.operation in ("replace", "add")
            else item.target or item.text
        )
    return Replacement(text, text)


def _changed_target(item: Item) -> str:
    """The changed noun phrase of B."""
    new = split(item.target)
    old = {w.lower() for w in split(item.subject)}
    places = [i for i, w in enumerate(new, start=1) if w.lower() not in old]
    if not places:
        return item.target
    return joined(
        _a(_untied([*new[places[0] - 1 : places[-1]], *_noun_phrase_rest(new, places[-1])]))
    )


def _modified(item: Item) -> str:
    """ "a {C} {X}" for one word, else "{X} {C}"."""
    target = split(item.target)
    if target and lex.is_number(target[0].lower()) and len(target) > 1:
        return item.target
    state, thing = list(state_of(item)), bare(item.subject)
    return joined(_a([*state, *thing])) if len(state) == 1 else joined([*_a(thing), *state])
