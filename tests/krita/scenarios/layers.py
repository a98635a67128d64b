"""Layers moved, scaled or cropped while an edit runs.

Then layers of all kinds (`layers_seen.py`).
"""

import scripted
from drawn import drawn, finished
from help import app, panel, screenshot
from painting import (
    activate,
    digest,
    layers,
    masks,
    names,
    select,
    selection_bytes,
)

THEN = "layers_seen"


def trigger(name):
    def act(document, layer):
        app().action(name).trigger()
        yield 0.4
        yield lambda: document.tryBarrierLock() and (document.unlock() or True), 10

    return act


def call(act):
    def steps(document, layer):
        act(document, layer)
        yield 0.4
        yield lambda: document.tryBarrierLock() and (document.unlock() or True), 10

    return steps


GEOMETRY = {
    "mirrored": trigger("mirrorImageHorizontal"),
    "upside down": trigger("mirrorImageVertical"),
    "turned right": trigger("rotateImageCW90"),
    "turned left": trigger("rotateImageCCW90"),
    "turned around": trigger("rotateImage180"),
    "layer mirrored": trigger("mirrorNodeX"),
    "layer upside down": trigger("mirrorNodeY"),
    "layer moved": call(lambda document, layer: layer.move(13, -7)),
    "cropped": call(lambda document, layer: document.crop(30, 20, 150, 100)),
    "canvas widened": call(lambda document, layer: document.resizeImage(-11, -5, 260, 190)),
}
"""What moves pixels without changing them."""

RESAMPLED = {
    "scaled up": call(lambda document, layer: document.scaleImage(400, 300, 72, 72, "Bicubic")),
    "scaled down": call(lambda document, layer: document.scaleImage(120, 90, 72, 72, "Bicubic")),
}
UNKNOWN = {
    "turned a little": call(lambda document, layer: document.rotateImage(0.5)),
    "sheared": call(lambda document, layer: document.shearImage(20, 10)),
    "layer turned a little": call(lambda document, layer: layer.rotateNode(0.6)),
}


def whole(document, node):
    x, y, width, height = -50, -50, document.width() + 100, document.height() + 100
    return b"".join(bytes(one.pixelData(x, y, width, height)) for one in (node, *masks(node)))


def moved_before(act, depth):
    """A result that was there when the layer was moved: where it then lies."""
    with scripted.server() as wire:
        document, layer = yield from drawn(depth)
        edit = yield from scripted.begin(wire)
        yield from finished(document, edit, depth)
        yield from activate(document, layer)
        yield from act(document, layer)
    result = next(node for node in layers(document) if "seed" in node.name())
    return document, layer, result


def moved_meanwhile(act, depth):
    """The same, but moved while the edit ran."""
    with scripted.server() as wire:
        document, layer = yield from drawn(depth)
        edit = yield from scripted.begin(wire)
        yield from act(document, layer)
        before = digest(whole(document, layer))
        said = yield from finished(document, edit, depth)
    result = next((node for node in layers(document) if "seed" in node.name()), None)
    return document, result, said, before == digest(whole(document, layer))


def check_moved_meanwhile(result):
    """A result goes where it would be.

    Had it been there before the picture was changed.
    """
    for depth, acts in (("U8", GEOMETRY), ("U16", {"turned right": GEOMETRY["turned right"]})):
        for name, act in acts.items():
            reference, _, there = yield from moved_before(act, depth)
            document, found, said, untouched = yield from moved_meanwhile(act, depth)
            key = f"{name} {depth}"
            result[key] = {
                "said": said["sentence"],
                "same": found is not None and whole(document, found) == whole(reference, there),
                "untouched": untouched,
                "layers": names(document),
            }
            if name == "mirrored":
                yield from screenshot("mirrored")
            for one in (reference, document):
                one.setModified(False)
                one.close()
            yield 0.3


def check_scaled_meanwhile(result):
    """The same for what is resampled: as near as two scalings are."""
    for depth in ("U8", "U16"):
        for name, act in RESAMPLED.items():
            reference, _, there = yield from moved_before(act, depth)
            document, found, said, untouched = yield from moved_meanwhile(act, depth)
            bounds = [
                None
                if node is None
                else [
                    node.bounds().x(),
                    node.bounds().y(),
                    node.bounds().width(),
                    node.bounds().height(),
                ]
                for node in (there, found)
            ]
            result[f"{name} {depth}"] = {
                "said": said["sentence"],
                "bounds": bounds,
                "untouched": untouched,
            }
            for one in (reference, document):
                one.setModified(False)
                one.close()
            yield 0.3


def check_place_unknown(result):
    """Where the place can't be known the result is kept, and said to be."""
    for name, act in UNKNOWN.items():
        document, found, said, untouched = yield from moved_meanwhile(act, "U8")
        result[name] = {
            "said": said,
            "in the picture": found is not None,
            "untouched": untouched,
            "kept": panel().kept,
        }
        document.setModified(False)
        document.close()
        yield 0.3


def check_mask_only_and_again(result):
    """A mask that arrives in a mirrored picture.

    And Again with the selection of an earlier one.
    """
    act = GEOMETRY["mirrored"]
    with scripted.server() as wire:
        document, layer = yield from drawn()
        edit = yield from scripted.begin(wire, action="limn_mask")
        yield from act(document, layer)
        yield from finished(document, edit)
        got = selection_bytes(document)
        reference, other = yield from drawn(name="reference")
        edit = yield from scripted.begin(wire, action="limn_mask")
        yield from finished(reference, edit)
        yield from act(reference, other)
        result["mask"] = got is not None and got == selection_bytes(reference)
    with scripted.server() as wire:
        document, layer = yield from drawn()
        yield from select(document, 72, 42, 9, 12)
        edit = yield from scripted.begin(wire)
        first = scripted.sent(wire.drafts[-1])
        yield from finished(document, edit)
        yield from activate(document, layer)
        yield from act(document, layer)
        edit = yield from scripted.begin(wire, action="limn_again")
        again = scripted.sent(wire.drafts[-1])
        wide = first.pixels.width
        rows = [
            first.hint.data[at : at + wide][::-1] for at in range(0, len(first.hint.data), wide)
        ]
        result["again"] = b"".join(rows) == again.hint.data
        yield from finished(document, edit)
        result["layers"] = names(document)
