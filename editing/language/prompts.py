"""The texts that each algorithm is given.

One instruction becomes FoI's sentences, InstDiffEdit's texts, and the two prompts of AdapEdit and
TAS. Nothing is guessed silently: where a text cannot be derived an EditError says what to write,
and what was derived goes into the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import EditError
from ..said import say
from . import english
from . import lexicon as lex
from .alignment import span_of
from .captions import edited
from .differences import changed_phrases, definite, indefinite, noun_phrase_rest, untied
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
                say(
                    "This algorithm compares two descriptions, and it is not known what the "
                    "picture shows now."
                ),
                say(
                    'Give a caption, or a first line "image: a red star on a pink background"; or '
                    "write the edit as: what is there => what to show."
                ),
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
            say("Source and target are the same: {text}.", text=repr(source)),
            say("Say what shall be different."),
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
        text = f"remove {definite(split(item.subject))}"
    elif not item.subject:
        text = f"add {joined(indefinite(split(item.target)))}"
    elif not are_captions(item):
        text = f"turn {item.subject} into {item.target}"
    else:
        text = changed_phrases(item)
    made = parse(text).items[0]
    if kept := next((span for mark in item.marks if (span := span_of(mark.text, text))), None):
        made = replace(made, keyword=text[slice(*kept)], span=kept)
    return replace(made, strength=item.strength)


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
            joined(indefinite(bare(item.target)))
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
        indefinite(untied([*new[places[0] - 1 : places[-1]], *noun_phrase_rest(new, places[-1])]))
    )


def _modified(item: Item) -> str:
    """ "a {C} {X}" for one word, else "{X} {C}"."""
    target = split(item.target)
    if target and lex.is_number(target[0].lower()) and len(target) > 1:
        return item.target
    state, thing = list(state_of(item)), bare(item.subject)
    return (
        joined(indefinite([*state, *thing]))
        if len(state) == 1
        else joined([*indefinite(thing), *state])
    )
