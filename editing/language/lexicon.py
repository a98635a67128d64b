"""The words that Limn's grammar knows.

Verbs by pattern (verb_table.py), adjectives, states, prepositions; and a few spelling rules.
Tables, not statistics: what a sentence means here can be read off this page.
"""

from __future__ import annotations

from . import english
from .nouns import ACTIONS as ACTIONS
from .nouns import ANIMATE as ANIMATE
from .nouns import FEATURES as FEATURES
from .nouns import MATERIALS as MATERIALS
from .nouns import MEASURES as MEASURES
from .nouns import MEDIA as MEDIA
from .nouns import OPEN_PLACES as OPEN_PLACES
from .nouns import PICTURES as PICTURES
from .nouns import PLACES as PLACES
from .nouns import SCENERY as SCENERY
from .nouns import STYLES as STYLES
from .nouns import TIMES as TIMES
from .nouns import VIEWS as VIEWS
from .nouns import WEATHER as WEATHER
from .nouns import WHOLE_NOUNS as WHOLE_NOUNS
from .verb_table import AMBIGUOUS as AMBIGUOUS
from .verb_table import PARTICLES as PARTICLES
from .verb_table import STATES as STATES
from .verb_table import VERBS as VERBS
from .verb_table import Pattern as Pattern

FILLERS = frozenset(
    "please kindly now also just simply first next finally then and could can would you".split()
)


COLOURS = frozenset(
    "blonde blond brunette ginger auburn platinum rainbow peach mint burgundy amber emerald "
    "sepia monochrome reddish bluish greenish "
    "red green blue yellow orange purple pink black white gray grey brown beige cyan magenta "
    "violet turquoise teal gold golden silver "
    "maroon navy olive lime indigo crimson scarlet tan bronze copper lavender khaki ivory ochre "
    "vermilion chartreuse mauve lilac magnolia aquamarine azure cobalt sienna taupe fuchsia".split()
)


SIZES = frozenset(
    "small large big huge tiny little giant bigger smaller larger tall taller short shorter wide "
    "wider long longer thick thin".split()
)


TEXTURES = frozenset(
    "plain striped dotted spotted checkered checked plaid patterned furry fluffy shiny glossy "
    "matte wooden".split()
)


POSES = frozenset(
    "standing sitting jumping running walking lying sleeping kneeling crouching flying swimming "
    "dancing waving".split()
)


PLACES_OPEN = ("open", "closed", "shut")


LIGHTS = ("lit", "unlit")


OPPOSED = (
    "bright dark light dim",
    "old young new modern ancient",
    "happy sad angry surprised smiling crying",
    "wet dry",
    "hot cold warm cool",
    "clean dirty",
    "full empty",
    "sunny rainy cloudy snowy foggy stormy",
    "blurry blurred sharp",
    "fat slim",
    "rough smooth",
    "asleep awake",
    "curly straight",
)


GROUPS: tuple[frozenset[str], ...] = (
    COLOURS,
    SIZES,
    TEXTURES,
    POSES,
    frozenset(PLACES_OPEN),
    frozenset(LIGHTS),
    *(frozenset(g.split()) for g in OPPOSED),
    (MATERIALS - COLOURS) | {"wooden", "woollen", "metallic"},
)
"""Words of one group exclude each other: a red star made blue is a blue star."""


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
    "bright dark light pale deep vivid brighter darker lighter happy sad angry old young older "
    "younger new wet dry clean dirty snowy rainy "
    "sunny cloudy stormy foggy misty hot cold warm cool soft hard sharp blurry blurred smooth "
    "rough round flat straight bent colorful "
    "colourful transparent metallic golden rusty fat slim strong weak beautiful pretty ugly "
    "scary cute funny elegant modern futuristic "
    "vintage antique realistic asleep awake alive dead bald curly grassy leafy bare sleepy tired "
    "surprised upside down up around backwards "
    "very more less much slightly completely really quite bit little too somewhat half further "
    "farther closer nearer away fewer fully totally entirely even".split()
)


ADJECTIVES = COLOURS | SIZES | TEXTURES | POSES | STATE_WORDS | QUALITIES


POSE_VERBS = frozenset(
    "sit stand jump run walk lie sleep smile laugh cry fly swim dance wave raise lift hold wear "
    "put look face eat drink read kneel "
    "crouch climb ride glow shine float fall rest lean point sing shout hug kiss play bloom hide "
    "stretch turn be become appear open close "
    "carry drive bark roar yawn grow burn flow flicker sparkle twinkle hang melt seem stay "
    "say spell".split()
)
"""Bare verbs that follow a noun: make the dog *sit*."""


RELATIVES = frozenset("that which who whom whose where when".split())


DEFINITE = frozenset("the this that these those my your his her its our their".split())


NOUNS_TOO = frozenset("show stick plant pour drop cut light paint sketch frame".split())
"""Verbs with which a wished-for thing may begin: I want light."""


STATE_PHRASES = frozenset(
    (
        "on fire|in flames|in bloom|in ruins|in pieces|in tears|in chains|in rags|"
        "in silhouette|in flight|in focus|in love|in color|in colour|in black|in motion|"
        "in sunlight|on sale|at work"
    ).split("|")
)
"""Prepositions that say how a thing is, not where."""


ADVERBS = frozenset(
    "here there where then when now how why again away also only just even ever never not off "
    "out".split()
)


HOLDS = frozenset("wear wearing hold holding carry carrying".split())
"""Verbs after which something new is in the picture."""


LOOKS = frozenset("look appear seem be become turn".split())  # make X look old


STANDALONE_ING = frozenset(
    "lighting parking pricing plumbing crossing opening setting dressing wedding-ring everything "
    "anything something nothing ring king wing string thing ceiling building painting swing "
    "spring evening morning clothing wedding earring lightning drawing "
    "sling icing pudding duckling stocking railing awning".split()
)


STANDALONE_ED = frozenset(
    "bed red seed shed sled weed reed feed speed breed deed need steed".split()
)


DETERMINERS = frozenset(
    "a an the this that these those my your his her its our their some any all every each "
    "another both several many few no other".split()
)


ARTICLES = frozenset("a an the".split())


PRONOUNS = frozenset(
    "it him her them me us you this that everything everyone she he they these those".split()
)


NUMBERS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}


PREPOSITIONS = frozenset(
    "of on onto in into to under over behind beside below above at by near with without from "
    "between around inside outside against "
    "through across along for as like next off within beneath underneath toward towards beyond "
    "among".split()
)


RELATIONS = (
    "on top of", "in front of", "to the left of", "to the right of", "on the left of",
    "on the right of", "on the left side of", "on the right side of", "in the middle of",
    "in the center of", "left of", "right of", "next to", "close to", "onto", "into", "inside",
    "on", "in", "to", "under", "underneath", "beneath", "over", "behind", "beside", "below",
    "above", "at", "near", "between", "around", "against", "along", "across", "by",
)  # fmt: skip
"""What places one thing by another; longer ones first."""


WHOLE = frozenset("it this that everything all".split())


ATTRIBUTES = frozenset(
    "number amount flavor flavour color colour hue shade texture pattern size pose posture "
    "expression shape".split()
)


PATTERNS = {"stripes": "striped", "dots": "dotted", "spots": "spotted"}  # give X stripes


BASES = {
    "warmer": "warm", "cooler": "cool", "bigger": "large", "larger": "large", "smaller": "small",
    "taller": "tall", "shorter": "short", "wider": "wide", "longer": "long", "brighter": "bright",
    "darker": "dark", "lighter": "light", "older": "old", "younger": "young", "happier": "happy",
    "sadder": "sad",
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
        *PARTICLES,
    )
)


POSSESSIVES = frozenset("my your his her its our their".split())


NAMELESS = WHOLE | frozenset(
    "them these those rest else others what whatever thing things something stuff one ones".split()
) - {"one", "ones"}
"""What stands for a thing without naming it."""


FINITE = frozenset(
    "is are was were be am should must could can would will shall may might do does did has have "
    "had not i we you she he they".split()
)


def is_adjective(word: str) -> bool:
    """Whether a word can stand as a predicate.

    It is in the table, a participle, or an adjective that is no noun as well.
    """
    if (
        word in ADJECTIVES
        or word in BASES
        or (word.endswith("ish") and len(word) > 5 and "n" not in english.classes(word))
    ):
        return True
    if word in PREPOSITIONS or word in DETERMINERS or word in ADVERBS:
        return False
    found = english.entry(word)
    kinds = found.classes if found else ""
    if word.endswith("ing") and len(word) > 4:
        return word not in STANDALONE_ING and (not kinds or "v" in kinds or "a" in kinds)
    if word.endswith("ed") and len(word) > 3:
        return word not in STANDALONE_ED and (not kinds or "v" in kinds or "a" in kinds)
    if not kinds and positive(word) != word:
        return True  # bluer
    if "-" in word and not kinds:
        return is_adjective(word.rpartition("-")[2])
    if "n" in kinds:
        return False
    return "a" in kinds or (
        found is not None and "v" in kinds and bool(found.base) and not word.endswith("s")
    )


def joins(word: str) -> bool:
    """Whether a word can stand in a run of adjectives: black and white."""
    return is_adjective(word) or word in ("and", "but", "a")


def is_colour(word: str) -> bool:
    """A colour, or more of one: greener."""
    return word in COLOURS or positive(word) in COLOURS


def positive(word: str) -> str:
    """The plain form of a comparative: bigger -> large, greener -> green.

    Captions use the plain form. Other words stay as they are.
    """
    if word in BASES:
        return BASES[word]
    if word.endswith("er") and len(word) > 4 and "n" not in english.classes(word):
        stems = (word[:-2], word[:-1], word[:-3], word[:-3] + "y")
        return next(
            (stem for stem in stems if stem in ADJECTIVES or "a" in english.classes(stem)), word
        )
    return word


def is_number(word: str) -> bool:
    """A number word or digits."""
    return word in NUMBERS or word.isdecimal()
