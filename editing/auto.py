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
from .language import lexicon as lex
from .language.captions import ARMS_UP, split, state_of
from .language.instruction import Instruction, Item, parse
from .language.phrases import tokens
from .language.prompts import are_captions, captions
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

# what an item changes: "count", "pose", "state", "colour", "look", "object", "whole", "add",
# "remove", "unknown"
Kind = str

WANTED: dict[Kind, tuple[str, str]] = {
    "object": ("instdiffedit", "replaces an object"),
    "count": ("adapedit", "changes a number"),
    "state": ("adapedit", "changes a state"),
    "look": ("adapedit", "changes an adjective"),
    "pose": ("tas", "changes a pose"),
    "colour": ("foi", "a local change of colour"),
    "add": ("foi", "adds something"),
    "remove": ("foi", "takes something away"),
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
    if item.form == "arrow":
        return _kind_of_arrow(item)
    if item.operation == "modify":
        first = next(iter(split(item.target)), "").lower()
        if lex.is_number(first):
            return "count"
        return _kind_of_words(set(state_of(item)) if state_of(item) != ARMS_UP else lex.POSES)
    if item.operation == "add" and next(iter(split(item.target)), "").lower() in (
        "another",
        "more",
    ):
        return "count"
    if item.operation == "replace" and item.keyword.lower() in ("background", "sky"):
        return "whole"
    if item.form == "phrase" and item.operation == "raw":
        return "object"
    return {"replace": "object", "add": "add", "remove": "remove", "global": "whole"}.get(
        item.operation, "unknown"
    )


def _kind_of_arrow(item: Item) -> Kind:
    if not item.subject or not item.target:
        return "remove" if item.subject else "add"
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
    return "colour" if any(w in lex.COLOURS for w in words) else "look"
