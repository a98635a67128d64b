"""Several results of one wish: seen one at a time.

Compared, kept and discarded by keys.
"""

import time

from help import QApplication, app, edit, ended, keys, note, panel, press, quick, screenshot, widget
from painting import (
    Scene,
    composed,
    layers,
    mask_of,
    masks,
    names,
    new_layer,
    picture,
    redo,
    selection_bytes,
    undo,
)


def seen_of(document):
    """The names of the results that are visible."""
    return [node.name() for node in layers(document) if "(seed" in node.name() and node.visible()]


def settled(document, key):
    """Press a key, and wait until Limn has done what it asks for."""
    before = (tuple(seen_of(document)), tuple(names(document)))
    keys("key", key)
    yield lambda: (tuple(seen_of(document)), tuple(names(document))) != before, 10
    yield 0.7


def check_variants(result):
    """Four seeds are four results, one of which is seen.

    Keys go from one to the other.
    """
    document, _ = yield from picture("recolour")
    yield from quick(8)
    before, seen = names(document), composed(document)
    widget("limn_seeds").setValue(4)
    yield from edit(Scene("recolour").instruction)
    yield 2
    widget("limn_seeds").setValue(1)
    made = [name for name in names(document) if name not in before]
    result["note"], result["made"], result["seen"] = note(), made, seen_of(document)
    result["in the strip"] = len(panel().results)
    result["tooltip"] = panel().results[0].words
    result["jpegs"] = len({one.jpeg for one in panel().results})
    yield from screenshot("four")
    last = composed(document)
    result["walked"] = []
    for key in ("ctrl+shift+Prior", "ctrl+shift+Prior", "ctrl+shift+Next"):
        yield from settled(document, key)
        result["walked"].append(seen_of(document))
    result["another is seen"] = composed(document) != last
    # compare: hold Space in the strip
    undo_text, listed = app().action("edit_undo").text(), names(document)
    one = composed(document)
    strip = widget("limn_results")
    strip.setFocus()
    yield lambda: QApplication.focusWidget() is strip, 5
    keys("keydown", "space")
    yield lambda: not seen_of(document) and composed(document) == seen, 10
    result["held"] = {
        "as before": composed(document) == seen,
        "undo": app().action("edit_undo").text() == undo_text,
        "layers": names(document) == listed,
    }
    yield from screenshot("compared")
    keys("keyup", "space")
    yield lambda: bool(seen_of(document)) and composed(document) == one, 10
    result["let go"] = {
        "as it was": composed(document) == one,
        "undo": app().action("edit_undo").text() == undo_text,
    }
    # discard one, keep another
    gone = seen_of(document)
    yield from settled(document, "Delete")
    yield 0.5
    result["discarded"] = gone[0] not in names(document) and len(seen_of(document)) == 1
    kept = seen_of(document)
    yield from settled(document, "ctrl+shift+Return")
    yield 1
    result["kept"] = [[name for name in names(document) if name not in before], kept]
    yield from screenshot("kept")
    yield from undo()
    result["an undo brings one back"] = len(names(document)) == len(before) + 2


def check_more(result):
    """More like this, the same by other algorithms, and once more.

    All of them are one set.
    """
    document, _ = yield from picture("recolour")
    yield from quick(8)
    before = names(document)
    yield from edit(Scene("recolour").instruction)
    yield 1
    panel().values.update({one.name: {"steps": 4} for one in panel().algorithms})
    for key in ("ctrl+shift+F2", "ctrl+shift+F4", "ctrl+shift+F3"):
        yield from press(key)
        yield from ended()
        yield 1
        made = [name for name in names(document) if name not in before]
        result[key] = [len(made), len(seen_of(document)), note()]
    result["sets"] = len({one.variants for one in panel().results})
    result["ran"] = [one.words.split("\n")[1].split(" ")[0] for one in panel().results]


def check_slider(result):
    """The mask larger, smaller, softer.

    Live without a step to undo, one step at the end.
    """
    document, _ = yield from picture("recolour")
    yield from quick(10)
    before = names(document)
    yield from edit(Scene("recolour").instruction)
    yield 1
    layer = new_layer(document, before)
    found, seen, selected = mask_of(layer), composed(document), selection_bytes(document)
    undo_text = app().action("edit_undo").text()
    slider = widget("limn_mask_growth")
    slider.setSliderDown(True)
    result["ms"] = []
    for value in (20, 40, 60):
        was, began = mask_of(layer), time.perf_counter()
        slider.setValue(value)
        came = yield lambda was=was: mask_of(layer) != was, 5
        result["ms"].append(round(1000 * (time.perf_counter() - began)))
        result.setdefault("followed", []).append(came)
        yield 0.4
    live = mask_of(layer)
    result["larger"] = [covered(found), covered(live)]
    result["contains what was found"] = all(
        one >= other for one, other in zip(live, found, strict=True)
    )
    result["seen live"] = composed(document) != seen
    result["no step yet"] = app().action("edit_undo").text() == undo_text
    yield from screenshot("slider")
    slider.setSliderDown(False)
    yield lambda: app().action("edit_undo").text() != undo_text, 10
    yield 1.5
    after = composed(document)
    result["let go"] = {
        "mask": mask_of(layer) == live,
        "masks": len(masks(layer)),
        "selected": selection_bytes(document) == live,
        "layers": names(document),
    }
    yield from undo()
    yield 1
    result["undone"] = {
        "mask": mask_of(layer) == found,
        "masks": len(masks(layer)),
        "selected": selection_bytes(document) == selected,
        "seen": composed(document) == seen,
    }
    yield from redo()
    yield 1
    result["redone"] = {
        "mask": mask_of(layer) == live,
        "masks": len(masks(layer)),
        "selected": selection_bytes(document) == live,
        "seen": composed(document) == after,
    }
    yield from undo()
    yield from undo()
    yield from undo()
    yield 1
    result["all undone"] = names(document) == before
    yield from redo()
    yield from redo()
    yield 1
    layer = new_layer(document, before)
    sizes = [covered(mask_of(layer))]
    for key in ("ctrl+shift+F5", "ctrl+shift+F5", "ctrl+shift+F7"):
        was = mask_of(layer)
        keys("key", key)
        yield lambda was=was: mask_of(layer) != was and len(masks(layer)) == 1, 10
        yield 1.5
        sizes.append(covered(mask_of(layer)))
    result["by keys"], result["note"] = sizes, note()
    result["soft levels"] = len(set(mask_of(layer)))


def covered(mask):
    return sum(one > 127 for one in mask)
