"""The nouns that Limn's grammar knows, by what they are in a picture."""

from __future__ import annotations

ANIMATE = frozenset(
    "person people man woman boy girl child baby cat dog horse bear bird rabbit fox lion "
    "tiger monkey cow sheep pig duck corgi puppy zebra giraffe elephant panda penguin owl "
    "eagle wolf deer goat frog fish shark dolphin whale turtle snake lizard hamster "
    "squirrel mouse rat camel kangaroo koala leopard cheetah gorilla chimp parrot swan "
    "goose chicken dragon unicorn dinosaur bull donkey hen rooster seal bunny guy lady kid "
    "kids toddler clown king queen soldier dancer player surfer kitten robot raccoon".split()
)
"""What can take a pose."""


FEATURES = frozenset(
    "hair eyes eye skin lips beard mustache fur nose face mouth nails sky background grass "
    "walls floor teeth ears eyebrows feathers wings leaves hands legs tail mane roof water "
    "clouds ground".split()
)
"""What is there anyhow, once.

With an adjective alone, it is to become so (red eyes).
"""


VIEWS = frozenset("view shot close-up closeup perspective angle zoom panorama landscape".split())


MATERIALS = frozenset(
    "granite bronze copper ceramic jade ivory satin lace tin chrome "
    "marble glass wood metal stone brick leather velvet paper plastic ice chocolate concrete "
    "steel iron silk cotton wool fur porcelain clay "
    "diamond crystal cardboard rubber straw bamboo lego sand snow".split()
)


MEASURES = frozenset(
    "contrast saturation brightness exposure sharpness vibrance hue-shift vignette grain "
    "detail details noise".split()
)
"""What, changed, changes all of a picture: reduce the saturation."""


ACTIONS = frozenset(
    "swap change removal replacement correction transfer makeover adjustment retouch retouching "
    "upgrade restoration enhancement fix edit conversion transformation colorization "
    "upscaling".split()
)
"""What is done to a picture; nothing that could be painted: gender swap."""


PICTURES = frozenset(
    "image picture photo photograph scene painting drawing illustration canvas artwork pic "
    "img".split()
)


STYLES = frozenset(
    "style look aesthetic vibe theme tone feel filter effect art version edition".split()
)


TIMES = frozenset(
    "evening morning midday daytime nighttime winter summer autumn spring fall night day dawn "
    "dusk sunset sunrise noon midnight hour twilight".split()
)


SCENERY = frozenset(
    "meadow room forest jungle desert woods space underwater village town island cave swamp "
    "prairie savanna beach street city snow park field desert kitchen garden sky sea ocean lake "
    "mountains mountain jungle office".split()
)


OPEN_PLACES = frozenset(
    "beach street road lawn mountain hill roof island stage ice bridge balcony boat ship".split()
)
"""Where one is on, not in."""


WEATHER = frozenset("weather landscape".split())


MEDIA = frozenset(
    "impressionist cubist surrealist expressionist minimalist pointillist "
    "cyberpunk steampunk manga lego noir gothic baroque impressionism cubism surrealism "
    "vaporwave retro comic painting watercolor watercolour sketch cartoon anime drawing "
    "photograph render engraving mosaic fresco collage polaroid etching lithograph woodcut "
    "linocut lineart linework chibi monochrome sepia grayscale greyscale gouache halftone "
    "isometric synthwave solarpunk".split()
)


PLACES = frozenset(
    "left right top bottom center centre middle background foreground corner edge side front "
    "back".split()
)


WHOLE_NOUNS = frozenset(
    "season weather time mood atmosphere style lighting scene setting climate ambience "
    "genre palette colors colours".split()
)
"""What, changed, changes all of a picture."""
