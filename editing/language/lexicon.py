"""The words that Limn's grammar knows: verbs by pattern, adjectives, states, prepositions; and a
few spelling rules.

Tables, not statistics: what a sentence means here can be read off this page.
"""

from __future__ import annotations

from typing import Literal

Pattern = Literal[
    "replace", "change", "add", "remove", "make", "paint", "give", "cover", "state", "switch", "raw"
]


def _table(rows: dict[Pattern, str]) -> dict[str, Pattern]:
    return {verb: pattern for pattern, verbs in rows.items() for verb in verbs.split()}


VERBS: dict[str, Pattern] = _table(
    {
        "replace": "replace swap exchange substitute trade",
        "change": "change transform convert morph alter transmute reshape restyle",
        "add": "add put place insert draw include attach append hang stick plant lay position set introduce sketch render create paste "
        "mount scatter sprinkle pour drop show",
        "remove": "remove delete erase eliminate clear wipe discard hide omit exclude banish",
        "make": "make let have",
        "paint": "paint colour color dye tint recolour recolor stain",
        "give": "give",
        "cover": "cover fill decorate dress wrap top surround equip adorn",
        "state": "open close shut light enlarge expand grow shrink reduce brighten lighten darken blur sharpen empty break bend straighten "
        "melt freeze burn clean wet dry widen lengthen shorten raise lower fold unfold tilt flip mirror age",
        "switch": "turn switch",
        "raw": "move rotate shift take get cut keep bring push pull crop edit improve fix enhance stylize stylise colorize colourise "
        "simplify",
    }
)
"""The first word of an imperative -> its pattern."""

STATES = {
    "open": "open", "close": "closed", "shut": "closed", "light": "lit", "enlarge": "large", "expand": "large", "grow": "large",
    "shrink": "small", "reduce": "small", "brighten": "bright", "lighten": "light", "darken": "dark", "blur": "blurred",
    "sharpen": "sharp", "empty": "empty", "break": "broken", "bend": "bent", "straighten": "straight", "melt": "melted",
    "freeze": "frozen", "burn": "burning", "clean": "clean", "wet": "wet", "dry": "dry", "widen": "wide", "lengthen": "long",
    "shorten": "short", "raise": "raised", "lower": "lowered", "fold": "folded", "unfold": "unfolded", "tilt": "tilted",
    "flip": "upside down", "mirror": "mirrored", "age": "old",
}  # fmt: skip
"""What a thing is after the verb was done to it."""

AMBIGUOUS = frozenset(
    "open close shut light color colour paint dye tint stain place set show dress top cover fill plant empty clean dry wet clear "
    "lower trade have let drop age burn blur break cut fix crop sketch position hang stick pour mirror fold lay change get keep "
    "wrap tilt flip".split()
)
"""Verbs that are nouns or adjectives too: behind a comma or "and" they begin an item only before a
determiner or pronoun.
"""

FILLERS = frozenset(
    "please kindly now also just simply first next finally then and could can would you".split()
)

COLOURS = frozenset(
    "red green blue yellow orange purple pink black white gray grey brown beige cyan magenta violet turquoise teal gold golden silver "
    "maroon navy olive lime indigo crimson scarlet cream tan bronze copper lavender khaki ivory".split()
)
SIZES = frozenset(
    "small large big huge tiny little giant bigger smaller larger tall taller short shorter wide wider long longer thick thin".split()
)
TEXTURES = frozenset(
    "plain striped dotted spotted checkered checked plaid patterned furry fluffy shiny glossy matte wooden".split()
)
POSES = frozenset(
    "standing sitting jumping running walking lying sleeping kneeling crouching flying swimming dancing waving".split()
)
PLACES_OPEN = ("open", "closed", "shut")
LIGHTS = ("lit", "unlit")
GROUPS: tuple[frozenset[str], ...] = (
    COLOURS,
    SIZES,
    TEXTURES,
    POSES,
    frozenset(PLACES_OPEN),
    frozenset(LIGHTS),
)
"""Words of one group exclude each other: a red star made blue is a blue star."""

ANIMATE = frozenset(
    "person people man woman boy girl child baby cat dog horse bear bird rabbit fox lion tiger monkey cow sheep pig duck corgi puppy "
    "kitten robot raccoon".split()
)
"""What can take a pose."""

STATE_WORDS = frozenset(
    (
        *PLACES_OPEN,
        *LIGHTS,
        "broken",
        "empty",
        "full",
        "raised",
        "lowered",
        "folded",
        "melted",
        "frozen",
        "burning",
    )
)
QUALITIES = frozenset(
    "bright dark light pale deep vivid brighter darker lighter happy sad angry old young older younger new wet dry clean dirty snowy rainy "
    "sunny cloudy stormy foggy misty hot cold warm cool soft hard sharp blurry blurred smooth rough round flat straight bent colorful "
    "colourful transparent metallic golden rusty fat slim strong weak beautiful pretty ugly scary cute funny elegant modern futuristic "
    "vintage antique realistic asleep awake alive dead bald curly grassy leafy bare sleepy tired surprised upside down up around backwards "
    "very more less much slightly completely really quite bit".split()
)
ADJECTIVES = COLOURS | SIZES | TEXTURES | POSES | STATE_WORDS | QUALITIES

POSE_VERBS = frozenset(
    "sit stand jump run walk lie sleep smile laugh cry fly swim dance wave raise lift hold wear put look face eat drink read kneel "
    "crouch climb ride glow shine float fall rest lean point sing shout hug kiss play bloom hide stretch turn be become appear open close "
    "carry drive bark roar yawn".split()
)
"""Bare verbs that follow a noun: make the dog *sit*."""

LOOKS = frozenset("look appear seem be become turn".split())  # make X look old
STANDALONE_ING = frozenset(
    "ring king wing string thing ceiling building painting swing spring evening morning clothing wedding earring lightning drawing "
    "sling icing pudding duckling stocking railing awning".split()
)
STANDALONE_ED = frozenset(
    "bed red seed shed sled weed reed feed speed breed deed need steed".split()
)

DETERMINERS = frozenset(
    "a an the this that these those my your his her its our their some any all every each another both several many few no other".split()
)
ARTICLES = frozenset("a an the".split())
PRONOUNS = frozenset("it him her them me us you this that everything everyone she he they".split())
NUMBERS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
PREPOSITIONS = frozenset(
    "of on onto in into to under over behind beside below above at by near with without from between around inside outside against "
    "through across along for as like next off within beneath underneath toward towards beyond among".split()
)
RELATIONS = (
    "on top of", "in front of", "to the left of", "to the right of", "on the left of", "on the right of", "on the left side of",
    "on the right side of", "in the middle of", "in the center of", "left of", "right of", "next to", "close to", "onto", "into", "inside",
    "on", "in", "to", "under", "underneath", "beneath", "over", "behind", "beside", "below", "above", "at", "near", "between", "around",
    "against", "along", "across", "by",
)  # fmt: skip
"""What places one thing by another; longer ones first."""

WHOLE = frozenset("it this that everything all".split())
PICTURES = frozenset(
    "image picture photo photograph scene painting drawing illustration canvas artwork".split()
)
STYLES = frozenset("style look aesthetic".split())
ATTRIBUTES = frozenset(
    "color colour hue shade texture pattern size pose posture expression shape".split()
)
TIMES = frozenset("night day dawn dusk sunset sunrise noon midnight twilight".split())
SCENERY = frozenset(
    "meadow room forest beach street city snow park field desert kitchen garden sky sea ocean lake mountains mountain jungle office".split()
)
PATTERNS = {"stripes": "striped", "dots": "dotted", "spots": "spotted"}  # give X stripes
BASES = {
    "bigger": "large", "larger": "large", "smaller": "small", "taller": "tall", "shorter": "short", "wider": "wide", "longer": "long",
    "brighter": "bright", "darker": "dark", "lighter": "light", "older": "old", "younger": "young", "happier": "happy", "sadder": "sad",
}  # fmt: skip

CONTENTLESS = frozenset(
    (
        *DETERMINERS,
        *PRONOUNS,
        *PREPOSITIONS,
        *FILLERS,
        "is",
        "are",
        "be",
        "should",
        "there",
        "or",
        "up",
        "down",
    )
)


def is_adjective(word: str) -> bool:
    """Whether a word can stand as a predicate: in the table, or formed like a participle."""
    if word in ADJECTIVES or (word.endswith("ish") and len(word) > 5):
        return True
    if word.endswith("ing") and len(word) > 4:
        return word not in STANDALONE_ING
    return word.endswith("ed") and len(word) > 3 and word not in STANDALONE_ED


def is_number(word: str) -> bool:
    """A number word or digits."""
    return word in NUMBERS or word.isdecimal()


def participle(verb: str) -> str:
    """sit -> sitting, dance -> dancing, lie -> lying, run -> running."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    vowels = "aeiou"
    short = (
        len(verb) >= 3
        and verb[-1] not in vowels + "wxy"
        and verb[-2] in vowels
        and verb[-3] not in vowels
    )
    return verb + (verb[-1] if short and sum(c in vowels for c in verb) == 1 else "") + "ing"


def singular(noun: str) -> str:
    """stars -> star, boxes -> box, cherries -> cherry, people -> person; a singular stays as it is."""
    irregular = {
        "people": "person",
        "men": "man",
        "women": "woman",
        "children": "child",
        "feet": "foot",
        "mice": "mouse",
        "leaves": "leaf",
    }
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("ses", "xes", "zes", "ches", "shes")):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and len(noun) > 2:
        return noun[:-1]
    return noun


def plural(noun: str) -> str:
    """star -> stars, box -> boxes, cherry -> cherries, person -> people."""
    irregular = {
        "person": "people",
        "man": "men",
        "woman": "women",
        "child": "children",
        "foot": "feet",
        "mouse": "mice",
        "leaf": "leaves",
    }
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def article(phrase: str) -> str:
    """The indefinite article for what follows."""
    return "an" if phrase[:1].lower() in tuple("aeiou") else "a"
