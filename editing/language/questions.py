"""What has to be asked before anything is painted, and what to propose.

A sentence that is not understood must never cost anything: another language, a slip of the finger,
an exception or a "not" that cannot be done, a thing without a name. An answer costs one key where
there is a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..said import say
from . import english, pieces, spelling
from . import lexicon as lex
from .grammar import is_imperative
from .phrases import head, tokens

Span = tuple[int, int]

NOT_CLEAR = "It is not clear what {text} asks for. Say what to change, and into what."

EXCEPTIONS = frozenset("except excluding besides apart".split())
ASKING = frozenset("what where who why when which how is are was were does do did whose".split())
EXCHANGES = frozenset("swap switch exchange trade".split())
EMPTY = frozenset(
    "ok okay yes no thanks thank hello hi hey fine good nice great cool wow more less better again"
    " do something anything stuff mind never instead undo redo stop cancel help test".split()
)
"""Words that, alone, ask for nothing."""


REMEDIES = {
    "did-you-mean": say("A word in square brackets is taken as it is: “make the [Stern] blue”."),
    "not-english": say(
        "Write it in English, for example “make the star blue”. A word in square brackets is taken "
        "as it is: “make the [Stern] blue”."
    ),
    "negation": say(
        "For example: “make everything except the star darker”, “replace the cat with a dog”."
    ),
    "exception": say("For example: “make everything except the star darker”."),
    "unclear": say("For example: “make the star blue”, “remove the cup”, “add a hat to the man”."),
}
"""What can be written instead, by a question's code. The tests read each example."""


@dataclass(frozen=True)
class Question:
    """A question that must be answered first.

    proposal: an instruction to take instead, "" if there is none. Codes: "did-you-mean",
    "not-english", "negation", "exception", "unclear".
    """

    code: str
    sentence: str
    proposal: str = ""

    @property
    def remedy(self) -> str:
        """What can be written instead; "" where the sentence says it."""
        return REMEDIES.get(self.code, "")


class AskedAbout(Protocol):
    """What is needed of an item."""

    @property
    def text(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def keyword(self) -> str: ...
    @property
    def marks(self) -> tuple[object, ...]: ...
    @property
    def outside(self) -> bool: ...
    @property
    def sure(self) -> bool: ...


def doubted(lines: list[str], marked: list[tuple[Span, ...]]) -> tuple[Question | None, list[str]]:
    """The question about slips and other languages.

    With it come the lines as they were meant, if that is known. marked: where marks stand in each
    line; what is in them is taken as it is.
    """
    fixed: list[str] = []
    for line, spans in zip(lines, marked, strict=True):
        slips = spelling.slips(line, spans)
        inside = [t for t in tokens(line) if any(a < t.end and t.start < b for a, b in spans)]
        words = [t for t in tokens(line) if t not in inside]
        text = line
        for (start, end), word in sorted(slips.items(), reverse=True):
            text = text[:start] + word + text[end:]
        healed = is_imperative(text) and not spelling.foreign(tokens(text))
        strange = spelling.foreign(words)
        if strange and not (slips and healed and not spelling.little(words)):
            named = ", ".join(dict.fromkeys(strange[:3]))
            sentence = say(
                "Limn and its model know English only, and this is not English: {words}.",
                words=named,
            )
            return Question("not-english", sentence), lines
        fixed.append(text)
    if fixed == lines:
        return None, lines
    proposal = "\n".join(fixed)
    sentence = say("Did you mean: {proposal}?", proposal=proposal)
    return Question("did-you-mean", sentence, proposal), fixed


def _says_nothing(item: AskedAbout, words: list[str]) -> Question | None:
    """Remove; make it; surprise me; asdf; go back; same but blue."""
    text = item.text
    sentence = say(NOT_CLEAR, text=repr(text))
    whole = any(w in lex.WHOLE or w in lex.PICTURES for w in words[1:])
    imperative = item.form == "imperative" and item.operation != "global"
    if imperative and not item.keyword and (item.operation == "raw" or not whole):
        return Question("unclear", sentence)
    if item.operation != "raw":
        return None
    if item.keyword.lower() in lex.PRONOUNS | {"same"} or words[:1] == ["same"]:
        return Question("unclear", sentence)
    word = item.keyword.lower()
    heard = not word or spelling.is_known(word) or english.zipf(word) > 0
    if item.form == "phrase" and not heard:
        unknown = "{word} is no word that Limn knows. Say what to change, and into what."
        return Question("unclear", say(unknown, word=repr(item.keyword)))
    little = lex.PREPOSITIONS | lex.ADVERBS | {"back", "up", "down"}
    bare = bool(words) and english.is_base_verb(words[0]) and not lex.is_adjective(words[0])
    if item.form == "phrase" and bare and words[1:] and all(w in little for w in words[1:]):
        return Question("unclear", sentence)
    return None


def unclear(item: AskedAbout) -> Question | None:
    """What cannot be done, or would change the wrong thing.

    Marks and arrows are taken as meant.
    """
    if item.form == "arrow" or item.marks:
        return None
    text = item.text
    words = [t.word for t in tokens(text)]
    if pieces.stays(text):
        sentence = say(
            "{text} says what shall not change; nothing else was asked for.", text=repr(text)
        )
        return Question("negation", sentence)
    excepted = next((i for i, w in enumerate(words) if i and w in EXCEPTIONS), 0)
    if excepted and not item.outside:
        sentence = say(
            "{text} can't be told from the rest by its name. Name or select what changes.",
            text=repr(" ".join(words[excepted:])),
        )
        return Question("exception", sentence)
    rest = "the rest" in text.lower() or "everything else" in text.lower()
    mixed = item.operation == "global" and {"but", "only"} & set(words)
    alone = words[:1] in (["only"], ["just"]) and item.operation == "raw"
    if (rest or mixed or alone) and not item.outside:
        sentence = say(
            "One thing and all others can't be told in one. Say it as: make everything except the "
            "... black and white."
        )
        return Question("exception", sentence)
    if "not" in words or "never" in words:
        sentence = say(
            "{text} says what shall not be. Say what shall be there instead.", text=repr(text)
        )
        return Question("negation", sentence)
    if words and words[0] in EXCHANGES and item.operation == "raw":
        sentence = say(
            "Two things can't change places. Say what each becomes, one after the other."
        )
        return Question("unclear", sentence)
    if item.operation == "replace" and not item.subject:
        sentence = say(
            "{text} does not say what goes. Say it as: replace the ... with {target}",
            text=repr(text),
            target=item.target,
        )
        return Question("unclear", sentence)
    noun = head(tokens(item.subject))
    acts = item.operation in ("replace", "remove", "modify")
    if acts and noun and noun[0].word in lex.NAMELESS - lex.WHOLE - lex.PRONOUNS:
        sentence = say(
            "{word} does not tell what it is in the picture. Name the thing.",
            word=repr(noun[0].word),
        )
        return Question("unclear", sentence)
    if item.form == "phrase" and item.operation == "raw" and words and words[0] in lex.DEFINITE:
        sentence = say(
            "What shall {text} become? Say what to change, and into what.", text=repr(text)
        )
        return Question("unclear", sentence)
    if words and words[0] in ASKING and item.operation == "raw":
        sentence = say("Limn answers no questions. Say what to change, and into what.")
        return Question("unclear", sentence)
    posed = (
        item.form == "phrase" and item.operation == "raw" and words and words[0] in lex.POSE_VERBS
    )
    if posed and (len(words) == 1 or words[1] in ("down", "up") or words[1] in lex.PREPOSITIONS):
        sentence = say(
            "Who shall {text}? Say it as: make the ... {pose}", text=repr(text), pose=text
        )
        return Question("unclear", sentence)
    if (told := _says_nothing(item, words)) is not None:
        return told
    content = [w for w in words if w not in lex.CONTENTLESS and w not in EMPTY]
    statement = item.operation == "raw" and pieces.context(text)
    if not content and item.operation == "raw" and words:
        sentence = say(NOT_CLEAR, text=repr(text))
        return Question("unclear", sentence)
    if not item.sure and (statement or words[-1:] == ["instead"]):
        sentence = say(NOT_CLEAR, text=repr(text))
        return Question("unclear", sentence)
    return None
