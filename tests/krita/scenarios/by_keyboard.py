"""The whole of the painter's loop by keys, in three kinds of pictures.

Only the brush is a hand's.

Find a mask, correct it with the brush, edit exactly there with four seeds, compare, keep, edit once
more, make the mask larger, save; then Krita is killed. `by_keyboard_again.py` goes on.
"""

import os
import signal

from hands import drag
from help import (
    OUTPUT,
    SRGB,
    QApplication,
    app,
    ended,
    keys,
    note,
    panel,
    press,
    quick,
    screenshot,
    shown,
    submitting,
    widget,
    write,
)
from painting import (
    HEIGHT,
    WIDTH,
    Scene,
    X,
    Y,
    composed,
    fingerprints,
    layers,
    masks,
    names,
    new_document,
    paint,
    selection_bytes,
    untouched,
)

SEEDS = 4
TIP = X + 60, Y + 41
"""The upper tip of the star."""


def in_picture(result, name, *space):
    document, layer = yield from new_document(WIDTH, HEIGHT, *space, name=name)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    document.setBatchmode(True)
    assert document.saveAs(f"{OUTPUT}/{name}.kra")
    app().action("zoom_to_100pct").trigger()
    yield from quick(4)
    before = fingerprints(document)
    yield from in_front(result)
    yield from found(result, name, document)
    yield from corrected(result, name, document)
    yield from edited(result, name, document)
    yield from compared(result, name, document)
    yield from gone_on_with(result, name, document)
    result["untouched"] = untouched(document, before)
    keys("key", "ctrl+s")
    saved = yield lambda: not document.modified(), 20
    result["saved"] = saved
    result["names"], result["strip"] = names(document), len(panel().results)


def in_front(result):
    """Krita's window has the keys: saving may have shown another one."""
    for _ in range(4):
        app().activeWindow().qwindow().activateWindow()
        yield 0.5
        keys("key", "ctrl+shift+k")
        came = yield lambda: QApplication.focusWidget() is widget("limn_instruction"), 3
        if came:
            return
        windows = QApplication.activeWindow(), QApplication.activeModalWidget()
        result.setdefault("keys went to", []).append(list(map(str, windows)))


def found(result, name, document):
    """Find mask selects, and changes nothing."""
    yield from write(Scene("recolour").instruction)
    yield from press("ctrl+shift+m")
    yield from ended()
    result["found"], result["found note"] = covered(selection_bytes(document)), note()
    yield from screenshot(f"{name}-1-found")


def corrected(result, name, document):
    """With the brush, on Krita's own selection mask."""
    mask_found = selection_bytes(document)
    keys("key", "Escape")
    yield lambda: QApplication.focusWidget() is not widget("limn_instruction"), 5
    keys("key", "b")
    yield from selection_mask_shown()
    yield lambda: any(one.type() == "selectionmask" for one in document.rootNode().childNodes()), 5
    yield 0.5
    result["active"] = document.activeNode().type()
    for key in ("d", "x"):  # black and white, then the other way round: white selects
        keys("key", key)
        yield 0.3
    yield from drag([(TIP[0] + 10 * step, TIP[1]) for step in range(-2, 3)])
    yield 1.5
    now = selection_bytes(document)
    result["added"] = sum(one > 127 > other for one, other in zip(now, mask_found, strict=True))
    yield lambda: panel().prospect is not None and panel().prospect.mode == "exactly", 5
    result["mode"], result["said"], result["foreseen"] = (
        panel().mode(),
        note(),
        shown("limn_reading"),
    )
    yield from screenshot(f"{name}-2-corrected")


def selection_mask_shown():
    """Shown or hidden, by the menu; Krita makes it the active one."""
    keys("key", "alt+s")
    yield lambda: QApplication.activePopupWidget() is not None, 5
    keys("key", "s")
    yield 1


def edited(result, name, document):
    """Four seeds, by Tab to their number; the mask is what was corrected."""
    there = names(document)
    selected = selection_bytes(document)
    yield from seeds(result, SEEDS)
    with submitting() as drafts:
        yield from press("ctrl+shift+x")
        yield from screenshot(f"{name}-3-running")
        yield from ended()
    yield 1
    result["hints"] = [draft.hint is not None for draft in drafts]
    result["mode after it"] = panel().mode()
    result["made"] = [one for one in names(document) if one not in there]
    result["seen"] = seen(document)
    result["edited note"] = note()
    last = next(node for node in layers(document) if node.name() == result["made"][-1])
    (mask,) = masks(last)
    result["exactly"] = bytes(mask.pixelData(0, 0, WIDTH, HEIGHT)) == selected
    result["in the strip"] = len(panel().results)
    yield from selection_mask_shown()
    yield from screenshot(f"{name}-4-edited")
    yield from seeds(result, 1)


def seeds(result, count):
    """From the box to the number of seeds by Tab, and type it."""
    keys("key", "ctrl+shift+k")
    yield lambda: QApplication.focusWidget() is widget("limn_instruction"), 5
    for _ in range(20):
        if QApplication.focusWidget() is widget("limn_seeds"):
            break
        keys("key", "Tab")
        yield 0.1
    keys("key", "ctrl+a")
    keys("key", str(count))
    came = yield lambda: panel().seeds == count, 5
    assert came, (QApplication.focusWidget().objectName(), panel().seeds)


def compared(result, name, document):
    """The picture before, the result before, and one is kept."""
    with_edit = composed(document)
    keys("key", "ctrl+shift+space")
    yield lambda: not seen(document), 10
    yield 0.7
    result["before differs"] = composed(document) != with_edit
    yield from screenshot(f"{name}-5-before")
    keys("key", "ctrl+shift+space")
    yield lambda: len(seen(document)) == 1, 10
    yield 0.7
    result["as it was"] = composed(document) == with_edit
    kept = result["made"][1]
    for _ in range(2):
        now = seen(document)
        keys("key", "ctrl+shift+Prior")
        yield lambda now=now: seen(document) not in ([], now), 10
        yield 0.7
    result["walked to"] = seen(document) == [kept]
    keys("key", "ctrl+shift+Return")
    yield lambda: len(results(document)) == 1, 10
    yield 1
    result["kept"] = results(document) == [kept]
    yield from screenshot(f"{name}-6-kept")


def gone_on_with(result, name, document):
    """A second edit of what is seen, and its mask larger."""
    there = names(document)
    yield from write("make the background green")
    with submitting() as drafts:
        yield from press("Return")
        yield from ended()
    yield 1
    (made,) = [node for node in layers(document) if node.name() not in there]
    result["second"] = [drafts[0].width, drafts[0].height, drafts[0].hint is not None]
    result["second note"] = note()
    result["two seen"] = len(seen(document))
    yield from screenshot(f"{name}-7-second")
    (was,) = masks(made)
    small = covered(bytes(was.pixelData(0, 0, WIDTH, HEIGHT)))
    keys("key", "ctrl+shift+F5")
    came = yield lambda: len(masks(made)) == 1 and masks(made)[0] != was, 10
    yield 1.5
    now = bytes(masks(made)[0].pixelData(0, 0, WIDTH, HEIGHT))
    result["slid"] = [came, small, covered(now), selection_bytes(document) == now]
    yield from screenshot(f"{name}-8-mask")


def results(document):
    return [node.name() for node in layers(document) if "(seed" in node.name()]


def seen(document):
    """The names of the results that are visible."""
    return [node.name() for node in layers(document) if "(seed" in node.name() and node.visible()]


def covered(mask):
    return sum(one > 127 for one in mask)


def check_cmyka_u8(result):
    yield from in_picture(result, "cmyka_u8", "CMYKA", "U8", "Chemical proof")


def check_rgba_u8(result):
    yield from in_picture(result, "rgba_u8", "RGBA", "U8", SRGB)


def check_rgba_u16(result):
    yield from in_picture(result, "rgba_u16", "RGBA", "U16", "sRGB-elle-V2-g10.icc")


def check_killed(result):
    """Krita ends without having been asked."""
    yield 0.1
    os.kill(os.getpid(), signal.SIGKILL)
