"""The imperative verbs that Limn's grammar knows.

They are sorted by the pattern of what follows them.
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
        "add": "add put place insert draw include attach append hang stick plant lay position "
        "set introduce sketch render create paste "
        "mount scatter sprinkle pour drop show superimpose apply build construct generate write "
        "type",
        "remove": "remove delete erase eliminate clear wipe discard hide lose omit exclude "
        "banish ditch scrap nix purge expunge excise",
        "make": "make let have",
        "paint": "paint colour color dye tint recolour recolor stain",
        "give": "give",
        "cover": "cover fill decorate dress wrap top surround equip adorn",
        "state": "open close shut light enlarge expand grow shrink reduce brighten lighten "
        "darken blur sharpen empty break bend straighten "
        "melt freeze burn clean wet dry widen lengthen shorten raise lower fold unfold tilt flip "
        "mirror age",
        "switch": "turn switch",
        "raw": "zoom increase decrease adjust correct retouch restore denoise upscale resize "
        "scale smooth soften blend highlight emphasize "
        "shave seat illuminate animate center centre align outline shade fade boost saturate "
        "desaturate posterize pixelate invert duplicate "
        "copy double multiply photoshop cartoonify cartoonize beautify modernize age-progress "
        "move rotate shift take get cut keep bring push pull crop edit improve fix enhance "
        "stylize stylise colorize colourise "
        "simplify deblur unblur dehaze undress",
    }
)
"""The first word of an imperative -> its pattern."""


STATES = {
    "open": "open", "close": "closed", "shut": "closed", "light": "lit", "enlarge": "large",
    "expand": "large", "grow": "large", "shrink": "small", "reduce": "small", "brighten": "bright",
    "lighten": "light", "darken": "dark", "blur": "blurred", "sharpen": "sharp", "empty": "empty",
    "break": "broken", "bend": "bent", "straighten": "straight", "melt": "melted",
    "freeze": "frozen", "burn": "burning", "clean": "clean", "wet": "wet", "dry": "dry",
    "widen": "wide", "lengthen": "long", "shorten": "short", "raise": "raised", "lower": "lowered",
    "fold": "folded", "unfold": "unfolded", "tilt": "tilted", "flip": "upside down",
    "mirror": "mirrored", "age": "old",
}  # fmt: skip
"""What a thing is after the verb was done to it."""


PARTICLES = frozenset("out up off away down".split())
"""What belongs to a verb in front of it: wipe out the clouds."""


PICTURE_VERBS = frozenset(
    "sharpen brighten darken lighten blur saturate desaturate colorize colourise restore enhance "
    "upscale denoise retouch stylize stylise pixelate posterize invert unblur deblur dehaze "
    "simplify".split()
)
"""Verbs that, alone or with "everything", ask for a change of the whole picture."""


AMBIGUOUS = frozenset(
    "open close shut light color colour paint dye tint stain place set show dress top cover fill "
    "plant empty clean dry wet clear "
    "lower trade have let drop age burn blur break cut fix crop sketch position hang stick pour "
    "mirror fold lay change get keep "
    "wrap tilt flip".split()
)
"""Verbs that are nouns or adjectives too.

Behind a comma or "and" they begin an item only before a determiner or pronoun.
"""
