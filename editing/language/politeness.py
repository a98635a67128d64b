"""What people say around a request, without meaning for the picture.

Examples: "could you please", "thanks". No library does this: the tables say what it is.
"""

from __future__ import annotations

import re

from . import english
from . import lexicon as lex
from .phrases import tokens

NOT = "should|do|does|did|is|are|was|were|would|could|must|need|has|have|had"


CONTRACTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), whole)
    for pattern, whole in (
        (r"\b(it|he|she|that|there|what|who)'s\b", r"\1 is"),
        (r"\b(you|they|we)'re\b", r"\1 are"),
        (r"\bi'm\b", "I am"),
        (r"\b(i|you|we|he|she|they|it)'d\b", r"\1 would"),
        (r"\b(i|you|we|he|she|they|it)'ll\b", r"\1 will"),
        (r"\blet's\b", "let us"),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (rf"\b({NOT})(?:n't|nt)\b", r"\1 not"),
        (r"\bbg\b", "background"),
        (r"\bfg\b", "foreground"),
        (r"\bb ?(?:&|n|and) ?w\b", "black and white"),
        (r"^that (?=(?:is|was|should|must|needs|has|could)\b)", "it "),
        (r"(?:'s| is| has| have|'ve) got to\b", " has to"),
        (r"\bgotta\b", "has to"),
        (r"\b(?:is|are|was|were) not (?:supposed|meant) to\b", "should not"),
        (r"\b(?:is|are|was|were) (?:supposed|meant) to\b", "should"),
        (r"\bget rid of\b", "remove"),
        (r"\bgetting rid of\b", "removing"),
    )
)


MODAL = "(?:can|could|would|will|may|might|shall|should|must)"


FILLER = "(?:please|kindly|just|also|now|maybe|simply|really|possibly|perhaps)"


DETERMINED = r"(?:the|a|an|it|him|her|them|his|my|this|that|these|those|all|some)\b"


LIKE = "(?:want|like|love|need|wish|prefer|desire|would rather)"


THING = "(?:some|any|every|no)thing"


THE_SAME = (
    r"(?:(?:the )?(?:exact )?same(?: (?:picture|image|photo|painting|scene|thing))?|like this),? "
    r"(?:but|only|just|except)(?: that| now)?"
)
"""Said of all that stays: the same but at night."""


FRONTS = (
    rf"(?:{FILLER}|pls|plz|hey|hi|hello|ok|okay|so|well|actually|next|finally|first|instead(?! "
    r"of)|again|then"
    r"|and|but|or|oh|yes|alright|limn)\b[ ,!.]*",
    r"(?:would|do) you mind ",
    r"(?:(?:i|we) (?:would )?)?(?:try|consider|start|begin|suggest|recommend|propose)"
    rf"(?: by| with)? (?=(?!{THING}|bring|sing)\w{{2,}}ing\b)",
    rf"{MODAL} (?:you|we|i|someone)(?: (?:{FILLER}|try to))* (?!(?:have|get|see|be)\b)",
    r"i (?:was|am) (?:wondering|hoping)(?: if| that| whether)? ",
    r"do you think (?:that )?",
    rf"(?:i|we|you) (?:would|should|could|can|might) (?:{FILLER} )*(?=[a-z]+ {DETERMINED})"
    rf"(?!(?:{LIKE}|see|have)\b)",
    rf"(?:i|we) (?:would |{FILLER} )*(?:{LIKE}|try) (?:for )?(?:you )?to (?!(?:have|see)\b)",
    r"(?:let us(?! see)|go ahead and|go and|try to|feel free to|remember to|be sure to) ",
    r"is (?:it possible|there (?:a|any) way) (?:for you )?to ",
    r"why (?:do not|not) (?:we |you )?",
    r"(?:how|what) about we ",
    rf"{THE_SAME} ",
    r"only (?=(?:change|make|turn|paint|replace|remove|recolou?r|edit)\b)",
)


GERUND = re.compile(
    r"(?:mind|try|consider|start|begin|suggest|recommend|propose|by|with) $", re.IGNORECASE
)
"""Behind these a verb stands in its -ing form."""


FRONT = re.compile("(?:" + "|".join(FRONTS) + ")", re.IGNORECASE)
"""Said in front of a request, without meaning for the picture."""


BACK = re.compile(
    rf"[ ,.!?]+(?:{FILLER}|pls|plz|thanks|thank you|thx|for me|if (?:you can|possible|you "
    r"could|you please)"
    r"|ok|okay|would you|will you|could you|can you|too|as well|again)[ !.?]*$",
    re.IGNORECASE,
)
"""The same behind it."""


STATEMENT = re.compile(
    r"(?:i|we) (?:can |do )?(?:see|have|like|love|hate|notice|do not (?:like|love|see))\b(?! to\b)"
    r"|there (?:is|are) (?!no\b|not\b)"
    r"|(?:the|this|that|these|those|my|his|her|she|he|it|they)\b.* (?:looks?|seems?|appears?) "
    r"(?!like\b)\w+$",
    re.IGNORECASE,
)
"""Says something of the picture or of the painter, and asks for nothing."""


def expanded(text: str) -> str:
    """Without contractions: it's -> it is. The possessive of a noun stays."""
    if any(
        sign in text.lower()
        for sign in ("'", "nt", " rid ", " got", " to ", "that ", "bg", "fg", "b")
    ):
        for pattern, whole in CONTRACTIONS:
            text = pattern.sub(whole, text)
    return text


def is_statement(text: str) -> bool:
    """Whether a text only says what there is, or what the painter likes."""
    return STATEMENT.match(expanded(text)) is not None


def polite(text: str) -> str:
    """A text without what people say in front of and behind a request."""
    while (cut := FRONT.match(text)) and tokens(text[cut.end() :]):
        text = text[cut.end() :]
        doing = tokens(text)[0].word.endswith("ing") and cut[0].endswith(" ")
        text = finite(text) if doing and GERUND.search(cut[0]) else text
    while cut := BACK.search(text):
        left = tokens(text[: cut.start()])
        if not left or (len(left) == 1 and not lex.is_adjective(left[0].word)):
            break
        text = text[: cut.start()]
    return text


def finite(text: str) -> str:
    """removing the sign -> remove the sign."""
    first = tokens(text)[0]
    verb = "v" in english.classes(first.word)
    return english.base(first.word) + text[first.end :] if verb else text
