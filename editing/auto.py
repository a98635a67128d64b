"""Auto: which algorithm an instruction wants, and why.

The choice goes by the operation that was read, never by the picture. Local edits go to FoI, whole
objects to InstDiffEdit, counts, states and adjectives to AdapEdit, poses to TAS (each paper's own
strength). Where the model can't run it, or the caption given does not fit, the first of STAND_INS
that can takes its place, and the reason says so. A caption that is missing changes no choice: it is
asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from .errors import EditError
from .language import english
from .language import lexicon as lex
from .language.instruction import Instruction, Item, parse
from .language.phrases import tokens
from .language.prompts import are_captions, captions
from .language.references import PEOPLE
from .language.wording import ARMS_UP, split, state_of, subject_head
from .request import EditRequest, Parameter, parameter, parameters_of, resolve

FEWEST = 2  # steps that every algorithm takes
ALL_STEPS = {
    "instdiffedit": ("steps", "inpainting_steps")
}  # where more than one of an algorithm's parameters counts steps
NAME = "auto"
TITLE = "Auto"
SUMMARY = "Chooses the algorithm by what the sentence asks for, and says which and why."

TITLES = {"foi": "FoI", "instdiffedit": "InstDiffEdit", "adapedit": "AdapEdit", "tas": "TAS"}
STAND_INS = (
    "foi",
    "instdiffedit",
    "adapedit",
)  # whoever does what another cannot; TAS serves its own kind only
UNFIT = {
    "needs-caption": "",
    "nothing-changes": "the caption says so already",
}  # by what captions() raises; "": no obstacle
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# what an item changes: "count", "pose", "state", "colour", "look", "object", "phrase", "whole", "add",
# "remove", "rest" (all but one thing), "unknown"
Kind = str

REPLACES = "foi"
"""Who replaces: InstDiffEdit is told what to paint and not what goes; with two or three things in the
picture it is right in 0 of 8, FoI in 8 of 8.
"""

WANTED: dict[Kind, tuple[str, str]] = {
    "object": (REPLACES, "replaces an object"),
    "phrase": ("instdiffedit", "shows what the phrase names"),
    "count": ("adapedit", "changes a number"),
    "state": ("adapedit", "changes a state"),
    "look": ("adapedit", "changes an adjective"),
    "pose": ("tas", "changes a pose"),
    "colour": ("foi", "a local change of colour"),
    "add": ("foi", "adds something"),
    "remove": ("foi", "takes something away"),
    "rest": ("foi", "changes everything else"),
    "whole": ("foi", "changes the whole picture"),
    "unknown": ("foi", "follows the sentence as written"),
}


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


def settled(request: EditRequest, available: Collection[str]) -> EditRequest:
    """The request with Auto's choice among those available, and the reason; a request for an
    algorithm by its name itself.

    Raises EditError for an instruction that cannot be read, and for parameters that are not Auto's.
    """
    if request.algorithm != NAME:
        return request
    name, reason = choose(parse(request.instruction, request.caption), available)
    steps = resolve(Settings, {}, request.parameters).steps
    parameters = dict.fromkeys(ALL_STEPS.get(name, ("steps",)), max(FEWEST, steps)) if steps else {}
    return replace(request, algorithm=name, reason=reason, parameters=parameters)


def choose(instruction: Instruction, available: Collection[str] = tuple(TITLES)) -> tuple[str, str]:
    """The algorithm's name, and the reason: ("foi", "FoI: two local edits")."""
    wanted, reason = wish(instruction)
    obstacles = {name: _obstacle(name, instruction, available) for name in (wanted, *STAND_INS)}
    free = [name for name, obstacle in obstacles.items() if not obstacle]
    name = next(iter(free or [name for name in obstacles if name in available]), wanted)
    return (
        name,
        f"{TITLES[name]}: {reason}"
        if name == wanted
        else f"{TITLES[name]}: {reason}; {obstacles[wanted]}",
    )


def wish(instruction: Instruction) -> tuple[str, str]:
    """The algorithm whose strength this is, whether it is there or not, and what the instruction
    does.
    """
    items = instruction.items
    if len(items) > 1:
        number = NUMBER_WORDS[len(items)] if len(items) < len(NUMBER_WORDS) else str(len(items))
        return "foi", f"{number} local edits"
    return WANTED[kind_of(items[0])]


def _obstacle(name: str, instruction: Instruction, available: Collection[str]) -> str:
    """Why an algorithm cannot take it, or nothing."""
    if name not in available:
        return f"{TITLES[name]} is not there"
    if name in ("adapedit", "tas"):
        try:
            captions(instruction, required=name == "adapedit")
        except EditError as error:
            return UNFIT.get(error.code, "the caption does not tell the rest")
    return ""


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
    if item.operation == "replace" and item.keyword.lower() in ("background", "sky"):
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
