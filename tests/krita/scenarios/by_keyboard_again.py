"""The pictures of `by_keyboard.py` in another Krita.

They are known again, and gone on with, by keys.
"""

import os

from help import (
    OUTPUT,
    app,
    ended,
    keys,
    note,
    panel,
    press,
    quick,
    ready,
    screenshot,
    submitting,
    write,
)
from painting import layers, mask_of, masks, names

SAVED = os.path.join(os.path.dirname(OUTPUT.rstrip("/")), "by_keyboard")


def opened(result, name):
    document = app().openDocument(f"{SAVED}/{name}.kra")
    app().activeWindow().addView(document)
    yield 1
    yield from ready()
    yield from quick(4)
    result["names"] = names(document)
    came = yield lambda: len(panel().results) == 2, 10
    result["in the strip"], result["words"] = came, [one.words for one in panel().results]
    keys("key", "ctrl+shift+Next")
    yield 1
    result["still seen"] = sum(node.visible() for node in results(document))
    there = names(document)
    yield from write("make the star green")
    with submitting() as drafts:
        yield from press("Return")
        yield from ended()
    yield 1
    result["sent"] = [drafts[0].width, drafts[0].height, drafts[0].hint is not None]
    result["note"] = note()
    (made,) = [node for node in layers(document) if node.name() not in there]
    result["smaller"] = yield from reshaped(document, made, "ctrl+shift+F5")
    result["the first one softer"] = yield from reshaped(
        document, results(document)[0], "ctrl+shift+F7"
    )
    yield from screenshot(f"{name}-9-next-day")


def reshaped(document, layer, key):
    """Go to a result by keys, and press one for its mask.

    Whether the mask has changed, and how many levels and selected pixels it had and has.
    """
    for _ in range(4):
        if panel().result == layer.uniqueId().toString():
            break
        keys("key", "ctrl+shift+Next")
        yield 1.5
    was = mask_of(layer)
    keys("key", key)
    came = yield lambda: len(masks(layer)) == 1 and mask_of(layer) != was, 20
    yield 1.5
    now = mask_of(layer)
    return [came, len(set(was)), len(set(now)), covered(was), covered(now)]


def results(document):
    return [node for node in layers(document) if "(seed" in node.name()]


def covered(mask):
    return sum(one > 127 for one in mask)


def check_rgba_u8(result):
    yield from opened(result, "rgba_u8")


def check_rgba_u16(result):
    yield from opened(result, "rgba_u16")


def check_cmyka_u8(result):
    yield from opened(result, "cmyka_u8")
