"""What Limn understands of a sentence, told in a painter's words.

No network is loaded for it. "make the box red" is told as "recolour · the [box] → red · FoI": what
is done, to what, into what, and by which algorithm; the word in brackets is the one whose place is
looked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from . import auto
from .errors import EditError
from .facts import declared
from .language.instruction import Instruction, Item, parse
from .language.questions import Question

DOES = {
    "object": "replace", "count": "count", "state": "change the state", "look": "change",
    "pose": "pose", "colour": "recolour", "phrase": "show", "add": "add", "remove": "remove",
    "whole": "whole picture", "rest": "all but", "unknown": "as written",
}  # fmt: skip
"""What an item does, by its kind (auto.kind_of)."""


@dataclass(frozen=True)
class Read:
    """A sentence as it was read.

    question: what has to be answered before anything is painted, None where all is clear. notes:
    what was taken otherwise than it was written.
    """

    items: tuple[Item, ...]
    algorithm: str
    reason: str
    question: Question | None
    notes: tuple[str, ...]


def read(
    sentence: str,
    caption: str = "",
    available: Collection[str] | None = None,
    own: Mapping[str, str] = auto.PAPERS_OWN,
) -> Read:
    """Reads an instruction as an edit by Auto would.

    Auto chooses among the available algorithms (None: all), by the model's own choices. Raises
    EditError for an instruction that cannot be one (empty, too long).
    """
    instruction = parse(sentence, caption)
    algorithm, reason = auto.choose(instruction, available, own)
    question = instruction.question or _lacks(instruction, algorithm)
    return Read(instruction.items, algorithm, reason, question, instruction.notes)


def _lacks(instruction: Instruction, algorithm: str) -> Question | None:
    """The question for a caption, where the algorithm cannot do without."""
    facts = declared()[algorithm]
    if facts.caption != "needed":
        return None
    try:
        facts.texts(instruction)
    except EditError as error:
        return Question(error.code, f"{error.sentence} {error.remedy}".strip())
    return None


def does(item: Item) -> str:
    """What an item does, in a painter's word: "recolour"."""
    return DOES[auto.kind_of(item)]


def told(item: Item) -> str:
    """An item in one line: recolour · the [box] → red."""
    subject, target = item.subject, item.target
    parts = [does(item)]
    if item.operation == "raw" or not (subject or target):
        return " · ".join((*parts, _marked(item.text, item.keyword)))
    if item.operation == "add" and subject:
        parts.append(f"{_marked(target, item.keyword)} {item.relation or 'to'} {subject}")
    elif subject and target:
        parts.append(f"{_marked(subject, item.keyword)} → {_marked(target, item.keyword, subject)}")
    else:
        parts.append(_marked(subject or target, item.keyword))
    if item.outside:
        parts.append(f"not: [{item.keyword}]")
    return " · ".join(parts)


def _marked(text: str, keyword: str, unless_in: str = "") -> str:
    """A text with its keyword in brackets.

    Only where the keyword stands there, and not already in the other text.
    """
    at = text.find(keyword)
    if not keyword or at < 0 or keyword in unless_in:
        return text
    return f"{text[:at]}[{keyword}]{text[at + len(keyword) :]}"
