"""The painter's loop on the next day.

Another Krita opens what `loop.py` has saved.
"""

import os

from help import (
    OUTPUT,
    app,
    edit,
    ended,
    keys,
    note,
    panel,
    press,
    quick,
    ready,
    screenshot,
    submitting,
)
from painting import activate, layers, mask_of, masks, names, selection_bytes

SAVED = os.path.join(os.path.dirname(OUTPUT.rstrip("/")), "loop", "painting.kra")


def check_reopened(result):
    """The result is known as one, and the selection that it left limits nothing."""
    document = app().openDocument(SAVED)
    app().activeWindow().addView(document)
    yield 1
    yield from ready()
    yield from quick(10)
    result["layers"], result["selected"] = names(document), selection_bytes(document) is not None
    yield from activate(document, layers(document)[-1])
    with submitting() as drafts:
        yield from edit("make the background green")
    result["sent"], result["hint"] = [drafts[0].width, drafts[0].height], drafts[0].hint is not None
    sent = b"".join(drafts[0].pixels)
    result["transparent"] = sum(alpha == 0 for alpha in sent[3::4])
    result["note"] = note()
    yield 0.5


def check_again(result):
    """Again repeats the edit of the file, of the painting below, with another seed."""
    document = app().openDocument(SAVED)
    app().activeWindow().addView(document)
    yield 1
    yield from ready()
    yield from activate(document, layers(document)[-1])
    from limn.krita_plugin.plugin import application

    application().edits.last._all.clear()  # as in a Krita that has just been started
    before = names(document)
    with submitting() as drafts:
        yield from press("ctrl+shift+o")
        yield from ended()
    result["layers"] = [name for name in names(document) if name not in before]
    result["size"] = [drafts[0].width, drafts[0].height]
    result["note"] = note()


def check_strip(result):
    """The strip has the result of the file, with its words and picture.

    Its mask can be changed.
    """
    document = app().openDocument(SAVED)
    app().activeWindow().addView(document)
    yield 1
    yield from ready()
    layer = layers(document)[-1]
    yield from activate(document, layer)
    came = yield lambda: len(panel().results) == 1, 10
    result["in the strip"], result["words"] = came, panel().results[0].words
    result["jpeg"] = panel().results[0].jpeg[:2] == b"\xff\xd8"
    found = mask_of(layer)
    for _ in range(3):  # as fast as they come: each of them counts
        keys("key", "ctrl+shift+F6")
        yield 0.05
    from limn.krita_plugin.plugin import application

    slider = application().edits.mask_slider
    yield lambda: slider._session is None and slider._task is None, 20
    yield lambda: len(masks(layer)) == 1, 10
    result["stands"] = panel().shape()
    result["larger"] = [sum(one > 127 for one in mask) for mask in (found, mask_of(layer))]
    yield from screenshot("reopened")
