"""Replacements in other words, and what is said in passing, over a whole line.

"a cup instead of the book" becomes "replace the book with a cup"; "red, not blue" becomes "red".
No library does this.
"""

from __future__ import annotations

import re

from . import english
from . import lexicon as lex
from .clauses import NOMINATIVE, say
from .grammar import read
from .phrases import head, tokens
from .politeness import expanded, polite
from .rewriting import imperative

LONGEST = 600  # characters of a piece that is rewritten; the text encoder reads some 400
NUMBER = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|\d+)"
KEEP = r"(?:keep|leave|preserve|retain|maintain)"
THERE_BE = r"there (?:should|must|shall|ought to|has to|have to|needs? to) be"
PUT = rf"(?:put|place|use|add|have|show|draw|insert|give me|make it|i want|set|paint|{THERE_BE})"
TAKE = r"(?:replace|remove|delete|erase|swap|take (?:out|away|off)|cut out)"
INSTEAD = r"(?:instead of|in place of|rather than|in lieu of)"
IN_ITS_PLACE = (
    r"(?: (?:there|instead|in (?:its|his|her|their|that|the same) (?:place|spot|position|stead)"
    r"|in place of (?:it|him|her|them)|where (?:it|he|she|they) (?:was|were)))"
)
THE_REST = r"(?:the rest|everything else|all else|all the rest|the others|all others)"
REPLACEMENTS = (
    (
        re.compile(rf"^{KEEP} (.+?),? (?:(?:and|but|then) )?{TAKE} {THE_REST}$", re.I),
        r"remove everything except \1",
    ),
    (
        re.compile(rf"^where (.+?) (?:is|are|was|were),? (?:now )?{PUT} (.+)$", re.I),
        r"replace \1 with \2",
    ),
    (
        re.compile(rf"^{TAKE} (.+?),? (?:and|then|and then) {PUT} (.+?){IN_ITS_PLACE}$", re.I),
        r"replace \1 with \2",
    ),
    (
        re.compile(rf"^{TAKE} (.+?),? (?:and|then|and then) replace it with (.+?)$", re.I),
        r"replace \1 with \2",
    ),
    (
        re.compile(
            rf"^(?:{PUT} |make it |(?:i|we) (?:\w+ )?want |(?:it|that|this) (?:is|should be) )?"
            r"((?:an?|some) [^,]+?),?"
            r" (?:and )?not (?:an?|any) (.+)$",
            re.I,
        ),
        r"replace the \2 with \1",
    ),
    (
        re.compile(
            rf"^there (?:is|are) no (.+?),? (?:so |and |but )?{PUT} (?:one|some|it|them|a few)"
            r"(?: in| there| here| back)*$",
            re.I,
        ),
        r"add one \1",
    ),
    (
        re.compile(
            r"^(?:not (?:an?|the)|no) ([^,]+?)(?:,? but (?:rather )?|, )((?:an?|some) .+)$", re.I
        ),
        r"replace the \1 with \2",
    ),
    (
        re.compile(
            rf"^{INSTEAD} (.+?),? give (?:him|her|it|them|the [\w ]+?) ((?:an?|some) .+)$", re.I
        ),
        r"replace \1 with \2",
    ),
    (re.compile(r"^(?:twice|thrice|double) (?:as many|the number of) (.+)$", re.I), r"add more \1"),
    (re.compile(r"^half (?:as many|(?:of )?the number of) (.+)$", re.I), r"fewer \1"),
    (
        re.compile(rf"^(?:{PUT} )?({NUMBER} .+?),? (?:{INSTEAD}|not) {NUMBER}$", re.I),
        r"make it \1",
    ),
    (
        re.compile(rf"^(?:{PUT} )?(?!(?:replace|swap|change|turn)\b)(.+?) {INSTEAD} (.+)$", re.I),
        r"replace \2 with \1",
    ),
    (
        re.compile(
            rf"^{INSTEAD} (.+?)(?:,| then| please)? (?:{PUT} )?((?:an?|some|the) .+)$", re.I
        ),
        r"replace \1 with \2",
    ),
    (
        re.compile(rf"^{PUT} (.+?) where (.+?) (?:is|are|was|were|stands|sits)(?: now)?$", re.I),
        r"replace \2 with \1",
    ),
)
"""A replacement, or an exception, said in other words."""
ASIDE = re.compile(r",? not (?:the|a|an|his|her|its|their|my) [^,]{2,40}, ?", re.IGNORECASE)
"""Said of another thing in passing: replace the cat, not the dog, with a rabbit."""
ONLY = re.compile(r"^(?:i|we) only (?:want|need) (?!to\b)", re.IGNORECASE)
TOUCH = r"(?:change|edit|touch|alter|modify|affect)"
BUT = r"(?:but|except(?: for)?|besides|other than|apart from)"
ONLY_THAT = re.compile(
    rf"^(?:{TOUCH} (?:only|just|nothing {BUT})|(?:only|just) {TOUCH}|just"
    rf"|(?:do not|don't|dont|never) {TOUCH} anything {BUT}|nothing {BUT}|only) "
    r"(?P<thing>(?:the|his|her|its|their|my|this|that) [^,:;]{1,40}?)"
    r"(?: (?:should|may|must) change)?(?:: ?|, ?| - )(?P<change>[^,;:]+)$",
    re.IGNORECASE,
)
"""What the painter names as the only thing that changes, and what becomes of it."""
BRACKETED = re.compile(r" ?\(((?:but|and|not|keep|without|except) [^()]*)\)", re.IGNORECASE)
DENIED = re.compile(r"^(.*\b(\w+)),? (?:and |but )?not (\w+)$", re.IGNORECASE)
DENIED_BEFORE = re.compile(
    r"^(.+ (?:should|must|shall)) not be (\w+),? but (?:rather |be )?(\w+)$", re.IGNORECASE
)
DENIED_FIRST = re.compile(r"^not (\w+),? but (?:rather )?(\w+)$", re.IGNORECASE)


def whole_line(text: str) -> str:
    """Rewrites what is said over a whole line.

    That is a replacement in other words, or something said in passing. The line itself where
    nothing of the kind is there.
    """
    if len(text) > LONGEST:
        return text
    full = polite(expanded(BRACKETED.sub(r", \1", text))).strip(" ,.!?")
    said = ONLY.sub("only ", ASIDE.sub(" ", _without_denied(full)))
    if not re.search(r";|\. |\? ", said):
        for pattern, form in REPLACEMENTS:
            if match := pattern.match(said):
                return _other_look(match) or _other_object(said) or match.expand(form)
        if match := ONLY_THAT.match(said):
            return _of_that_alone(match)
    changed = said != full or polite(text) != text or BRACKETED.search(text)
    return said if changed else text


def _without_denied(text: str) -> str:
    """Red, not blue; not blue but red: without the look that is not wanted."""
    if (match := DENIED.match(text)) and all(map(lex.is_adjective, (match[2], match[3]))):
        return match[1]
    if (match := DENIED_BEFORE.match(text)) and all(map(lex.is_adjective, match.groups()[1:])):
        return f"{match[1]} be {match[3]}"
    if (match := DENIED_FIRST.match(text)) and all(map(lex.is_adjective, (match[1], match[2]))):
        return match[2]
    return text


def _other_object(text: str) -> str:
    """The imperative that a sentence with "instead of" already is; "" if it is none.

    What is held, worn or given takes the other thing's place. Examples: make the shirt red instead
    of blue; have him hold a sword instead of a staff; make him sit instead of standing.
    """
    parts = re.match(rf"(.+?),? {INSTEAD} (.+)$", text, re.I)
    if not parts:
        return ""
    wanted, old = parts.groups()
    plain = imperative(wanted)
    said, words, former = read(plain), tokens(plain), tokens(old)
    done = list(said.target)
    loose = said.operation == "add" and not said.subject
    if not done or not former or words[0].word not in lex.VERBS or loose:
        return ""
    does = said.operation == "modify" and english.is_base_verb(done[0].word)
    look = former[0].word.endswith("ing") or all(lex.joins(t.word) for t in former)
    if not look and does and len(done) > 1:
        return f"replace {old} with {say(plain, done[1:])}"
    if not look and said.operation == "add":
        return f"replace {old} with {say(plain, done)}"
    return wanted


def _of_that_alone(match: re.Match[str]) -> str:
    """Change only the hair: make it silver -> make the hair silver."""
    thing, change = match["thing"], match["change"].strip()
    words = tokens(change)
    if len(words) > 1 and words[0].word in lex.RELATIVES | NOMINATIVE | {"these", "those"}:
        return f"{thing}{change[words[0].end :]}"  # which should be brown
    if not words or words[0].word not in lex.VERBS:
        return f"{thing}: {change}"
    return re.sub(r"\b(?:it|them)\b", thing, change, count=1, flags=re.I)


def _other_look(match: re.Match[str]) -> str:
    """Another look of the same thing, no replacement; "" if it is none.

    Example: blonde hair instead of brown.
    """
    if match.re.groups != 2 or not match.expand(r"\1 \2").strip():
        return ""
    for new, old in ((match[1], match[2]), (match[2], match[1])):
        noun = head(tokens(new))
        looks = tokens(old)
        if noun and looks and all(lex.is_adjective(t.word) for t in looks):
            before = [t.word for t in tokens(new) if t.end <= noun[0].start]
            look = [w for w in before if w not in lex.DETERMINERS]
            if look and all(lex.is_adjective(w) for w in look):
                return f"make the {noun[0].word} {' '.join(look)}"
    return ""
