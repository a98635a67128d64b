"""Auto: which algorithm an instruction wants, and why.

The choice goes by the kind of change that was read, never by the picture. Each algorithm declares
which kinds it serves (its paper's own strength) and whether it stands in for another. A model whose
figures say otherwise names its own choices (limn.json, "auto"); the bundled one's are those of the
table in editing/README.md, which `limn bench auto` makes. Where the
model can't run the one that is wanted, or the caption given does not fit, the first stand-in that
can takes its place, and the reason says so. A caption that is missing changes no choice: it is
asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .errors import EditError
from .facts import Facts, declared
from .language import english
from .language import lexicon as lex
from .language.instruction import Instruction, Item
from .language.outline import BACKGROUNDS
from .language.phrases import tokens
from .language.prompts import are_captions
from .language.references import PEOPLE
from .language.wording import ARMS_UP, split, state_of, subject_head
from .request import Parameter, Value, parameter, parameters_of, resolve
from .said import Said, say

FEWEST = 2  # steps that every algorithm takes
NAME = "auto"
TITLE = "Auto"
SUMMARY = "Chooses the algorithm by what the sentence asks for, and says which and why."

UNFIT = {
    "needs-caption": "",
    "nothing-changes": "the caption says so already",
    "not-in-caption": "the caption does not tell the rest",
}  # by what captions() raises; "": no obstacle
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Kind = str
"""What an instruction changes: a name in KINDS."""

KINDS: dict[Kind, str] = {
    "several": "{number} local edits",
    "object": "replaces an object",
    "phrase": "shows what the phrase names",
    "count": "changes a number",
    "state": "changes a state",
    "look": "changes an adjective",
    "pose": "changes a pose",
    "colour": "a local change of colour",
    "add": "adds something",
    "remove": "takes something away",
    "rest": "changes everything else",
    "whole": "changes the whole picture",
    "unknown": "follows the sentence as written",
}
"""What an algorithm can declare that it serves, and how a painter is told."""

REASONS = {
    (False, ""): "{title}: {what}",
    (False, "{why}"): "{title}: {what}; {why}",
    (False, "{other} is not there"): "{title}: {what}; {other} is not there",
    (True, ""): "{title}: {number} local edits",
    (True, "{why}"): "{title}: {number} local edits; {why}",
    (True, "{other} is not there"): "{title}: {number} local edits; {other} is not there",
}
"""How a choice is told.

By whether it is of several edits, and by what the wanted algorithm lacks.
"""

PAPERS_OWN: Mapping[Kind, str] = {}
"""Of a model without choices of its own: what the papers are best at holds."""


@dataclass(frozen=True)
class Settings:
    """What all algorithms that can be chosen have in common."""

    steps: int = parameter(
        0,
        "Steps, two at least; 0: as many as the chosen algorithm usually takes.",
        minimum=0,
        maximum=500,
    )


def parameters() -> tuple[Parameter, ...]:
    """The declared parameters, in order."""
    return parameters_of(Settings)


def parameters_for(algorithm: Facts, given: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters that an algorithm gets when Auto has chosen it.

    They come from those that were given to Auto. Raises EditError for parameters that are not
    Auto's.
    """
    steps = resolve(Settings, {}, given).steps
    return dict.fromkeys(algorithm.counts, max(FEWEST, steps)) if steps else {}


def choose(
    instruction: Instruction,
    available: Collection[str] | None = None,
    own: Mapping[Kind, str] = PAPERS_OWN,
) -> tuple[str, Said]:
    """The algorithm's name, and the reason: ("foi", "FoI: two local edits").

    available: the names of those that the model can run; None: all. own: the model's own choices.
    """
    wanted, reason = wish(instruction, own)
    known = declared()
    available = known if available is None else available
    stand_ins = [one for one in known.values() if one.stands_in and one is not wanted]
    obstacles = {one.name: _obstacle(one, instruction, available) for one in (wanted, *stand_ins)}
    free = [name for name, obstacle in obstacles.items() if not obstacle]
    name = next(iter(free or [name for name in obstacles if name in available]), wanted.name)
    lacks = say("") if name == wanted.name else obstacles[wanted.name]
    template = REASONS["number" in reason.data, lacks.template]
    return name, say(template, "auto", title=known[name].title, **reason.data, **lacks.data)


def wish(instruction: Instruction, own: Mapping[Kind, str] = PAPERS_OWN) -> tuple[Facts, Said]:
    """The algorithm that serves this instruction best, and what the instruction does.

    Whether the model can run that algorithm is not asked here.
    """
    items = instruction.items
    kind = kind_of(items[0]) if len(items) == 1 else "several"
    number = NUMBER_WORDS[len(items)] if len(items) < len(NUMBER_WORDS) else str(len(items))
    if kind == "several":
        return serving(kind, own), say(KINDS[kind], number=number)
    return serving(kind, own), say("{what}", what=KINDS[kind])


def serving(kind: Kind, own: Mapping[Kind, str] = PAPERS_OWN) -> Facts:
    """The model's own choice for a kind of change, else who serves it first.

    Where no algorithm does, the first stand-in.
    """
    if own.get(kind) in declared():
        return declared()[own[kind]]
    found = [one for one in declared().values() if kind in one.serves and not one.baseline]
    return next(iter(found or [one for one in declared().values() if one.stands_in]))


def _obstacle(algorithm: Facts, instruction: Instruction, available: Collection[str]) -> Said:
    """Why an algorithm cannot take it, or nothing."""
    if algorithm.name not in available:
        return say("{other} is not there", other=algorithm.title)
    try:
        algorithm.texts(instruction)
    except EditError as error:
        why = UNFIT.get(error.code, UNFIT["not-in-caption"])
        return say("{why}", why=why) if why else say("")
    return say("")


def kind_of(item: Item) -> Kind:
    """What an item changes."""
    if item.outside:
        return "rest"
    if item.form == "arrow":
        return _kind_of_arrow(item)
    if item.operation == "modify":
        first = next(iter(split(item.target)), "").lower()
        if first in lex.HOLDS and len(split(item.target)) > 1:
            return "add"
        if lex.is_number(first) and {"year", "years"} & {t.word for t in tokens(item.target)}:
            return "look"
        if lex.is_number(first) or (first in ("fewer", "less") and item.form == "phrase"):
            return "count"
        if english.is_base_verb(first) and not lex.is_adjective(first) and _is_alive(item):
            return "pose"
        return _kind_of_words(set(state_of(item)) if state_of(item) != ARMS_UP else lex.POSES)
    added = split(item.target.lower())[:2]
    counted = len(added) > 1 and lex.is_number(added[0]) and added[1] == "more"
    if item.operation == "add" and (added[:1] == ["another"] or counted):
        return "count"
    if item.operation == "replace" and item.keyword.lower() in BACKGROUNDS:
        return "whole"
    if item.form == "phrase" and item.operation == "raw":
        return "phrase" if item.sure else "unknown"
    if item.operation == "replace" and _are_adjectives(item):
        return _kind_of_words([t.word for t in tokens(item.target)])
    return {"replace": "object", "add": "add", "remove": "remove", "global": "whole"}.get(
        item.operation, "unknown"
    )


def _are_adjectives(item: Item) -> bool:
    """Whether both sides are mere adjectives: red -> blue."""
    sides = (item.subject, item.target)
    return all(lex.is_adjective(t.word) for side in sides for t in tokens(side))


def _is_alive(item: Item) -> bool:
    """Whether what changes can take a pose."""
    noun = english.singular(subject_head(item))
    return noun in lex.ANIMATE or noun in PEOPLE or noun in lex.PRONOUNS


def _kind_of_arrow(item: Item) -> Kind:
    if not item.subject or not item.target:
        return "remove" if item.subject else "add"
    if _are_adjectives(item):
        return _kind_of_words([t.word for t in tokens(item.target)])
    old, new = (
        {t.word for t in tokens(side)} - lex.CONTENTLESS for side in (item.subject, item.target)
    )
    if not are_captions(item) or not old & new:
        return "object"
    changed = old ^ new
    if any(lex.is_number(w) for w in changed):
        return "count"
    if all(lex.is_adjective(w) for w in changed):
        return _kind_of_words(new - old or changed)
    return "object" if new - old else "remove"


def _kind_of_words(words: Collection[str]) -> Kind:
    if any(w in lex.POSES or (w.endswith("ing") and lex.is_adjective(w)) for w in words):
        return "pose"
    if any(w in lex.STATE_WORDS for w in words):
        return "state"
    return "colour" if any(lex.is_colour(w) for w in words) else "look"
